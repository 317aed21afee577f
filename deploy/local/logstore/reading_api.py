"""The routes that search, count, and hold a point in time."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from typing import Any

import tantivy
from aiohttp import web

from deploy.local.logstore.catalog import Stream
from deploy.local.logstore.errors import ShardError, StoreError, illegal, invalid, no_such_index, parsing
from deploy.local.logstore.http import EXPANDING, answer, body_of, parameters, switch
from deploy.local.logstore.search import Search
from deploy.local.logstore.store import Store
from deploy.local.logstore.times import duration

_MOST_PITS = 300
_LONGEST_KEEP_MILLISECONDS = 24 * 3_600_000
_NUMBERS, _FLAGS = ("size", "from"), ("track_total_hits", "_source")


@dataclass(slots=True)
class PointInTime:
    """A searcher that is kept, on streams that were named once."""

    searcher: tantivy.Searcher
    streams: list[Stream]
    keep_seconds: float
    until: float


class ReadingApi:
    """Searches run in threads beside each other."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pits: dict[str, PointInTime] = {}

    def routes(self) -> list[web.RouteDef]:
        both = (
            ("_search", self.search), ("_count", self.count), ("_field_caps", self.field_caps),
        )  # fmt: skip
        return [
            *(
                web.route(method, f"{index}/{path}", handler)
                for path, handler in both
                for index in ("", "/{index}")
                for method in ("GET", "POST")
            ),
            web.post("/{index}/_pit", self.open_pit),
            web.delete("/_pit", self.close_pit),
        ]

    def forget_expired(self) -> None:
        """Lets go of points in time that nobody has asked for in time."""
        now = time.monotonic()
        self._pits = {key: pit for key, pit in self._pits.items() if pit.until > now}

    async def search(self, request: web.Request) -> web.StreamResponse:
        parameters(request, (*EXPANDING, *_NUMBERS, *_FLAGS, "timeout", "request_cache", "preference"))
        body = self._with_parameters(await body_of(request), request)
        pit = body.get("pit")
        if pit is None:
            return answer(
                await asyncio.to_thread(self._found, self._store.engine.searcher(), self._named(request), body)
            )
        if "index" in request.match_info:
            reason = "[indices] cannot be used with point in time. Do not specify any index with point in time."
            raise invalid(reason)
        point = self._point(pit)
        return answer(
            {"pit_id": pit["id"], **await asyncio.to_thread(self._found, point.searcher, point.streams, body)}
        )

    async def count(self, request: web.Request) -> web.StreamResponse:
        parameters(request, EXPANDING)
        body, streams = await body_of(request), self._named(request)
        found = await asyncio.to_thread(
            lambda: Search(self._store.engine, self._store.engine.searcher(), streams).count(body)
        )
        shards = {"total": len(streams), "successful": len(streams), "skipped": 0, "failed": 0}
        return answer({"count": found, "_shards": shards})

    async def field_caps(self, request: web.Request) -> web.StreamResponse:
        parameters(request, (*EXPANDING, "fields", "include_unmapped"))
        body = await body_of(request)
        if set(body) - {"fields"}:
            raise parsing(f"[field_caps] unknown field {sorted(set(body) - {'fields'})}")
        asked = request.query.get("fields") or body.get("fields")
        if not asked:
            raise invalid("no fields specified")
        patterns = asked if isinstance(asked, list) else asked.split(",")
        streams = self._named(request)
        view = self._store.catalog.view(streams)
        known = view.names()
        names = {name for pattern in patterns for name in view.matching(pattern) if name in known}
        with_unmapped = switch(request, "include_unmapped")
        fields = {name: _capabilities(name, known[name], streams, with_unmapped) for name in sorted(names)}
        return answer({"indices": [one.backing for one in streams], "fields": fields})

    async def open_pit(self, request: web.Request) -> web.StreamResponse:
        # There are no shards that could be missing, so there is nothing for the second to allow.
        parameters(request, (*EXPANDING, "keep_alive", "allow_partial_search_results"))
        if "keep_alive" not in request.query:
            raise invalid("[keep_alive] is not specified")
        seconds = _keep_seconds(request.query["keep_alive"])
        self.forget_expired()
        if len(self._pits) >= _MOST_PITS:
            raise StoreError(429, "es_rejected_execution_exception", f"more than {_MOST_PITS} points in time are open")
        key = uuid.uuid4().hex
        searcher = self._store.engine.searcher()
        self._pits[key] = PointInTime(searcher, self._named(request), seconds, time.monotonic() + seconds)
        return answer({"id": key, "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0}})

    async def close_pit(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request, needed=True)
        if set(body) != {"id"}:
            raise illegal("[id] of the point in time is wanted")
        freed = self._pits.pop(body["id"], None) is not None
        return answer({"succeeded": True, "num_freed": int(freed)}, status=200 if freed else 404)

    def _found(self, searcher: tantivy.Searcher, streams: list[Stream], body: dict[str, Any]) -> dict[str, Any]:
        return Search(self._store.engine, searcher, streams, scored=not body.get("sort")).answer(body)

    def _named(self, request: web.Request) -> list[Stream]:
        expression = request.match_info.get("index", "*")
        found = self._store.catalog.named(expression, ignore_unavailable=switch(request, "ignore_unavailable"))
        if not found and not switch(request, "allow_no_indices", True):
            raise no_such_index(expression)
        return found

    def _point(self, pit: Any) -> PointInTime:
        if not isinstance(pit, dict) or set(pit) - {"id", "keep_alive"} or "id" not in pit:
            raise parsing("[pit] wants [id] and may have [keep_alive]")
        found = self._pits.get(pit["id"])
        if found is None or found.until < time.monotonic():
            raise ShardError(404, "search_context_missing_exception", f"No search context found for id [{pit['id']}]")
        if "keep_alive" in pit:
            found.keep_seconds = _keep_seconds(pit["keep_alive"])
        found.until = time.monotonic() + found.keep_seconds
        return found

    @staticmethod
    def _with_parameters(body: dict[str, Any], request: web.Request) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for name in (*_NUMBERS, *_FLAGS, "timeout"):
            value = request.query.get(name)
            if value is not None:
                given[name] = (
                    value == "true" if value in ("true", "false") else int(value) if value.isdigit() else value
                )
        return body | given


def _capabilities(name: str, types: set[str], streams: list[Stream], with_unmapped: bool) -> dict[str, Any]:
    """By type; the indices are named where they are not all of the one type."""
    by_index = {one.backing: field.type if (field := one.mapping.resolved(name)) else "unmapped" for one in streams}
    found = {}
    for kind in sorted(types | (set(by_index.values()) & {"unmapped"} if with_unmapped else set())):
        is_there, is_text = kind != "unmapped", kind in ("text", "match_only_text")
        found[kind] = {
            "type": kind,
            "metadata_field": False,
            "searchable": is_there,
            "aggregatable": is_there and not is_text,
        }
    if len(found) > 1:
        for kind, capability in found.items():
            capability["indices"] = [index for index, its in by_index.items() if its == kind]
    return found


def _keep_seconds(text: Any) -> float:
    found = duration(text, "keep_alive")
    if found > _LONGEST_KEEP_MILLISECONDS:
        raise illegal(f"Keep alive for request ({text}) is too large. It must be less than (1d).")
    return found / 1000
