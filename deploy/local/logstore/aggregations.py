"""Elasticsearch's aggregations. What the engine has goes to it in one pass; the rest is a search for each bucket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import tantivy
from tantivy import Occur, Query

from deploy.local.logstore import composite, histogram, metrics
from deploy.local.logstore.bodies import listed
from deploy.local.logstore.errors import StoreError, illegal, parsing
from deploy.local.logstore.mapping import Field, View
from deploy.local.logstore.query import Compiler, both
from deploy.local.logstore.times import rendered

_NAMES = ("aggs", "aggregations")
_TERMS = {"field", "size", "order", "min_doc_count", "missing", "include", "exclude", "shard_size", "execution_hint"}
_LEAST_FETCHED = 200

TopHits = Callable[[Query, Mapping[str, Any]], dict[str, Any]]
# Of a name: the streams in which it stands for the same field, as their query and what aggregates over them alone.
Parts = Callable[[str], Iterable[tuple[Query, "Aggregator"]]]


@dataclass(frozen=True, slots=True)
class Node:
    """One aggregation as it was asked for."""

    name: str
    kind: str
    options: Mapping[str, Any]
    inner: Mapping[str, Node]
    meta: Mapping[str, Any] | None = None

    @property
    def is_of_engine(self) -> bool:
        """Whether the engine can answer it with all that is below it."""
        return self.kind in _IN_ENGINE and all(one.is_of_engine for one in self.inner.values())


class Aggregator:
    """Aggregates over the documents of queries."""

    def __init__(
        self, searcher: tantivy.Searcher, compiler: Compiler, view: View, top_hits: TopHits, parts: Parts
    ) -> None:
        self._searcher, self._compiler, self.view, self._top_hits = searcher, compiler, view, top_hits
        self._parts = parts
        self.now = compiler.clauses.now

    def aggregate(self, query: Query, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The answers under the names they were asked by. Raises StoreError."""
        return self._answers(query, _nodes(asked))

    def run(self, query: Query, asked: dict[str, Any]) -> dict[str, Any]:
        """The engine's own answer."""
        try:
            found: dict[str, Any] = self._searcher.aggregate(query, asked)
        except ValueError as error:
            if "aborting aggregation" in str(error).lower():
                raise StoreError(
                    400, "too_many_buckets_exception", f"Trying to create too many buckets. {error}"
                ) from error
            raise illegal(str(error)) from error
        return found

    def field(self, node: Node) -> tuple[str, Field | None]:
        """Where the engine has the field of an aggregation; no field where no stream knows it."""
        name = node.options.get("field")
        if not isinstance(name, str):
            raise parsing(f"Required one of fields [field, script], but none were specified for [{node.name}].")
        if name == "_index":
            return "_stream", None
        fields = self.view.fields(name)
        if any(field.kind == "text" for field in fields):
            raise illegal(
                f"Fielddata is disabled on [{name}]. Text fields are not optimised for operations that require "
                "per-document field data like aggregations and sorting. Please use a keyword field instead."
            )
        if len({field.path for field in fields}) > 1:
            names = sorted(field.name for field in fields)
            raise illegal(f"[{name}] stands for different fields in these streams: name one of {names}")
        return (fields[0].path, fields[0]) if fields else (f"k.{name}", None)

    def _answers(self, query: Query, nodes: Mapping[str, Node]) -> dict[str, Any]:
        alone = {name for name, node in nodes.items() if node.kind not in _IN_ENGINE or self._is_parted(node)}
        asked = {name: self._engine(query, node) for name, node in nodes.items() if name not in alone}
        found = self.run(query, asked) if asked else {}
        answers: dict[str, Any] = {}
        for name, node in nodes.items():
            answer = self._answer(query, node, found[name]) if name in found else self._alone(query, node)
            answers[name] = {"meta": node.meta, **answer} if node.meta else answer
        return answers

    def _is_parted(self, node: Node) -> bool:
        """Whether it is counted by a name that stands for different fields in different streams."""
        is_plain = node.kind == "terms" and not node.inner and set(node.options) <= {"field", "size"}
        return is_plain and len({field.path for field in self.view.fields(str(node.options.get("field")))}) > 1

    def _in_parts(self, query: Query, node: Node) -> dict[str, Any]:
        """The counts of each part added up."""
        counts: Counter[Any] = Counter()
        wide, size = {**node.options, "size": _LEAST_FETCHED}, int(node.options.get("size", 10))
        for streams, aggregator in self._parts(node.options["field"]):
            part = aggregator._answers(both(query, streams), {node.name: replace(node, options=wide)})[node.name]
            counts.update({bucket["key"]: bucket["doc_count"] for bucket in part["buckets"]})
        buckets = [{"key": key, "doc_count": count} for key, count in counts.items()]
        buckets.sort(key=_terms_order(node))
        rest = sum(bucket["doc_count"] for bucket in buckets[size:])
        return {"doc_count_error_upper_bound": 0, "sum_other_doc_count": rest, "buckets": buckets[:size]}

    def _engine(self, query: Query, node: Node) -> dict[str, Any]:
        """What the engine is asked for a node and what it can answer below it."""
        asked = _IN_ENGINE[node.kind](self, query, node)
        inner = {name: self._engine(query, one) for name, one in node.inner.items() if one.is_of_engine}
        return {**asked, "aggs": inner} if inner else asked

    def _answer(self, query: Query, node: Node, found: Mapping[str, Any]) -> dict[str, Any]:
        """What the engine answered in Elasticsearch's words; below it, what the engine could not."""
        if node.kind == "terms":
            return self._terms_answer(query, node, found)
        if node.kind == "date_histogram":
            _, field = self.field(node)
            found_buckets = histogram.answer(self, node, found)
            buckets = []
            for one, raw, end in found_buckets:
                where = partial(self._span, field, one["key"], end)
                buckets.append(self._with_inner(query, where, node, one, raw))
            return {"buckets": buckets}
        return metrics.answer(node, found, self.field(node)[1])

    def _span(self, field: Field | None, start: int, end: int) -> Query:
        return self._compiler.clauses.between(field, start, end) if field else Query.empty_query()

    def _terms_answer(self, query: Query, node: Node, found: Mapping[str, Any]) -> dict[str, Any]:
        _, field = self.field(node)
        size = int(node.options.get("size", 10))
        buckets = sorted(found["buckets"], key=_terms_order(node))
        shown = []
        for bucket in buckets[:size]:
            one = _terms_bucket(bucket, field, self._backing)
            where = partial(self.equal, node.options["field"], one.get("key_as_string", one["key"]))
            shown.append(self._with_inner(query, where, node, one, bucket))
        rest = sum(bucket["doc_count"] for bucket in buckets[size:])
        return {
            "doc_count_error_upper_bound": found.get("doc_count_error_upper_bound") or 0,
            "sum_other_doc_count": (found.get("sum_other_doc_count") or 0) + rest,
            "buckets": shown,
        }

    def _backing(self, stream: str) -> str:
        return self._compiler.clauses.backing.get(stream, stream)

    def _with_inner(
        self, query: Query, where: Callable[[], Query], node: Node, bucket: dict[str, Any], found: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A bucket with what is below it: from the engine's answer, or by a search of its own."""
        late = {name: one for name, one in node.inner.items() if not one.is_of_engine}
        answers = self._answers(both(query, where()), late) if late else {}
        for name, one in node.inner.items():
            bucket[name] = answers[name] if name in answers else self._answer(query, one, found[name])
        return bucket

    def _alone(self, query: Query, node: Node) -> dict[str, Any]:
        match node.kind:
            case "terms":
                return self._in_parts(query, node)
            case "filter":
                return self._filtered(query, self._compiler.query(node.options), node)
            case "filters":
                return self._filters(query, node)
            case "missing":
                _only(node, {"field"})
                there = self._compiler.clauses.exists(str(node.options.get("field")))
                return self._filtered(
                    query, Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, there)]), node
                )
            case "top_hits":
                return self._top_hits(query, node.options)
            case "composite":
                return composite.answer(self, query, node)
        raise parsing(f"Unknown aggregation type [{node.kind}]")

    def _filtered(self, query: Query, more: Query, node: Node) -> dict[str, Any]:
        narrow = both(query, more)
        return {"doc_count": self._searcher.search(narrow, limit=1).count, **self._answers(narrow, node.inner)}

    def _filters(self, query: Query, node: Node) -> dict[str, Any]:
        _only(node, {"filters"})
        named = node.options.get("filters")
        if isinstance(named, Mapping):
            return {
                "buckets": {key: self._filtered(query, self._compiler.query(one), node) for key, one in named.items()}
            }
        if not isinstance(named, list):
            raise parsing(f"[filters] of [{node.name}] wants an object or a list of queries")
        return {"buckets": [self._filtered(query, self._compiler.query(one), node) for one in named]}

    def composite_bucket(self, query: Query, node: Node, bucket: dict[str, Any]) -> dict[str, Any]:
        return {**bucket, **self._answers(query, node.inner)}

    def equal(self, name: str, value: Any) -> Query:
        clauses = self._compiler.clauses
        if value is None:
            return Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, clauses.exists(name))])
        return clauses.equal(name, value)

    def span(self, name: str, start: int, end: int) -> Query:
        return self._span(next(iter(self.view.fields(name)), None), start, end)


