"""Prometheus over its HTTP API, as plain frozen values.

Queries go through prometheus-api-client; this module adds what it lacks: warnings, typed errors, NaN, deadlines.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from prometheus_api_client import PrometheusConnect
from urllib3.util.retry import Retry

from connectors.errors import Incomplete, NotFound, understood
from connectors.session import NO_ACCESS_RULES, Access, Session

SOURCE = "prometheus"
INSTANT_SECONDS = 2.0
RANGE_SECONDS = 5.0
_REMARKS = (b'"warnings"', b'"infos"', b'"isPartial":true', b'"isPartial": true')
_PARTIAL = "some storage of the backend did not answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One labelled value; `at` is epoch seconds, NaN is None, infinity stays infinity."""

    labels: Mapping[str, str]
    at: float
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One labelled line of (epoch seconds, value) pairs; steps without a sample are left out."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """The answer to an instant query. `warnings` say what Prometheus left out, `infos` what else it remarks."""

    points: tuple[Point, ...]
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The answer to a range query. `warnings` say what Prometheus left out, `infos` what else it remarks."""

    lines: tuple[Line, ...]
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """How a target declares a metric: its type (counter, gauge ...), its unit where it states one, its help text."""

    kind: str
    unit: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """One observation that a series remembers, with the labels that lead to it (`trace_id`)."""

    series: Mapping[str, str]
    labels: Mapping[str, str]
    at: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A scrape target. `health` is up, down or unknown; `last_error` says why it is down."""

    job: str
    labels: Mapping[str, str]
    url: str
    health: str
    last_error: str
    last_scrape: datetime | None
    last_scrape_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule as it was last evaluated. `state` is inactive, pending or firing; empty for a recording rule."""

    group: str
    name: str
    query: str
    health: str
    last_error: str
    state: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class Prometheus:
    """One Prometheus, or a backend with its API. Safe for threads. Timeouts in seconds hold for the whole answer.

    Every method may raise a `SourceError`: `Rejected` for a query that cannot be parsed or missing rights, `TimedOut`,
    `Unreachable`, `RateLimited` or `BadAnswer` as `connectors/errors.py` says.
    Other backends lack some endpoints: there `exemplars`, `rules`, `targets` and `metadata` raise `NotFound`.
    """

    def __init__(self, url: str, access: Access = NO_ACCESS_RULES) -> None:
        self._url = url.rstrip("/")
        self._session = Session(SOURCE, access)
        self.clock = self._session.clock
        self._client = PrometheusConnect(self._url, session=self._session, retry=Retry(0), method="POST")
        self._session.pool(self._url)  # replaces the library's own session

    def instant(self, query: str, *, at: datetime | None = None, timeout_seconds: float = INSTANT_SECONDS) -> Vector:
        """The value of `query` at one instant (None: now). One POST /api/v1/query."""
        params = {"timeout": _duration(timeout_seconds)} | ({} if at is None else {"time": str(at.timestamp())})
        with understood(SOURCE):
            result = self._client.custom_query(query, params=params, timeout=timeout_seconds)
            return Vector(points=_points(result), **self._remarks())

    def range(
        self, query: str, *, start: int, end: int, step_seconds: int, timeout_seconds: float = RANGE_SECONDS
    ) -> Matrix:
        """The values of `query` from `start` to `end` (epoch seconds, both included). One POST /api/v1/query_range.

        Raises:
            Rejected: more than 11,000 points a series, among other reasons.
        """
        with understood(SOURCE):
            result = self._client.custom_query_range(
                query,
                start_time=datetime.fromtimestamp(start, UTC),
                end_time=datetime.fromtimestamp(end, UTC),
                step=str(step_seconds),
                params={"timeout": _duration(timeout_seconds)},
                timeout=timeout_seconds,
            )
            return Matrix(lines=tuple(map(_line, result)), **self._remarks())

    def series(
        self, *selectors: str, start: int, end: int, timeout_seconds: float = RANGE_SECONDS
    ) -> tuple[Mapping[str, str], ...]:
        """The labels of each series that matches one of `selectors` between two epoch seconds.

        One POST /api/v1/series.
        """
        asked = {"match[]": list(selectors), "start": start, "end": end}
        with understood(SOURCE):
            return tuple(self._data("series", asked, method="POST", timeout_seconds=timeout_seconds))

    def label_values(
        self, label: str, *selectors: str, start: int, end: int, timeout_seconds: float = RANGE_SECONDS
    ) -> tuple[str, ...]:
        """The values of a label over the series that match between two epoch seconds, sorted.

        One GET /api/v1/label/{label}/values.
        """
        asked = {"match[]": list(selectors), "start": start, "end": end}
        with understood(SOURCE):
            found = self._data(f"label/{quote(label, safe='')}/values", asked, timeout_seconds=timeout_seconds)
            return tuple(sorted(map(str, found)))

    def metadata(self, *, timeout_seconds: float = INSTANT_SECONDS) -> Mapping[str, tuple[Metadata, ...]]:
        """What targets declare of each metric, each different declaration once. One GET /api/v1/metadata."""
        with understood(SOURCE):
            found = self._data("metadata", timeout_seconds=timeout_seconds)
            return {
                str(name): tuple(
                    Metadata(kind=str(one["type"]), unit=str(one.get("unit") or ""), about=str(one.get("help") or ""))
                    for one in told
                )
                for name, told in found.items()
            }

    def declared(self, match_target: str, *, timeout_seconds: float = INSTANT_SECONDS) -> Mapping[str, str]:
        """The type of each metric that targets with these labels declare, whether it has a value yet or not.

        One GET /api/v1/targets/metadata. Backends that scrape nothing lack it: `NotFound`.
        """
        asked = {"match_target": match_target}
        with understood(SOURCE):
            found = self._data("targets/metadata", asked, timeout_seconds=timeout_seconds)
            return {str(told["metric"]): str(told["type"]) for told in found}

    def exemplars(
        self, query: str, *, start: int, end: int, timeout_seconds: float = RANGE_SECONDS
    ) -> tuple[Exemplar, ...]:
        """The exemplars of the series of `query` between two epoch seconds.

        One POST /api/v1/query_exemplars.
        """
        asked = {"query": query, "start": start, "end": end}
        with understood(SOURCE):
            found = self._data("query_exemplars", asked, method="POST", timeout_seconds=timeout_seconds)
            return tuple(
                Exemplar(
                    series=line["seriesLabels"],
                    labels=one["labels"],
                    at=float(one["timestamp"]),
                    value=float(one["value"]),
                )
                for line in found
                for one in line["exemplars"]
            )

    def targets(self, *, timeout_seconds: float = INSTANT_SECONDS) -> tuple[Target, ...]:
        """The scrape targets and their last scrapes. One GET /api/v1/targets."""
        with understood(SOURCE):
            found = self._data("targets", {"state": "active"}, timeout_seconds=timeout_seconds)
            return tuple(map(_target, found["activeTargets"]))

    def rules(self, *, timeout_seconds: float = INSTANT_SECONDS) -> tuple[Rule, ...]:
        """All rules, recording and alerting, as they were last evaluated. One GET /api/v1/rules."""
        with understood(SOURCE):
            found = self._data("rules", timeout_seconds=timeout_seconds)
            return tuple(_rule(group["name"], rule) for group in found["groups"] for rule in group["rules"])

    def retention(self, *, timeout_seconds: float = INSTANT_SECONDS) -> str:
        """How long samples are kept, in its own words: `15d`, or `15d or 10GiB`. "" where it does not say.

        One GET /api/v1/status/runtimeinfo.
        """
        found = self._data("status/runtimeinfo", timeout_seconds=timeout_seconds)
        with understood(SOURCE):
            return str(found.get("storageRetention", ""))

    def version(self, *, timeout_seconds: float = INSTANT_SECONDS) -> str:
        """The version; also serves as the health check. Empty where the backend does not say.

        One GET /-/healthy and one GET /api/v1/status/buildinfo.
        """
        # Other backends may lack either endpoint: a 404 proves that they live.
        with suppress(NotFound):
            self._session.request("GET", f"{self._url}/-/healthy", timeout=timeout_seconds)
        with suppress(NotFound), understood(SOURCE):
            return str(self._data("status/buildinfo", timeout_seconds=timeout_seconds)["version"])
        return ""

    def _data(
        self, page: str, asked: dict[str, Any] | None = None, *, method: str = "GET", timeout_seconds: float
    ) -> Any:
        url = f"{self._url}/api/v1/{page}"
        answer = self._session.request(method, url, params=asked, timeout=timeout_seconds).json()
        # Names that are left out would read as names that are not there.
        if told := (*(answer.get("warnings") or ()), *((_PARTIAL,) if answer.get("isPartial") else ())):
            raise Incomplete(SOURCE, f"it left something out: {told[0]}")
        return answer["data"]

    def _remarks(self) -> dict[str, tuple[str, ...]]:
        """`warnings` and `infos`, which the client library drops; decodes again only where one is there.

        VictoriaMetrics says by `isPartial` alone that some of its storage did not answer: a warning as well.
        """
        response = self._session.last_answer()
        if not any(mark in response.content for mark in _REMARKS):
            return {}
        answer = response.json()
        found = {kind: tuple(map(str, answer.get(kind) or ())) for kind in ("warnings", "infos")}
        partial = (_PARTIAL,) if answer.get("isPartial") else ()
        return {**found, "warnings": (*found["warnings"], *partial)}


