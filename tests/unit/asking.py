"""An Ask whose sources are small classes with the connectors' methods; time is moved, not slept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from connectors.alertmanager import FiringAlert
from connectors.clock import SourceClock
from connectors.elasticsearch import FieldTypes, Found, Unavailable
from connectors.errors import SourceError, Unreachable
from connectors.kubernetes import ListResult, WatchEvent
from connectors.prometheus import Matrix, Metadata, Point, Vector
from dashboard.catalog.expression import Expression
from dashboard.catalog.index import ENTRIES
from dashboard.model.reading import Unit
from dashboard.queries.ask import Ask, Instant, Range
from dashboard.queries.source_calls import Sources
from dashboard.settings import EnvironmentSettings, Settings
from tests.unit.fake_logs import NAMESPACE, known

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
UP = Expression(name="up", promql='up{instance="$service"}', unit=Unit.COUNT, blind="nothing")
REFUSED = Unreachable("prometheus", "connection refused")


class Clock:
    """Both clocks of an Ask, moved by hand."""

    def __init__(self) -> None:
        self.passed = 0.0

    def move(self, seconds: float) -> None:
        self.passed += seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed)

    def seconds(self) -> float:
        return self.passed


class FakePrometheus:
    """Answers what it is told to, keeps what it was asked, and can be held back."""

    def __init__(self) -> None:
        self.clock = SourceClock()
        self.asked: list[Any] = []
        self.names: tuple[str, ...] | SourceError = ()
        self.asked_names = 0
        # Which metrics there have ever been, for every namespace and service.
        self.ever: tuple[str, ...] = ("up", *(name for entry in ENTRIES for name in entry.metrics()))
        self.described: dict[str, tuple[Metadata, ...]] = {}
        self.bounds: tuple[str, ...] = ()
        self.answer: Vector | Matrix | Exception = Vector(points=(Point(labels={}, at=NOW.timestamp(), value=1.0),))
        self.open = threading.Event()
        self.open.set()
        self.under_way = 0
        self.most_under_way = 0
        self.all_here = threading.Event()
        self._lock = threading.Lock()

    def instant(self, query: str, *, at: datetime | None, timeout_seconds: float) -> Any:
        return self._answered((query, at))

    def range(self, query: str, *, start: int, end: int, step_seconds: int, timeout_seconds: float) -> Any:
        return self._answered((query, start, end, step_seconds))

    def label_values(
        self, label: str, *selectors: str, start: int, end: int, timeout_seconds: float
    ) -> tuple[str, ...]:
        if label == "le":
            return self.bounds
        if "__name__=~" not in selectors[0]:
            if isinstance(self.answer, SourceError):
                raise self.answer
            return self.ever
        self.asked_names += 1
        if isinstance(self.names, SourceError):
            raise self.names
        return self.names

    def declared(self, match_target: str, *, timeout_seconds: float) -> dict[str, str]:
        return {}

    def metadata(self, *, timeout_seconds: float) -> dict[str, tuple[Metadata, ...]]:
        return self.described

    def version(self) -> str:
        if isinstance(self.answer, SourceError):
            raise self.answer
        return "2.42.0"

    def _answered(self, asked: Any) -> Any:
        with self._lock:
            self.asked.append(asked)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            if self.under_way == 6:
                self.all_here.set()
        assert self.open.wait(10)
        with self._lock:
            self.under_way -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class FakeAlertmanager:
    def __init__(self) -> None:
        self.clock = SourceClock()

    def alerts(self, filters: tuple[str, ...], *, timeout_seconds: float) -> tuple[FiringAlert, ...]:
        alert = FiringAlert(
            labels={"alertname": "TargetDown"},
            annotations={},
            starts_at=NOW,
            state="unprocessed",
            fingerprint="f",
            silenced_by=(),
            inhibited_by=(),
        )
        return (alert,)

    def version(self) -> str:
        return "0.25.0"


class FakeElasticsearch:
    def __init__(self) -> None:
        self.clock = SourceClock()
        self.answer: Found | SourceError = Found(hits=(), total=0, total_is_lower_bound=False)
        self.asked: list[dict[str, Any]] = []

    def field_types(self, index: str, names: Any, **asked: Any) -> FieldTypes:
        return known(**{NAMESPACE: ("i",)})

    def unavailable(self, index: str, **asked: Any) -> tuple[Unavailable, ...]:
        return ()

    def search(self, index: str, **asked: Any) -> Found:
        self.asked.append({"index": index, **asked})
        if isinstance(self.answer, SourceError):
            raise self.answer
        return self.answer

    def version(self) -> str:
        return "9.0.0"


class FakeCluster:
    """Two pods that never change."""

    def __init__(self) -> None:
        self.clock = SourceClock()
        self.lists: list[tuple[str, str | None]] = []
        self.ended = threading.Event()

    def list(self, kind: str, namespace: str | None) -> ListResult:
        self.lists.append((kind, namespace))
        tracks = ("blue", "green")
        items = tuple({"metadata": {"name": track, "labels": {"track": track}}} for track in tracks)
        return ListResult(items=items, resource_version="1")

    def watch(self, kind: str, namespace: str | None, *, resource_version: str) -> Iterator[WatchEvent]:
        return iter(lambda: self.ended.wait(10), True)  # type: ignore[arg-type]

    def pod_log(self, namespace: str, pod: str, container: str, **options: Any) -> str:
        return "a line\n"

    def version(self) -> str:
        return "v1.31.0"


class World:
    """An Ask with its fakes."""

    def __init__(self, environment: EnvironmentSettings, *, prometheus: FakePrometheus | None = None) -> None:
        self.clock = Clock()
        self.prometheus = prometheus or FakePrometheus()
        self.elasticsearch = FakeElasticsearch()
        self.cluster = FakeCluster()
        sources = Sources(
            prometheus=cast(Any, self.prometheus),
            alertmanager=cast(Any, FakeAlertmanager()),
            elasticsearch=cast(Any, self.elasticsearch),
            kubernetes=cast(Any, self.cluster),
        )
        self.ask = Ask(environment, sources, clock=self.clock.now, seconds=self.clock.seconds)

    def scalar(self, service: str = "a") -> Any:
        return self.ask.gather({"x": Instant(UP, {"service": service})}).scalar("x")

    def series(self, *, minutes: int = 60) -> Any:
        end = self.clock.now()
        return self.ask.gather({"x": Range(UP, {"service": "a"}, end - timedelta(minutes=minutes), end)}).series("x")

    def fail_until_open(self) -> None:
        self.prometheus.answer = REFUSED
        for number in range(3):
            self.scalar(f"failing-{number}")


def environment(**urls: str) -> EnvironmentSettings:
    named = {"prometheus": "http://p", "alertmanager": "http://a", "elasticsearch": "http://e"} | urls
    local = {name: {"url": url} for name, url in named.items()} | {"refresh_seconds": 5}
    return Settings.model_validate({"environments": {"local": local}}).environments["local"]
