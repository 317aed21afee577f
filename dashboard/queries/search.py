"""A question for log lines, spans or audit events as an Elasticsearch search, and its answer as a page. Pure.

Where a concept has fields of two telemetry generations, a filter takes either, and a count takes the second only of
documents that lack the first: one that carries both is one document.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.elasticsearch import Found, Hit
from dashboard.catalog.fields import FIELDS, NANOSECONDS_IN, TEXT, TIME, names
from dashboard.model.log import Cursor, DocumentId, LogEntry, LogPage
from dashboard.queries.request import LogContext, LogDocument, LogRequest, Logs
from dashboard.queries.resolution import Resolution

Clause = dict[str, Any]

_HISTOGRAM = "histogram"
_VALUES = "values"
_TERMS_SIZE = 12
_ATTRIBUTES = ("attributes.", "labels.")
# Of a span, what is no attribute but belongs to the line a person reads.
_SPAN_FIELDS = ("kind", "parent_span_id", "status.code")
# The order of a point in time that is the same in every page of it.
TIE = "_shard_doc"


def query(request: Logs, fields: Resolution) -> Clause:
    """The filter: everything of the namespace in the window that matches all filters and all words of the text."""
    window = {"gte": _iso(request.start), "lt": _iso(request.end)}
    wanted = filters(request.filters, fields)
    boolean: Clause = {"filter": [{"range": {TIME: window}}, scope(request.namespace, fields), *wanted]}
    if request.text.strip():
        words = {"query": request.text, "fields": list(TEXT[request.stream]), "default_operator": "and"}
        boolean["must"] = [{"simple_query_string": words}]
    return {"bool": boolean}


def scope(namespace: str, fields: Resolution) -> Clause:
    """What keeps namespaces apart: part of every question about logs, spans and audit events."""
    return _either(fields.fields("namespace"), namespace)


def filters(wanted: Mapping[str, str | tuple[str, ...]], fields: Resolution) -> list[Clause]:
    """A clause for each filter that has a value."""
    return [_either(fields.fields(name), value) for name, value in wanted.items() if value]


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


def around(request: LogContext, at: datetime, reach: timedelta, fields: Resolution) -> Clause:
    """The query for what was written up to `reach` before or after a moment."""
    window = {"gte": _iso(at - reach), "lte": _iso(at + reach)}
    wanted = filters(request.filters, fields)
    return {"bool": {"filter": [{"range": {TIME: window}}, scope(request.namespace, fields), *wanted]}}


def sort(request: Logs, fields: Resolution) -> list[Clause]:
    """The order: by the asked field, then by time, newest first unless asked otherwise."""
    order = {"order": "desc" if request.newest_first else "asc"}
    key = fields.fields(request.sort)[0]
    if key == TIME:
        return [{TIME: order}]
    return [{key: {**order, "unmapped_type": "long"}}, {TIME: {"order": "desc"}}]


def paged(order: Sequence[Clause]) -> list[Clause]:
    """The same order in a point in time, with what decides between documents that are equal in it."""
    (last,) = order[-1].values()
    return [*order, {TIE: last["order"]}]


def aggregations(request: Logs, fields: Resolution, width_seconds: int) -> Clause:
    """The counts over the window that were asked for; of a histogram in buckets of `width_seconds`."""
    asked: Clause = {}
    for name in request.terms:
        keys = fields.fields(name)
        for number, key in enumerate(keys):
            counted = {"terms": {"field": key, "size": _TERMS_SIZE}}
            if number:
                earlier = [{"exists": {"field": other}} for other in keys[:number]]
                counted = {"filter": {"bool": {"must_not": earlier}}, "aggs": {_VALUES: counted}}
            asked[_part(name, number)] = counted
    if request.histogram_buckets:
        asked[_HISTOGRAM] = {
            "date_histogram": {"field": TIME, "fixed_interval": f"{width_seconds}s", "min_doc_count": 1}
        }
    return asked


def page(request: Logs, found: Found, fields: Resolution, width_seconds: int) -> LogPage:
    """The answer in the deck's words; a KeyError, TypeError or ValueError where a document is not of its stream."""
    counts = found.aggregations
    buckets = counts[_HISTOGRAM]["buckets"] if request.histogram_buckets else ()
    entries = entries_of(request.stream, found)
    is_full = 0 < request.size <= len(entries)
    return LogPage(
        entries=entries,
        total=found.total,
        total_is_lower_bound=found.total_is_lower_bound or bool(found.left_out),
        histogram=_histogram(request, buckets, width_seconds) if request.histogram_buckets else (),
        terms={name: _terms(counts, name, len(fields.fields(name))) for name in request.terms},
        lacking=fields.lacks(_asked_by(request)),
        next=Cursor(shown=tuple(entry.document for entry in entries)) if is_full else None,
    )


def _asked_by(request: Logs) -> Iterator[str]:
    """The concepts that decide which documents are found and how they are counted."""
    yield "namespace"
    yield from (name for name, value in request.filters.items() if value)
    yield from request.terms


