"""A request for log lines, spans or audit events as an Elasticsearch search, and its answer as a page. Pure.

Where a concept has several fields, a count uses the second only for documents without the first, so that a document
with both counts once. `clauses.py` writes the clauses, `entries.py` reads the documents.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.elasticsearch import Found
from dashboard.catalog.fields import TIME
from dashboard.decide import log_query
from dashboard.model.log import Cursor, DocumentId, LogEntry, LogPage
from dashboard.model.words import WORDS, LogLevel, Words
from dashboard.queries import clauses, line_query
from dashboard.queries.clauses import BEGINNING, LEVEL, OUTCOME, Clause
from dashboard.queries.request import LogContext, LogDocument, LogRequest, Logs
from dashboard.queries.resolution import BY_VALUE, FieldKind, Resolution

# What a search by duration lacks where its field is in a unit that nothing tells.
IN_KNOWN_UNIT = "the duration in a known unit (elasticsearch.fields.traces.duration_unit in the settings says it)"
# Among so many lines, one that states its level is nearly always found.
_READ_AT_LEAST = 50
_HISTOGRAM = "histogram"
_VALUES = "values"
_TERMS_SIZE = 12
# A sort key whose order is the same on every page of a point in time.
TIE = "_shard_doc"
# How a bound is written does not depend on the format that an index keeps its times in.
_FORMAT = {"format": "strict_date_optional_time"}


def query(request: Logs, fields: Resolution, words: Words = WORDS) -> Clause:
    """The filter: everything of the namespace in the window that matches all filters and the typed query.

    Raises:
        QueryMistakeError: the typed query cannot be asked.
    """
    wanted = [*clauses.filters(request.filters, fields, words, request.places), *typed(request, fields, words)]
    wanted += [clauses.at_least(concept, least, fields) for concept, least in request.at_least.items() if least]
    return {"bool": {"filter": [window(request), scope(request.namespace, fields), *wanted]}}


def window(request: Logs) -> Clause:
    """What lies in the window, its end excluded."""
    return {"range": {TIME: {"gte": _iso(request.start), "lt": _iso(request.end), **_FORMAT}}}


def typed(request: Logs, fields: Resolution, words: Words = WORDS) -> list[Clause]:
    """What was typed, as a clause; none where nothing was."""
    condition = log_query.parse(request.text, line_query.names(request.stream))
    return [] if condition is None else [line_query.clause(condition, fields, words, request.places, request.tracks)]


def scope(namespace: str, fields: Resolution) -> Clause:
    """What keeps namespaces apart: part of every question about logs, spans and audit events."""
    return clauses.either([clauses.has(use, namespace) for use in fields.uses("namespace")])


def without(query: Clause, shown: Iterable[DocumentId]) -> Clause:
    """The same query, but for documents that were shown already. An id is one of its index only."""
    by_index: dict[str, list[str]] = defaultdict(list)
    for document in shown:
        by_index[document.index].append(document.id)
    seen = [
        {"bool": {"filter": [{"term": {"_index": index}}, {"ids": {"values": ids}}]}} for index, ids in by_index.items()
    ]
    return {"bool": {**query["bool"], "must_not": seen}} if seen else query


def only(request: LogDocument | LogContext, fields: Resolution) -> Clause:
    """The query that finds one document: a link must not lead into any other namespace."""
    document = request.document
    itself = [{"term": {"_index": document.index}}, {"ids": {"values": [document.id]}}]
    return {"bool": {"filter": [*itself, scope(request.namespace, fields)]}}


def around(request: LogContext, at: datetime, reach: timedelta, fields: Resolution, words: Words = WORDS) -> Clause:
    """The query for what was written up to `reach` before or after a moment."""
    near = {"range": {TIME: {"gte": _iso(at - reach), "lte": _iso(at + reach), **_FORMAT}}}
    wanted = clauses.filters(request.filters, fields, words)
    return {"bool": {"filter": [near, scope(request.namespace, fields), *wanted]}}


def sort(request: Logs, fields: Resolution) -> list[Clause]:
    """The order: by the asked field, then by time, newest first unless asked otherwise."""
    order = {"order": "desc" if request.newest_first else "asc"}
    key = fields.fields(request.sort)[0]
    if key == TIME:
        return [{TIME: order}]
    return [{key: {**order, "unmapped_type": "long"}}, {TIME: {"order": "desc"}}]


def paged(order: Sequence[Clause]) -> list[Clause]:
    """The same order in a point in time, with a tie-breaker."""
    (last,) = order[-1].values()
    return [*order, {TIE: last["order"]}]


def aggregations(request: Logs, fields: Resolution, width_seconds: int, words: Words = WORDS) -> Clause:
    """The counts over the window that were asked for; of a histogram in buckets of `width_seconds`."""
    asked = {part: counted for part, (indices, counted) in _counts(request, fields).items() if indices is None}
    if not request.histogram_buckets:
        return asked
    counted: Clause = {"date_histogram": {"field": TIME, "fixed_interval": f"{width_seconds}s", "min_doc_count": 1}}
    asked[_HISTOGRAM] = counted
    if request.by_level and request.stream == "logs":
        worse: list[Clause] = []
        for level in LogLevel:  # worst first: a line counts once, by the worst level that it states
            (of_level,) = clauses.filters({LEVEL: level}, fields, words)
            only_here = {"bool": {"filter": [of_level], "must_not": list(worse)}}
            asked[f"{_HISTOGRAM}@{level}"] = {"filter": only_here, "aggs": {_HISTOGRAM: counted}}
            worse.append(of_level)
    return asked


def split_aggregations(request: Logs, fields: Resolution) -> dict[frozenset[str], Clause]:
    """The counts that only some indices allow, since the field has another type in the others."""
    asked: dict[frozenset[str], Clause] = defaultdict(dict)
    for part, (indices, counted) in _counts(request, fields).items():
        if indices is not None:
            asked[indices][part] = counted
    return dict(asked)


def page(request: Logs, found: Found, entries: tuple[LogEntry, ...], fields: Resolution, width_seconds: int) -> LogPage:
    """The answer as a page; a KeyError, TypeError or ValueError where it does not fit the request.

    Documents that were found by a word in their line and do not state the level that was asked for are not on it.
    """
    counts = found.aggregations
    buckets = counts[_HISTOGRAM]["buckets"] if request.histogram_buckets else ()
    fitting = tuple(entry for entry in entries if fits(request, entry))
    shown, later = fitting[: request.size], fitting[request.size :]
    is_whole = len(found.hits) >= found.total and not found.total_is_lower_bound and not found.left_out
    is_unsure = not is_whole and len(fitting) < len(entries)
    there_may_be_more = request.size > 0 and (bool(later) or request.size <= len(found.hits))
    return LogPage(
        entries=shown,
        total=found.total - (len(entries) - len(fitting)),
        total_is_lower_bound=found.total_is_lower_bound or bool(found.left_out) or is_unsure,
        histogram=_histogram(request, buckets, width_seconds) if request.histogram_buckets else (),
        levels={
            level: _histogram(request, found_part[_HISTOGRAM]["buckets"], width_seconds)
            for level in LogLevel
            if (found_part := counts.get(f"{_HISTOGRAM}@{level}")) is not None
        },
        terms={
            name: _of_entries(fitting, name)
            if len(entries) == found.total and name in _READ
            else _terms(counts, name, request)
            for name in request.terms
        },
        lacking=lacking(request, fields),
        next=Cursor(shown=_seen(found, later)) if there_may_be_more else None,
    )


def read_size(request: Logs, fields: Resolution) -> int:
    """How many documents to read for a page: more where their level is only known when they are read."""
    is_told = fields.is_everywhere(("severity",)) or fields.is_everywhere(("severity_number",))
    if request.stream != "logs" or not request.filters.get(LEVEL) or not request.size or (fields.indices and is_told):
        return request.size
    return max(request.size, _READ_AT_LEAST)


def unsure(request: Logs, found: Found, entries: Iterable[LogEntry], page: LogPage) -> tuple[str, ...]:
    """In words, documents that may be of the level that was asked for: not read, or without a clear level."""
    if request.stream != "logs" or not request.filters.get(LEVEL):
        return ()
    said = []
    if unclear := sum(entry.level is None for entry in entries):
        said.append(f"{lines_of(unclear)} that mention it but do not state their level")
    rest = found.total - len(found.hits)
    if len(page.entries) < request.size and rest > 0:
        said.append(f"{lines_of(rest)} that may be of this level but were not read")
    return tuple(said)


def lines_of(count: int) -> str:
    """So many lines, in words."""
    return "1 line" if count == 1 else f"{count:,} lines"


def _seen(found: Found, later: Iterable[LogEntry]) -> tuple[DocumentId, ...]:
    """What was read, but for what a later page is to show."""
    kept = {(entry.index, entry.id) for entry in later}
    return tuple(DocumentId(hit.index, hit.id) for hit in found.hits if (hit.index, hit.id) not in kept)


def fits(request: Logs, entry: LogEntry) -> bool:
    """Whether an entry has the level or outcome that was asked for, as it was read."""
    levels, outcomes = _several(request.filters.get(LEVEL)), _several(request.filters.get(OUTCOME))
    return (not levels or request.stream != "logs" or entry.level in levels) and (
        not outcomes or request.stream != "traces" or entry.outcome in outcomes
    )


def lacking(request: Logs, fields: Resolution) -> tuple[str, ...]:
    """What the request asks by and no document has: neither a field nor a pod that would tell it."""
    told = {"service", "track"} if request.places and "pod" not in fields.lacking else set()
    unsaid = (IN_KNOWN_UNIT,) if request.at_least.get("duration") and clauses.without_unit(fields) else ()
    return (*fields.lacks(concept for concept in asked_by(request) if concept not in told), *unsaid)


def asked_by(request: Logs) -> Iterator[str]:
    """The concepts that decide which documents are found and how they are counted."""
    yield from filtered_by(request)
    yield from request.terms


def filtered_by(request: Logs) -> Iterator[str]:
    """The concepts that decide which documents are found."""
    yield "namespace"
    by_meaning = (LEVEL, OUTCOME, BEGINNING)
    yield from (name for name, value in request.filters.items() if value and name not in by_meaning)
    yield from (name for name, least in request.at_least.items() if least)


def searched_from(page: LogPage, start: datetime) -> LogPage:
    """The page of a window that is not the whole one: there may be more before it."""
    shown = page.next.shown if page.next else tuple(entry.document for entry in page.entries)
    return replace(page, searched_from=start, total_is_lower_bound=True, next=Cursor(shown=shown))


def next_page(request: Logs, cursor: Cursor, found: Found, entries: tuple[LogEntry, ...]) -> LogPage:
    """A page behind another, which has no counts: the total is of what is shown."""
    is_full = len(found.hits) >= request.size
    later = (
        Cursor(shown=cursor.shown, point_in_time=found.point_in_time, after=found.hits[-1].sort) if is_full else None
    )
    fitting = tuple(entry for entry in entries if fits(request, entry))
    return LogPage(entries=fitting, total=len(fitting), total_is_lower_bound=True, next=later)


def shape(request: Logs) -> Hashable:
    """A request without its window: equal for two looks at the same moving window."""
    filters = tuple(sorted((name, wanted) for name, wanted in request.filters.items() if wanted))
    counts = (request.histogram_buckets, request.by_level, request.terms, request.places)
    order = (request.sort, request.newest_first, request.widening, request.tracks, request.count_up_to)
    bounds = tuple(sorted(request.at_least.items()))
    return (request.namespace, filters, bounds, request.text, request.size, request.concepts, *order, *counts)


def as_text(streams: str, query: Mapping[str, Any]) -> str:
    """The search as a person may paste it into Kibana's console."""
    return f"GET {streams}/_search {json.dumps({'query': query}, ensure_ascii=False)}"


