"""Reads logs, spans and audit events: pages without loss or repetition, surroundings, single documents, patterns.

Errors of the source pass through, for `ask.py` to catch. `search.py`, `survey.py`, `resolution.py`, `windows.py` and
`entries.py` decide what to ask and how to read the answer; this module asks, within a time limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Generic, TypeVar, assert_never

from connectors.elasticsearch import Elasticsearch, Found
from connectors.errors import NotFound, SourceError, TimedOut, understood
from dashboard.catalog import durations
from dashboard.catalog.fields import TIME, OwnFields, text_of
from dashboard.decide.patterns import patterns
from dashboard.model.blue_green import BlueGreen
from dashboard.model.log import LogEntry, LogPage, LogPlace, Patterns, Surroundings
from dashboard.model.reading import Unit
from dashboard.model.words import WORDS, Words
from dashboard.model.written import number
from dashboard.queries import search, survey
from dashboard.queries.entries import Reader
from dashboard.queries.request import LogContext, LogDocument, LogPatterns, LogRequest, Logs, MoreLogs
from dashboard.queries.resolution import Resolution, left_out
from dashboard.queries.resolver import Resolver
from dashboard.queries.windows import beginnings

T = TypeVar("T")

SOURCE = "elasticsearch"
# With less time left than this no further call is made.
LEAST_SECONDS = 0.3
# Surroundings are searched this far around a document; for more, ask for a page.
AROUND = timedelta(hours=1)
# Elasticsearch refuses a URL of more than 4,096 bytes.
LONGEST_NAMES = 3500
_OF_PATTERNS = (
    "time",
    "severity",
    "severity_number",
    "message",
    "service",
    "track",
    "pod",
    "workload",
    "trace_id",
    "span_id",
    "event",
)
NO_DOCUMENT = "there is no such document: it was never written here, or it is older than what is kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogResult(Generic[T]):
    """What was read: `nothing` says why there is no value, `left_out` what the value lacks, `query` what was asked."""

    value: T | None
    query: str
    nothing: str = ""
    left_out: tuple[str, ...] = ()


class _TimeLeft:
    """The time budget of one reading, over all its calls."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Seconds for the next call; raises `TimedOut` when too few are left."""
        left = self._end - self._clock()
        if left < LEAST_SECONDS:
            raise TimedOut(SOURCE, f"no answer within {number(self._seconds, Unit.SECONDS)}")
        return left


