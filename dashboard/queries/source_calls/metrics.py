"""Questions to Prometheus for values: at one moment, or over a range."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeVar, cast

from connectors.prometheus import Line, Matrix, Prometheus
from dashboard.catalog import escaping
from dashboard.catalog.bad_events import bad_events
from dashboard.catalog.expression import SCRAPE_SECONDS
from dashboard.catalog.translation import bucket_factor, of_service, translate
from dashboard.model.bad_events import BadEvents
from dashboard.model.blue_green import BlueGreen
from dashboard.model.mapping import OURS
from dashboard.model.mapping import Mapping as NameMapping
from dashboard.model.reading import Reading, Source
from dashboard.model.series import Sample, Series
from dashboard.queries.grid import Grid, step_for
from dashboard.queries.presence import scopes
from dashboard.queries.request import Instant, Range
from dashboard.queries.source_calls.call import (
    INSTANT_SECONDS,
    LONG,
    LONGEST_STEP_SECONDS,
    NOTHING_IN_PERIOD,
    NOTHING_NOW,
    RANGE_SECONDS,
    UNCHANGING_SECONDS,
    SourceCall,
    answered,
    ttl_seconds,
)
from dashboard.queries.source_calls.shortcut import Shortcut, by_parts
from dashboard.settings import EnvironmentSettings

# Over longer ranges it is not worth asking what dropped series had: hours hold too many samples.
_REMEMBERED_SECONDS = 6 * 3600
# The timeout of a second question where the first took nearly all of the time.
# So many scrapes lie within the window of each point of a line, so that one that fails leaves no gap.
_LEAST_SCRAPES = 4
_LEAST_SECONDS = 0.2
# After so long no sample of that moment is still to come.
_SETTLED_SECONDS = 60.0
# So many mappings are kept: one for each service whose tracks have values of their own.
_MOST_MAPPINGS = 64
_MOST_QUESTIONS = 1000
# Words said within this time count as those of now.
_LATELY = timedelta(hours=1)
T = TypeVar("T")


class MetricCalls:
    """Questions for values of metrics in one environment."""

    def __init__(self, environment: EnvironmentSettings, prometheus: Prometheus, clock: Callable[[], datetime]) -> None:
        self._environment = environment
        self._prometheus = prometheus
        self._clock = clock
        self._known = environment.blue_green.known
        self._read: dict[Hashable, tuple[NameMapping, Any]] = {}
        self._mapping_of = lru_cache(_MOST_MAPPINGS)(self._mapped)

    def instant(
        self, request: Instant, names: Collection[str], tracks: BlueGreen, units: Mapping[str, str]
    ) -> SourceCall:
        """The samples at one moment; asks twice where a cheap question shows that the cheap answer will do."""
        mapping = self._mapping(request, tracks, units)
        query = translate(request.expression.render(self._values(request, mapping), names), mapping)
        shortcut = self._shortcut(request, names, mapping)
        moment = self._moment(request.at)
        is_long = escaping.seconds(request.values.get("span", "")) > LONG.total_seconds()

        def fetch() -> Reading[tuple[Sample, ...]]:
            began = time.monotonic()
            asked = query
            if shortcut is not None:
                began_at = self._prometheus.instant(shortcut.newcomers, at=request.at, timeout_seconds=INSTANT_SECONDS)
                asked = query if began_at.warnings else shortcut.question(point.labels for point in began_at.points)
            left_seconds = max(_LEAST_SECONDS, INSTANT_SECONDS - (time.monotonic() - began))
            answer = self._prometheus.instant(asked, at=request.at, timeout_seconds=left_seconds)
            samples = tuple(
                Sample(labels=self._labels(request, point.labels, mapping), value=finite(point.value))
                for point in answer.points
            )
            newest = max((point.at for point in answer.points), default=None)
            as_of = request.at or self._clock() if newest is None else datetime.fromtimestamp(newest, UTC)
            text = _with_infos(query, answer.infos)
            return answered(samples, Source.PROMETHEUS, as_of, text, answer.warnings, NOTHING_NOW)

        return SourceCall(
            source=Source.PROMETHEUS,
            key=("instant", query, moment),
            family=("instant", request.expression.name, is_long),
            text=query,
            ttl_seconds=UNCHANGING_SECONDS if self._is_settled(moment) else self._ttl_seconds(),
            timeout_seconds=INSTANT_SECONDS,
            is_long=is_long,
            fetch=fetch,
            series=scopes(query, mapping),
            series_of=self._series_of(request, names, mapping),
            bad_events=self._bad_events(request, names, mapping),
            told_at=self._told_at(request.at),
            told_over_seconds=_looks_back(request),
        )

    def range(self, request: Range, names: Collection[str], tracks: BlueGreen, units: Mapping[str, str]) -> SourceCall:
        """The series over a range, on the grid that all viewers share."""
        mapping = self._mapping(request, tracks, units)
        query = translate(request.expression.render(self._values(request, mapping), names), mapping)
        span = round((request.end - request.start).total_seconds())
        is_long = request.end - request.start > LONG
        scrape = self._environment.prometheus.scrape_interval_seconds
        step = request.step_seconds or step_for(span, scrape_interval_seconds=scrape)
        grid = Grid.of(request.start, request.end, step)
        steady = translate(request.expression.steadily(self._values(request, mapping)), mapping)
        shortcut = self._shortcut(request, names, mapping)

        def fetch() -> Reading[tuple[Series, ...]]:
            deadline = time.monotonic() + RANGE_SECONDS

            def asked(text: str, over: Grid) -> Matrix:
                left_seconds = max(_LEAST_SECONDS, deadline - time.monotonic())
                return self._prometheus.range(
                    text, start=over.start, end=over.end, step_seconds=over.step_seconds, timeout_seconds=left_seconds
                )

            if shortcut is not None:
                answer = by_parts(asked, shortcut, query, grid)
            else:
                is_asked_steadily = bool(steady) and (request.expression.falls or span > _REMEMBERED_SECONDS)
                answer = asked(steady if is_asked_steadily else query, grid)
                if is_asked_steadily and span <= _REMEMBERED_SECONDS and any(map(_goes_down, answer.lines)):
                    answer = asked(query, grid)
            newest = max((line.points[-1][0] for line in answer.lines if line.points), default=float(grid.end))
            as_of = datetime.fromtimestamp(newest, UTC)
            series = tuple(
                replace(one, labels=self._labels(request, one.labels, mapping)) for one in _series(grid, answer.lines)
            )
            text = _with_infos(query, answer.infos)
            return answered(series, Source.PROMETHEUS, as_of, text, answer.warnings, NOTHING_IN_PERIOD)

        return SourceCall(
            source=Source.PROMETHEUS,
            key=("range", query, grid.family(self._clock())),
            family=("range", request.expression.name, is_long),
            is_long=is_long,
            text=query,
            ttl_seconds=self._ttl_seconds(min(grid.step_seconds, LONGEST_STEP_SECONDS)),
            timeout_seconds=RANGE_SECONDS,
            fetch=fetch,
            series=scopes(query, mapping),
            series_of=self._series_of(request, names, mapping),
            bad_events=self._bad_events(request, names, mapping),
            told_at=self._told_at(request.end),
            told_over_seconds=span + _looks_back(request),
        )

    def _bad_events(
        self, request: Instant | Range, names: Collection[str], mapping: NameMapping
    ) -> tuple[BadEvents, ...]:
        """How the raw question tells bad events: recorded series have the same words, and fewer labels."""
        raw = request.expression.render({**self._values(request, mapping), "span": ""}, names)
        return self._remembered(raw, mapping, bad_events)

    def _series_of(
        self, request: Instant | Range, names: Collection[str], mapping: NameMapping
    ) -> Callable[[str], tuple[tuple[str, str], ...]] | None:
        """What a question about a whole namespace reads of one service; None where it names one or reads one metric."""
        asked = request.expression.render(self._values(request, mapping), names)
        if "service_name=" in asked or len({name for name, _ in self._remembered(asked, mapping, _scopes)}) < 2:
            return None
        return lambda service: self._remembered(of_service(asked, service), mapping, _scopes)

    def _remembered(self, asked: str, mapping: NameMapping, read: Callable[[str, NameMapping], T]) -> T:
        """What `read` finds in a question. The same questions are asked again and again."""
        # Mappings cannot be hashed. Those in use live as long as the settings or the cache that made them.
        key = (asked, id(mapping), read)
        known, found = self._read.get(key, (None, None))
        if known is not mapping:
            if len(self._read) >= _MOST_QUESTIONS:
                self._read.clear()
            found = read(asked, mapping)
            self._read[key] = (mapping, found)
        return cast(T, found)

    def _told_at(self, at: datetime | None) -> datetime | None:
        """When to look at words: lately, or in the hour before a moment that is longer past, by the minute."""
        is_past = at is not None and self._clock() - at > _LATELY
        return at.replace(second=0, microsecond=0) if at is not None and is_past else None

    def _ttl_seconds(self, step_seconds: float = 0.0) -> float:
        return ttl_seconds(self._environment.refresh_seconds, step_seconds)

    def _mapping(self, request: Instant | Range, tracks: BlueGreen, units: Mapping[str, str]) -> NameMapping:
        if tracks == self._known and not units:
            return self._environment.mapping
        service = "" if tracks == self._known else str(request.values.get("service") or "")
        return self._mapping_of(tracks, service, tuple(sorted(units.items())))

    def _mapped(self, tracks: BlueGreen, service: str, units: tuple[tuple[str, str], ...]) -> NameMapping:
        known = tracks == self._known
        mapping = self._environment.mapping if known else self._environment.mapping_for(tracks, service)
        return mapping.with_units(dict(units))

    def _values(self, request: Instant | Range, mapping: NameMapping) -> dict[str, str]:
        """What to fill in. Recorded series have our names: with others the raw ones are asked at any span."""
        scrape_seconds = self._environment.prometheus.scrape_interval_seconds
        values = {SCRAPE_SECONDS: str(scrape_seconds), **request.values}
        least = _LEAST_SCRAPES * scrape_seconds
        if isinstance(request, Range) and 0 < escaping.seconds(str(values.get("window") or "")) < least:
            # A window with one scrape in it has no growth, and the whole line would be blank.
            values["window"] = f"{least}s"
        return values if mapping == OURS else {**values, "span": ""}

    def _labels(self, request: Instant | Range, labels: Mapping[str, str], mapping: NameMapping) -> Mapping[str, str]:
        """Labels of an answer, with a bucket's bound in seconds."""
        factor = bucket_factor(request.expression.promql, mapping)
        bound = labels.get("le", "")
        if factor == 1.0 or not bound:
            return labels
        return {**labels, "le": "+Inf" if "Inf" in bound else f"{round(float(bound) * factor, 9):g}"}

    def _shortcut(self, request: Instant | Range, names: Collection[str], mapping: NameMapping) -> Shortcut | None:
        values = self._values(request, mapping)
        found = request.expression.shortcut(values, names)
        if found is None:
            return None
        newcomers, steady = (translate(text, mapping) for text in found)
        return Shortcut(
            newcomers=newcomers,
            steady=steady,
            at_fresh=lambda instances: translate(request.expression.at_fresh(values, instances), mapping),
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


def _looks_back(request: Instant | Range) -> float:
    """The seconds before a moment whose events a question counts."""
    return escaping.seconds(str(request.values.get("window") or ""))


def _scopes(asked: str, mapping: NameMapping) -> tuple[tuple[str, str], ...]:
    return scopes(translate(asked, mapping), mapping)


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
            values[round((at - grid.start) / grid.step_seconds)] = finite(value)
        series.append(Series(labels=line.labels, times=times, values=tuple(values)))
    return tuple(series)


def finite(value: float | None) -> float | None:
    """Infinity is a division by nothing: no more a number to draw or to judge by than NaN is."""
    return value if value is not None and math.isfinite(value) else None