def searched_from(page: LogPage, start: datetime) -> LogPage:
    """The page of a window that is not the whole one: there may be more before it."""
    shown = tuple(entry.document for entry in page.entries)
    return replace(page, searched_from=start, total_is_lower_bound=True, next=Cursor(shown=shown))


def next_page(request: Logs, cursor: Cursor, found: Found) -> LogPage:
    """A page behind another, which has no counts: the total is of what is shown."""
    is_full = len(found.hits) >= request.size
    later = (
        Cursor(shown=cursor.shown, point_in_time=found.point_in_time, after=found.hits[-1].sort) if is_full else None
    )
    return LogPage(
        entries=entries_of(request.stream, found), total=len(found.hits), total_is_lower_bound=True, next=later
    )


def entries_of(stream: str, found: Found) -> tuple[LogEntry, ...]:
    """The documents in the deck's words; raises as `page` does."""
    return tuple(entry(stream, hit) for hit in found.hits)


def shape(request: Logs) -> Hashable:
    """All of a request but its window: what two looks at the same moving window have in common."""
    filters = tuple(sorted((name, wanted) for name, wanted in request.filters.items() if wanted))
    counts = (request.histogram_buckets, request.terms)
    order = (request.sort, request.newest_first, request.widening)
    return (request.namespace, filters, request.text, request.size, *order, *counts)


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


def entry(stream: str, hit: Hit) -> LogEntry:
    """One document in the deck's words; raises as `page` does."""
    flat = dict(_flat(hit.source))

    def text(concept: str) -> str:
        found = _first(flat, names(stream, concept))
        return found if isinstance(found, str) else "" if found is None else str(found)

    return LogEntry(
        at=_time(flat[TIME]),
        severity=text("severity"),
        message=text("message"),
        service=text("service"),
        track=text("track"),
        pod=text("pod"),
        trace_id=text("trace_id"),
        span_id=text("span_id"),
        attributes=_attributes(stream, flat),
        id=hit.id,
        index=hit.index,
    )


def _part(name: str, number: int) -> str:
    return f"{name}+{number}" if number else name


def _either(keys: Sequence[str], wanted: str | tuple[str, ...]) -> Clause:
    clauses: list[Clause] = [
        {"term": {key: wanted}} if isinstance(wanted, str) else {"terms": {key: list(wanted)}} for key in keys
    ]
    return clauses[0] if len(clauses) == 1 else {"bool": {"should": clauses, "minimum_should_match": 1}}


def _terms(counts: Mapping[str, Any], name: str, parts: int) -> tuple[tuple[str, int], ...]:
    found: Counter[str] = Counter()
    for number in range(parts):
        counted = counts[_part(name, number)]
        for bucket in (counted[_VALUES] if number else counted)["buckets"]:
            found[str(bucket["key"])] += int(bucket["doc_count"])
    return tuple(found.most_common(_TERMS_SIZE))


def _histogram(request: Logs, buckets: Iterable[Mapping[str, Any]], width: int) -> tuple[tuple[datetime, int], ...]:
    """Every bucket of the window: what Elasticsearch leaves out was counted and is truly 0."""
    counted = {int(bucket["key"]) // 1000: int(bucket["doc_count"]) for bucket in buckets}
    first = int(request.start.timestamp()) // width * width
    last = int(request.end.timestamp())
    return tuple(
        (datetime.fromtimestamp(at, UTC), counted.get(at, 0)) for at in range(first, max(last, first + 1), width)
    )


def _attributes(stream: str, flat: Mapping[str, Any]) -> dict[str, Any]:
    """What the entry has no field of its own for, by its standard name; of an audit event everything."""
    if stream == "audit":
        return {key: value for key, value in flat.items() if key != TIME}
    found = {
        key.removeprefix(prefix): value
        for prefix in _ATTRIBUTES
        for key, value in flat.items()
        if key.startswith(prefix)
    }
    for candidates in FIELDS[stream].values():
        standard = candidates[0]
        if standard.startswith("attributes.") and (value := _first(flat, candidates)) is not None:
            found[standard.removeprefix("attributes.")] = value
    if stream == "traces":
        found |= {key: flat[key] for key in _SPAN_FIELDS if key in flat}
        for name in names(stream, "duration"):
            if name in flat:
                found.setdefault("duration", flat[name] * NANOSECONDS_IN.get(name, 1))
    return found


def _first(flat: Mapping[str, Any], candidates: Iterable[str]) -> Any:
    return next((flat[name] for name in candidates if flat.get(name) not in (None, "")), None)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves by dotted name: documents come nested, with dots in their keys, or both."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _time(value: str | float) -> datetime:
    """A document's time: RFC 3339, or milliseconds since the epoch as a number or in text, as exporters write it."""
    try:
        return datetime.fromtimestamp(float(value) / 1000, UTC)
    except ValueError:
        at = datetime.fromisoformat(str(value))
        return at if at.tzinfo else at.replace(tzinfo=UTC)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