class LogReader:
    """Reads from one Elasticsearch. Safe for threads. Every method may raise a `SourceError`.

    Args:
        words: what levels and outcomes mean in this environment.
        own: its own names of fields, by stream and concept.
        seconds: counts seconds and never goes back.
    """

    def __init__(
        self,
        elasticsearch: Elasticsearch,
        *,
        words: Words = WORDS,
        own: Mapping[str, OwnFields] = MappingProxyType({}),
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._elasticsearch = elasticsearch
        self._words = words
        self._own = own
        self._seconds = seconds
        self._resolver = Resolver(elasticsearch, own=own, seconds=seconds)

    def read(self, streams: str, request: LogRequest, *, budget_seconds: float) -> LogResult[Any]:
        """The answer to any request about logs."""
        match request:
            case Logs():
                return _with_lacking(self.page(streams, request, budget_seconds=budget_seconds), request)
            case MoreLogs():
                return self.more(streams, request, budget_seconds=budget_seconds)
            case LogContext():
                return self.surroundings(streams, request, budget_seconds=budget_seconds)
            case LogDocument():
                return self.document(streams, request, budget_seconds=budget_seconds)
            case LogPatterns():
                return self.patterns(streams, request, budget_seconds=budget_seconds)
            case _:
                assert_never(request)

    def fields(self, streams: str, stream: str, *, timeout_seconds: float) -> Resolution:
        """Which fields the documents of a stream have, as of up to a minute ago."""
        return self._resolver.resolution(stream, streams, timeout_seconds=timeout_seconds)

    def page(self, streams: str, request: Logs, *, budget_seconds: float) -> LogResult[LogPage]:
        """The first page with its counts, each window in one search.

        A widening request looks further back step by step until the page is full, the window is searched or the time is
        up. If a wider step fails, the result of the narrower one is kept.
        """
        budget = _TimeLeft(budget_seconds, self._seconds)
        fields = self._resolver.resolution(request.stream, streams, timeout_seconds=budget_seconds)
        width = search.bucket_seconds(request)
        begun, *wider = _beginnings(request, fields, width)
        best = self._window(streams, request, begun, fields, width, budget.left())
        for start in wider:
            if best.value is None or best.left_out or len(best.value.entries) >= request.size:
                break
            try:
                found = self._window(streams, request, start, fields, width, budget.left())
            except TimedOut:
                return _unfinished(best, begun, budget_seconds)
            if found.left_out and found.value and len(found.value.entries) < len(best.value.entries):
                return _unfinished(best, begun, budget_seconds)
            best, begun = found, start
        if best.value is None:
            return best
        missed = self._missed(streams, replace(request, start=begun), fields, budget)
        query = "\n".join((best.query, *(f"# {remark}" for remark in survey.remarks(request, fields))))
        return replace(best, query=query, left_out=(*best.left_out, *missed))

    def more(self, streams: str, request: MoreLogs, *, budget_seconds: float) -> LogResult[LogPage]:
        """The page behind another: everything in the window that was not shown yet, in the same order.

        The first such page opens a point in time, which ends by itself two minutes after its last use: closed, it
        could not answer for an earlier page again. What arrives before it is opened is on this page.

        Raises:
            NotFound: the point in time has ended.
        """
        budget = _TimeLeft(budget_seconds, self._seconds)
        logs, cursor = request.logs, request.cursor
        fields = self._resolver.resolution(logs.stream, streams, timeout_seconds=budget_seconds)
        reader = self._reader(logs.stream, logs.tracks, logs.places)
        asked = search.without(search.query(logs, fields, self._words), cursor.shown)
        found = self._elasticsearch.search(
            streams,
            query=asked,
            size=logs.size,
            sort=search.paged(search.sort(logs, fields)),
            point_in_time=cursor.point_in_time
            or self._elasticsearch.open_point_in_time(streams, timeout_seconds=budget.left()),
            after=cursor.after,
            count_up_to=0,
            timeout_seconds=budget.left(),
        )
        entries, unread = reader.entries(found)
        page = search.next_page(logs, cursor, found, entries)
        return LogResult(value=page, query=search.as_text(streams, asked), left_out=(*found.left_out, *unread))

    def surroundings(self, streams: str, request: LogContext, *, budget_seconds: float) -> LogResult[Surroundings]:
        """A document and its neighbours, from one point in time: entries of the same instant are all on one side."""
        budget = _TimeLeft(budget_seconds, self._seconds)
        fields = self._resolver.resolution(request.stream, streams, timeout_seconds=budget_seconds)
        itself = search.only(request, fields)
        text = search.as_text(streams, itself)
        with self._point_in_time(streams, budget) as point:

            def ask(query: dict[str, Any], order: str, size: int, after: tuple[Any, ...] = ()) -> Found:
                return self._elasticsearch.search(
                    streams,
                    query=query,
                    size=size,
                    sort=search.paged([{TIME: {"order": order}}]),
                    point_in_time=point,
                    after=after,
                    count_up_to=0,
                    timeout_seconds=budget.left(),
                )

            reader = self._reader(request.stream, request.tracks)
            here = ask(itself, "asc", 1)
            if not here.hits:
                return LogResult(value=None, query=text, nothing=NO_DOCUMENT, left_out=here.left_out)
            hit = here.hits[0]
            with understood(SOURCE):
                entry = reader.entry(hit)
            around = search.around(request, entry.at, AROUND, fields, self._words)
            before = ask(around, "desc", request.before, hit.sort) if request.before else None
            after = ask(around, "asc", request.after, hit.sort) if request.after else None
        sides = [reader.entries(found) if found else ((), ()) for found in (before, after)]
        value = Surroundings(before=tuple(reversed(sides[0][0])), entry=entry, after=sides[1][0])
        parts = [said for found in (here, before, after) if found for said in found.left_out]
        parts += [said for _, unread in sides for said in unread]
        return LogResult(value=value, query=text, left_out=tuple(dict.fromkeys(parts)))

    def document(self, streams: str, request: LogDocument, *, budget_seconds: float) -> LogResult[LogEntry]:
        """The document that a link names, if it lies in `streams`: a link must not lead into any other index."""
        budget = _TimeLeft(budget_seconds, self._seconds)
        fields = self._resolver.resolution(request.stream, streams, timeout_seconds=budget_seconds)
        asked = search.only(request, fields)
        found = self._found(streams, query=asked, size=1, count_up_to=0, timeout_seconds=budget.left())
        text = search.as_text(streams, asked)
        if found is None or not found.hits:
            return LogResult(value=None, query=text, nothing=NO_DOCUMENT, left_out=found.left_out if found else ())
        with understood(SOURCE):
            return LogResult(value=self._reader(request.stream, request.tracks).entry(found.hits[0]), query=text)

    def patterns(self, streams: str, request: LogPatterns, *, budget_seconds: float) -> LogResult[Patterns]:
        """The patterns of the newest lines."""
        budget = _TimeLeft(budget_seconds, self._seconds)
        logs = request.logs
        fields = self._resolver.resolution(logs.stream, streams, timeout_seconds=budget_seconds)
        asked = search.query(logs, fields, self._words)
        found = self._found(
            streams,
            query=asked,
            size=request.sample,
            sort=search.sort(logs, fields),
            fields=text_of(logs.stream, _OF_PATTERNS, self._own.get(logs.stream, {})),
            timeout_seconds=budget.left(),
        )
        text = search.as_text(streams, asked)
        if found is None:
            return _no_stream(streams, text)
        read, unread = self._reader(logs.stream, logs.tracks, logs.places).entries(found)
        entries = [entry for entry in read if search.fits(logs, entry)]
        value = Patterns(
            patterns=patterns(entries),
            sampled=len(entries),
            total=found.total,
            total_is_lower_bound=found.total_is_lower_bound or bool(found.left_out),
        )
        missed = self._missed(streams, logs, fields, budget)
        return LogResult(value=value, query=text, left_out=(*found.left_out, *unread, *missed))

    def _wanted(self, request: Logs) -> tuple[str, ...]:
        """The fields to read; all where there are none. A span's duration is read with what tells its unit."""
        more = durations.BESIDE if "duration" in request.concepts else ()
        return (*text_of(request.stream, request.concepts, self._own.get(request.stream, {})), *more)

    def _window(
        self, streams: str, request: Logs, start: datetime, fields: Resolution, width: int, timeout_seconds: float
    ) -> LogResult[LogPage]:
        window = replace(request, start=start)
        asked = search.query(window, fields, self._words)
        end = self._seconds() + timeout_seconds
        found = self._found(
            streams,
            query=asked,
            size=search.read_size(window, fields),
            sort=search.sort(window, fields),
            aggregations=search.aggregations(window, fields, width, self._words),
            fields=self._wanted(request),
            count_up_to=request.count_up_to,
            timeout_seconds=timeout_seconds,
        )
        text = search.as_text(streams, asked)
        if found is None:
            return _no_stream(streams, text)
        more, uncounted = self._split_counts(window, fields, asked, end)
        entries, unread = self._reader(request.stream, request.tracks, request.places).entries(found)
        with understood(SOURCE):
            found = replace(found, aggregations={**found.aggregations, **more})
            page = search.page(window, found, entries, fields, width)
        unsure = search.unsure(window, found, entries, page)
        page = page if start == request.start else search.searched_from(page, start)
        return LogResult(value=page, query=text, left_out=(*found.left_out, *unread, *unsure, *uncounted))

    def _split_counts(
        self, request: Logs, fields: Resolution, asked: Mapping[str, Any], end: float
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The counts by fields that have another type in other indices, from the indices where they can be counted."""
        counts: dict[str, Any] = {}
        lost: list[str] = []
        for indices, aggregations in search.split_aggregations(request, fields).items():
            names = ",".join(sorted(indices))
            left = end - self._seconds()
            if len(names) > LONGEST_NAMES or left < LEAST_SECONDS:
                lost.append(f"counts lack {len(indices)} indices in which a field has another type")
                continue
            found = self._found(names, query=asked, size=0, aggregations=aggregations, timeout_seconds=left)
            counts |= found.aggregations if found else {}
        return counts, tuple(lost)

    def _missed(self, streams: str, request: Logs, fields: Resolution, budget: _TimeLeft) -> tuple[str, ...]:
        """What the search cannot have seen: closed indices, lines without a field, words that are not understood.

        If that cannot be counted, the page is shown with a note that it is not known.
        """
        closed = left_out(fields.unavailable, request.start)
        if not survey.is_needed(request, fields):
            return closed
        try:
            found = self._found(
                streams,
                query=survey.query(request, fields, self._words),
                size=0,
                aggregations=survey.aggregations(request, fields, self._words),
                timeout_seconds=budget.left(),
            )
        except SourceError as error:
            return (*closed, f"how many lines do not say what was asked for is not known: {error.detail}")
        if found is None:
            return closed
        with understood(SOURCE):
            return (*closed, *survey.findings(request, fields, self._words, found.aggregations))

    def _reader(self, stream: str, tracks: BlueGreen, places: tuple[LogPlace, ...] = ()) -> Reader:
        return Reader(stream=stream, places=places, words=self._words, own=self._own.get(stream, {}), tracks=tracks)

    def _found(self, streams: str, **asked: Any) -> Found | None:
        """None where no data stream has the name."""
        try:
            found = self._elasticsearch.search(streams, **asked)
        except NotFound:
            return None
        return found if found.shards else None

    @contextmanager
    def _point_in_time(self, streams: str, budget: _TimeLeft) -> Iterator[str]:
        point = self._elasticsearch.open_point_in_time(streams, timeout_seconds=budget.left())
        try:
            yield point
        finally:
            with suppress(SourceError):  # it ends by itself
                self._elasticsearch.close_point_in_time(point, timeout_seconds=LEAST_SECONDS)


def _beginnings(request: Logs, fields: Resolution, width: int) -> tuple[datetime, ...]:
    """Where the windows begin. Only the newest lines lie in the newest window, whatever else is sorted by does not."""
    if not request.widening or not request.newest_first or fields.fields(request.sort) != (TIME,):
        return (request.start,)
    return beginnings(request.start, request.end, bucket_seconds=width)


def _unfinished(best: LogResult[LogPage], begun: datetime, budget_seconds: float) -> LogResult[LogPage]:
    back_to = f"{begun:%Y-%m-%d %H:%M:%S} UTC"
    said = f"searched back to {back_to} only: more would have taken longer than {number(budget_seconds, Unit.SECONDS)}"
    return replace(best, left_out=(*best.left_out, said))


def _with_lacking(read: LogResult[LogPage], request: Logs) -> LogResult[LogPage]:
    """Nothing was found by a field that no document has: that is no proof that nothing happened.

    What is only counted by such a field lacks no line.
    """
    found = {*search.filtered_by(request), search.IN_KNOWN_UNIT}
    lacking = [name for name in read.value.lacking if name in found] if read.value is not None else []
    if not lacking:
        return read
    said = f"no document has a field for {', '.join(lacking)}"
    return replace(read, left_out=(*read.left_out, said))


def _no_stream(streams: str, text: str) -> LogResult[Any]:
    return LogResult(value=None, query=text, nothing=f"there is no data stream {streams}")