def about(streams: str, request: LogRequest) -> str:
    """A request as a person may read it before it is known which fields the backend has."""
    if isinstance(request, LogContext | LogDocument):
        return as_text(streams, only(request, Resolution(stream=request.stream)))
    logs = request if isinstance(request, Logs) else request.logs
    return as_text(streams, query(logs, Resolution(stream=logs.stream)))


def bucket_seconds(request: Logs) -> int:
    """The width of a bucket: whole seconds, so that no more buckets come than were asked for; 1 where none was."""
    if not request.histogram_buckets:
        return 1
    span = (request.end - request.start).total_seconds()
    return max(1, -int(-span // request.histogram_buckets))


_READ = ("service", "track", "pod", LEVEL, OUTCOME)


def _counts(request: Logs, fields: Resolution) -> dict[str, tuple[frozenset[str] | None, Clause]]:
    """The counts by value, each by the name of its part, with the indices that it is bound to (None: none)."""
    asked: dict[str, tuple[frozenset[str] | None, Clause]] = {}
    for name in request.terms:
        earlier: list[str] = []
        for number, use in enumerate(fields.uses("severity" if name == LEVEL else name)):
            counted = {"terms": {"field": use.name, "size": _TERMS_SIZE}}
            # A value that is also kept as text is one field, not two.
            plain = use.name.removesuffix(BY_VALUE)
            others = [
                {"exists": {"field": other}} for other in dict.fromkeys(earlier) if other not in (use.name, plain)
            ]
            if others:
                counted = {"filter": {"bool": {"must_not": others}}, "aggs": {_VALUES: counted}}
            earlier.append(use.name)
            if use.kind is not FieldKind.TEXT:
                asked[f"{name}+{number}" if number else name] = (use.indices, counted)
        for value in dict.fromkeys(place.of(name) for place in request.places if place.of(name)):
            if by_pod := clauses.of_pods(name, value, fields, request.places):
                asked[f"{name}@{value}"] = (None, {"filter": by_pod})
    return asked


def _terms(counts: Mapping[str, Any], name: str, request: Logs) -> tuple[tuple[str, int], ...]:
    found: Counter[str] = Counter()
    service = request.filters.get("service") or ""

    def word(key: str) -> str:
        return request.tracks.word(key, service if isinstance(service, str) else "") if name == "track" else key

    for part, counted in counts.items():
        if part == name or part.startswith(f"{name}+"):
            for bucket in counted.get(_VALUES, counted)["buckets"]:
                found[word(str(bucket["key"]))] += int(bucket["doc_count"])
        elif part.startswith(f"{name}@") and counted["doc_count"]:
            found[part.partition("@")[2]] += int(counted["doc_count"])
    return tuple(found.most_common(_TERMS_SIZE))


def _of_entries(entries: Iterable[LogEntry], name: str) -> tuple[tuple[str, int], ...]:
    """The same counts where every document was read."""
    found = Counter(value for entry in entries if (value := _read(entry, name)))
    return tuple(found.most_common(_TERMS_SIZE))


def _read(entry: LogEntry, name: str) -> str:
    if name == LEVEL:
        return entry.level or entry.severity or "not said"
    if name == OUTCOME:
        return entry.outcome or entry.severity
    return str(getattr(entry, name))


def _histogram(request: Logs, buckets: Iterable[Mapping[str, Any]], width: int) -> tuple[tuple[datetime, int], ...]:
    """Every bucket of the window: what Elasticsearch leaves out was counted and is truly 0."""
    counted = {int(bucket["key"]) // 1000: int(bucket["doc_count"]) for bucket in buckets}
    first = int(request.start.timestamp()) // width * width
    last = int(request.end.timestamp())
    return tuple(
        (datetime.fromtimestamp(at, UTC), counted.get(at, 0)) for at in range(first, max(last, first + 1), width)
    )


def _several(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) and value else tuple(value or ())


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
