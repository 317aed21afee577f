"""A request as it goes to its source: under which key it is shared, for how long, and how the answer becomes a reading.

Connectors answer with their own types and errors; the errors pass through here untouched, for `ask.py` to catch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, assert_never
from urllib.parse import parse_qs, urlsplit

from connectors.alertmanager import Alertmanager, FiringAlert
from connectors.elasticsearch import Elasticsearch
from connectors.errors import NotFound, Rejected
from connectors.kubernetes import Kubernetes
from connectors.prometheus import Line, Matrix, Prometheus
from dashboard.catalog import escaping
from dashboard.catalog.expression import SCRAPE_SECONDS
from dashboard.catalog.translation import bucket_factor, translate
from dashboard.model.alert import Alert
from dashboard.model.mapping import OURS
from dashboard.model.reading import Reading, Source, State, empty, fresh, missing
from dashboard.model.series import Sample, Series
from dashboard.model.telemetry import Telemetry
from dashboard.queries import doctor, search
from dashboard.queries.grid import Grid, step_for
from dashboard.queries.logs import LogReader
from dashboard.queries.presence import EVER, declared, scopes
from dashboard.queries.request import (
    Alerts,
    Instant,
    LogContext,
    LogDocument,
    LogPatterns,
    LogRequest,
    Logs,
    MoreLogs,
    PodLog,
    Range,
)
from dashboard.settings import EnvironmentSettings

INSTANT_SECONDS = 2.0
RANGE_SECONDS = 5.0
# Over longer ranges it is not worth asking what dropped series had: hours hold too many samples.
_REMEMBERED_SECONDS = 6 * 3600
# What a second question is given where the first took nearly all of the time.
_LEAST_SECONDS = 0.2
# TTL is 95 % of the refresh interval, counted from when the question was asked.
_OF_REFRESH = 0.95
# A range has nothing new before its next step, but a source that was empty may have data a minute later.
LONGEST_STEP_SECONDS = 60.0
# Names change with a deployment of another telemetry generation, not from minute to minute.
NAMES_SECONDS = 300.0
# Of one metric so many series show which labels it has.
_MOST_LABEL_SETS = 200
NAMES_OVER = timedelta(hours=1)
_OURS = '{__name__=~"gen_ai_.+|agentgov_.+|kube_.+|container_.+|up|.+:.+"}'  # with a colon: recorded by our rules

# The TTL of answers that do not change: pages of a point in time, documents, and instants whose last samples are in.
UNCHANGING_SECONDS = 120.0
_SETTLED_SECONDS = 60.0
_LONG = timedelta(hours=24)

SourceRequest = Instant | Range | Alerts | LogRequest | PodLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The connectors of one environment."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    elasticsearch: Elasticsearch
    kubernetes: Kubernetes


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCall:
    """One question to one source. `fetch` asks it and may raise a `SourceError`; `text` is what a person may read.

    Attributes:
        key: equal where one answer serves both.
        family: equal where only the values, the period or the filters differ.
        is_long: reads more than a day, and so may take long.
    """

    source: Source
    key: Hashable
    family: Hashable
    text: str
    ttl_seconds: float
    timeout_seconds: float
    is_long: bool = False
    fetch: Callable[[], Reading[Any]]
    # Each metric that it reads with the selector of namespace and service; of questions to Prometheus alone.
    series: tuple[tuple[str, str], ...] = ()


class SourceCalls:
    """Turns requests into questions to the sources of one environment."""

    def __init__(self, environment: EnvironmentSettings, sources: Sources, clock: Callable[[], datetime]) -> None:
        self._environment = environment
        self._sources = sources
        self._clock = clock
        self._log_reader = LogReader(
            sources.elasticsearch, words=environment.words.tables(), own=environment.elasticsearch.fields.by_stream()
        )
        self._ttl_seconds = self._lives(0.0)

    def of(self, request: SourceRequest, names: Collection[str] = ()) -> SourceCall:
        """The question for `request`; `names` are the metrics that Prometheus has, where that is known.

        Raises:
            KeyError, ValueError: the request cannot be asked: a value is missing or does not fit its place.
            NotMeasuredError: the settings say that nothing here carries what is asked for.
        """
        match request:
            case Instant():
                return self._instant(request, names)
            case Range():
                return self._range(request, names)
            case Alerts():
                return self._alerts(request)
            case Logs() | MoreLogs() | LogContext() | LogDocument() | LogPatterns():
                return self._logs(request)
            case PodLog():
                return self._pod_log(request)
            case _:
                assert_never(request)

    def names(self) -> SourceCall:
        """Which metrics of ours Prometheus has had in the last hour."""
        text = f"values of __name__ over {_OURS}"

        def fetch() -> Reading[frozenset[str]]:
            end = self._clock()
            start = int((end - NAMES_OVER).timestamp())
            found = self._sources.prometheus.label_values(
                "__name__", _OURS, start=start, end=int(end.timestamp()), timeout_seconds=INSTANT_SECONDS
            )
            return fresh(frozenset(found), source=Source.PROMETHEUS, as_of=end, query=text)

        return SourceCall(
            source=Source.PROMETHEUS,
            key="names",
            family="names",
            text=text,
            ttl_seconds=NAMES_SECONDS,
            timeout_seconds=INSTANT_SECONDS,
            fetch=fetch,
        )

    def present(self, selector: str) -> SourceCall:
        """Which metrics there have been with these labels since `presence.EVER`, or that targets declare now."""
        text = f"values of __name__ over {selector}, {EVER.days} days"

        def fetch() -> Reading[frozenset[str]]:
            end = self._clock()
            start = int((end - EVER).timestamp())
            found = self._sources.prometheus.label_values(
                "__name__", selector, start=start, end=int(end.timestamp()), timeout_seconds=INSTANT_SECONDS
            )
            return fresh(frozenset(found) | self._declared(selector), source=Source.PROMETHEUS, as_of=end, query=text)

        return SourceCall(
            source=Source.PROMETHEUS,
            key=("present", selector),
            family="present",
            text=text,
            ttl_seconds=NAMES_SECONDS,
            timeout_seconds=INSTANT_SECONDS,
            fetch=fetch,
        )

    def telemetry(self) -> SourceCall:
        """Which metrics there are, were, and with which labels: for who checks whether they fit. Asks three times."""
        prometheus = self._sources.prometheus
        text = "names of all metrics, and labels of those that a concept may be read from"

        def fetch() -> Reading[Telemetry]:
            end = self._clock()
            now, hour, ever = (int((end - ago).timestamp()) for ago in (timedelta(0), NAMES_OVER, EVER))
            seconds = RANGE_SECONDS
            recent = prometheus.label_values("__name__", start=hour, end=now, timeout_seconds=seconds)
            past = prometheus.label_values("__name__", start=ever, end=now, timeout_seconds=seconds)
            labels: dict[str, list[Mapping[str, str]]] = {}
            wanted = sorted((doctor.candidates() | doctor.carriers(self._environment.mapping)) & set(recent))
            selectors = [f'{{__name__="{name}"}}' for name in wanted]
            series = prometheus.series(*selectors, start=hour, end=now, timeout_seconds=seconds) if wanted else ()
            for one in series:
                kept = labels.setdefault(one["__name__"], [])
                if len(kept) < _MOST_LABEL_SETS:
                    kept.append(one)
            found = Telemetry(
                recent=frozenset(recent),
                ever=frozenset(past),
                labels={name: tuple(sets) for name, sets in labels.items()},
            )
            return fresh(found, source=Source.PROMETHEUS, as_of=end, query=text)

        return SourceCall(
            source=Source.PROMETHEUS,
            key="telemetry",
            family="telemetry",
            text=text,
            ttl_seconds=NAMES_SECONDS,
            timeout_seconds=3 * RANGE_SECONDS,
            is_long=True,
            fetch=fetch,
        )

    def _declared(self, selector: str) -> frozenset[str]:
        try:
            types = self._sources.prometheus.declared(selector, timeout_seconds=INSTANT_SECONDS)
        except (NotFound, Rejected):  # a relative of Prometheus that scrapes nothing itself
            return frozenset()
        return declared(types)

    def _translated(self, request: Instant | Range, names: Collection[str]) -> str:
        return translate(request.expression.render(self._values(request), names), self._environment.mapping)

    def _values(self, request: Instant | Range) -> dict[str, str]:
        """What to fill in. Recorded series have our names: with others the raw ones are asked at any span."""
        scrape_seconds = self._environment.prometheus.scrape_interval_seconds
        values = {SCRAPE_SECONDS: str(scrape_seconds), **request.values}
        return values if self._environment.mapping == OURS else {**values, "span": ""}

    def _labels(self, request: Instant | Range, labels: Mapping[str, str]) -> Mapping[str, str]:
        """Labels of an answer, with a bucket's bound in seconds."""
        factor = bucket_factor(request.expression.promql, self._environment.mapping)
        bound = labels.get("le", "")
        if factor == 1.0 or not bound:
            return labels
        return {**labels, "le": "+Inf" if "Inf" in bound else f"{round(float(bound) * factor, 9):g}"}

    def _shortcut(self, request: Instant) -> tuple[str, str] | None:
        shortcut = request.expression.shortcut(self._values(request))
        if shortcut is None:
            return None
        newcomers, steady = (translate(text, self._environment.mapping) for text in shortcut)
        return newcomers, steady

    def _instant(self, request: Instant, names: Collection[str]) -> SourceCall:
        query = self._translated(request, names)
        shortcut = self._shortcut(request)
        moment = self._moment(request.at)
        is_long = escaping.seconds(request.values.get("span", "")) > _LONG.total_seconds()

        def fetch() -> Reading[tuple[Sample, ...]]:
            began = time.monotonic()
            asked = query
            if shortcut is not None:
                newcomers, steady = shortcut
                found = self._sources.prometheus.instant(newcomers, at=request.at, timeout_seconds=INSTANT_SECONDS)
                asked = query if found.points or found.warnings else steady
            left_seconds = max(_LEAST_SECONDS, INSTANT_SECONDS - (time.monotonic() - began))
            answer = self._sources.prometheus.instant(asked, at=request.at, timeout_seconds=left_seconds)
            samples = tuple(
                Sample(labels=self._labels(request, point.labels), value=_finite(point.value))
                for point in answer.points
            )
            newest = max((point.at for point in answer.points), default=None)
            as_of = request.at or self._clock() if newest is None else datetime.fromtimestamp(newest, UTC)
            text = _with_infos(query, answer.infos)
            return _answered(samples, Source.PROMETHEUS, as_of, text, answer.warnings, "no such series")

        return SourceCall(
            source=Source.PROMETHEUS,
            key=("instant", query, moment),
            family=("instant", request.expression.name, is_long),
            text=query,
            ttl_seconds=UNCHANGING_SECONDS if self._is_settled(moment) else self._ttl_seconds,
            timeout_seconds=INSTANT_SECONDS,
            is_long=is_long,
            fetch=fetch,
            series=scopes(query, self._environment.mapping),
        )

    def _moment(self, at: datetime | None) -> Hashable:
        """The key of a moving instant, the same at each look: now is now, and an hour ago stays an hour ago."""
        lag_seconds = 0.0 if at is None else (self._clock() - at).total_seconds()
        if at is None or 0 <= lag_seconds < self._environment.refresh_seconds:
            return "now"
        return int(lag_seconds) if at.microsecond else at  # people and grids give whole seconds, clocks do not

    def _is_settled(self, moment: Hashable) -> bool:
        """Whether it is a fixed moment that is long past."""
        return isinstance(moment, datetime) and (self._clock() - moment).total_seconds() >= _SETTLED_SECONDS

    def _lives(self, step_seconds: float) -> float:
        """The TTL of an answer with something new every `step_seconds`: just under a whole number of refreshes.

        With any other, many viewers would ask more often than one.
        """
        refresh = self._environment.refresh_seconds
        return _OF_REFRESH * refresh * max(1, round(step_seconds / refresh))

    def _range(self, request: Range, names: Collection[str]) -> SourceCall:
        query = self._translated(request, names)
        span = round((request.end - request.start).total_seconds())
        is_long = request.end - request.start > _LONG
        scrape = self._environment.prometheus.scrape_interval_seconds
        step = request.step_seconds or step_for(span, scrape_interval_seconds=scrape)
        grid = Grid.of(request.start, request.end, step)
        steady = translate(request.expression.steadily(self._values(request)), self._environment.mapping)

        def fetch() -> Reading[tuple[Series, ...]]:
            deadline = time.monotonic() + RANGE_SECONDS

            def asked(text: str) -> Matrix:
                left_seconds = max(_LEAST_SECONDS, deadline - time.monotonic())
                return self._sources.prometheus.range(
                    text, start=grid.start, end=grid.end, step_seconds=grid.step_seconds, timeout_seconds=left_seconds
                )

            is_asked_steadily = bool(steady) and (request.expression.falls or span > _REMEMBERED_SECONDS)
            answer = asked(steady if is_asked_steadily else query)
            if is_asked_steadily and span <= _REMEMBERED_SECONDS and any(map(_goes_down, answer.lines)):
                answer = asked(query)
            newest = max((line.points[-1][0] for line in answer.lines if line.points), default=float(grid.end))
            as_of = datetime.fromtimestamp(newest, UTC)
            series = tuple(
                replace(one, labels=self._labels(request, one.labels)) for one in _series(grid, answer.lines)
            )
            text = _with_infos(query, answer.infos)
            return _answered(series, Source.PROMETHEUS, as_of, text, answer.warnings, "no such series in this range")

        return SourceCall(
            source=Source.PROMETHEUS,
            key=("range", query, grid.family(self._clock())),
            family=("range", request.expression.name, is_long),
            is_long=is_long,
            text=query,
            ttl_seconds=self._lives(min(grid.step_seconds, LONGEST_STEP_SECONDS)),
            timeout_seconds=RANGE_SECONDS,
            fetch=fetch,
            series=scopes(query, self._environment.mapping),
        )

    def _alerts(self, request: Alerts) -> SourceCall:
        sets = tuple(filter(None, (request.filters, request.or_filters))) or ((),)
        text = " or ".join(" ".join(("GET /api/v2/alerts", *filters)) for filters in sets)

        def fetch() -> Reading[tuple[Alert, ...]]:
            found = {
                alert.fingerprint: alert
                for filters in sets
                for alert in self._sources.alertmanager.alerts(filters, timeout_seconds=INSTANT_SECONDS)
            }
            alerts = tuple(map(_alert, found.values()))
            return fresh(alerts, source=Source.ALERTMANAGER, as_of=self._clock(), query=text)

        return SourceCall(
            source=Source.ALERTMANAGER,
            key=("alerts", request.filters, request.or_filters),
            family="alerts",
            text=text,
            ttl_seconds=self._ttl_seconds,
            timeout_seconds=INSTANT_SECONDS,
            fetch=fetch,
        )

    def _logs(self, request: LogRequest) -> SourceCall:
        streams = self._streams(request)

        def fetch() -> Reading[Any]:
            read = self._log_reader.read(streams, request, budget_seconds=RANGE_SECONDS)
            value = () if read.value is None else read.value
            return _answered(value, Source.ELASTICSEARCH, self._clock(), read.query, read.left_out, read.nothing)

        is_unchanging = isinstance(request, MoreLogs | LogDocument)
        window = request if isinstance(request, Logs) else getattr(request, "logs", None)
        is_long = window is not None and window.end - window.start > _LONG
        step = request.step_seconds if isinstance(request, Logs) else 1
        return SourceCall(
            source=Source.ELASTICSEARCH,
            key=("logs", streams, self._entries(request)),
            family=("logs", type(request).__name__, streams, is_long),
            is_long=is_long,
            text=search.about(streams, request),
            ttl_seconds=UNCHANGING_SECONDS if is_unchanging else self._lives(min(step, LONGEST_STEP_SECONDS)),
            timeout_seconds=RANGE_SECONDS,
            fetch=fetch,
        )

    def _streams(self, request: LogRequest) -> str:
        if request.stream == "audit":
            return self._environment.audit_streams
        named: str = getattr(self._environment.elasticsearch, request.stream)
        return named

    def _entries(self, request: LogRequest) -> Hashable:
        """What askings for the same entries have in common."""
        match request:
            case Logs():
                grid = Grid.of(request.start, request.end, request.step_seconds)
                return (search.shape(request), grid.family(self._clock()))
            case LogPatterns():
                return ("patterns", request.sample, self._entries(request.logs))
            case MoreLogs():
                # Of the window as it was when the first page was shown.
                return ("more", request.cursor, search.shape(request.logs), request.logs.start, request.logs.end)
            case LogContext():
                filters = tuple(sorted(request.filters.items()))
                return ("context", request.namespace, request.document, filters, request.before, request.after)
            case LogDocument():
                return ("document", request.namespace, request.document)
            case _:
                assert_never(request)

    def _pod_log(self, request: PodLog) -> SourceCall:
        text = f"log of {request.namespace}/{request.pod}/{request.container}"

        def fetch() -> Reading[str]:
            lines = self._sources.kubernetes.pod_log(
                request.namespace,
                request.pod,
                request.container,
                tail_lines=request.tail_lines,
                previous=request.previous,
                timeout_seconds=RANGE_SECONDS,
            )
            return fresh(lines, source=Source.KUBERNETES, as_of=self._clock(), query=text)

        return SourceCall(
            source=Source.KUBERNETES,
            key=request,
            family="pod log",
            text=text,
            ttl_seconds=self._ttl_seconds,
            timeout_seconds=RANGE_SECONDS,
            fetch=fetch,
        )


