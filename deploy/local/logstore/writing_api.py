"""The routes that write documents."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiohttp import web

from deploy.local.logstore import bulk
from deploy.local.logstore.errors import StoreError, illegal
from deploy.local.logstore.http import answer, body_of, parameters
from deploy.local.logstore.store import Order, Store

_MOST_WAITING_BYTES = 256 * 1024 * 1024


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

    def _written(self, body: bytes, index: str) -> list[dict[str, Any]]:
        orders = bulk.orders_of(body, index)
        written = self._store.write(orders)
        return [bulk.item(order, one) for order, one in zip(orders, written, strict=True)]

    async def _write_one(self, request: web.Request, action: str) -> web.StreamResponse:
        parameters(request, ("refresh", "op_type", "require_data_stream", "timeout"))
        source = await body_of(request, needed=True)
        order = Order(action, request.match_info["index"], request.match_info.get("id", ""), source)
        (written,) = await asyncio.to_thread(self._store.write, [order])
        if written.error:
            raise written.error
        await self._refresh_if_asked(request)
        ((_, item),) = bulk.item(order, written).items()
        return answer({key: value for key, value in item.items() if key != "status"}, status=item["status"])

    async def _refresh_if_asked(self, request: web.Request) -> None:
        asked = request.query.get("refresh", "false")
        if asked not in ("", "true", "false", "wait_for"):
            raise illegal(f"Unknown value for refresh: [{asked}].")
        if asked != "false":
            await asyncio.to_thread(self._store.refresh)