def _target(found: Any) -> Target:
    at = datetime.fromisoformat(found["lastScrape"])
    return Target(
        job=found["labels"].get("job", ""),
        labels=found["labels"],
        url=found["scrapeUrl"],
        health=found["health"],
        last_error=found["lastError"],
        last_scrape=at if at.year > 1 else None,  # Go's zero time: not scraped yet
        last_scrape_seconds=float(found["lastScrapeDuration"]),
    )


def _rule(group: str, found: Any) -> Rule:
    return Rule(
        group=group,
        name=found["name"],
        query=found["query"],
        health=found["health"],
        last_error=found.get("lastError", ""),
        state=found.get("state", ""),
        labels=found.get("labels") or {},
        annotations=found.get("annotations") or {},
    )


def _duration(seconds: float) -> str:
    """A duration as Prometheus parses it: whole milliseconds, at least one."""
    return f"{max(1, round(seconds * 1000))}ms"


def _points(result: Any) -> tuple[Point, ...]:
    """A vector's points; a scalar is one without labels."""
    if result and not isinstance(result[0], dict):
        return (Point(labels={}, at=float(result[0]), value=_number(result[1])),)
    return tuple(
        Point(labels=found["metric"], at=float(found["value"][0]), value=_number(found["value"][1])) for found in result
    )


def _line(found: Any) -> Line:
    return Line(labels=found["metric"], points=tuple((float(at), _number(value)) for at, value in found["values"]))


def _number(text: str) -> float | None:
    number = float(text)
    return None if math.isnan(number) else number