def _answered(
    value: Any, source: Source, as_of: datetime, query: str, left_out: tuple[str, ...], nothing: str
) -> Reading[Any]:
    """Fresh, or partial where something was left out, or empty; nothing at all with something left out is missing."""
    said = f"{source} left something out: {'; '.join(left_out)}"
    if value == ():
        if left_out:
            return missing(said, source=source, query=query)
        return empty(nothing, source=source, as_of=as_of, query=query)
    answer = fresh(value, source=source, as_of=as_of, query=query)
    return replace(answer, state=State.PARTIAL, reason=said) if left_out else answer


def _goes_down(line: Line) -> bool:
    """Whether a sum of counters lost one of them, or began anew."""
    return any(
        before is not None and after is not None and after < before for (_, before), (_, after) in pairwise(line.points)
    )


def _with_infos(query: str, infos: tuple[str, ...]) -> str:
    """The query with what Prometheus remarks on it, as comments: an info leaves nothing out, so the value stands."""
    return "\n".join((query, *(f"# {' '.join(info.split())}" for info in infos)))


def _series(grid: Grid, lines: tuple[Line, ...]) -> tuple[Series, ...]:
    """The lines with a gap at each point of the grid that has no sample."""
    times = grid.times
    series = []
    for line in lines:
        values: list[float | None] = [None] * len(times)
        for at, value in line.points:
            values[round((at - grid.start) / grid.step_seconds)] = _finite(value)
        series.append(Series(labels=line.labels, times=times, values=tuple(values)))
    return tuple(series)


def _finite(value: float | None) -> float | None:
    """Infinity is a division by nothing: no more a number to draw or to judge by than NaN is."""
    return value if value is not None and math.isfinite(value) else None


def _alert(found: FiringAlert) -> Alert:
    return Alert(
        name=found.labels.get("alertname", ""),
        labels=found.labels,
        annotations=found.annotations,
        starts_at=found.starts_at,
        state="suppressed" if found.state == "suppressed" else "active",
        fingerprint=found.fingerprint,
        silenced_by=found.silenced_by,
        expression=_expression(found.generator_url),
    )


def _expression(generator_url: str) -> str:
    """The rule's PromQL: Prometheus sends a link to its graph page with the expression in it."""
    try:
        return next(iter(parse_qs(urlsplit(generator_url).query).get("g0.expr", ())), "")
    except ValueError:  # no link that can be read
        return ""
