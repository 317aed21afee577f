"""One search: query, order, page, total, aggregations, on the documents of some data streams."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tantivy
from tantivy import Query

from deploy.local.logstore.aggregations import Aggregator
from deploy.local.logstore.catalog import Stream
from deploy.local.logstore.engine import Engine, stored
from deploy.local.logstore.errors import illegal, parsing
from deploy.local.logstore.hits import Part, part_of
from deploy.local.logstore.mapping import View
from deploy.local.logstore.ordering import Orderer, Ranked, keys_of
from deploy.local.logstore.query import Compiler
from deploy.local.logstore.times import duration

_KNOWN = {
    "query", "size", "from", "sort", "search_after", "aggs", "aggregations", "track_total_hits", "_source", "pit",
    "timeout",
}  # fmt: skip
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

    def _aggregator(self) -> Aggregator:
        return Aggregator(self._searcher, self.compiler, self._view, self._parts)

    def _parts(self, name: str) -> Iterator[tuple[Query, Aggregator]]:
        by_path: dict[str, list[Stream]] = {}
        for one in self._streams:
            if field := one.mapping.resolved(name):
                by_path.setdefault(field.path, []).append(one)
        for streams in by_path.values():
            part = Search(self._engine, self._searcher, streams)
            yield part.compiler.clauses.in_streams(), part._aggregator()

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
        ranked = self._orderer.page(query, keys, after, start, size)
        part = part_of(body.get("_source", True))
        scores = [one.score for one in ranked if one.score is not None]
        return {
            "max_score": max(scores, default=None),
            "hits": [self._hit(one, part, has_sort=bool(keys)) for one in ranked],
        }

    def _hit(self, ranked: Ranked, part: Part, *, has_sort: bool) -> dict[str, Any]:
        found = stored(self._searcher, ranked.address)
        hit: dict[str, Any] = {"_index": self._backing[found.stream], "_id": found.id, "_score": ranked.score}
        source = part(found.source)
        if source is not None:
            hit["_source"] = source
        if has_sort:
            hit["sort"] = list(ranked.sort)
        return hit

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
