"""Lets a bounded number of visitors in; `connection.py` looks at what each of them sends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.edge.connection import TRY_LATER, Connection
from dashboard.edge.entrance import address_of
from dashboard.edge.exports import Exports, browser_of
from dashboard.edge.pace import Places
from dashboard.edge.runs import RunPool

_log = logging.getLogger("tealdeck.gate")


class Visits:
    """The WebSockets of all visitors.

    Args:
        places: how many connections there may be.
        exports: who was offered which file.
        kept_seconds: for how long a page may come back to its session; its place is taken until then.
        forget: closes the session of this id, unless its page has come back; "" where the id never came.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        places: Places,
        exports: Exports,
        kept_seconds: float,
        forget: Callable[[str], None],
    ) -> None:
        self._app = app
        self._places = places
        self._exports = exports
        self._kept_seconds = kept_seconds
        self._forget = forget
        self._runs = RunPool()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; what is no WebSocket passes."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        address = address_of(scope)
        if full := self._places.why_full(address):
            _log.warning("visitor_refused address=%s reason=%s", address, full.strip())
            await _deny(full, scope, send)
            return
        browser = browser_of(Headers(scope=scope).get("cookie", ""))
        connection = Connection(receive, send, browser=browser, exports=self._exports, runs=self._runs)
        self._places.take(address)
        reading = asyncio.create_task(connection.read())
        try:
            await self._app(scope, connection.next, connection.send)
        finally:
            reading.cancel()
            asyncio.get_running_loop().call_later(self._kept_seconds, self._end, address, connection.session)

    def _end(self, address: str, session: str) -> None:
        self._places.give_back(address)
        self._forget(session)


async def _deny(why: str, scope: Scope, send: Send) -> None:
    """Refuse a handshake, in words where the server can send them."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": TRY_LATER, "reason": why.strip()})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", b"60")]
    await send({"type": "websocket.http.response.start", "status": 503, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": why.encode()})
