"""An Elasticsearch of a few lines: time windows, filters by value, points in time, and an order that has ties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.clock import SourceClock
from connectors.elasticsearch import FieldType, FieldTypes, Found, Hit, Unavailable
from connectors.errors import NotFound, SourceError

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
NAMESPACE = "resource.attributes.k8s.namespace.name"
_TIE = "_shard_doc"


def line(identity: str, seconds_ago: float = 0, *, index: str = "i", message: str = "hello", **more: Any) -> Hit:
    """A log line of the namespace agents in OpenTelemetry's shape."""
    at = (NOW - timedelta(seconds=seconds_ago)).isoformat()
    source = {"@timestamp": at, NAMESPACE: "agents", "body": {"text": message}, **more}
    return Hit(id=identity, index=index, source=source)


@dataclass
class SourceRequest:
    """One search, as far as tests ask for it."""

    begins: datetime | None
    size: int
    timeout_seconds: float


class FakeLogs:
    """Holds `lines` in the order of their arrival. A search moves the clock `passed` by `takes_seconds`.

    `failures` are raised by the searches of these numbers, from 1 on; those in `cut` end after so many hits.
    """

    def __init__(self, lines: Iterable[Hit] = ()) -> None:
        self.clock = SourceClock()
        self.lines = list(lines)
        self.asked: list[SourceRequest] = []
        self.known: FieldTypes | SourceError = known(**{NAMESPACE: ("i",)})
        self.asked_fields = 0
        self.closed: tuple[Unavailable, ...] = ()
        self.passed = 0.0
        self.takes_seconds = 0.0
        self.failures: dict[int, SourceError] = {}
        self.cut: dict[int, int] = {}
        self._points: list[tuple[Hit, ...]] = []

    def field_types(self, index: str, names: Sequence[str], *, timeout_seconds: float) -> FieldTypes:
        self.asked_fields += 1
        if isinstance(self.known, SourceError):
            raise self.known
        return self.known

    def unavailable(self, index: str, *, timeout_seconds: float) -> tuple[Unavailable, ...]:
        return self.closed

    def version(self) -> str:
        return "9.0.0"

    def open_point_in_time(self, index: str, *, timeout_seconds: float) -> str:
        self._points.append(tuple(self.lines))
        return str(len(self._points) - 1)

    def close_point_in_time(self, point: str, *, timeout_seconds: float) -> None:
        self._points[int(point)] = ()

    def search(
        self,
        index: str,
        *,
        query: Mapping[str, Any],
        size: int,
        sort: Sequence[Mapping[str, Any]] = (),
        point_in_time: str = "",
        after: Sequence[Any] = (),
        timeout_seconds: float,
        **_: Any,
    ) -> Found:
        self.asked.append(SourceRequest(_begin(query), size, timeout_seconds))
        self.passed += self.takes_seconds
        if failure := self.failures.pop(len(self.asked), None):
            raise failure
        held = self._points[int(point_in_time)] if point_in_time else tuple(self.lines)
        if point_in_time and not held:
            raise NotFound("elasticsearch", "No search context found")
        found = [
            replace(hit, sort=tuple(_value(key, hit, number) for key in sort))
            for number, hit in enumerate(held)
            if _matches(query, hit)
        ]
        found.sort(key=lambda hit: _rank(sort, hit.sort))
        behind = [hit for hit in found if not after or _rank(sort, hit.sort) > _rank(sort, tuple(after))]
        most = self.cut.get(len(self.asked))
        return Found(
            hits=tuple(behind[: size if most is None else most]),
            total=len(found),
            total_is_lower_bound=False,
            left_out=() if most is None else ("the search ran out of time",),
            point_in_time=point_in_time,
        )


def known(**indices: Iterable[str]) -> FieldTypes:
    """Fields that can be counted by value, each with the indices that have it; dots are written as `__`."""
    by_name = {
        name.replace("__", "."): (FieldType(type="keyword", aggregatable=True, indices=frozenset(there)),)
        for name, there in indices.items()
    }
    return FieldTypes(indices=frozenset(one for there in indices.values() for one in there), by_name=by_name)


def _rank(sort: Sequence[Mapping[str, Any]], values: tuple[Any, ...]) -> tuple[float, ...]:
    orders = [next(iter(key.values())) for key in sort]
    orders = [order["order"] if isinstance(order, Mapping) else order for order in orders]
    return tuple(-value if order == "desc" else value for order, value in zip(orders, values, strict=True))


def _value(key: Mapping[str, Any], hit: Hit, arrival: int) -> float:
    return arrival if _TIE in key else _at(hit).timestamp()


def _at(hit: Hit) -> datetime:
    return datetime.fromisoformat(hit.source["@timestamp"])


def _begin(query: Mapping[str, Any]) -> datetime | None:
    for clause in query["bool"]["filter"]:
        if "range" in clause:
            return datetime.fromisoformat(clause["range"]["@timestamp"]["gte"])
    return None


def _matches(clause: Mapping[str, Any], hit: Hit) -> bool:
    ((kind, body),) = clause.items()
    match kind:
        case "bool":
            wanted = all(_matches(one, hit) for one in body.get("filter", ()))
            return wanted and not any(_matches(one, hit) for one in body.get("must_not", ()))
        case "range":
            limits = {
                name: datetime.fromisoformat(limit) for name, limit in body["@timestamp"].items() if name != "format"
            }
            at = _at(hit)
            return limits["gte"] <= at and (at < limits["lt"] if "lt" in limits else at <= limits["lte"])
        case "ids":
            return hit.id in body["values"]
        case "term":
            ((name, value),) = body.items()
            return value == (hit.index if name == "_index" else hit.source.get(name))
        case _:
            raise AssertionError(f"{kind} is not known here")
