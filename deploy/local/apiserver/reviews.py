"""Questions answered on the spot: may I, may somebody else, who am I."""

from typing import Any

from aiohttp import web

from . import authorization, errors, requests, writing
from .api import Api
from .authentication import USER
from .authorization import Attributes, User
from .requests import Target

Json = dict[str, Any]


async def create(api: Api, request: web.Request, target: Target) -> web.StreamResponse:
    review = await requests.read_object(request, target.resource)
    review["status"] = _status(api, request[USER], target, review.get("spec") or {})
    return writing.json_response(review, status=201)


def _status(api: Api, user: User, target: Target, spec: Json) -> Json:
    match target.resource.kind:
        case "SelfSubjectReview":
            return {"userInfo": user.info()}
        case "SelfSubjectAccessReview":
            return _decision(api, user, spec)
        case _:
            about = User(name=spec.get("user") or "", groups=tuple(spec.get("groups") or ()))
            return _decision(api, about, spec)


def _decision(api: Api, user: User, spec: Json) -> Json:
    path, attributes = spec.get("nonResourceAttributes"), spec.get("resourceAttributes")
    if bool(path) == bool(attributes):
        raise errors.bad_request("exactly one of spec.resourceAttributes and spec.nonResourceAttributes is needed")
    if path:
        act = Attributes(verb=path.get("verb") or "", path=path.get("path") or "")
    else:
        names = ("verb", "group", "resource", "subresource", "namespace", "name")
        act = Attributes(**{name: (attributes or {}).get(name) or "" for name in names})
    return {"allowed": authorization.is_allowed(api.store, user, act)}