def _terms(aggregator: Aggregator, _: Query, node: Node) -> dict[str, Any]:
    _only(node, _TERMS)
    path, field = aggregator.field(node)
    size = node.options.get("size", 10)
    if not isinstance(size, int) or size < 1:
        raise illegal(f"[size] must be greater than 0. Found [{size}] in [{node.name}]")
    # More than is wanted: so that equal counts are cut by key, as Elasticsearch cuts them, and the last count is exact.
    fetched = max(_LEAST_FETCHED, 2 * size)
    asked: dict[str, Any] = {"field": path, "size": fetched, "segment_size": max(1000, 10 * size)}
    for option in ("missing", "include", "exclude", "min_doc_count"):
        if option in node.options:
            asked[option] = node.options[option]
    orders = [
        one for one in listed(node.options.get("order")) if one != {"_key": "asc"} or node.options["order"] == one
    ]
    if len(orders) > 1:
        raise illegal(f"[terms] of [{node.name}] takes one order and then the key")
    if orders:
        asked["order"] = orders[0]
        named = next(iter(orders[0])).partition(".")[0]
        if not named.startswith("_") and not (named in node.inner and node.inner[named].is_of_engine):
            raise illegal(f"Invalid aggregation order path [{named}]: it is no aggregation below [{node.name}]")
    if field is not None and field.kind == "boolean" and "missing" in asked:
        raise illegal("[missing] of a boolean field is not known to this store")
    return {"terms": asked}


