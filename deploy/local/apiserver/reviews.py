"""Questions answered on the spot: may I, who am I, and the old form of binding a pod.

There is one token and it may do everything, so every access review says yes.
"""

from typing import Any

from aiohttp import web

from . import requests, subresources, writing
from .api import Api
from .requests import Target

Json = dict[str, Any]
USER = {"username": "tealdeck-admin", "groups": ["system:masters", "system:authenticated"]}
_EVERYTHING = {
    "incomplete": False,
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
}


async def create(api: Api, request: web.Request, target: Target) -> web.StreamResponse:
    if target.resource.kind == "Binding":
        return await subresources.bind(api, request, target)
    review = await requests.read_object(request, target.resource)
    review["status"] = _status(target.resource.kind)
    return writing.json_response(review, status=201)


def _status(kind: str) -> Json:
    match kind:
        case "SelfSubjectReview":
            return {"userInfo": USER}
        case "SelfSubjectRulesReview":
            return _EVERYTHING
        case _:
            return {"allowed": True, "reason": "the one token of this server may do everything"}
