"""Reads a request: its path, its parameters, its body. Refuses what it cannot read."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from . import errors, schema
from .kinds import Kinds, Resource
from .lifecycle import DeleteOptions

Json = dict[str, Any]
MAX_BODY_BYTES = 3 * 1024 * 1024
_BODIES = ["application/json", "application/yaml"]
WARNINGS = web.RequestKey("warnings", list)
PATCH_TYPES = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The object or collection that a path names."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: tuple[str, ...] = field(default=())

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.name


def target_of(kinds: Kinds, group: str, version: str, segments: list[str]) -> Target:
    """What the path below a group and version names. Raises ApiError 404."""
    namespace = ""
    if segments[0] == "namespaces" and len(segments) > 2 and segments[2] != "status":
        namespace, segments = segments[1], segments[2:]
    resource = kinds.find(group, version, segments[0])
    name = segments[1] if len(segments) > 1 else ""
    subresource = segments[2] if len(segments) > 2 else ""
    if namespace and not resource.namespaced:
        raise errors.no_such_path()
    if name and resource.namespaced and not namespace:
        raise errors.no_such_path()
    if subresource and (subresource not in resource.subresources or len(segments) > 3):
        raise errors.no_such_path()
    return Target(resource=resource, namespace=namespace, name=name, subresource=subresource)


async def read_body(request: web.Request) -> bytes:
    """The whole body. Raises ApiError 413."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise errors.too_large() from error


async def read_object(request: web.Request, resource: Resource) -> Json:
    """The object of a create or replace, checked to be of the resource's kind. Raises ApiError 400, 413, 415."""
    return conform(request, await read_kind(request, resource.api_version, resource.kind))


async def read_kind(request: web.Request, api_version: str, kind: str) -> Json:
    """The body, checked to be an object of this kind but not in its fields. Raises ApiError 400, 413, 415."""
    content_type = request.content_type if "Content-Type" in request.headers else "application/json"
    if content_type not in _BODIES:
        raise errors.unsupported_media_type(_BODIES)
    obj = decode(await read_body(request), yaml_allowed=content_type == "application/yaml")
    if not isinstance(obj, dict):
        raise errors.bad_request("the body of the request must be an object")
    return as_kind(obj, api_version, kind)


def conform(request: web.Request, obj: Json) -> Json:
    """The object with the fields its kind has. Unknown ones are refused, warned of or left out, as the request says.

    Raises ApiError 400.
    """
    checked, unknown = schema.conform(obj)
    validation = request.query.get("fieldValidation", "Warn")
    if unknown and validation == "Strict":
        listed = ", ".join(f'unknown field "{path}"' for path in unknown)
        kind, version = obj["kind"], obj["apiVersion"]
        why = f"strict decoding error: {listed}"
        raise errors.bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')
    if validation == "Warn":
        request[WARNINGS] = [f'unknown field "{path}"' for path in unknown]
    return checked


def as_kind(obj: Json, api_version: str, kind: str) -> Json:
    """The object with apiVersion and kind filled in. Raises ApiError 400 when they are others."""
    found_version, found_kind = obj.get("apiVersion") or api_version, obj.get("kind") or kind
    if found_kind != kind:
        raise errors.bad_request(
            f'{found_kind} in version "{found_version}" cannot be handled as a {kind}: '
            f"converting ({found_kind}) to ({kind}): unknown conversion"
        )
    if found_version != api_version:
        raise errors.bad_request(
            f"the API version in the data ({found_version}) does not match the expected API version ({api_version})"
        )
    metadata = obj.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise errors.bad_request("metadata must be an object")
    for name in ("labels", "annotations"):
        if not isinstance(metadata.get(name) or {}, dict):
            raise errors.bad_request(f"metadata.{name} must be an object of strings")
    return {"apiVersion": api_version, "kind": kind, **obj, "metadata": metadata}


def decode(body: bytes, *, yaml_allowed: bool) -> Any:
    """JSON, or YAML where the content type says so. Raises ApiError 400."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not yaml_allowed:
            raise errors.bad_request(f"couldn't get version/kind; json parse error: {error}") from error
    import yaml

    try:
        return orjson.loads(orjson.dumps(yaml.load(body, Loader=_loader())))  # noqa: S506 - a safe loader, see below
    except (yaml.YAMLError, TypeError) as error:
        raise errors.bad_request(f"error converting YAML to JSON: {error}") from error


def _loader() -> type:
    import yaml

    class JsonSchemaLoader(yaml.SafeLoader):
        """Reads times as the strings they are: the API has no other."""

        yaml_implicit_resolvers = {  # noqa: RUF012 - the class attribute of the library
            first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    return JsonSchemaLoader


async def delete_options(request: web.Request) -> DeleteOptions:
    """How to delete: from the body, else from the query. Raises ApiError 400."""
    body = await read_body(request)
    found = decode(body, yaml_allowed="yaml" in request.content_type) if body.strip() else {}
    if not isinstance(found, dict):
        raise errors.bad_request("DeleteOptions must be an object")
    grace = found.get("gracePeriodSeconds", request.query.get("gracePeriodSeconds"))
    propagation = found.get("propagationPolicy") or request.query.get("propagationPolicy")
    if propagation is None:
        orphan = found.get("orphanDependents", request.query.get("orphanDependents") == "true")
        propagation = "Orphan" if orphan else "Background"
    if propagation not in ("Background", "Foreground", "Orphan"):
        raise errors.bad_request(f'propagationPolicy: Unsupported value: "{propagation}"')
    preconditions = found.get("preconditions") or {}
    try:
        seconds = None if grace is None else int(grace)
    except (TypeError, ValueError) as error:
        raise errors.bad_request(f'gracePeriodSeconds: Invalid value: "{grace}"') from error
    return DeleteOptions(
        grace_seconds=seconds,
        propagation=propagation,
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
    )


def is_dry_run(request: web.Request) -> bool:
    """Whether nothing is to be kept. Raises ApiError 400 for anything but All."""
    asked = request.query.getall("dryRun", [])
    if any(value != "All" for value in asked):
        raise errors.bad_request(f'dryRun: Unsupported value: "{asked[0]}": supported values: "All"')
    return bool(asked)


def number(request: web.Request, name: str, default: int = 0) -> int:
    """A whole number of the query. Raises ApiError 400."""
    text = request.query.get(name, "")
    if not text:
        return default
    if not text.isdigit():
        raise errors.bad_request(
            f'{name}: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return int(text)


def is_true(request: web.Request, name: str) -> bool:
    return request.query.get(name, "").lower() in ("true", "1")


def field_manager(request: web.Request) -> str:
    """Who writes: what the client says, else the first word of its user agent, as the real server does."""
    return request.query.get("fieldManager") or request.headers.get("User-Agent", "unknown").partition("/")[0]
