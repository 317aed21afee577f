"""What the environment's processes are doing: alive, and answering where they have an address."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from deploy.local.layout import Layout, read_json

_PROBE_SECONDS = 2.0


def processes(layout: Layout) -> list[dict[str, Any]]:
    """The started processes with `healthy`: whether each answers, or is alive where it serves nothing."""
    started = read_json(layout.processes) or []
    with ThreadPoolExecutor(max_workers=max(1, len(started))) as pool:
        healthy = pool.map(answers, (process["health"] for process in started))
    return [{**process, "healthy": answer} for process, answer in zip(started, healthy, strict=True)]


def table(found: Sequence[dict[str, Any]]) -> str:
    """For people: one line a process, times in their own time zone."""
    lines = [f"{'NAME':<14}{'PID':>8}  {'UP SINCE':<10}{'ADDRESS':<22}HEALTH"]
    for process in found:
        since = datetime.fromisoformat(process["since"]).astimezone()
        health = "ok" if process["healthy"] else f"does not answer, see {process['log']}"
        lines.append(f"{process['name']:<14}{process['pid']:>8}  {since:%H:%M:%S}  {process['address']:<22}{health}")
    return "\n".join(lines)


def answers(url: str) -> bool:
    """Whether a URL answers 200; one that is empty always does."""
    if not url:
        return True  # the supervisor would have stopped everything if it had died
    # Unverified, since this asks only whether the API server answers; no proxy, since all of it is on this machine.
    context = ssl._create_unverified_context()  # noqa: S323
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_PROBE_SECONDS) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
