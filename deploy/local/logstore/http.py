"""Common to all routes: strict reading of bodies and parameters, answers and errors in Elasticsearch's form."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import orjson
from aiohttp import web

from deploy.local.logstore.errors import StoreError, illegal

_LOG = logging.getLogger("logstore")
LARGEST_BODY_BYTES = 100 * 1024 * 1024
_JSON = "application/vnd.elasticsearch+json;compatible-with=9"
_HEADERS = {"X-Elastic-Product": "Elasticsearch"}
_READ = re.compile(r"application/(vnd\.elasticsearch\+)?(x-nd)?json\s*(;.*)?")
_VERSION = re.compile(r"compatible-with=(\d+)")
_EVERYWHERE = {"pretty", "human", "error_trace"}
EXPANDING = ("ignore_unavailable", "allow_no_indices", "expand_wildcards")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def in_its_form(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every answer with the product's header, every error in its form."""
    try:
        _check_headers(request)
        return await handler(request)
    except StoreError as error:
        return answer(error.document(), status=error.status)
    except web.HTTPException as error:
        return _of_http(request, error)
    except BaseException as error:
        # A panic of the engine is no Exception: it too costs its request alone.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        _LOG.exception("request failed method=%s path=%s", request.method, request.path)
        return answer(StoreError(500, "exception", f"{type(error).__name__}: {error}").document(), status=500)


def _of_http(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    """What the server's own library has to say."""
    if error.status == 413:
        return answer(_too_large().document(), status=413)
    if error.status == 405:
        allowed = sorted(error.headers.get("Allow", "").split(","))
        reason = f"Incorrect HTTP method for uri [{request.path_qs}] and method [{request.method}], allowed: {allowed}"
        return answer({"error": reason, "status": 405}, status=405)
    reason = f"no handler found for uri [{request.path_qs}] and method [{request.method}]"
    return answer({"error": reason, "status": 400}, status=400)


def answer(document: Any, *, status: int = 200) -> web.Response:
    headers = {**_HEADERS, "Content-Type": _JSON}
    return web.Response(body=orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS), status=status, headers=headers)


async def body_of(request: web.Request, *, needed: bool = False) -> dict[str, Any]:
    """The JSON object of a request."""
    text = await request.read()
    if not text.strip():
        if needed:
            raise StoreError(400, "parse_exception", "request body is required")
        return {}
    return await asyncio.to_thread(document, text) if len(text) > 100_000 else document(text)


def document(text: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise StoreError(400, "x_content_parse_exception", f"[{error.lineno}:{error.colno}] {error.msg}") from error
    if not isinstance(found, dict):
        raise StoreError(400, "parsing_exception", "Expected [START_OBJECT]: the body is no JSON object")
    return found


def parameters(request: web.Request, known: Iterable[str]) -> None:
    """Refuses parameters that the route does not know."""
    strange = sorted(set(request.query) - set(known) - _EVERYWHERE)
    if strange:
        raise illegal(f"request [{request.path}] contains unrecognized parameters: {strange}")
    if request.query.get("expand_wildcards", "open") not in ("open", "all", "open,hidden", "hidden"):
        raise illegal(
            f"[expand_wildcards] of [{request.query['expand_wildcards']}] is not known: all indices are open here"
        )


def switch(request: web.Request, name: str, default: bool = False) -> bool:
    value = request.query.get(name, str(default).lower())
    if value not in ("", "true", "false"):
        raise illegal(f"Failed to parse value [{value}] as only [true] or [false] are allowed.")
    return value != "false"


def _check_headers(request: web.Request) -> None:
    if (request.content_length or 0) > LARGEST_BODY_BYTES:
        raise _too_large()
    if not request.can_read_body:
        return
    kind = request.headers.get("Content-Type", "")
    if not _READ.fullmatch(kind):
        said = f"Content-Type header [{kind}] is not supported" if kind else "Content-Type header is missing"
        raise _UnreadableError(said)
    version = _VERSION.search(kind)
    if version and version[1] not in ("8", "9"):
        raise StoreError(
            400, "media_type_header_exception", f"Invalid media-type value on headers [Content-Type]: [{kind}]"
        )


def _too_large() -> StoreError:
    return StoreError(
        413, "content_too_long_exception", f"entity content is too long for the configured limit [{LARGEST_BODY_BYTES}]"
    )


class _UnreadableError(StoreError):
    def __init__(self, reason: str) -> None:
        super().__init__(406, "media_type_header_exception", reason)

    def document(self) -> dict[str, Any]:
        return {"error": self.reason, "status": 406}
