"""The routes that write documents, and those that read single ones."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiohttp import web

from deploy.local.logstore import bulk
from deploy.local.logstore.engine import Stored
from deploy.local.logstore.errors import StoreError, illegal, invalid, no_such_index
from deploy.local.logstore.hits import part_of
from deploy.local.logstore.http import EXPANDING, answer, body_of, parameters, switch
from deploy.local.logstore.search import Search
from deploy.local.logstore.store import Order, Store

_MOST_WAITING_BYTES = 256 * 1024 * 1024
_SOURCE = ("_source", "_source_includes", "_source_excludes")


class WritingApi:
    """Engine work runs in threads, so that a long search does not hold up a write."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting_bytes = 0

    def routes(self) -> list[web.RouteDef]:
        return [
            *(
                web.route(method, path, self.bulk)
                for method in ("PUT", "POST")
                for path in ("/_bulk", "/{index}/_bulk")
            ),
            web.post("/{index}/_doc", self.write),
            *(web.route(method, "/{index}/_doc/{id}", self.write) for method in ("PUT", "POST")),
            *(web.route(method, "/{index}/_create/{id}", self.create) for method in ("PUT", "POST")),
            web.delete("/{index}/_doc/{id}", self.delete),
            web.get("/{index}/_doc/{id}", self.get),
            *(web.route(m, path, self.get_several) for m in ("GET", "POST") for path in ("/_mget", "/{index}/_mget")),
            web.post("/{index}/_delete_by_query", self.delete_by_query),
        ]

    async def bulk(self, request: web.Request) -> web.StreamResponse:
        parameters(request, ("refresh", "require_data_stream", "timeout"))
        began = time.perf_counter()
        size = request.content_length or 0
        if self._waiting_bytes and self._waiting_bytes + size > _MOST_WAITING_BYTES:
            held = f"coordinating_and_primary_bytes={self._waiting_bytes}, coordinating_operation_bytes={size}"
            raise StoreError(
                429, "es_rejected_execution_exception", f"rejected execution of coordinating operation [{held}]"
            )
        self._waiting_bytes += size
        try:
            body = await request.read()
            items = await asyncio.to_thread(self._written, body, request.match_info.get("index", ""))
        finally:
            self._waiting_bytes -= size
        await self._refresh_if_asked(request)
        errors = any("error" in result for one in items for result in one.values())
        return answer({"errors": errors, "took": int((time.perf_counter() - began) * 1000), "items": items})

    async def write(self, request: web.Request) -> web.StreamResponse:
        """Without an id a document is new; with one it may replace another, except in a data stream."""
        kind = request.query.get("op_type", "index" if "id" in request.match_info else "create")
        if kind not in ("index", "create"):
            raise illegal(f"opType must be 'create' or 'index', found: [{kind}]")
        return await self._write_one(request, kind)

    async def create(self, request: web.Request) -> web.StreamResponse:
        return await self._write_one(request, "create")

    async def delete(self, request: web.Request) -> web.StreamResponse:
        return await self._write_one(request, "delete")

    async def get(self, request: web.Request) -> web.StreamResponse:
        parameters(request, (*_SOURCE, "realtime", "refresh"))
        name, identity = request.match_info["index"], request.match_info["id"]
        found = await asyncio.to_thread(self._stored, name, identity)
        wanted: Any = request.query.get("_source", "true")
        wanted = {"true": True, "false": False}.get(wanted, wanted.split(","))
        if {"_source_includes", "_source_excludes"} & set(request.query):
            listed = {key: request.query.get(f"_source_{key}", "") for key in ("includes", "excludes")}
            wanted = {key: [one for one in value.split(",") if one] for key, value in listed.items()}
        return answer(_shown(name, identity, found, wanted), status=200 if found else 404)

    async def get_several(self, request: web.Request) -> web.StreamResponse:
        parameters(request, _SOURCE[:1])
        body, index = await body_of(request, needed=True), request.match_info.get("index")
        if set(body) not in ({"docs"}, {"ids"}) or (index is None and "ids" in body):
            raise illegal("[mget] wants [docs], or [ids] of the index in the path")
        asked = body.get("docs") or [{"_id": one} for one in body.get("ids", ())]
        if not asked:
            raise invalid("no documents to get")
        return answer({"docs": await asyncio.to_thread(lambda: [self._one_of_several(one, index) for one in asked])})

    async def delete_by_query(self, request: web.Request) -> web.StreamResponse:
        parameters(request, (*EXPANDING, "refresh", "conflicts", "wait_for_completion"))
        if not switch(request, "wait_for_completion", True):
            raise illegal("this store deletes before it answers: wait_for_completion cannot be false")
        body, began = await body_of(request, needed=True), time.perf_counter()
        if set(body) != {"query"}:
            raise invalid(f"[query] alone is wanted, not {sorted(body)}")
        streams = self._store.catalog.named(
            request.match_info["index"], ignore_unavailable=switch(request, "ignore_unavailable")
        )

        def keys(searcher: Any) -> list[str]:
            return Search(self._store.engine, searcher, streams).keys(body)

        count = await asyncio.to_thread(self._store.delete_where, keys)
        return answer({
            "took": int((time.perf_counter() - began) * 1000), "timed_out": False, "total": count, "deleted": count,
            "batches": 1, "version_conflicts": 0, "noops": 0, "retries": {"bulk": 0, "search": 0},
            "throttled_millis": 0, "requests_per_second": -1.0, "throttled_until_millis": 0, "failures": [],
        })  # fmt: skip

    def _written(self, body: bytes, index: str) -> list[dict[str, Any]]:
        orders = bulk.orders_of(body, index)
        written = self._store.write(orders)
        return [bulk.item(order, one) for order, one in zip(orders, written, strict=True)]

    async def _write_one(self, request: web.Request, action: str) -> web.StreamResponse:
        parameters(request, ("refresh", "op_type", "require_data_stream", "timeout"))
        source = {} if action == "delete" else await body_of(request, needed=True)
        order = Order(action, request.match_info["index"], request.match_info.get("id", ""), source)
        (written,) = await asyncio.to_thread(self._store.write, [order])
        if written.error:
            raise written.error
        await self._refresh_if_asked(request)
        ((_, item),) = bulk.item(order, written).items()
        return answer({key: value for key, value in item.items() if key != "status"}, status=item["status"])

    def _stored(self, name: str, identity: str) -> Stored | None:
        """By an index or the backing index of a data stream, whose documents are asked for there alone."""
        (stream,) = self._store.catalog.named(name, data_streams=False) or [None]
        if stream is None or (stream.is_data_stream and stream.name == name):
            raise no_such_index(name)
        return self._store.get(stream.name, identity)

    def _one_of_several(self, one: Any, index: str | None) -> dict[str, Any]:
        strange = set(one) - {"_index", "_id", "_source"}
        if strange or "_id" not in one or not (one.get("_index") or index):
            raise illegal(f"[mget] wants [_index] and [_id] of each document, not {sorted(one)}")
        name, identity = one.get("_index") or index, str(one["_id"])
        try:
            return _shown(name, identity, self._stored(name, identity), one.get("_source", True))
        except StoreError as error:
            return {"_index": name, "_id": identity, "error": error.document()["error"]}

    async def _refresh_if_asked(self, request: web.Request) -> None:
        asked = request.query.get("refresh", "false")
        if asked not in ("", "true", "false", "wait_for"):
            raise illegal(f"Unknown value for refresh: [{asked}].")
        if asked != "false":
            await asyncio.to_thread(self._store.refresh)


def _shown(name: str, identity: str, found: Stored | None, wanted: Any) -> dict[str, Any]:
    if found is None:
        return {"_index": name, "_id": identity, "found": False}
    shown = {
        "_index": name,
        "_id": identity,
        "_version": found.version,
        "_seq_no": found.sequence,
        "_primary_term": 1,
        "found": True,
    }
    source = part_of(found.source, wanted)
    return shown if source is None else {**shown, "_source": source}