def _terms_order(node: Node) -> Callable[[Mapping[str, Any]], Any]:
    def by_key(bucket: Mapping[str, Any]) -> Any:
        return (isinstance(bucket["key"], str), bucket["key"])

    ((name, way),) = next(iter(listed(node.options.get("order"))), {"_count": "desc"}).items()
    sign = -1 if way == "desc" else 1
    below, _, part = name.partition(".")
    if name == "_count":
        return lambda bucket: (sign * bucket["doc_count"], *by_key(bucket))
    if name == "_key":
        return lambda _: 0  # the engine has ordered them
    return lambda bucket: (sign * (bucket[below][part or "value"] or 0), *by_key(bucket))


def _terms_bucket(bucket: Mapping[str, Any], field: Field | None, backing: Callable[[str], str]) -> dict[str, Any]:
    key = bucket["key"]
    one: dict[str, Any] = {"key": key, "doc_count": bucket["doc_count"]}
    if "key_as_string" in bucket:
        return {"key": int(key), "key_as_string": bucket["key_as_string"], "doc_count": bucket["doc_count"]}
    if field is None:
        one["key"] = backing(key) if isinstance(key, str) else key
    elif field.kind == "date":
        one = {"key": int(key), "key_as_string": rendered(key), "doc_count": bucket["doc_count"]}
    elif field.kind == "long" and not isinstance(key, str):
        one["key"] = int(key)
    return one


def _nodes(asked: Any) -> dict[str, Node]:
    if not isinstance(asked, Mapping):
        raise parsing("[aggs] wants an object with a name for each aggregation")
    return {name: _node(name, body) for name, body in asked.items()}


def _node(name: str, body: Any) -> Node:
    if not isinstance(body, Mapping):
        raise parsing(f"Expected [START_OBJECT] under [{name}]")
    kinds = [key for key in body if key not in (*_NAMES, "meta")]
    if len(kinds) != 1:
        raise parsing(f"Expected exactly one aggregation type under [{name}], found {kinds}")
    (kind,) = kinds
    if kind not in _IN_ENGINE and kind not in _ALONE:
        raise parsing(f"Unknown aggregation type [{kind}]")
    inner = next((body[key] for key in _NAMES if key in body), {})
    if inner and kind not in _WITH_INNER:
        raise StoreError(
            400,
            "aggregation_initialization_exception",
            f"Aggregator [{name}] of type [{kind}] cannot accept sub-aggregations",
        )
    if not isinstance(body[kind], Mapping):
        raise parsing(f"[{kind}] of [{name}] wants an object")
    return Node(name, kind, body[kind], _nodes(inner), body.get("meta"))


def _only(node: Node, allowed: set[str]) -> None:
    for option in node.options:
        if option not in allowed:
            raise StoreError(400, "x_content_parse_exception", f"[{node.kind}] unknown field [{option}]")


_IN_ENGINE: dict[str, Callable[[Aggregator, Query, Node], dict[str, Any]]] = {
    "terms": _terms, "date_histogram": histogram.asked, **dict.fromkeys(metrics.KINDS, metrics.asked)
}  # fmt: skip
_ALONE = ("filter", "filters", "missing", "top_hits", "composite")
_WITH_INNER = ("terms", "date_histogram", "filter", "filters", "missing", "composite")
