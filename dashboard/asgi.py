"""The server: the Streamlit app with routes for probes and Prometheus, and headers that keep strangers out.

    streamlit run dashboard/asgi.py

`/healthz` says that the process answers, `/readyz` that its settings can be used. Neither asks a source: a deck that
restarts because Prometheus is down would be gone when it is needed. `/metrics` is for Prometheus.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from pathlib import Path

import streamlit as st
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# `streamlit run` puts this folder on the path, not the one that holds the packages.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dashboard.edge.entrance import Entrance, host_of
from dashboard.edge.exports import Exports
from dashboard.edge.hosts import Host
from dashboard.edge.pace import Places
from dashboard.edge.sessions import Sessions
from dashboard.edge.visits import Visits
from dashboard.settings import SettingsError, load
from dashboard.ui.broken import broken
from dashboard.ui.compressed import Compressed

# Kubernetes sends SIGTERM and waits 30 s; the rest is for connections to close and for actions to be left in order.
DRAIN_SECONDS = 20.0
_log = logging.getLogger("tealdeck.gate")
SCRIPT = Path(__file__).resolve().parent / "app.py"

# Open connections are given so long to end by themselves; a visitor who reads nothing could hold up the end for ever.
HANG_UP_SECONDS = 3.0
# How long a page that lost its connection can come back to its session. Streamlit's own limit (.streamlit/config.toml)
# is longer, since it no longer finds what it lets go.
KEPT_SECONDS = 30.0
# A page takes some 5 MB and 4 file handles. Behind a proxy all visitors come from one address.
MOST_PAGES, MOST_PAGES_OF_ONE_ADDRESS = 200, 150


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


@cache
def _listed_hosts() -> tuple[str, ...]:
    return load(None).hosts


def hosts() -> tuple[str, ...]:
    """The names that the settings list, read once, as all settings are; none while they cannot be used."""
    try:
        return _listed_hosts()
    except SettingsError:
        return ()


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
    """Ready: the settings can be used; else 503. Anybody may ask, so the reason stands in the log and on the pages."""
    try:
        await run_in_threadpool(load, None)
    except SettingsError as error:
        _log.error("settings_unusable reason=%s", error)
        return PlainTextResponse("The settings cannot be used; the deck's log says why.\n", status_code=503)
    return PlainTextResponse("ok\n")


async def metrics(_: Request) -> Response:
    """This process' own metrics in Prometheus' text form."""
    return Response(await run_in_threadpool(generate_latest), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _warm_up() -> None:
    import_module("dashboard.app")  # on import it does nothing but load the pages
    from dashboard.ui.session import open_desks

    open_desks()


def _bound_the_end() -> None:
    """Have uvicorn wait only so long for open connections: actions are given their time after that."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if isinstance(server, uvicorn.Server):
        server.config.timeout_graceful_shutdown = int(HANG_UP_SECONDS)


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Load the pages beside the first answers and ship what waits; at the end, give running actions time to end."""
    _bound_the_end()
    warming = asyncio.create_task(asyncio.to_thread(_warm_up))
    yield
    await warming
    from dashboard.ui import session  # loaded by the pages; importing it here costs no start-up time

    await run_in_threadpool(session.drain_actions, DRAIN_SECONDS)
    await run_in_threadpool(session.close)


# How pages are carried, whoever asks; what `bench pages` measures the empty page with, too.
SERVING = (Middleware(Compressed),)
_exports = Exports()
_places = Places(in_all=MOST_PAGES, per_address=MOST_PAGES_OF_ONE_ADDRESS)

app = st.App(
    SCRIPT,
    lifespan=lifespan,
    routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)],
    middleware=[
        Middleware(SecurityHeaders),
        Middleware(Entrance, names=lambda: hosts(), exports=_exports, why_full=_places.why_full),
        Middleware(Visits, places=_places, exports=_exports, kept_seconds=KEPT_SECONDS, forget=Sessions().forget),
        *SERVING,
    ],
    on_script_error=broken,
)
