"""A question for log lines, spans or audit events as an Elasticsearch search, and its answer as a page. Pure."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.elasticsearch import Found, Hit
from dashboard.catalog.fields import TEXT, TIME, field
from dashboard.model.log import LogEntry, LogPage
from dashboard.queries.request import Logs

_HISTOGRAM = "histogram"
_TERMS_SIZE = 12
# Of a span, what is no attribute but belongs to the line a person reads.
_SPAN_FIELDS = ("duration", "kind", "parent_span_id", "status.code")


def query(request: Logs) -> dict[str, Any]:
    """The filter: everything in the window that matches all filters and all words of the text."""
    window = {"gte": _iso(request.start), "lt": _iso(request.end)}
    clauses: list[dict[str, Any]] = [{"range": {TIME: window}}]
    for name, wanted in request.filters.items():
        if not wanted:
            continue
        key = field(request.stream, name)
        clauses.append({"term": {key: wanted}} if isinstance(wanted, str) else {"terms": {key: list(wanted)}})
    boolean: dict[str, Any] = {"filter": clauses}
    if request.text.strip():
        words = {"query": request.text, "fields": list(TEXT[request.stream]), "default_operator": "and"}
        boolean["must"] = [{"simple_query_string": words}]
    return {"bool": boolean}


def sort(request: Logs) -> list[dict[str, Any]]:
    """The order: by the asked field, then by time, newest first unless asked otherwise."""
    order = {"order": "desc" if request.newest_first else "asc"}
    key = field(request.stream, request.sort)
    return [{key: order}] if key == TIME else [{key: order}, {TIME: {"order": "desc"}}]


def aggregations(request: Logs) -> dict[str, Any]:
    """The counts over the whole window that were asked for."""
    asked: dict[str, Any] = {
        name: {"terms": {"field": field(request.stream, name), "size": _TERMS_SIZE}} for name in request.terms
    }
    if request.histogram_buckets:
        asked[_HISTOGRAM] = {
            "date_histogram": {"field": TIME, "fixed_interval": f"{bucket_seconds(request)}s", "min_doc_count": 1}
        }
    return asked


def page(request: Logs, found: Found) -> LogPage:
    """The answer in the deck's words; a KeyError, TypeError or ValueError where a document is not of its stream."""
    counts = found.aggregations
    return LogPage(
        entries=tuple(_entry(request.stream, hit) for hit in found.hits),
        total=found.total,
        total_is_lower_bound=found.total_is_lower_bound or bool(found.left_out),
        histogram=_histogram(request, counts[_HISTOGRAM]["buckets"]) if request.histogram_buckets else (),
        terms={
            name: tuple((str(bucket["key"]), int(bucket["doc_count"])) for bucket in counts[name]["buckets"])
            for name in request.terms
        },
    )


def shape(request: Logs) -> Hashable:
    """All of a request but its window: what two looks at the same moving window have in common."""
    filters = tuple(sorted((name, wanted) for name, wanted in request.filters.items() if wanted))
    counts = (request.histogram_buckets, request.terms)
    return (filters, request.text, request.size, request.sort, request.newest_first, *counts)


def as_text(streams: str, query: Mapping[str, Any]) -> str:
    """The search as a person may paste it into Kibana's console."""
    return f"GET {streams}/_search {json.dumps({'query': query}, ensure_ascii=False)}"


def bucket_seconds(request: Logs) -> int:
    """The width of a bucket: whole seconds, so that no more buckets come than were asked for."""
    span = (request.end - request.start).total_seconds()
    return max(1, -int(-span // request.histogram_buckets))


def _histogram(request: Logs, buckets: list[Mapping[str, Any]]) -> tuple[tuple[datetime, int], ...]:
    """Every bucket of the window: what Elasticsearch leaves out was counted and is truly 0."""
    width = bucket_seconds(request)
    counted = {int(bucket["key"]) // 1000: int(bucket["doc_count"]) for bucket in buckets}
    first = int(request.start.timestamp()) // width * width
    last = int(request.end.timestamp())
    return tuple(
        (datetime.fromtimestamp(at, UTC), counted.get(at, 0)) for at in range(first, max(last, first + 1), width)
    )


def _entry(stream: str, hit: Hit) -> LogEntry:
    flat = dict(_flat(hit.source))

    def text(name: str) -> str:
        found = flat.get(field(stream, name), "")
        return found if isinstance(found, str) else str(found)

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
    )


def _attributes(stream: str, flat: Mapping[str, Any]) -> dict[str, Any]:
    """What the entry has no field of its own for: attributes without their prefix; of an audit event everything."""
    if stream == "audit":
        return {key: value for key, value in flat.items() if key != TIME}
    own = {key: flat[key] for key in _SPAN_FIELDS if stream == "traces" and key in flat}
    prefix = "attributes."
    return own | {key.removeprefix(prefix): value for key, value in flat.items() if key.startswith(prefix)}


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
