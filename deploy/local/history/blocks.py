"""From lines to blocks of Prometheus: written as OpenMetrics, turned into blocks by promtool, kept in a cache.

The blocks up to last midnight are the same all day, so they are kept outside the state folder and copied; the rest is
made at each start. Prometheus looks for new blocks in its data folder every minute.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np

from deploy.local import processes
from deploy.local.history import derived, platform, series
from deploy.local.history.recipe import DAY, HOUR, MINUTE, VERSION, Array, Past
from deploy.local.history.series import Line
from deploy.local.layout import REPOSITORY

_COARSE_SECONDS = 300
_KEPT = 3
# promtool reads its whole input once for each block that it makes, so it gets one file a block. Of the lengths that it
# knows, this is the longest that Prometheus would make itself within the retention.
_BLOCK_HOURS = 18
_UNFINISHED = ".tmp-for-creation"  # Prometheus removes what is called so when it starts


def lay(past: Past, *, start: int, end: int, promtool: Path, cache: Path, data: Path) -> int:
    """Puts the blocks from `start` to `end` into a Prometheus' data folder; returns how many.

    Nothing else in the folder may be older than `end`. After an interruption it may be called again: blocks that were
    placed before then overlap with equal ones, which Prometheus merges.
    """
    times = np.arange(start, end + 1, MINUTE, dtype=float)
    kept = cache / _key(past, start)
    with tempfile.TemporaryDirectory(prefix="history", suffix=_UNFINISHED, dir=data) as scratch:
        fresh = Path(scratch) / "fresh"
        wanted = [(fresh, max(start, past.anchor), end)]
        if start < past.anchor and not kept.exists():
            wanted.insert(0, (Path(scratch) / "kept", start, past.anchor - 1))
        everything = all_lines(past, times)
        for folder, first, last in wanted:
            chosen = (times >= first) & (times <= last) & steps(times, past.anchor)
            _make(everything, times, chosen, folder, promtool)
        if len(wanted) == 2:
            _keep(wanted[0][0], kept)
        sources = [fresh, kept] if start < past.anchor else [fresh]
        blocks = [block for folder in sources for block in folder.iterdir() if (block / "meta.json").exists()]
        for block in blocks:
            _place(block, data)
    return len(blocks)


def all_lines(past: Past, times: Array) -> list[Line]:
    """Every series of the past."""
    base = series.lines(past, times)
    found = [*base, *derived.derived(base), *platform.lines(past, times)]
    return [line for line in found if line.name not in (series.TOOL_BUCKETS, series.MODEL_BUCKETS)]


def steps(times: Array, anchor: int) -> Array:
    """Which minutes are written: each since the day before the anchor, of older ones every fifth."""
    return np.asarray((times >= anchor - DAY) | (times % _COARSE_SECONDS == 0))


def cache_folder() -> Path:
    """Where finished blocks are kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tealdeck" / "history"


def write(everything: Iterable[Line], times: Array, chosen: Array, part: slice, file: Path) -> None:
    """Writes the chosen samples of a part of the times as OpenMetrics."""
    with file.open("w") as out:
        for line in everything:
            values = line.values[part]
            there = np.asarray(chosen[part] & ~np.isnan(values), dtype=bool)
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(line.labels.items()) if value)
            head = f"{line.name}{{{labels}}}"
            digits = 12 if line.name.endswith("_timestamp_seconds") else 6
            pairs = zip(values[there].tolist(), times[part][there].tolist(), strict=True)
            out.writelines(f"{head} {value:.{digits}g} {at:.0f}\n" for value, at in pairs)
        out.write("# EOF\n")


def _make(everything: list[Line], times: Array, chosen: Array, folder: Path, promtool: Path) -> None:
    folder.mkdir(parents=True)
    file = folder.with_suffix(".openmetrics")
    command = [promtool, "tsdb", "create-blocks-from", f"--max-block-duration={_BLOCK_HOURS}h", "--quiet"]
    block = times // (_BLOCK_HOURS * HOUR)
    for one in np.unique(block[chosen]):
        within = np.flatnonzero(block == one)
        part = slice(int(within[0]), int(within[-1]) + 1)
        write(everything, times, chosen, part, file)
        subprocess.run(
            [*command, "openmetrics", file, folder], check=True, stdin=subprocess.DEVNULL,
            preexec_fn=partial(processes.die_with_parent, os.getpid()), env={**os.environ, "GOMAXPROCS": "1"},
        )  # fmt: skip
        file.unlink()


def _keep(made: Path, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    scratch = kept.with_name(f".{kept.name}.{os.getpid()}")
    shutil.copytree(made, scratch)
    try:
        scratch.rename(kept)
    except OSError:  # another environment was quicker
        shutil.rmtree(scratch)
    finished = sorted(kept.parent.glob("[!.]*"), key=lambda folder: folder.stat().st_mtime)
    for old in finished[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def _place(block: Path, data: Path) -> None:
    """Copies a block so that Prometheus sees it whole or not at all."""
    scratch = data / f"{block.name}{_UNFINISHED}"
    shutil.copytree(block, scratch, dirs_exist_ok=True)
    if not (data / block.name).exists():
        scratch.rename(data / block.name)
    shutil.rmtree(scratch, ignore_errors=True)


def _key(past: Past, start: int) -> str:
    """Names what the blocks depend on: the recipe, seed and days, and everything that the series are made from."""
    files = sorted(
        file
        for folder in ("deploy/local/history", "deploy/local/workload", "deploy/monitoring/prometheus/rules")
        for file in (REPOSITORY / folder).rglob("*")
        if file.suffix in (".py", ".json", ".yaml")
    )
    digest = hashlib.blake2b(digest_size=8)
    for file in [*files, REPOSITORY / "deploy" / "production" / "rendered" / "local.yaml"]:
        digest.update(file.read_bytes())
    return f"v{VERSION}-{digest.hexdigest()}-seed{past.seed}-{start}-{past.anchor}"
