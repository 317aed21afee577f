"""The little of OpenAPI v3 that `kubectl apply` reads: which parameters a patch of each kind takes.

Without field schemas kubectl leaves validation to the server and computes strategic merges from its built-in types.
`kubectl explain` needs the schemas and does not work here.
"""

from typing import Any

from aiohttp import web

from . import errors, writing
from .api import Api
from .kinds import Resource

Json = dict[str, Any]
_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")
_INFO = {"title": "Kubernetes", "version": "v1.34.0"}
_CONTENT: Json = {"application/apply-patch+yaml": {}, "application/merge-patch+json": {}}


async def answer(api: Api, rest: list[str]) -> web.Response:
    """Raises ApiError 404 for a path that is not served."""
    match rest:
        case ["v3"]:
            paths = sorted({_group_path(resource) for resource in api.kinds})
            index = {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in paths}
            return writing.json_response({"paths": index})
        case ["v3", *path]:
            resources = [resource for resource in api.kinds if _group_path(resource) == "/".join(path)]
            if resources:
                paths = {_object_path(resource): {"patch": _patch(resource)} for resource in resources}
                return writing.json_response({"openapi": "3.0.0", "info": _INFO, "paths": paths})
    raise errors.no_such_path()


def _group_path(resource: Resource) -> str:
    return f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"


def _object_path(resource: Resource) -> str:
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    return f"/{_group_path(resource)}{scope}/{resource.plural}/{{name}}"


def _patch(resource: Resource) -> Json:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    schema = {"type": "string", "uniqueItems": True}
    return {
        "parameters": [{"name": name, "in": "query", "schema": schema} for name in _PARAMETERS],
        "requestBody": {"content": _CONTENT, "required": True},
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": kind,
    }
