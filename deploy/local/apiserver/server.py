"""The HTTP server: authentication, authorization, routing, and every error as a Status."""

import sys
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from . import authorization, discovery, errors, openapi, reading, requests, reviews, subresources, writing
from .api import Api
from .authentication import USER, Tokens, acting, token_handler
from .authorization import Attributes
from .requests import Target

Handler = Callable[[Api, web.Request, Target], Awaitable[web.StreamResponse]]
Handlers = dict[tuple[str, str], Handler]
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
}
_ON_SUBRESOURCE: Handlers = {
    ("status", "GET"): reading.get,
    ("status", "PUT"): writing.replace,
    ("status", "PATCH"): writing.change,
    ("scale", "GET"): subresources.get_scale,
    ("scale", "PUT"): subresources.replace_scale,
    ("scale", "PATCH"): subresources.change_scale,
    ("log", "GET"): subresources.log,
    ("binding", "POST"): subresources.bind,
    ("eviction", "POST"): subresources.evict,
}


def application(api: Api, token: str) -> web.Application:
    """The server as an aiohttp application."""
    tokens = Tokens(token)
    handlers = {**_ON_SUBRESOURCE, ("token", "POST"): token_handler(tokens)}

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            if _is_public(request.path):
                return _public(request)
            request[USER] = acting(api, request, tokens.user(api, request))
            return await _route(api, request, handlers)
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


async def _route(api: Api, request: web.Request, handlers: Handlers) -> web.StreamResponse:
    segments = [segment for segment in request.path.split("/") if segment]
    if len(segments) <= {"api": 2, "apis": 3}.get((segments or [""])[0], len(segments)):
        authorization.require(api.store, request[USER], Attributes(verb=request.method.lower(), path=request.path))
    match segments:
        case ["api"]:
            return writing.json_response(discovery.api_versions())
        case ["apis"]:
            return writing.json_response(discovery.group_list(api.kinds))
        case ["apis", group]:
            versions = discovery.groups(api.kinds).get(group)
            if versions is None:
                raise errors.no_such_path()
            found = {"kind": "APIGroup", "apiVersion": "v1", **discovery.api_group(group, versions)}
            return writing.json_response(found)
        case ["api", version, *rest]:
            return await _versioned(api, request, handlers, ("", version), rest)
        case ["apis", group, version, *rest]:
            return await _versioned(api, request, handlers, (group, version), rest)
        case ["openapi", *rest]:
            return await openapi.answer(api, rest)
        case []:
            return writing.json_response({"paths": ["/api", "/apis", "/openapi/v3", "/readyz", "/version"]})
    raise errors.no_such_path()


async def _versioned(
    api: Api, request: web.Request, handlers: Handlers, of: tuple[str, str], rest: list[str]
) -> web.StreamResponse:
    group, version = of
    if not rest:
        found = discovery.resource_list(api.kinds, group, version)
        if found is None:
            raise errors.no_such_path()
        return web.Response(body=orjson.dumps(found), content_type="application/json")
    target = requests.target_of(api.kinds, group, version, rest)
    handler = _handler(request.method, target, handlers)
    for verb in _verbs(api, request, target):
        authorization.require(api.store, request[USER], _act(verb, target))
    return await handler(api, request, target)


def _verbs(api: Api, request: web.Request, target: Target) -> tuple[str, ...]:
    """What RBAC calls this request; an apply that creates needs both of its verbs."""
    match request.method:
        case "GET" if requests.is_true(request, "watch"):
            return ("watch",)
        case "GET":
            return ("get" if target.name else "list",)
        case "PATCH":
            is_apply = requests.PATCH_TYPES.get(request.content_type) == "apply" and not target.subresource
            creates = is_apply and api.store.get(target.resource.storage, target.key) is None
            return ("patch", "create") if creates else ("patch",)
        case "DELETE":
            return ("delete",)
        case method:
            return ({"POST": "create", "PUT": "update"}[method],)


def _act(verb: str, target: Target) -> Attributes:
    resource = target.resource
    return Attributes(
        verb=verb,
        group=resource.group,
        resource=resource.plural,
        subresource=target.subresource,
        namespace=target.namespace,
        name=target.name,
    )


def _handler(method: str, target: Target, handlers: Handlers) -> Handler:
    """Who answers this method on this target. Raises ApiError 405."""
    found: Handler | None
    if target.resource.create_only:
        found = reviews.create if method == "POST" and not target.name else None
    elif target.subresource:
        found = handlers.get((target.subresource, method))
    elif target.name:
        found = _ON_OBJECT.get(method)
    else:
        found = _ON_COLLECTION.get(method)
    if found is None:
        raise errors.method_not_allowed()
    return found
