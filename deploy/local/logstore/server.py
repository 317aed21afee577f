"""Elasticsearch's HTTP API over the store, as the official client speaks it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
import tantivy
from aiohttp import web

from deploy.local.logstore import search
from deploy.local.logstore.engine import Order, Store, Written
from deploy.local.logstore.errors import StoreError, illegal, no_such_index, unknown
from deploy.local.logstore.query import stream_pattern

VERSION = "9.1.0"
_JSON = "application/vnd.elasticsearch+json;compatible-with=9"
_HEADERS = {"X-Elastic-Product": "Elasticsearch"}
_MOST_PITS = 100
_LARGEST_BODY = 100 * 1024 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class PointInTime:
    """A searcher that is kept, on streams that were named once."""

    searcher: tantivy.Searcher
    streams: list[str]
    until: float


class Api:
    """The routes. Engine work runs in threads, so that a long search does not hold up a write."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pits: dict[str, PointInTime] = {}

    def routes(self) -> list[web.RouteDef]:
        searches = [
            route
            for path, handler in (
                ("/_search", self.search), ("/{index}/_search", self.search),
                ("/_count", self.count), ("/{index}/_count", self.count),
                ("/_field_caps", self.field_caps), ("/{index}/_field_caps", self.field_caps),
                ("/_refresh", self.refresh), ("/{index}/_refresh", self.refresh),
            )
            for route in (web.get(path, handler, allow_head=False), web.post(path, handler))
        ]  # fmt: skip
        return [
            web.get("/", self.info),
            web.get("/_cluster/health", self.health),
            *searches,
            *(web.route(m, p, self.bulk) for m in ("PUT", "POST") for p in ("/_bulk", "/{index}/_bulk")),
            web.post("/{index}/_doc", self.create),
            *(web.route(method, "/{index}/_create/{id}", self.create) for method in ("PUT", "POST")),
            web.get("/{index}/_doc/{id}", self.document),
            web.post("/{index}/_pit", self.open_pit),
            web.delete("/_pit", self.close_pit),
            web.get("/_data_stream", self.data_streams),
            web.get("/_data_stream/{index}", self.data_streams),
            web.delete("/_data_stream/{index}", self.drop),
        ]

    async def info(self, _: web.Request) -> web.StreamResponse:
        version = {
            "number": VERSION, "build_flavor": "default", "build_type": "tealdeck-local", "build_hash": "none",
            "build_snapshot": False, "lucene_version": "none",
            "minimum_wire_compatibility_version": "8.19.0", "minimum_index_compatibility_version": "8.0.0",
        }  # fmt: skip
        return answer({"name": "logstore", "cluster_name": "local", "cluster_uuid": "local", "version": version,
                       "tagline": "You Know, for Search"})  # fmt: skip

    async def health(self, _: web.Request) -> web.StreamResponse:
        return answer({"cluster_name": "local", "status": "green", "timed_out": False, "number_of_nodes": 1,
                       "number_of_data_nodes": 1, "active_shards": len(self._store.streams())})  # fmt: skip

    async def bulk(self, request: web.Request) -> web.StreamResponse:
        began = time.perf_counter()
        orders = _orders(await request.read(), request.match_info.get("index", ""))
        written = await asyncio.to_thread(self._store.create, orders)
        await self._refresh_if_asked(request)
        items = [{"create": _item(order, one)} for order, one in zip(orders, written, strict=True)]
        took = int((time.perf_counter() - began) * 1000)
        return answer({"took": took, "errors": any(one.error for one in written), "items": items})

    async def create(self, request: web.Request) -> web.StreamResponse:
        source = _document(await request.read())
        order = Order(request.match_info["index"], request.match_info.get("id", ""), source)
        (written,) = await asyncio.to_thread(self._store.create, [order])
        if written.error:
            raise written.error
        await self._refresh_if_asked(request)
        return answer(_item(order, written), status=201)

    async def document(self, request: web.Request) -> web.StreamResponse:
        body = {"query": {"ids": {"values": [request.match_info["id"]]}}, "size": 1}
        streams = self._streams(request.match_info["index"], request)
        found = await asyncio.to_thread(search.search, self._store, self._store.searcher(), streams, body)
        hits = found["hits"]["hits"]
        if not hits:
            missing = {"_index": request.match_info["index"], "_id": request.match_info["id"], "found": False}
            return answer(missing, status=404)
        return answer({**{key: hits[0][key] for key in ("_index", "_id", "_source")}, "found": True})

    async def search(self, request: web.Request) -> web.StreamResponse:
        body = _body(await request.read())
        for name in request.query:
            if name not in ("ignore_unavailable", "allow_no_indices", "size", "from", "track_total_hits", "timeout"):
                raise unknown("parameter", name)
        body |= {name: int(request.query[name]) for name in ("size", "from") if name in request.query}
        if request.query.get("track_total_hits") in ("true", "false"):
            body["track_total_hits"] = request.query["track_total_hits"] == "true"
        pit = body.get("pit")
        if pit is not None:
            point = self._point(pit)
            found = await asyncio.to_thread(search.search, self._store, point.searcher, point.streams, body)
            return answer({"pit_id": pit["id"], **found})
        streams = self._streams(request.match_info.get("index", "*"), request)
        return answer(await asyncio.to_thread(search.search, self._store, self._store.searcher(), streams, body))

    async def count(self, request: web.Request) -> web.StreamResponse:
        body = _body(await request.read())
        streams = self._streams(request.match_info.get("index", "*"), request)
        found = await asyncio.to_thread(search.count, self._store, self._store.searcher(), streams, body)
        return answer({"count": found, "_shards": {"total": len(streams), "successful": len(streams), "failed": 0}})

    async def field_caps(self, request: web.Request) -> web.StreamResponse:
        body = _body(await request.read())
        asked = request.query.get("fields") or body.get("fields") or "*"
        patterns = asked if isinstance(asked, list) else asked.split(",")
        named = stream_pattern(",".join(patterns))
        fields = {
            name: {
                kind: {"type": kind, "metadata_field": False, "searchable": True, "aggregatable": "text" not in kind}
            }
            for name, kind in self._store.fields.all().items()
            if named(name)
        }
        return answer({"indices": self._streams(request.match_info.get("index", "*"), request), "fields": fields})

    async def refresh(self, _: web.Request) -> web.StreamResponse:
        await asyncio.to_thread(self._store.refresh)
        return answer({"_shards": {"total": 1, "successful": 1, "failed": 0}})

    async def open_pit(self, request: web.Request) -> web.StreamResponse:
        await asyncio.to_thread(self._store.refresh)
        seconds = _seconds(request.query.get("keep_alive", ""))
        now = time.monotonic()
        self._pits = {key: pit for key, pit in self._pits.items() if pit.until > now}
        if len(self._pits) >= _MOST_PITS:
            raise StoreError(429, "too_many_open_contexts", f"more than {_MOST_PITS} points in time are open")
        key = uuid.uuid4().hex
        streams = self._streams(request.match_info["index"], request)
        self._pits[key] = PointInTime(self._store.searcher(), streams, now + seconds)
        return answer({"id": key})

    async def close_pit(self, request: web.Request) -> web.StreamResponse:
        freed = self._pits.pop(_body(await request.read()).get("id", ""), None) is not None
        return answer({"succeeded": freed, "num_freed": int(freed)}, status=200 if freed else 404)

    async def data_streams(self, request: web.Request) -> web.StreamResponse:
        found = self._streams(request.match_info.get("index", "*"), request)
        streams = [
            {"name": name, "timestamp_field": {"name": "@timestamp"}, "generation": 1, "status": "GREEN", "indices": []}
            for name in found
        ]
        return answer({"data_streams": streams})

    async def drop(self, request: web.Request) -> web.StreamResponse:
        for stream in self._streams(request.match_info["index"], request):
            await asyncio.to_thread(self._store.drop, stream)
        return answer({"acknowledged": True})

    def _streams(self, expression: str, request: web.Request) -> list[str]:
        names = stream_pattern(expression)
        found = [stream for stream in self._store.streams() if names(stream)]
        ignores = request.query.get("ignore_unavailable") == "true"
        for part in expression.split(","):
            if "*" not in part and part != "_all" and not part.startswith("-") and part not in found and not ignores:
                raise no_such_index(part)
        return found

    def _point(self, pit: Any) -> PointInTime:
        found = self._pits.get(pit.get("id", "")) if isinstance(pit, dict) else None
        if found is None or found.until < time.monotonic():
            raise StoreError(404, "search_context_missing_exception", "No search context found for that id")
        if "keep_alive" in pit:
            found.until = time.monotonic() + _seconds(pit["keep_alive"])
        return found

    async def _refresh_if_asked(self, request: web.Request) -> None:
        if request.query.get("refresh", "false") in ("", "true", "wait_for"):
            await asyncio.to_thread(self._store.refresh)


