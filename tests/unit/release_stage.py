"""A deck's sources without a network: the cluster's objects and the counts behind a verdict, answered as `Ask` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from dashboard.catalog.expression import Expression
from dashboard.model.health import SourceHealth
from dashboard.model.reading import Reading, Source, empty, fresh, missing
from dashboard.model.series import Sample, Series
from dashboard.queries.ask import Alerts, Instant, Objects, Range, Readings, Request
from dashboard.settings import EnvironmentSettings
from dashboard.settings.sources import PrometheusSettings
from tests.act.fakes import FakeCluster, blue_green

HEALTHY: Mapping[str, tuple[float, float]] = {  # by expression: blue, green
    "release_runs": (6000.0, 640.0),
    "release_failed_runs": (18.0, 2.0),
    "release_contract_evaluations": (24000.0, 2560.0),
    "release_contract_violations": (20.0, 2.0),
    "release_p95": (1.21, 1.18),
    "release_scraped_pods": (2.0, 2.0),
    "release_cost": (72.0, 7.5),
    "release_kill_switch": (0.0, 0.0),
    "release_bad_share_5m": (0.003, 0.003),
    "release_bad_share_30m": (0.003, 0.003),
    "release_bad_share_1h": (0.003, 0.003),
    "release_bad_share_6h": (0.003, 0.003),
}

# Of one pod in 10 s.
PER_INTERVAL: Mapping[str, float] = {
    "release_cost_counter": 100_000.0,
    "release_run_counter": 100.0,
    "release_failed_counter": 0.3,
    "release_within_counter": 100.0,
    "release_evaluation_counter": 400.0,
    "release_violation_counter": 0.3,
    "release_tool_counter": 300.0,
    "release_failed_tool_counter": 2.0,
    "release_decision_counter": 300.0,
    "release_denial_counter": 3.0,
}
BOUNDS_WITHIN: Mapping[str, float] = {"0.8": 0.5, "1.5": 0.88, "3.0": 0.99}
# When the tracks were rolled out.
CREATED = "2026-03-01T01:00:00Z"

ENVIRONMENT = EnvironmentSettings(
    name="local", namespace="agents", refresh_seconds=5, prometheus=PrometheusSettings(scrape_interval_seconds=3)
)


def running(cluster: FakeCluster) -> FakeCluster:
    """Give the bare pods of the fake cluster the status that a kubelet would report."""
    for (kind, _), item in cluster.objects.items():
        if kind == "pods":
            item["status"] = {
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"restartCount": 0, "state": {"running": {}}, "lastState": {}}],
            }
        item["metadata"].setdefault("namespace", "agents")
        if kind == "deployments":
            item["metadata"].setdefault("creationTimestamp", CREATED)
    return cluster


@dataclass
class StageAsk:
    """Answers from a fake cluster and a table of counts. Sources named in `down` do not answer."""

    now: datetime
    cluster: FakeCluster = field(default_factory=lambda: running(blue_green()))
    table: Mapping[str, tuple[float, float]] = field(default_factory=lambda: dict(HEALTHY))
    down: frozenset[Source] = frozenset()
    environment: EnvironmentSettings = ENVIRONMENT

    def gather(self, requests: Mapping[str, Request]) -> Readings:
        return Readings(requests, {key: self._answer(request) for key, request in requests.items()})

    def health(self) -> tuple[SourceHealth, ...]:
        return tuple(
            SourceHealth(source=source, reachable=source not in self.down, reason="nobody answers", since=self.now)
            for source in Source
        )

    def _answer(self, request: Request) -> Reading[Any]:
        match request:
            case Objects(kind, _, _):
                found = tuple(item for (known, _), item in self.cluster.objects.items() if known == kind)
                return self._of(Source.KUBERNETES, found)
            case Alerts():
                return self._of(Source.ALERTMANAGER, ())
            case Range(expression, values, start, end, step) if expression.name in PER_INTERVAL:
                lines = self._counters(expression.name, start, end, step)
                return self._of(Source.PROMETHEUS, lines, _rendered(expression, values))
            case Range(expression, values) if expression.name in ("release_stopped", "release_queue_age"):
                return self._of(Source.PROMETHEUS, (), _rendered(expression, values))
            case Range(expression, values, start, end, step) if expression.name == "release_active_runs":
                return self._of(Source.PROMETHEUS, self._active(start, end, step), _rendered(expression, values))
            case Range(expression, values, start, end):
                return self._of(Source.PROMETHEUS, _lines(start, end), _rendered(expression, values))
            case Instant(expression, values, _) if expression.name == "release_buckets":
                return self._of(Source.PROMETHEUS, _buckets(), _rendered(expression, values))
            case Instant(expression, values, _):
                return self._of(Source.PROMETHEUS, self._samples(expression.name), _rendered(expression, values))
        return empty("nothing", source=Source.ELASTICSEARCH, as_of=self.now)

    def _of(self, source: Source, value: Any, query: str = "") -> Reading[Any]:
        if source in self.down:
            return missing(f"{source}: connection refused", source=source, query=query)
        return fresh(value, source=source, as_of=self.now - timedelta(seconds=2), query=query)

    def _samples(self, name: str) -> tuple[Sample, ...]:
        return tuple(
            Sample(labels={"track": track}, value=value)
            for track, value in zip(("blue", "green"), self.table.get(name, ()), strict=False)
        )

    def _counters(self, name: str, start: datetime, end: datetime, step: int) -> tuple[Series, ...]:
        """Counters of two pods a track that grow evenly; none where the table says that a track has no traffic."""
        times = _moments(int(start.timestamp()), int(end.timestamp()), step)
        bounds = tuple(BOUNDS_WITHIN) if name == "release_within_counter" else ("",)
        lines = []
        for track in self._alive():
            for pod in (1, 2):
                for bound in bounds:
                    per_step = PER_INTERVAL[name] * (BOUNDS_WITHIN[bound] if bound else 1.0) * self._dearer(name, track)
                    values = _grown(per_step, len(times))
                    labels = {"track": track, "pod": f"agent-runtime-{track}-{pod}"} | ({"le": bound} if bound else {})
                    lines.append(Series(labels=labels, times=times, values=values))
        return tuple(lines)

    def _active(self, start: datetime, end: datetime, step: int) -> tuple[Series, ...]:
        """Ten runs under way on each pod: each takes a second."""
        times = _moments(int(start.timestamp()), int(end.timestamp()), step)
        return tuple(
            Series(
                labels={"track": track, "pod": f"agent-runtime-{track}-{pod}"},
                times=times,
                values=tuple(10.0 for _ in times),
            )
            for track in self._alive()
            for pod in (1, 2)
        )

    def _dearer(self, name: str, track: str) -> float:
        """What runs of green cost as a multiple of those of blue, as the table says."""
        blue, green = self.table.get("release_cost", (1.0, 1.0))
        return green / blue if name == "release_cost_counter" and track == "green" else 1.0

    def _alive(self) -> tuple[str, ...]:
        runs = self.table["release_runs"]
        return tuple(track for track, value in zip(("blue", "green"), runs, strict=True) if value)


def _rendered(expression: Expression, values: Mapping[str, str]) -> str:
    return _rendered_once(expression, tuple(sorted(values.items())))


@cache
def _rendered_once(expression: Expression, values: tuple[tuple[str, str], ...]) -> str:
    return expression.render(dict(values))


def _buckets() -> tuple[Sample, ...]:
    within = {**BOUNDS_WITHIN, "+Inf": 1.0}
    return tuple(
        Sample(labels={"track": track, "le": bound}, value=9000 * share)
        for track in ("blue", "green")
        for bound, share in within.items()
    )


@lru_cache(maxsize=64)
def _moments(start: int, end: int, step: int) -> tuple[float, ...]:
    return tuple(float(at) for at in range(start, end + 1, step))


@lru_cache(maxsize=256)
def _grown(per_step: float, steps: int) -> tuple[float, ...]:
    """Whole counts that grow evenly from 0."""
    return tuple(float(int(per_step * place)) for place in range(steps))


def _lines(start: datetime, end: datetime) -> tuple[Series, ...]:
    times = tuple(start.timestamp() + (end - start).total_seconds() * step / 60 for step in range(61))
    return tuple(
        Series(labels={"track": track}, times=times, values=tuple(base + 0.001 * (step % 7) for step in range(61)))
        for track, base in (("blue", 0.003), ("green", 0.004))
    )
