"""One search: query, order, page, total, aggregations, on the documents of some data streams."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import tantivy
from tantivy import Occur, Order, Query

from deploy.local.logstore.aggregations import aggregate
from deploy.local.logstore.documents import TIME, instant
from deploy.local.logstore.engine import Store
from deploy.local.logstore.errors import StoreError, illegal, unknown
from deploy.local.logstore.fields import time_of
from deploy.local.logstore.query import Compiler, utc_now

_KNOWN = {
    "query", "size", "from", "sort", "search_after", "aggs", "aggregations", "track_total_hits", "_source", "pit",
    "timeout",
}  # fmt: skip
_MOST_HITS = 10_000
_TIE = ("_shard_doc", "_doc", "_seq_no", "_id")
_MOST_VALUES = 10_000


@dataclass(frozen=True, slots=True)
class Sorting:
    """By `field`, then by time and arrival. `keys` is how many values a hit's sort has."""

    field: str
    descending: bool
    keys: int


def search(store: Store, searcher: tantivy.Searcher, streams: list[str], body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer's body as Elasticsearch would give it. Raises StoreError."""
    began = time.perf_counter()
    for key in body:
        if key not in _KNOWN:
            raise unknown("key for the search", key)
    compiler = compiler_of(store, searcher)
    matching = compiler.query(body.get("query") or {"match_all": {}})
    query = Query.boolean_query([(Occur.Must, matching), (Occur.Must, compiler.in_streams(streams))])
    size, start = _natural(body, "size", 10), _natural(body, "from", 0)
    if size + start > _MOST_HITS:
        raise illegal(f"Result window is too large, from + size must be at most {_MOST_HITS}: use search_after")
    sorting = _sorting(body.get("sort"), store)
    total = searcher.search(query, limit=1, count=True).count
    hits = _hits(searcher, compiler, query, sorting, body.get("search_after"), size, start) if size else []
    answer: dict[str, Any] = {
        "took": int((time.perf_counter() - began) * 1000),
        "timed_out": False,
        "_shards": {"total": len(streams), "successful": len(streams), "skipped": 0, "failed": 0},
        "hits": {
            **_total(total, body.get("track_total_hits", _MOST_HITS)),
            "max_score": None,
            "hits": [_document(searcher, address, sort, body.get("_source", True)) for address, sort in hits],
        },
    }
    asked = body.get("aggregations") or body.get("aggs")
    if asked:
        answer["aggregations"] = aggregate(searcher, query, asked, store.fields, compiler.query)
    return answer


def count(store: Store, searcher: tantivy.Searcher, streams: list[str], body: Mapping[str, Any]) -> int:
    """How many documents match."""
    for key in body:
        if key != "query":
            raise unknown("key for the count", key)
    compiler = compiler_of(store, searcher)
    matching = compiler.query(body.get("query") or {"match_all": {}})
    query = Query.boolean_query([(Occur.Must, matching), (Occur.Must, compiler.in_streams(streams))])
    return int(searcher.search(query, limit=1, count=True).count)


def compiler_of(store: Store, searcher: tantivy.Searcher) -> Compiler:
    """Compiles queries for what this searcher sees."""

    def values(field: str) -> list[str]:
        asked = {"v": {"terms": {"field": f"k.{field}", "size": _MOST_VALUES}}}
        found = searcher.aggregate(Query.all_query(), asked)["v"]
        if found["sum_other_doc_count"]:
            raise illegal(f"[{field}] has more than {_MOST_VALUES} values: too many for a pattern")
        return [str(bucket["key"]) for bucket in found["buckets"]]

    return Compiler(store.index, store.fields, values, utc_now())


def _hits(
    searcher: tantivy.Searcher,
    compiler: Compiler,
    query: Query,
    sorting: Sorting,
    after: Any,
    size: int,
    start: int,
) -> list[tuple[tantivy.DocAddress, list[Any]]]:
    if after is not None:
        query = Query.boolean_query([(Occur.Must, query), (Occur.Must, _behind(compiler, sorting, after))])
    if sorting.field == TIME:
        direction = Order.Desc if sorting.descending else Order.Asc
        found = searcher.search(query, limit=size, offset=start, count=False, order_by_field="_order", order=direction)
        return [(address, [time_of(int(value)), int(value)][: max(1, sorting.keys)]) for value, address in found.hits]
    return _by_number(searcher, compiler, query, sorting, size, start)


def _by_number(
    searcher: tantivy.Searcher, compiler: Compiler, query: Query, sorting: Sorting, size: int, start: int
) -> list[tuple[tantivy.DocAddress, list[Any]]]:
    """By a number that a document has: the engine orders by its own fields only, but its top hits know paths."""
    way = "desc" if sorting.descending else "asc"
    path = f"k.{sorting.field}"
    asked = {
        "size": size + start,
        "sort": [{path: way}, {"_order": way}],
        "docvalue_fields": [path, "_order"],
    }
    there = Query.boolean_query([(Occur.Must, query), (Occur.Must, Query.exists_query(path))])
    found = searcher.aggregate(there, {"top": {"top_hits": asked}})["top"]["hits"][start:]
    hits = []
    for hit in found:
        (number,), (order,) = hit["docvalue_fields"][path], hit["docvalue_fields"]["_order"]
        one = Query.term_query(compiler.schema, "_order", order)
        (_, address), *_ = searcher.search(one, limit=1, count=False).hits
        hits.append((address, [number, time_of(order), order][: max(1, sorting.keys)]))
    return hits


def _behind(compiler: Compiler, sorting: Sorting, after: Any) -> Query:
    if not isinstance(after, list) or len(after) != sorting.keys:
        raise illegal(f"search_after has other values than sort, which has {sorting.keys}")
    if sorting.field == TIME:
        if sorting.keys == 2:
            return compiler.after_order(int(after[1]), descending=sorting.descending)
        limit = "lt" if sorting.descending else "gt"
        return compiler.query({"range": {TIME: {limit: instant(after[0])}}})
    beyond = compiler.number_beyond(sorting.field, after[0], descending=sorting.descending)
    if sorting.keys < 3:
        return beyond
    same = Query.boolean_query(
        [
            (Occur.Must, compiler.equal(sorting.field, after[0])),
            (Occur.Must, compiler.after_order(int(after[2]), descending=sorting.descending)),
        ]
    )
    return Query.boolean_query([(Occur.Should, beyond), (Occur.Should, same)])


def _sorting(asked: Any, store: Store) -> Sorting:
    """Time, or one number and then time; a tie-breaker may follow. Without a sort, the newest come first."""
    keys: list[tuple[str, str]] = []
    for one in asked if isinstance(asked, list) else [asked] if asked else []:
        name, options = next(iter(one.items())) if isinstance(one, Mapping) else (one, {})
        way = options if isinstance(options, str) else options.get("order", "desc" if name == "_score" else "asc")
        keys.append((name, way))
    if not keys:
        return Sorting(TIME, descending=True, keys=0)
    (field, way), *rest = keys
    names = [name for name, _ in rest]
    if field != TIME:
        kind = store.fields[field]
        if kind is None:
            raise StoreError(400, "query_shard_exception", f"No mapping found for [{field}] in order to sort on")
        if kind not in ("long", "double"):
            raise illegal(f"this store sorts by [{TIME}] and by numbers, not by [{field}] of type [{kind}]")
        if names and names.pop(0) != TIME:
            raise illegal(f"behind [{field}] this store sorts by [{TIME}]")
    if len(names) > 1 or any(name not in _TIE for name in names):
        raise illegal(f"this store sorts by one field, [{TIME}] and a tie-breaker, not by {[name for name, _ in keys]}")
    return Sorting(field, descending=way == "desc", keys=len(keys))


def _total(found: int, track: Any) -> dict[str, Any]:
    if track is False:
        return {}
    if track is True or found <= int(track):
        return {"total": {"value": found, "relation": "eq"}}
    return {"total": {"value": int(track), "relation": "gte"}}


def _document(searcher: tantivy.Searcher, address: tantivy.DocAddress, sort: list[Any], wanted: Any) -> dict[str, Any]:
    stored = searcher.doc(address)
    hit = {"_index": stored["_stream"][0], "_id": stored["_id"][0], "_score": None, "sort": sort}
    if wanted is not False:
        hit["_source"] = _part(orjson.loads(bytes(stored["_source"][0])), wanted)
    return hit


def _part(source: dict[str, Any], wanted: Any) -> dict[str, Any]:
    """Source filtering by top-level names and patterns of dotted ones."""
    if wanted is True:
        return source
    includes, excludes = wanted, []
    if isinstance(wanted, Mapping):
        includes = wanted.get("includes", wanted.get("include", ["*"]))
        excludes = wanted.get("excludes", wanted.get("exclude", []))
    includes = [includes] if isinstance(includes, str) else includes
    return _kept(source, "", includes, excludes)


def _kept(tree: Mapping[str, Any], prefix: str, includes: list[str], excludes: list[str]) -> dict[str, Any]:
    kept = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in excludes):
            continue
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in includes):
            kept[key] = value
        elif isinstance(value, Mapping) and (inner := _kept(value, f"{name}.", includes, excludes)):
            kept[key] = inner
    return kept


def _natural(body: Mapping[str, Any], key: str, default: int) -> int:
    value = body.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise illegal(f"[{key}] must be a number that is not negative, not {value!r}")
    return value
