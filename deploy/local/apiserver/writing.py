"""POST, PUT, PATCH and DELETE of objects.

Each handler reads the request, then commits one decision. Everything that depends on the object's present state is
inside the decision, so that two writers cannot both win.
"""

import secrets
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from . import apply, errors, lifecycle, patch, requests
from .api import Api
from .present import Presenter, in_version
from .requests import Target
from .store import Record, View

Json = dict[str, Any]
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # what the real server uses: no words come out
_NAMELESS = {
    "reason": "FieldValueRequired",
    "message": "Required value: name or generateName is required",
    "field": "metadata.name",
}
_SHOWN_WHEN_DELETED = ("pods", "services", "serviceaccounts", "resourcequotas")


async def create(api: Api, request: web.Request, target: Target) -> web.Response:
    obj = await requests.read_object(request, target.resource)
    metadata = dict(obj["metadata"])
    obj["metadata"] = metadata
    if metadata.get("resourceVersion"):
        raise errors.bad_request("resourceVersion should not be set on objects to be created")
    _place(target, metadata)
    prefix = "" if metadata.get("name") else metadata.get("generateName") or ""
    if prefix:
        metadata["name"] = prefix + "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))
    if not metadata.get("name"):
        raise errors.invalid(target.resource.qualified_kind, "", [_NAMELESS])
    record = await _insert(api, request, target, obj)
    return respond(request, target, record, status=201)


async def replace(api: Api, request: web.Request, target: Target) -> web.Response:
    wanted = await requests.read_object(request, target.resource)
    metadata = wanted["metadata"] = dict(wanted["metadata"])
    if metadata.setdefault("name", target.name) != target.name:
        raise errors.bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({target.name})"
        )
    _place(target, metadata)
    if not target.resource.unconditional_update and not metadata.get("resourceVersion"):
        why = "Invalid value: 0: must be specified for an update"
        cause = {"reason": "FieldValueInvalid", "message": why, "field": "metadata.resourceVersion"}
        raise errors.invalid(target.resource.qualified_kind, target.name, [cause])
    kept = in_version(wanted, api.kinds.stored()[target.resource.storage])
    record = await update(api, request, target, lambda _: kept)
    return respond(request, target, record)


async def change(api: Api, request: web.Request, target: Target) -> web.Response:
    """PATCH of an object or its status."""
    kind = requests.PATCH_TYPES.get(request.content_type)
    if kind is None or (kind == "strategic" and target.resource.custom):
        raise errors.unsupported_media_type(list(requests.PATCH_TYPES))
    body = requests.decode(await requests.read_body(request), yaml_allowed=kind == "apply")
    if kind == "apply":
        return await _apply(api, request, target, body)
    if kind != "json" and not isinstance(body, dict):
        raise errors.bad_request("a merge patch must be an object")

    def patched(current: Json) -> Json:
        shown = in_version(current, target.resource)
        match kind:
            case "json":
                result = patch.json_patch(shown, body)
            case "merge":
                result = patch.merge(shown, body)
            case _:
                result = patch.strategic(shown, body)
        return requests.conform(request, _as_same_object(target, result))

    record = await update(api, request, target, patched)
    return respond(request, target, record)


async def delete(api: Api, request: web.Request, target: Target) -> web.Response:
    options = await requests.delete_options(request)
    resource = target.resource

    def decide(_: View, current: Json | None) -> Json | None:
        if current is None:
            raise errors.not_found(resource.qualified, target.name)
        return lifecycle.deleted(resource, current, options)

    record = await api.store.commit(resource.storage, target.key, decide, dry_run=requests.is_dry_run(request))
    gone = api.store.get(resource.storage, target.key) is None
    if not gone or resource.storage in _SHOWN_WHEN_DELETED:
        return respond(request, target, record)
    details = {"name": target.name, "kind": resource.plural, "uid": record.obj["metadata"]["uid"]}
    if resource.group:
        details["group"] = resource.group
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return json_response(body)


async def update(api: Api, request: web.Request, target: Target, change_of: Callable[[Json], Json]) -> Record:
    """Commit what `change_of` makes of the current object, to its status or to the rest. Raises ApiError."""
    resource = target.resource
    manager = requests.field_manager(request)

    def decide(view: View, current: Json | None) -> Json | None:
        if current is None:
            raise errors.not_found(resource.qualified, target.name)
        wanted = change_of(current)
        result: Json | None
        if target.subresource == "status":
            result = lifecycle.status_updated(resource, current, wanted)
        else:
            result = lifecycle.updated(view, resource, current, wanted, api.addresses)
        if result is None or result is current:
            return result
        return apply.track_update(current, result, manager=manager, subresource=target.subresource)

    return await api.store.commit(resource.storage, target.key, decide, dry_run=requests.is_dry_run(request))


