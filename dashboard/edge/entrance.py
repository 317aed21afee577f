"""Looks at each request before Streamlit does: under which name it comes, from which page, and what it asks for.

What Streamlit does on its own is not enough: it answers under any name, takes pages of any port of this machine for its
own, and asks a host on the Internet for its own address when a page is unknown to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from dashboard.edge.exports import MEDIA, Exports, browser_of, new_browser, set_cookie
from dashboard.edge.hosts import Host, is_known, is_own_origin, parse_host

# Prometheus and kubelet may come by any name of ours, and learn nothing that is worth stealing.
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
# Of Streamlit's own routes what its pages need. The others upload files, show figures of all sessions, or let programs
# use the pages.
_CORE = "/_stcore/"
_NEEDED = ("health", "host-config", "stream", "bidi-components/")
_POLICY_VIOLATED = 1008

Full = Callable[[str], str]


class Entrance:
    """Answers only under names of ours, only to pages of ours, and only what these need.

    Args:
        names: the names that the settings list.
        exports: who was offered which file.
        why_full: why no more pages can be opened from an address, in words; "" when they can.
    """

    def __init__(self, app: ASGIApp, *, names: Callable[[], Sequence[str]], exports: Exports, why_full: Full) -> None:
        self._app = app
        self._names = names
        self._exports = exports
        self._why_full = why_full

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse: a WebSocket before it is open."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None and scope["type"] == "websocket":
            await WebSocketClose(_POLICY_VIOLATED)(scope, receive, send)
        elif refusal is not None:
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(with_own_origin(scope), receive, send)
        else:
            await self._app(without_origin(scope), receive, _with_cookie(scope, send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and words where a request is refused."""
        names, host, headers = self._names(), host_of(scope), Headers(scope=scope)
        if host is None or not is_known(host, names):
            return 421, "This deck has another name: list yours in `hosts` of its settings.\n"
        origins = headers.getlist("origin")
        if any(not is_own_origin(origin, host, names) for origin in origins):
            return 403, "Another site's page may not use this deck.\n"
        path = scope["path"]
        if _CORE in path and not path.rpartition(_CORE)[2].startswith(_NEEDED):
            return 404, "Not found.\n"
        if is_export(path) and not self._exports.was_offered(browser_of(headers.get("cookie", "")), path):
            return 404, "This file was made for another browser, or is gone. Ask for it again on the page.\n"
        if _is_page(scope, headers) and (full := self._why_full(address_of(scope))):
            return 503, full
        return None


def is_export(path: str) -> bool:
    """Whether a path is that of a file that a page offers: the app's own fonts lie under static/media/, and are not."""
    before, found, rest = path.partition(MEDIA)
    return bool(found) and (not before.endswith("/static") or MEDIA in f"/{rest}")


def host_of(scope: Scope) -> Host | None:
    """The host that a request was sent to; None where it names none, or several."""
    found = Headers(scope=scope).getlist("host")
    return parse_host(found[0]) if len(found) == 1 else None


def address_of(scope: Scope) -> str:
    """The address that a request comes from; behind a proxy it is the proxy's."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def with_own_origin(scope: Scope) -> Scope:
    """The handshake of a page of ours. Streamlit then finds its origin to be this host, however that was spelled."""
    origin = Headers(scope=scope).get("origin")
    if origin is None:
        return scope
    scheme, host = urlsplit(origin).scheme, Headers(scope=scope)["host"]
    own = (b"origin", f"{scheme}://{host}".encode("latin-1"))
    return {**scope, "headers": [*without_origin(scope)["headers"], own]}


def without_origin(scope: Scope) -> Scope:
    """A request over HTTP of a page of ours: nothing is left to compare."""
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"origin"]}


def _is_page(scope: Scope, headers: Headers) -> bool:
    return scope["type"] == "http" and "text/html" in headers.get("accept", "")


def _with_cookie(scope: Scope, send: Send) -> Send:
    """Names a browser that asks for a page and has no name yet."""
    headers = Headers(scope=scope)
    if not _is_page(scope, headers) or browser_of(headers.get("cookie", "")):
        return send
    is_secure = "https" in (scope.get("scheme"), headers.get("x-forwarded-proto"))

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).append("Set-Cookie", set_cookie(new_browser(), is_secure=is_secure))
        await send(message)

    return named
