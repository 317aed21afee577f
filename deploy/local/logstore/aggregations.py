"""Elasticsearch's aggregations. The engine computes what it can in one pass; a filter is a search of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import tantivy
from tantivy import Query

from deploy.local.logstore import histogram, metrics
from deploy.local.logstore.errors import StoreError, illegal, parsing
from deploy.local.logstore.mapping import Field, View
from deploy.local.logstore.nodes import Node, nodes_of
from deploy.local.logstore.query import Compiler, both
from deploy.local.logstore.times import rendered

# More buckets are fetched than asked for: equal counts are then cut by key, as Elasticsearch cuts them.
_LEAST_FETCHED = 200

# For a field name: the streams in which it is the same field, as a query, and an aggregator over those streams alone.
Parts = Callable[[str], Iterable[tuple[Query, "Aggregator"]]]


class Aggregator:
    """Aggregates over the documents that match a query."""

    def __init__(self, searcher: tantivy.Searcher, compiler: Compiler, view: View, parts: Parts) -> None:
        self._searcher, self._compiler, self._view, self._parts = searcher, compiler, view, parts

    def aggregate(self, query: Query, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The answers by name. Raises StoreError."""
        return self._answers(query, nodes_of(asked))

    def _answers(self, query: Query, nodes: Mapping[str, Node]) -> dict[str, Any]:
        requests = {
            name: self._request(node)
            for name, node in nodes.items()
            if node.kind != "filter" and not self._differs(node)
        }
        found = self._run(query, requests) if requests else {}
        answers: dict[str, Any] = {}
        for name, node in nodes.items():
            if name in found:
                answers[name] = self._answer(query, node, found[name])
            else:
                answers[name] = self._filtered(query, node) if node.kind == "filter" else self._added_up(query, node)
        return answers

    def _run(self, query: Query, requests: dict[str, Any]) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._searcher.aggregate(query, requests)
        except ValueError as error:
            if "aborting aggregation" in str(error).lower():
                reason = f"Trying to create too many buckets. {error}"
                raise StoreError(400, "too_many_buckets_exception", reason) from error
            raise illegal(str(error)) from error
        return found

    def _request(self, node: Node) -> dict[str, Any]:
        """What the engine is asked for a node and for what it can answer inside it."""
        path, field = self._field(node)
        match node.kind:
            case "terms":
                request = _terms(node, path)
            case "date_histogram":
                request = histogram.request(node, path, field)
            case _:
                request = metrics.request(node, path, field)
        inner = {name: self._request(one) for name, one in node.inner.items() if one.is_in_engine}
        return {**request, "aggs": inner} if inner else request

    def _field(self, node: Node) -> tuple[str, Field | None]:
        """The path of the node's field in the engine; no field where no stream knows it."""
        name = node.options.get("field")
        if not isinstance(name, str):
            raise parsing(f"Required one of fields [field, script], but none were specified for [{node.name}].")
        if name == "_index":
            return "_stream", None
        fields = self._view.fields(name)
        if any(field.kind == "text" for field in fields):
            raise illegal(
                f"Fielddata is disabled on [{name}]. Text fields are not optimised for operations that require "
                "per-document field data like aggregations and sorting. Please use a keyword field instead."
            )
        if len({field.path for field in fields}) > 1:
            names = sorted(field.name for field in fields)
            raise illegal(f"[{name}] stands for different fields in these streams: name one of {names}")
        return (fields[0].path, fields[0]) if fields else (f"k.{name}", None)

    def _differs(self, node: Node) -> bool:
        """Whether it counts the values of a name that stands for different fields in different streams."""
        if node.kind != "terms" or node.inner:
            return False
        return len({field.path for field in self._view.fields(str(node.options.get("field")))}) > 1

    def _added_up(self, query: Query, node: Node) -> dict[str, Any]:
        """The counts of streams that have different fields under the name, added up."""
        counts: Counter[Any] = Counter()
        wide, size = {**node.options, "size": _LEAST_FETCHED}, _size(node)
        for streams, aggregator in self._parts(node.options["field"]):
            part = aggregator._answers(both(query, streams), {node.name: replace(node, options=wide)})[node.name]
            counts.update({bucket["key"]: bucket["doc_count"] for bucket in part["buckets"]})
        buckets = sorted(({"key": key, "doc_count": count} for key, count in counts.items()), key=_by_count)
        rest = sum(bucket["doc_count"] for bucket in buckets[size:])
        return {"doc_count_error_upper_bound": 0, "sum_other_doc_count": rest, "buckets": buckets[:size]}

    def _answer(self, query: Query, node: Node, found: Mapping[str, Any]) -> dict[str, Any]:
        """The engine's answer in Elasticsearch's form, with what is inside it."""
        _, field = self._field(node)
        match node.kind:
            case "terms":
                return self._terms_answer(query, node, found, field)
            case "date_histogram":
                width, buckets = histogram.interval(node), []
                for bucket, raw in histogram.answer(node, found):
                    within = partial(self._between, field, bucket["key"], bucket["key"] + width)
                    buckets.append(self._with_inner(query, within, node, bucket, raw))
                return {"buckets": buckets}
            case _:
                return metrics.answer(node, found, field)

    def _terms_answer(self, query: Query, node: Node, found: Mapping[str, Any], field: Field | None) -> dict[str, Any]:
        size, shown = _size(node), []
        buckets = sorted(found["buckets"], key=_by_count)
        for raw in buckets[:size]:
            bucket = _terms_bucket(raw, field, self._compiler.clauses.backing)
            value = bucket.get("key_as_string", bucket["key"])
            within = partial(self._compiler.clauses.equal, node.options["field"], value)
            shown.append(self._with_inner(query, within, node, bucket, raw))
        rest = sum(bucket["doc_count"] for bucket in buckets[size:])
        return {
            "doc_count_error_upper_bound": found.get("doc_count_error_upper_bound") or 0,
            "sum_other_doc_count": (found.get("sum_other_doc_count") or 0) + rest,
            "buckets": shown,
        }

    def _with_inner(
        self, query: Query, within: Callable[[], Query], node: Node, bucket: dict[str, Any], raw: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A bucket with what is inside it: from the engine's answer, or by a search of its own."""
        late = {name: one for name, one in node.inner.items() if not one.is_in_engine}
        answers = self._answers(both(query, within()), late) if late else {}
        for name, one in node.inner.items():
            bucket[name] = answers[name] if name in answers else self._answer(query, one, raw[name])
        return bucket

    def _between(self, field: Field | None, start: int, end: int) -> Query:
        return self._compiler.clauses.between(field, start, end) if field else Query.empty_query()

    def _filtered(self, query: Query, node: Node) -> dict[str, Any]:
        narrow = both(query, self._compiler.query(node.options))
        return {"doc_count": self._searcher.search(narrow, limit=1).count, **self._answers(narrow, node.inner)}


def _terms(node: Node, path: str) -> dict[str, Any]:
    node.check_options(("field", "size"))
    size = _size(node)
    return {"terms": {"field": path, "size": max(_LEAST_FETCHED, 2 * size), "segment_size": max(1000, 10 * size)}}


def _size(node: Node) -> int:
    size = node.options.get("size", 10)
    if not isinstance(size, int) or size < 1:
        raise illegal(f"[size] must be greater than 0. Found [{size}] in [{node.name}]")
    return size


def _by_count(bucket: Mapping[str, Any]) -> Any:
    return (-bucket["doc_count"], isinstance(bucket["key"], str), bucket["key"])


def _terms_bucket(bucket: Mapping[str, Any], field: Field | None, backing: Mapping[str, str]) -> dict[str, Any]:
    key, count = bucket["key"], bucket["doc_count"]
    if "key_as_string" in bucket:
        return {"key": int(key), "key_as_string": bucket["key_as_string"], "doc_count": count}
    if field is None:
        return {"key": backing.get(key, key), "doc_count": count}
    if field.kind == "date":
        return {"key": int(key), "key_as_string": rendered(key), "doc_count": count}
    whole = field.kind == "long" and not isinstance(key, str)
    return {"key": int(key) if whole else key, "doc_count": count}
