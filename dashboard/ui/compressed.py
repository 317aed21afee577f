"""Serves Streamlit's files compressed: Streamlit itself leaves that to a proxy, which not every deck has.

HEAD answers as GET does; a part of a file (Range) is always of the file as it is; and `Vary` keeps caches from handing
one browser's encoding to another.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config, file_util

from dashboard.ui.assets import Assets, Body

_FOREVER: Final = "public, immutable, max-age=31536000"  # the name of a file under static/ changes with its content
_ASK_AGAIN: Final = "no-cache"
_STATIC: Final = "static/"
_MOST_ENCODINGS = 20  # of a header that anybody may send


class Compressed:
    """Answers for the files of Streamlit's pages from `Assets`; passes everything else on."""

    def __init__(self, app: ASGIApp, assets: Assets | None = None) -> None:
        self._app = app
        folder = Path(file_util.get_static_dir())
        self._assets = assets or Assets(folder)
        self._assets.prepare()
        # Streamlit serves its page under every path that is nothing else; its tag tells that page from other answers.
        index = folder / "index.html"
        self._page_tag = FileResponse(index, stat_result=index.stat()).headers["etag"] if index.is_file() else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        name = route(scope)
        if name.startswith(_STATIC) and "range" not in headers:
            body = self._assets.file(name, accepted(headers))
            if body is not None:
                await _answer(body, scope, _FOREVER)(scope, receive, send)
                return
        await self._app(scope, receive, _Page(self, name, dict(scope), receive, send))

    def page_for(self, found: Headers, scope: Scope) -> Response | None:
        """The prepared page in place of Streamlit's; None where the answer with these headers is another one."""
        if found.get("etag", "").removeprefix("W/") != self._page_tag:
            return None
        body = self._assets.page(accepted(Headers(scope=scope)))
        return _answer(body, scope, _ASK_AGAIN) if body is not None else None


class _Page:
    """Passes an answer on, and puts the prepared page in the place of Streamlit's."""

    def __init__(self, owner: Compressed, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        # The scope as it was asked: routers write into it on the way.
        self._owner, self._name, self._scope, self._receive, self._send = owner, name, scope, receive, send
        self._is_replaced = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if self._name.startswith(_STATIC):
                headers.add_vary_header("Accept-Encoding")
            page = self._owner.page_for(headers, self._scope) if message["status"] == 200 else None
            if page is not None:
                self._is_replaced = True
                await page(self._scope, self._receive, self._send)
        if not self._is_replaced:
            await self._send(message)


def route(scope: Scope) -> str:
    """The path below the place where the deck is mounted, without the first slash. Pure but for Streamlit's option."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    base = str(config.get_option("server.baseUrlPath") or "").strip("/")
    path = path.lstrip("/")
    return path.removeprefix(f"{base}/") if base else path


def accepted(headers: Headers) -> frozenset[str]:
    """The encodings that a browser takes: those that it names without refusing them by `q=0`. Pure."""
    found = set()
    for one in ",".join(headers.getlist("accept-encoding")).split(",", _MOST_ENCODINGS)[:_MOST_ENCODINGS]:
        name, *parameters = (part.strip().lower() for part in one.split(";"))
        if not any(_is_zero(parameter) for parameter in parameters):
            found.add(name)
    return frozenset(found)


def _is_zero(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and not value.strip().strip("0.")


def _answer(body: Body, scope: Scope, lifetime: str) -> Response:
    """The body with headers for caches; 304 without it where the browser has it already, and for HEAD the headers."""
    asked = Headers(scope=scope)
    headers = {"ETag": body.etag, "Cache-Control": lifetime, "Vary": "Accept-Encoding"}
    known = [tag.strip().removeprefix("W/") for tag in asked.get("if-none-match", "").split(",")]
    if body.etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    if body.encoding != "identity":
        headers["Content-Encoding"] = body.encoding
    found = Response(body.content, headers=headers, media_type=body.media_type)
    if scope["method"] == "HEAD":
        found.body = b""
    return found
