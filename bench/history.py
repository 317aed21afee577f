"""How long a question over 14 days takes: all long-range questions of the pages, and each recorded series by its name.

Asks Prometheus itself, one question after the other, as the deck would: at the step of a 14-day range. Waits for the
history, which is made in the background. Beside the time by the clock stands Prometheus' own CPU, which a busy machine
changes less.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import requests

import dashboard.catalog
from bench.environment import running
from dashboard.catalog.expression import Expression
from dashboard.queries.grid import step_for
from dashboard.queries.measures import Period

_DAYS = 14
_TIMES = 5
# A view is to be drawn within 2 s, and asks several at a time.
_LIMIT_SECONDS = 0.5
_ANY = {"service": "", "track": "", "agent": "", "contract": "", "namespace": "agents"}
_ALL_RECORDED = 'count by (__name__) ({__name__=~".+:.+:.+"})'


def main(arguments: Sequence[str]) -> int:
    """Prints median and slowest of both kinds; 1 if any question of a page takes longer than it may."""
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".local"), help="state of a running environment")
    options = parser.parse_args(arguments)
    with running(options.state, history_days=_DAYS) as state:
        prometheus = Prometheus(state)
        prometheus.wait_for_history()
        recorded = {name: name for name in prometheus.names(_ALL_RECORDED)}
        report("recorded series", prometheus, recorded)
        slowest = report("questions of the pages", prometheus, questions(prometheus.start, prometheus.end))
    return int(slowest > _LIMIT_SECONDS)


class Prometheus:
    """One Prometheus, asked over the last 14 days."""

    def __init__(self, state: Path) -> None:
        self._address = json.loads((state / "endpoints.json").read_text(encoding="utf-8"))["prometheus"]
        processes = json.loads((state / "processes.json").read_text(encoding="utf-8"))
        self._process = psutil.Process(next(one["pid"] for one in processes if one["name"] == "prometheus"))
        self.end = datetime.now(UTC).replace(second=0, microsecond=0)
        self.start = self.end - timedelta(days=_DAYS)
        self._step = step_for(_DAYS * 86400, scrape_interval_seconds=3)

    def names(self, query: str) -> list[str]:
        answer = self._get("query", {"query": query, "time": (self.end - timedelta(hours=1)).timestamp()})
        return sorted(one["metric"]["__name__"] for one in answer["data"]["result"])

    def wait_for_history(self, patience_seconds: float = 600.0) -> None:
        """Until there is something of the first day. Raises TimeoutError."""
        deadline = time.monotonic() + patience_seconds
        long_ago = (self.start + timedelta(hours=12)).timestamp()
        while not self._get("query", {"query": "slo:agentgov_sli_total:rate5m", "time": long_ago})["data"]["result"]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no history of {_DAYS} days: bring the environment up with --history {_DAYS}")
            time.sleep(2)

    def measure(self, query: str) -> tuple[float, float, int]:
        """How long a range took by the clock and in CPU seconds, and how many points it had."""
        began, before = time.perf_counter(), self._cpu_seconds()
        bounds = {"start": self.start.timestamp(), "end": self.end.timestamp(), "step": self._step}
        found = self._get("query_range", {"query": query, **bounds})
        taken, used = time.perf_counter() - began, self._cpu_seconds() - before
        return taken, used, sum(len(one["values"]) for one in found["data"]["result"])

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _get(
        self, what: str, parameters: Mapping[str, object]
    ) -> dict[str, dict[str, list[dict[str, dict[str, str]]]]]:
        # Uncompressed: on one machine compressing costs more than it saves.
        plain = {"Accept-Encoding": "identity"}
        address = f"{self._address}/api/v1/{what}"
        answer = requests.get(address, dict(parameters), headers=plain, timeout=60)  # type: ignore[arg-type]
        answer.raise_for_status()
        found: dict[str, dict[str, list[dict[str, dict[str, str]]]]] = answer.json()
        return found


def questions(start: datetime, end: datetime) -> dict[str, str]:
    """Every entry of the catalogue that long ranges ask of recorded series, rendered as a line over 14 days."""
    over = Period(start=start, end=end, live=False)
    modules = pkgutil.iter_modules(dashboard.catalog.__path__)
    values = (v for m in modules for v in vars(importlib.import_module(f"dashboard.catalog.{m.name}")).values())
    entries = {entry.name: entry for entry in values if isinstance(entry, Expression) and entry.recorded}
    return {
        name: entry.render({**_ANY, **over.values, "window": over.course_window}) for name, entry in entries.items()
    }


def report(what: str, prometheus: Prometheus, queries: Mapping[str, str]) -> float:
    """Prints the median, and the slowest by name; answers with the slowest median."""
    medians: dict[str, float] = {}
    used: dict[str, float] = {}
    nothing = []
    for name, query in queries.items():
        clock, cpu, points = zip(*(prometheus.measure(query) for _ in range(_TIMES)), strict=True)
        if points[0] == 0:
            nothing.append(name)  # an empty answer is quick: it says nothing
            continue
        medians[name], used[name] = statistics.median(clock), statistics.median(cpu)
    slowest = sorted(medians, key=medians.__getitem__, reverse=True)
    middle = [statistics.median(found.values()) * 1000 for found in (medians, used)]
    print(f"{what}: {len(medians)}, median {middle[0]:.0f} ms ({middle[1]:.0f} ms of CPU), slowest:")
    for name in slowest[:5]:
        print(f"  {medians[name] * 1000:>6.0f} ms ({used[name] * 1000:.0f} ms of CPU)  {name}")
    if nothing:
        print(f"  without points: {', '.join(nothing)}")
    return medians[slowest[0]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
