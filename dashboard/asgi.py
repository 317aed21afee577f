"""The server: the Streamlit app with routes for probes and Prometheus, and headers that keep strangers out.

    streamlit run dashboard/asgi.py

`/healthz` says that the process answers, `/readyz` that its settings can be used. Neither asks a source: a deck that
restarts because Prometheus is down would be gone when it is needed. `/metrics` is for Prometheus.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from pathlib import Path

import streamlit as st
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

# `streamlit run` puts this folder on the path, not the one that holds the packages.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dashboard.settings import SettingsError, load
from dashboard.ui.broken import broken
from dashboard.ui.compressed import Compressed
from dashboard.ui.hosts import Host, is_known, is_own_origin, parse_host

# Kubernetes sends SIGTERM and waits 30 s; the rest is for connections to close and for actions to be left in order.
DRAIN_SECONDS = 20.0
SCRIPT = Path(__file__).resolve().parent / "app.py"

# Prometheus and kubelet may come by any name of ours, and learn nothing that is worth stealing.
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


def content_security_policy(host: Host | None) -> str:
    """Where a page may load from and connect to: from and to the host under which it was asked for, and no other.

    Streamlit styles its elements inline and starts workers from blobs; plotly and the data grid compile functions and
    draw into blobs.
    """
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            f"connect-src {host.connect_sources if host else SELF}",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


SELF = "'self'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # links carry filters, which are nobody else's business
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def host_of(scope: Scope) -> Host | None:
    """The host that a request was sent to; None where it names none, or several."""
    found = Headers(scope=scope).getlist("host")
    return parse_host(found[0]) if len(found) == 1 else None


@cache
def hosts() -> tuple[str, ...]:
    """The names that the settings list; read once, as all settings are."""
    return load(None).hosts


class OwnHosts:
    """Answers only under names of ours, and lets only pages of ours open a WebSocket.

    Other requests get 421; a WebSocket is closed before it is open.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        host = host_of(scope)
        try:
            names = hosts()
        except SettingsError:
            names = ()
        if host is None or not is_known(host, names):
            refusal = PlainTextResponse("This deck has another name: list yours in `hosts` of its settings.\n", 421)
            await (refusal if scope["type"] == "http" else WebSocketClose(1008))(scope, receive, send)
            return
        origin = Headers(scope=scope).get("origin")
        if scope["type"] == "websocket" and origin is not None and not is_own_origin(origin, host, names):
            await WebSocketClose(1008)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class SecurityHeaders:
    """Adds HEADERS and the content security policy to every answer over HTTP, error pages included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                policy = content_security_policy(host_of(scope))
                MutableHeaders(scope=message).update(HEADERS | {"Content-Security-Policy": policy})
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


async def healthz(_: Request) -> Response:
    """Live: the process answers."""
    return PlainTextResponse("ok\n")


async def readyz(_: Request) -> Response:
    """Ready: the settings can be used; else 503 with the reason."""
    try:
        await run_in_threadpool(load, None)
    except SettingsError as error:
        return PlainTextResponse(f"{error}\n", status_code=503)
    return PlainTextResponse("ok\n")


async def metrics(_: Request) -> Response:
    """This process' own metrics in Prometheus' text form."""
    return Response(await run_in_threadpool(generate_latest), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _warm_up() -> None:
    import_module("dashboard.app")  # on import it does nothing but load the pages
    from dashboard.ui.session import open_desks

    open_desks()


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Load the pages beside the first answers and ship what waits; at the end, give running actions time to end."""
    warming = asyncio.create_task(asyncio.to_thread(_warm_up))
    yield
    await warming
    from dashboard.ui import session  # loaded by the pages; importing it here costs no start-up time

    await run_in_threadpool(session.drain_actions, DRAIN_SECONDS)
    await run_in_threadpool(session.close)


# How pages are carried, whoever asks; what `bench pages` measures the empty page with, too.
SERVING = (Middleware(Compressed),)

app = st.App(
    SCRIPT,
    lifespan=lifespan,
    routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)],
    middleware=[Middleware(SecurityHeaders), Middleware(OwnHosts), *SERVING],
    on_script_error=broken,
)