async def _insert(api: Api, request: web.Request, target: Target, obj: Json) -> Record:
    resource, manager = target.resource, requests.field_manager(request)
    kept = in_version(obj, api.kinds.stored()[resource.storage])

    def decide(view: View, current: Json | None) -> Json:
        if current is not None:
            raise errors.already_exists(resource.qualified, obj["metadata"]["name"])
        check_namespace(view, target, obj["metadata"]["name"])
        made = lifecycle.created(view, resource, kept, api.addresses)
        return apply.track_update({}, made, manager=manager, subresource="")

    key = (target.namespace, obj["metadata"]["name"])
    return await api.store.commit(resource.storage, key, decide, dry_run=requests.is_dry_run(request))


async def _apply(api: Api, request: web.Request, target: Target, body: Any) -> web.Response:
    """Server-side apply: creates what is absent."""
    resource = target.resource
    if not isinstance(body, dict):
        raise errors.bad_request("an apply patch must be an object")
    manager = request.query.get("fieldManager")
    if not manager:
        raise errors.bad_request(
            "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch"
        )
    config = _as_same_object(target, requests.as_kind(body, resource.api_version, resource.kind))
    config = in_version(requests.conform(request, config), api.kinds.stored()[resource.storage])
    force = requests.is_true(request, "force")
    existed = api.store.get(resource.storage, target.key) is not None

    def decide(view: View, current: Json | None) -> Json | None:
        applied = apply.applied(
            current or {}, config, resource=resource, manager=manager, subresource=target.subresource, force=force
        )
        if current is None:
            if target.subresource:
                raise errors.not_found(resource.qualified, target.name)
            check_namespace(view, target, target.name)
            return lifecycle.created(view, resource, applied, api.addresses)
        if target.subresource == "status":
            return lifecycle.status_updated(resource, current, applied)
        return lifecycle.updated(view, resource, current, applied, api.addresses)

    record = await api.store.commit(resource.storage, target.key, decide, dry_run=requests.is_dry_run(request))
    return respond(request, target, record, status=200 if existed else 201)


def check_namespace(view: View, target: Target, name: str) -> None:
    """Refuse a create into a namespace that is absent (404) or going away (403)."""
    if not target.resource.namespaced:
        return
    namespace = view.get("namespaces", ("", target.namespace))
    if namespace is None:
        raise errors.not_found("namespaces", target.namespace)
    if "deletionTimestamp" in namespace.obj["metadata"]:
        why = f"unable to create new content in namespace {target.namespace} because it is being terminated"
        cause = {"reason": "NamespaceTerminating", "message": why, "field": "metadata.namespace"}
        raise errors.forbidden(target.resource.qualified, name, why, causes=[cause])


def respond(request: web.Request, target: Target, record: Record, *, status: int = 200) -> web.Response:
    body = Presenter(target.resource).one(record)
    response = web.Response(body=body, status=status, content_type="application/json")
    for warning in request.get(requests.WARNINGS, []):
        quoted = warning.replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response


def json_response(body: Json, *, status: int = 200, content_type: str = "application/json") -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers={"Content-Type": content_type})


def _place(target: Target, metadata: Json) -> None:
    """Put the object into the namespace of the path. Raises ApiError 400 when it names another."""
    if not target.resource.namespaced:
        metadata.pop("namespace", None)
        return
    if not target.namespace:
        raise errors.bad_request("an empty namespace may not be set during creation")
    if metadata.get("namespace", target.namespace) != target.namespace:
        raise errors.bad_request(
            f"the namespace of the provided object does not match the namespace sent on the request "
            f"({metadata['namespace']} / {target.namespace})"
        )
    metadata["namespace"] = target.namespace


def _as_same_object(target: Target, obj: Json) -> Json:
    """The patched object, which must still be the one that the path names. Raises ApiError 400."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        raise errors.bad_request("metadata must be an object")
    metadata = {**metadata, "name": metadata.get("name") or target.name}
    if metadata["name"] != target.name:
        raise errors.bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({target.name})"
        )
    _place(target, metadata)
    return {**obj, "metadata": metadata}
