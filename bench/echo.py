"""A server that pods run in drills and tests: answers, takes its time, speaks WebSocket, and misbehaves when asked to.

At SIGTERM it finishes what it has, and tells WebSocket clients to come back elsewhere.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time

from aiohttp import WSCloseCode, WSMsgType, web

_SOCKETS = web.AppKey("sockets", set[web.WebSocketResponse])
_HOARD: list[bytes] = []


async def answer(request: web.Request) -> web.Response:
    """Who answered, after `seconds`; what it is to `say` goes into its log."""
    await asyncio.sleep(float(request.query.get("seconds", 0)))
    if word := request.query.get("say"):
        print(word, flush=True)
    return web.json_response({"pod": os.environ.get("POD_NAME", ""), "track": os.environ.get("TRACK", "")})


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Every message comes back."""
    connection = web.WebSocketResponse()
    await connection.prepare(request)
    request.app[_SOCKETS].add(connection)
    try:
        async for message in connection:
            if message.type is WSMsgType.TEXT:
                await connection.send_str(message.data)
    finally:
        request.app[_SOCKETS].discard(connection)
    return connection


async def hoard(request: web.Request) -> web.Response:
    """Holds so many MiB more."""
    _HOARD.append(os.urandom(1024) * (1024 * int(request.query["mib"])))
    return web.Response()


async def burn(request: web.Request) -> web.Response:
    """Keeps a core busy for so long, without keeping others waiting for more than a moment."""
    end = time.monotonic() + float(request.query["seconds"])
    while time.monotonic() < end:
        busy = time.monotonic() + 0.05
        while time.monotonic() < busy:
            pass
        await asyncio.sleep(0.005)
    return web.Response()


class Health:
    """Well until told otherwise."""

    def __init__(self) -> None:
        self.code = 200

    async def probe(self, _: web.Request) -> web.Response:
        return web.Response(status=self.code)

    async def sicken(self, _: web.Request) -> web.Response:
        self.code = 500
        return web.Response()


async def _say_goodbye(app: web.Application) -> None:
    for connection in set(app[_SOCKETS]):
        await connection.close(code=WSCloseCode.GOING_AWAY, message=b"this pod ends")


def application() -> web.Application:
    """All of it."""
    app, health = web.Application(), Health()
    app[_SOCKETS] = set()
    app.on_shutdown.append(_say_goodbye)
    app.add_routes(
        [
            web.get("/", answer),
            web.get("/ws", echo),
            web.get("/healthz", health.probe),
            web.post("/sicken", health.sicken),
            web.post("/hoard", hoard),
            web.post("/burn", burn),
        ]
    )
    return app


def main() -> int:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.echo", description=__doc__)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    host, _, port = parser.parse_args().listen.rpartition(":")
    print(f"listening on {host}:{port}", flush=True)
    web.run_app(application(), host=host, port=int(port), print=None, access_log=None, shutdown_timeout=20)
    print(f"ended by signal {signal.SIGTERM.name}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
