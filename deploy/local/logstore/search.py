"""One search: query, order, page, total, aggregations, on the documents of some data streams."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tantivy
from tantivy import Occur, Query

from deploy.local.logstore.aggregations import Aggregator
from deploy.local.logstore.catalog import Stream
from deploy.local.logstore.engine import Engine, stored
from deploy.local.logstore.errors import StoreError, illegal, parsing
from deploy.local.logstore.hits import fields_of, highlighted, part_of
from deploy.local.logstore.mapping import View
from deploy.local.logstore.ordering import Orderer, Ranked, keys_of
from deploy.local.logstore.query import Compiler
from deploy.local.logstore.times import duration

_KNOWN = {
    "query", "size", "from", "sort", "search_after", "aggs", "aggregations", "track_total_hits", "_source", "pit",
    "timeout", "fields", "docvalue_fields", "highlight", "collapse", "version", "seq_no_primary_term", "track_scores",
}  # fmt: skip
_OF_HITS = {
    "size",
    "from",
    "sort",
    "_source",
    "fields",
    "docvalue_fields",
    "highlight",
    "version",
    "seq_no_primary_term",
}
_MOST_HITS = 10_000


class Search:
    """Searches of one request on one state of the store."""

    def __init__(
        self, engine: Engine, searcher: tantivy.Searcher, streams: Sequence[Stream], *, scored: bool = True
    ) -> None:
        self._engine, self._searcher, self._streams = engine, searcher, streams
        self._view = View([one.mapping for one in streams])
        self.compiler = Compiler(engine, searcher, streams, self._view, scored=scored)
        self._orderer = Orderer(engine, searcher, self.compiler.clauses)
        self._backing = {one.name: one.backing for one in streams}

    def answer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer's body as Elasticsearch would give it. Raises StoreError."""
        began = time.perf_counter()
        for key in body:
            if key not in _KNOWN:
                raise parsing(f"Unknown key for a value in [{key}].")
        if "timeout" in body:
            duration(body["timeout"], "timeout")
        query = self.compiler.matching(body.get("query"))
        hits = self._hits(query, body)
        track = body.get("track_total_hits", _MOST_HITS)
        if track is not False:
            hits = {"total": self._total(query, track), **hits}
        count = len(self._streams)
        shards = {"total": count, "successful": count, "skipped": 0, "failed": 0}
        answer: dict[str, Any] = {"took": 0, "timed_out": False, "_shards": shards, "hits": hits}
        asked = body.get("aggregations") or body.get("aggs")
        if asked:
            answer["aggregations"] = self._aggregator().aggregate(query, asked)
        answer["took"] = int((time.perf_counter() - began) * 1000)
        return answer

    def count(self, body: Mapping[str, Any]) -> int:
        """How many documents match."""
        for key in body:
            if key != "query":
                raise parsing(f"request does not support [{key}]")
        return self._count(self.compiler.matching(body.get("query")))

    def keys(self, body: Mapping[str, Any]) -> list[str]:
        """The keys of documents that match, as many as are deleted at once."""
        found = self._searcher.search(self.compiler.matching(body["query"]), limit=_MOST_HITS, count=False).hits
        return [self._searcher.doc(address)["_key"][0] for _, address in found]

    def _aggregator(self) -> Aggregator:
        return Aggregator(self._searcher, self.compiler, self._view, self._top_hits, self._parts)

    def _parts(self, name: str) -> Iterator[tuple[Query, Aggregator]]:
        by_path: dict[str, list[Stream]] = {}
        for one in self._streams:
            if field := one.mapping.resolved(name):
                by_path.setdefault(field.path, []).append(one)
        for streams in by_path.values():
            part = Search(self._engine, self._searcher, streams)
            yield part.compiler.clauses.in_streams(), part._aggregator()

    def _top_hits(self, query: Query, options: Mapping[str, Any]) -> dict[str, Any]:
        for key in options:
            if key not in _OF_HITS:
                raise StoreError(400, "parsing_exception", f"Unknown key for a value in [{key}] of [top_hits]")
        return {"hits": {"total": self._total(query, True), **self._hits(query, {"size": 3, **options})}}

    def _hits(self, query: Query, body: Mapping[str, Any]) -> dict[str, Any]:
        size, start = _natural(body, "size", 10), _natural(body, "from", 0)
        if size + start > _MOST_HITS:
            limit = f"from + size must be less than or equal to: [{_MOST_HITS}] but was [{size + start}]"
            raise illegal(f"Result window is too large, {limit}")
        if not self._streams:  # no shard that could miss the field of a sort
            return {"max_score": None, "hits": []}
        keys = keys_of(body.get("sort"), self._view, with_tie="pit" in body)
        after = body.get("search_after")
        if after is not None and (start or not keys):
            raise illegal("`search_after` needs a sort, and `from` must be 0 with it")
        if "collapse" in body:
            ranked = self._collapsed(query, body, keys, start, size)
        else:
            ranked = self._orderer.page(query, keys, after, start, size)
        scores = [one.score for one in ranked if one.score is not None]
        return {
            "max_score": max(scores, default=None),
            "hits": [self._hit(one, body, has_sort=bool(keys)) for one in ranked],
        }

    def _hit(self, ranked: Ranked, body: Mapping[str, Any], *, has_sort: bool) -> dict[str, Any]:
        found = stored(self._searcher, ranked.address)
        hit: dict[str, Any] = {"_index": self._backing[found.stream], "_id": found.id}
        if body.get("version"):
            hit["_version"] = found.version
        if body.get("seq_no_primary_term"):
            hit |= {"_seq_no": found.sequence, "_primary_term": 1}
        hit["_score"] = ranked.score
        source = part_of(found.source, body.get("_source", True))
        if source is not None:
            hit["_source"] = source
        fields = fields_of(found, body.get("fields", ()), self._view)
        fields |= fields_of(found, body.get("docvalue_fields", ()), self._view, columns=True)
        if "collapse" in body:
            fields |= fields_of(found, [body["collapse"]["field"]], self._view, columns=True)
        if fields:
            hit["fields"] = fields
        if "highlight" in body:
            marked = highlighted(found, body["highlight"], self.compiler.clauses.words, self._view)
            hit |= {"highlight": marked} if marked else {}
        if has_sort:
            hit["sort"] = list(ranked.sort)
        return hit

    def _collapsed(self, query: Query, body: Mapping[str, Any], keys: Any, start: int, size: int) -> list[Ranked]:
        """The first hit of each value: page after page without the values that were seen."""
        options = body["collapse"]
        if set(options) != {"field"}:
            raise parsing(f"[collapse] takes only [field] here, not {sorted(options)}")
        if "search_after" in body:
            raise illegal("cannot use `collapse` in conjunction with `search_after`")
        name = options["field"]
        if not self._view.fields(name):
            raise illegal(f"no mapping found for `{name}` in order to collapse on")
        first: dict[Any, Ranked] = {}
        while len(first) < start + size:
            fresh = [(Occur.MustNot, self._of_value(name, value)) for value in first]
            page = self._orderer.page(Query.boolean_query([(Occur.Must, query), *fresh]), keys, None, 0, start + size)
            if not page:
                break
            for one in page:
                values = fields_of(stored(self._searcher, one.address), [name], self._view, columns=True).get(
                    name, [None]
                )
                first.setdefault(values[0], one)
        return list(first.values())[start : start + size]

    def _of_value(self, name: str, value: Any) -> Query:
        if value is None:
            return Query.boolean_query(
                [(Occur.Must, Query.all_query()), (Occur.MustNot, self.compiler.clauses.exists(name))]
            )
        return self.compiler.clauses.equal(name, value)

    def _total(self, query: Query, track: Any) -> dict[str, Any]:
        if not isinstance(track, int) or (track is not True and track < 0):
            raise illegal(f"[track_total_hits] parameter must be positive or equals to -1, got {track}")
        found = self._count(query)
        if track is True or found <= track:
            return {"value": found, "relation": "eq"}
        return {"value": track, "relation": "gte"}

    def _count(self, query: Query) -> int:
        return int(self._searcher.search(query, limit=1, count=True).count)


def _natural(body: Mapping[str, Any], key: str, default: int) -> int:
    value = body.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise illegal(f"[{key}] parameter cannot be negative, found [{value}]")
    return value