@web.middleware
async def in_its_form(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every answer with the product's header, every error in its form."""
    try:
        return await handler(request)
    except StoreError as error:
        return answer(error.document(), status=error.status)
    except web.HTTPException as error:
        if error.status in (404, 405):
            reason = f"no handler found for uri [{request.path_qs}] and method [{request.method}]"
            return answer(illegal(reason).document(), status=400)
        raise


def application(store: Store) -> web.Application:
    """The whole API."""
    app = web.Application(middlewares=[in_its_form], client_max_size=_LARGEST_BODY)
    app.add_routes(Api(store).routes())
    return app


def answer(document: Any, *, status: int = 200) -> web.Response:
    headers = {**_HEADERS, "Content-Type": _JSON}
    return web.Response(body=orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS), status=status, headers=headers)


def _orders(body: bytes, stream: str) -> list[Order]:
    """The documents of a bulk request; anything but creating is refused as a whole, as data streams do."""
    lines = [line for line in body.split(b"\n") if line.strip()]
    orders = []
    at = 0
    while at < len(lines):
        action = _document(lines[at])
        name, options = next(iter(action.items()), ("", {}))
        if name != "create":
            raise illegal(f"Malformed action/metadata line [{at + 1}]: data streams take [create], not [{name}]")
        if at + 1 >= len(lines):
            raise illegal("The bulk request must be terminated by a newline and each action by its document")
        orders.append(Order(options.get("_index", stream), str(options.get("_id") or ""), _document(lines[at + 1])))
        at += 2
    return orders


def _item(order: Order, written: Written) -> dict[str, Any]:
    item: dict[str, Any] = {"_index": order.stream, "_id": written.id}
    if written.error:
        return {**item, "status": written.error.status, "error": written.error.document()["error"]}
    shards = {"total": 1, "successful": 1, "failed": 0}
    return {**item, "_version": 1, "result": "created", "_shards": shards, "_seq_no": written.sequence,
            "_primary_term": 1, "status": 201}  # fmt: skip


def _body(text: bytes) -> dict[str, Any]:
    return _document(text) if text.strip() else {}


def _document(text: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise StoreError(400, "x_content_parse_exception", f"the body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise StoreError(400, "x_content_parse_exception", "the body is not a JSON object")
    return found


def _seconds(text: str) -> float:
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    for unit, factor in units.items():
        if text.endswith(unit) and text.removesuffix(unit).isdigit():
            return int(text.removesuffix(unit)) * factor
    raise illegal(f"keep_alive must be a time such as 1m, not [{text}]")
