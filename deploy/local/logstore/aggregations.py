"""From Elasticsearch's aggregations to the engine's, and back. What the engine lacks is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tantivy
from tantivy import Occur, Query

from deploy.local.logstore.documents import TIME, rendered
from deploy.local.logstore.errors import StoreError, illegal, unknown
from deploy.local.logstore.fields import Mapping as Fields

_CALENDAR = {"minute": "1m", "1m": "1m", "hour": "1h", "1h": "1h", "day": "1d", "1d": "1d"}
_OPTIONS = {
    "terms": {"field", "size", "order", "min_doc_count", "missing"},
    "date_histogram": {
        "field", "fixed_interval", "calendar_interval", "min_doc_count", "extended_bounds", "hard_bounds", "offset",
    },
    "percentiles": {"field", "percents"},
    **{name: {"field", "missing"} for name in ("min", "max", "avg", "sum", "value_count", "cardinality", "stats")},
}  # fmt: skip
_NAMES = ("aggs", "aggregations")

Ask = Callable[[Query], Query]


def aggregate(
    searcher: tantivy.Searcher,
    query: Query,
    asked: Mapping[str, Any],
    fields: Fields,
    compile_query: Callable[[Any], Query],
) -> dict[str, Any]:
    """The answers under the names they were asked by. `filter` and `filters` are searches of their own."""
    answers: dict[str, Any] = {}
    for name, body in asked.items():
        kind, options, inner = _parts(name, body)
        if kind == "filter":
            answers[name] = _filtered(searcher, query, compile_query(options), inner, fields, compile_query)
        elif kind == "filters":
            named = options["filters"]
            if not isinstance(named, Mapping):
                raise illegal("[filters] wants named filters")
            answers[name] = {
                "buckets": {
                    key: _filtered(searcher, query, compile_query(one), inner, fields, compile_query)
                    for key, one in named.items()
                }
            }
        else:
            found = searcher.aggregate(query, {name: _engine(kind, options, inner, fields)})
            answers[name] = _answer(kind, options, inner, found[name], fields)
    return answers


def _filtered(
    searcher: tantivy.Searcher,
    query: Query,
    more: Query,
    inner: Mapping[str, Any],
    fields: Fields,
    compile_query: Callable[[Any], Query],
) -> dict[str, Any]:
    both = Query.boolean_query([(Occur.Must, query), (Occur.Must, more)])
    count = searcher.search(both, limit=1, count=True).count
    return {"doc_count": count, **aggregate(searcher, both, inner, fields, compile_query)}


def _parts(name: str, body: Any) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    if not isinstance(body, Mapping):
        raise StoreError(400, "parsing_exception", f"aggregation [{name}] wants an object")
    kinds = [key for key in body if key not in (*_NAMES, "meta")]
    if len(kinds) != 1:
        raise StoreError(400, "parsing_exception", f"aggregation [{name}] wants exactly one type")
    inner = next((body[key] for key in _NAMES if key in body), {})
    return kinds[0], body[kinds[0]], inner


def _engine(kind: str, options: Mapping[str, Any], inner: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """What the engine is asked."""
    if kind not in _OPTIONS:
        raise unknown("aggregation type", kind)
    for option in options:
        if option not in _OPTIONS[kind]:
            raise unknown("aggregation option", f"{kind}.{option}")
    if inner and kind not in ("terms", "date_histogram"):
        raise illegal(f"aggregation type [{kind}] has no aggregations below it")
    wanted = dict(options)
    wanted["field"] = _field(kind, options, fields)
    if kind == "date_histogram":
        calendar = wanted.pop("calendar_interval", None)
        if calendar is not None:
            if calendar not in _CALENDAR:
                raise illegal(f"calendar_interval [{calendar}] is not known")
            wanted["fixed_interval"] = _CALENDAR[calendar]
        wanted.setdefault("min_doc_count", 0)
    if kind == "terms":
        # The engine splits a count over its segments; more than is wanted makes the last of those wanted exact.
        wanted["segment_size"] = max(1000, 10 * int(options.get("size", 10)))
    if kind == "percentiles":
        wanted.setdefault("percents", [1, 5, 25, 50, 75, 95, 99])
    if not inner:
        return {kind: wanted}
    return {kind: wanted, "aggs": {name: _engine(*_parts(name, body), fields) for name, body in inner.items()}}


def _field(kind: str, options: Mapping[str, Any], fields: Fields) -> str:
    field = options.get("field")
    if not isinstance(field, str):
        raise StoreError(400, "parsing_exception", f"aggregation type [{kind}] wants a field")
    if field == TIME:
        return "_at"
    if kind == "date_histogram":
        raise illegal(f"[{field}] is no date: only [{TIME}] is")
    if fields[field] == "match_only_text":
        raise illegal(f"Fielddata is disabled on [{field}]: text cannot be grouped")
    return f"k.{field}"


def _answer(
    kind: str, options: Mapping[str, Any], inner: Mapping[str, Any], found: Mapping[str, Any], fields: Fields
) -> dict[str, Any]:
    """What the engine answered, as Elasticsearch would say it."""
    if kind not in ("terms", "date_histogram"):
        return dict(found)
    buckets = []
    for bucket in found["buckets"]:
        one: dict[str, Any] = {"key": bucket["key"], "doc_count": bucket["doc_count"]}
        if kind == "date_histogram":
            one |= {"key": int(bucket["key"]), "key_as_string": rendered(bucket["key"])}
        elif "key_as_string" in bucket:
            one["key_as_string"] = bucket["key_as_string"]
        elif fields[options["field"]] == "long":
            one["key"] = int(bucket["key"])
        for name, body in inner.items():
            one[name] = _answer(*_parts(name, body), bucket[name], fields)
        buckets.append(one)
    if kind == "date_histogram":
        return {"buckets": buckets}
    return {
        "doc_count_error_upper_bound": found.get("doc_count_error_upper_bound", 0),
        "sum_other_doc_count": found.get("sum_other_doc_count", 0),
        "buckets": buckets,
    }
