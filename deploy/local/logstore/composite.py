"""`composite`: buckets of several keys, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tantivy import Occur, Query

from deploy.local.logstore import histogram
from deploy.local.logstore.errors import StoreError, illegal, parsing

if TYPE_CHECKING:
    from deploy.local.logstore.aggregations import Aggregator, Node

_OPTIONS = {"sources", "size", "after"}
_TERMS = {"field", "order", "missing_bucket"}
_HISTOGRAM = {"field", "fixed_interval", "calendar_interval", "order"}


def answer(aggregator: Aggregator, query: Query, node: Node) -> dict[str, Any]:
    """One page of buckets, and the key behind which the next begins."""
    _only(node.options, _OPTIONS)
    sources = [_source(one) for one in node.options.get("sources") or ()]
    if not sources:
        raise illegal("Composite [sources] cannot be null or empty")
    asked: dict[str, Any] = {
        "size": node.options.get("size", 10), "sources": [_engine(aggregator, node, *one) for one in sources],
    }  # fmt: skip
    if "after" in node.options:
        asked["after"] = {name: _typed(aggregator, name, kind, options, node) for name, kind, options in sources}
    found = aggregator.run(query, {"c": {"composite": asked}})["c"]
    buckets = []
    for bucket in found["buckets"]:
        key = {name: _shown(bucket["key"][name], kind) for name, kind, _ in sources}
        here = [(Occur.Must, query), *((Occur.Must, _where(aggregator, key[n], k, o)) for n, k, o in sources)]
        one = {"key": key, "doc_count": bucket["doc_count"]}
        buckets.append(aggregator.composite_bucket(Query.boolean_query(here), node, one))
    return {**({"after_key": buckets[-1]["key"]} if buckets else {}), "buckets": buckets}


def _source(one: Any) -> tuple[str, str, Mapping[str, Any]]:
    ((name, body),) = one.items()
    ((kind, options),) = body.items()
    if kind not in ("terms", "date_histogram"):
        raise parsing(f"[{kind}] is no source of a composite aggregation that this store knows")
    _only(options, _TERMS if kind == "terms" else _HISTOGRAM)
    return name, kind, options


def _engine(aggregator: Aggregator, node: Node, name: str, kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    path, _ = aggregator.field(type(node)(name, kind, options, {}))
    asked: dict[str, Any] = {"field": path, "order": options.get("order", "asc")}
    if kind == "terms":
        return {name: {"terms": {**asked, "missing_bucket": bool(options.get("missing_bucket"))}}}
    return {name: {"histogram": {**asked, "interval": _interval(options)}}}


def _typed(aggregator: Aggregator, name: str, kind: str, options: Mapping[str, Any], node: Node) -> str | None:
    """A value of `after` as the engine writes it, with its type before it."""
    after = node.options["after"]
    if name not in after:
        raise illegal(f"Missing value for [after.{name}]")
    value = after[name]
    if value is None:
        return None
    if kind == "date_histogram":
        return f"f64:{value}"
    _, field = aggregator.field(type(node)(name, kind, options, {}))
    prefix = {"keyword": "str", "long": "i64", "date": "i64", "double": "f64", "boolean": "bool"}
    return f"{prefix[field.kind] if field else 'str'}:{str(value).lower() if isinstance(value, bool) else value}"


def _where(aggregator: Aggregator, value: Any, kind: str, options: Mapping[str, Any]) -> Query:
    if kind == "date_histogram":
        return aggregator.span(options["field"], value, value + _interval(options))
    return aggregator.equal(options["field"], value)


def _shown(value: Any, kind: str) -> Any:
    return int(value) if kind == "date_histogram" and value is not None else value


def _interval(options: Mapping[str, Any]) -> int:
    found = histogram.interval(options)
    if found is None:
        raise illegal(
            "a source of a composite aggregation has steps of equal length here: seconds, minutes, hours, or fixed"
        )
    return found


def _only(options: Mapping[str, Any], allowed: set[str]) -> None:
    for option in options:
        if option not in allowed:
            raise StoreError(400, "x_content_parse_exception", f"[composite] unknown field [{option}]")
