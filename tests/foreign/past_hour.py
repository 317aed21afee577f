"""A real Prometheus with an hour behind it: what a scrape of somebody else's system says, grown evenly from nothing."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from deploy.local import programs
from tests.waiting import eventually

SCRAPES = Path(__file__).parent / "scrapes"
HOUR_SECONDS = 3600
STEP_SECONDS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One series at the end of the hour."""

    name: str
    labels: Mapping[str, str]
    value: float


def scraped(file: str) -> tuple[Row, ...]:
    """The series of a scrape as it was read off a real program."""
    families = text_string_to_metric_families((SCRAPES / file).read_text())
    return tuple(
        Row(name=sample.name, labels=sample.labels, value=sample.value)
        for family in families
        for sample in family.samples
    )


def pod(rows: Iterable[Row], track: str, share: float = 1.0, **labels: str) -> tuple[Row, ...]:
    """The rows as a ServiceMonitor would bring them from one pod of `track`, with this share of the counts."""
    service = "support-agent" if track == "blue" else "support-agent-preview"
    target = {
        "namespace": "support",
        "service": service,
        "pod": f"support-agent-{track}-7d9c5b6f4-x2x4z",
        "container": "app",
        "endpoint": "metrics",
        "job": service,
        "instance": "10.1.0.1:8080" if track == "blue" else "10.1.0.2:8080",
        **labels,
    }
    up = Row(name="up", labels=target, value=1.0)
    # As Prometheus does: the target's labels win, and an empty label is none.
    kept = (
        Row(name=row.name, labels={k: v for k, v in {**row.labels, **target}.items() if v}, value=share * row.value)
        for row in rows
    )
    return (up, *kept)


@contextmanager
def prometheus(rows: Iterable[Row], folder: Path, *, gauges: frozenset[str] = frozenset({"up"})) -> Iterator[str]:
    """The URL of a Prometheus that has seen `rows` grow during the hour before `end()`."""
    found = programs.find()
    last = int(end().timestamp())
    source = folder / "past.txt"
    source.write_text("".join(_lines(rows, last, gauges)) + "# EOF\n")
    data = folder / "data"
    command = [found.promtool, "tsdb", "create-blocks-from", "openmetrics", source, data]
    subprocess.run(command, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = folder / "prometheus.yml"
    settings.write_text("global: {scrape_interval: 15s}\n")
    process = subprocess.Popen(
        [
            found.prometheus,
            f"--config.file={settings}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--storage.tsdb.retention.time=30d",
        ],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "prometheus.log").open("w"),
    )
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: _is_ready(url), "Prometheus is ready")
        yield url
    finally:
        process.terminate()
        process.wait(30)


@cache
def end() -> datetime:
    """The last moment of the hour: a whole minute, some minutes ago, and the same for all who ask."""
    return datetime.fromtimestamp(time.time() // 60 * 60, UTC) - timedelta(minutes=2)


def _lines(rows: Iterable[Row], last: int, gauges: frozenset[str]) -> Iterator[str]:
    for row in rows:
        labels = ",".join(f'{name}="{value}"' for name, value in row.labels.items())
        for at in range(last - HOUR_SECONDS, last + 1, STEP_SECONDS):
            grown = 1.0 if row.name in gauges else 1.0 - (last - at) / HOUR_SECONDS
            yield f"{row.name}{{{labels}}} {row.value * grown:.9g} {at}\n"


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=1) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
