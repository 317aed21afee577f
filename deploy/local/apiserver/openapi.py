"""What kubectl reads before it writes or explains (OpenAPI v3): which fields a kind has, what its patches can do.

Types without descriptions: those are in the reference on the web.
"""

import re
from typing import Any

from aiohttp import web

from . import errors, schema, writing
from .api import Api
from .kinds import Resource

Json = dict[str, Any]
# The shortest valid OpenAPI v2 document in the protobuf form that kubectl asks for: it then uses its built-in types.
_V2_PROTOBUF = b"\n\x032.0"
_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")
_INFO = {"title": "Kubernetes", "version": "v1.34.0"}
_TYPES: dict[str, Json] = {
    "string": {"type": "string"},
    "bool": {"type": "boolean"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "quantity": {"type": "string"},
    "intstr": {"type": "string", "format": "int-or-string"},
    "bytes": {"type": "string", "format": "byte"},
    "time": {"type": "string", "format": "date-time"},
    "microtime": {"type": "string", "format": "date-time"},
    "raw": {"type": "object"},
}


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
        kind = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
        return web.Response(body=_V2_PROTOBUF, headers={"Content-Type": kind})
    return writing.json_response({"swagger": "2.0", "info": _INFO, "paths": {}, "definitions": {}})


def _group_path(resource: Resource) -> str:
    return f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"


def _document(resources: list[Resource]) -> Json:
    schemas: Json = {}
    for resource in resources:
        _add_kind(schemas, resource)
    paths = {_object_path(resource): _operations(resource) for resource in resources}
    return {"openapi": "3.0.0", "info": _INFO, "paths": paths, "components": {"schemas": schemas}}


def _add_kind(schemas: Json, resource: Resource) -> None:
    message = schema.message_of(resource.api_version, resource.kind)
    if message is None or resource.custom:
        message = f"{resource.group}.{resource.version}.{resource.kind}"
        schemas[_name(message)] = dict(resource.schema) or {"type": "object"}
    else:
        _add(schemas, message)
    root = schemas[_name(message)]
    typed = {"apiVersion": _TYPES["string"], "kind": _TYPES["string"]}
    root["properties"] = {**typed, **root.get("properties", {})}
    root["x-kubernetes-group-version-kind"] = [_identity(resource)]


def _add(schemas: Json, message: str) -> None:
    """Add a message and all that it refers to."""
    if _name(message) in schemas:
        return
    if message.endswith(".ExtraValue"):
        schemas[_name(message)] = {"type": "array", "items": _TYPES["string"]}
        return
    fields = schema.properties(message)
    shown = {name: _property(field) for name, field in fields.items()}
    schemas[_name(message)] = {"type": "object", "properties": shown}
    for field in fields.values():
        if field.kind not in _TYPES:
            _add(schemas, field.kind)


def _property(field: schema.Field) -> Json:
    inner = _TYPES.get(field.kind) or {"allOf": [{"$ref": f"#/components/schemas/{_name(field.kind)}"}]}
    if field.shape == "[]":
        return {"type": "array", "items": inner}
    if field.shape == "{}":
        return {"type": "object", "additionalProperties": inner}
    return inner


def _name(message: str) -> str:
    return re.sub(r"[^\w.]", "_", f"io.k8s.api.{message}")


def _identity(resource: Resource) -> Json:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _object_path(resource: Resource) -> str:
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    return f"/{_group_path(resource)}{scope}/{resource.plural}/{{name}}"


def _operations(resource: Resource) -> Json:
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for name in _PARAMETERS
    ]
    # No strategic merge here: kubectl then computes it from its built-in types, which know every list key.
    content: Json = {"application/apply-patch+yaml": {}, "application/merge-patch+json": {}}
    patch = {
        "operationId": f"patch{resource.kind}",
        "parameters": parameters,
        "requestBody": {"content": content, "required": True},
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": _identity(resource),
    }
    return {"patch": patch}
