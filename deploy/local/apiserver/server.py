"""The HTTP face: who may ask, which handler answers, and every refusal as a Status."""

import hmac
import sys
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from . import discovery, errors, openapi, reading, requests, reviews, subresources, writing
from .api import Api
from .requests import Target

Handler = Callable[[Api, web.Request, Target], Awaitable[web.StreamResponse]]
_HEALTH = ("readyz", "livez", "healthz")

_ON_OBJECT: dict[str, Handler] = {
    "GET": reading.get,
    "PUT": writing.replace,
    "PATCH": writing.change,
    "DELETE": writing.delete,
}
_ON_COLLECTION: dict[str, Handler] = {
    "GET": reading.list_or_watch,
    "POST": writing.create,
    "DELETE": writing.delete_collection,
}
_ON_SUBRESOURCE: dict[tuple[str, str], Handler] = {
    ("status", "GET"): reading.get,
    ("status", "PUT"): writing.replace,
    ("status", "PATCH"): writing.change,
    ("scale", "GET"): subresources.get_scale,
    ("scale", "PUT"): subresources.replace_scale,
    ("scale", "PATCH"): subresources.change_scale,
    ("log", "GET"): subresources.log,
    ("binding", "POST"): subresources.bind,
    ("eviction", "POST"): subresources.evict,
    ("finalize", "PUT"): subresources.finalize,
}


def application(api: Api, token: str) -> web.Application:
    """The server as an aiohttp application."""
    expected = f"Bearer {token}".encode()

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            if _is_public(request.path):
                return _public(request)
            given = request.headers.get("Authorization", "").encode()
            if not hmac.compare_digest(given, expected):
                raise errors.unauthorized()
            return await _route(api, request)
        except errors.ApiError as error:
            return refusal(error)
        except Exception as error:  # noqa: BLE001 - the last resort of a server: said in the log, answered as a Status
            print(f"error unexpected method={request.method} path={request.path} why={error!r}", file=sys.stderr)
            return refusal(errors.internal(repr(error)))

    app = web.Application(client_max_size=requests.MAX_BODY_BYTES)
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def refusal(error: errors.ApiError) -> web.Response:
    response = writing.json_response(error.status(), status=error.code)
    if "retryAfterSeconds" in error.details:
        response.headers["Retry-After"] = str(error.details["retryAfterSeconds"])
    return response


def _is_public(path: str) -> bool:
    return path == "/version" or path.split("/")[1] in _HEALTH


def _public(request: web.Request) -> web.Response:
    if request.path == "/version":
        return writing.json_response(discovery.VERSION)
    return web.Response(text="ok")


async def _route(api: Api, request: web.Request) -> web.StreamResponse:
    segments = [segment for segment in request.path.split("/") if segment]
    match segments:
        case ["api"]:
            return _discover(api, request, core=True)
        case ["apis"]:
            return _discover(api, request, core=False)
        case ["apis", group]:
            versions = discovery.groups(api.kinds).get(group)
            if versions is None:
                raise errors.no_such_path()
            found = {"kind": "APIGroup", "apiVersion": "v1", **discovery.api_group(group, versions)}
            return writing.json_response(found)
        case ["api", version, *rest]:
            return await _versioned(api, request, "", version, rest)
        case ["apis", group, version, *rest]:
            return await _versioned(api, request, group, version, rest)
        case ["openapi", *rest]:
            return await openapi.answer(api, request, rest)
        case []:
            return writing.json_response({"paths": ["/api", "/apis", "/openapi/v3", "/readyz", "/version"]})
    raise errors.no_such_path()


def _discover(api: Api, request: web.Request, *, core: bool) -> web.Response:
    if discovery.is_aggregated(request.headers.get("Accept", "")):
        body = discovery.aggregated(api.kinds, core=core)
        return writing.json_response(body, content_type=discovery.AGGREGATED)
    return writing.json_response(discovery.api_versions() if core else discovery.group_list(api.kinds))


async def _versioned(api: Api, request: web.Request, group: str, version: str, rest: list[str]) -> web.StreamResponse:
    if not rest:
        found = discovery.resource_list(api.kinds, group, version)
        if found is None:
            raise errors.no_such_path()
        return web.Response(body=orjson.dumps(found), content_type="application/json")
    target = requests.target_of(api.kinds, group, version, rest)
    return await _handler(request.method, target)(api, request, target)


def _handler(method: str, target: Target) -> Handler:
    """Who answers this method on this target. Raises ApiError 405."""
    found: Handler | None
    if target.resource.create_only:
        found = reviews.create if method == "POST" and not target.name else None
    elif target.subresource:
        found = _ON_SUBRESOURCE.get((target.subresource, method))
    elif target.name:
        found = _ON_OBJECT.get(method)
    else:
        found = _ON_COLLECTION.get(method)
    if found is None:
        raise errors.method_not_allowed()
    return found
