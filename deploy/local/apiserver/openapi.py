"""What kubectl reads before it writes (OpenAPI v3): that a kind can be patched, dry-run and validated by the server."""

from typing import Any

from aiohttp import web

from . import errors, writing
from .api import Api
from .kinds import Resource

Json = dict[str, Any]
# The shortest valid OpenAPI v2 document in the protobuf form that kubectl asks for: it then uses its built-in types.
_V2_PROTOBUF = b"\n\x032.0"
_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")


async def answer(api: Api, request: web.Request, rest: list[str]) -> web.Response:
    match rest:
        case ["v2"]:
            return _v2(request)
        case ["v3"]:
            paths = sorted({_group_path(resource) for resource in api.kinds})
            index = {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in paths}
            return writing.json_response({"paths": index})
        case ["v3", *path]:
            resources = [resource for resource in api.kinds if _group_path(resource) == "/".join(path)]
            if resources:
                return writing.json_response(_document(resources))
    raise errors.no_such_path()


def _v2(request: web.Request) -> web.Response:
    if "protobuf" in request.headers.get("Accept", ""):
        kind = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
        return web.Response(body=_V2_PROTOBUF, headers={"Content-Type": kind})
    return writing.json_response({"swagger": "2.0", "info": _INFO, "paths": {}, "definitions": {}})


_INFO = {"title": "Kubernetes", "version": "v1.34.0"}


def _group_path(resource: Resource) -> str:
    return f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"


def _document(resources: list[Resource]) -> Json:
    paths = {_object_path(resource): _operations(resource) for resource in resources}
    return {"openapi": "3.0.0", "info": _INFO, "paths": paths, "components": {"schemas": {}}}


def _object_path(resource: Resource) -> str:
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    return f"/{_group_path(resource)}{scope}/{resource.plural}/{{name}}"


def _operations(resource: Resource) -> Json:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for name in _PARAMETERS
    ]
    # No strategic merge here: kubectl then computes it from its built-in types, which know every list key.
    content = {"application/apply-patch+yaml": {}, "application/merge-patch+json": {}}
    patch = {
        "operationId": f"patch{resource.kind}",
        "parameters": parameters,
        "requestBody": {"content": content, "required": True},
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": kind,
    }
    return {"patch": patch}
