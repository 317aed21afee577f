"""Create, update, status update and delete of an object of any kind.

Pure decisions over the newest state, given to `store.Store.commit`. Clients cannot set the server's own fields (uid,
creationTimestamp, generation, deletion marks), and spec and status are written separately.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from . import admission, defaults, errors, validation
from .kinds import Resource
from .store import View, copy_of

Json = dict[str, Any]
_KEPT_METADATA = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")
_LASTING_NAMESPACES = ("default", "kube-system", "kube-public")
_FINISHED = ("Succeeded", "Failed")


def now_text(later_seconds: float = 0) -> str:
    moment = datetime.now(UTC) + timedelta(seconds=later_seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """What a DELETE asks for; `grace_seconds` None means the kind's own grace."""

    grace_seconds: int | None = None
    propagation: str = "Background"
    uid: str | None = None
    resource_version: str | None = None


def created(view: View, resource: Resource, wanted: Json, services: admission.ClusterAddresses) -> Json:
    """The object to store for a create. Raises ApiError 403, 422."""
    obj = copy_of(wanted)
    metadata = obj["metadata"]
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"):
        metadata.pop(name, None)
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = now_text()
    if resource.generation:
        metadata["generation"] = 1
    if resource.has_status() and resource.storage != "nodes":
        obj.pop("status", None)
    defaults.fill(resource.storage, obj)
    admission.on_create(view, resource, obj, services)
    validation.check(resource, obj)
    return obj


def updated(
    view: View,
    resource: Resource,
    current: Json,
    wanted: Json,
    services: admission.ClusterAddresses,
) -> Json | None:
    """The object to store for an update of everything but the status; None when its last finalizer left."""
    obj = copy_of(wanted)
    _check_precondition(resource, current, obj)
    _keep_metadata(current, obj)
    if resource.has_status():
        _keep(current, obj, "status")
    defaults.fill(resource.storage, obj)
    admission.on_update(view, resource, obj, current, services)
    validation.check(resource, obj, current)
    if same(current, obj):
        return current
    if resource.generation and _desired(current) != _desired(obj):
        obj["metadata"]["generation"] = current["metadata"].get("generation", 0) + 1
    return None if _may_vanish(resource, obj) else obj


def status_updated(resource: Resource, current: Json, wanted: Json) -> Json:
    """The object to store for a write to its status subresource: nothing but the status changes."""
    _check_precondition(resource, current, wanted)
    obj = copy_of(current)
    _keep(wanted, obj, "status")
    managed = (wanted.get("metadata") or {}).get("managedFields")
    if managed is not None:
        obj["metadata"]["managedFields"] = managed
    return current if same(current, obj) else obj


def deleted(resource: Resource, current: Json, options: DeleteOptions) -> Json | None:
    """None to remove the object now, else the object marked as being deleted. Raises ApiError 409."""
    metadata = current["metadata"]
    name = metadata["name"]
    if options.uid and options.uid != metadata["uid"]:
        why = f"Precondition failed: UID in precondition: {options.uid}, UID in object meta: {metadata['uid']}"
        raise errors.conflict(resource.qualified, name, why)
    if options.resource_version and options.resource_version != metadata["resourceVersion"]:
        raise errors.modified(resource.qualified, name)
    if resource.storage == "namespaces" and name in _LASTING_NAMESPACES:
        raise errors.forbidden("namespaces", name, "this namespace may not be deleted")
    grace = _grace_seconds(resource, current, options)
    finalizers = _finalizers_for(metadata, options)
    if not grace and not finalizers and not _blocks_deletion(resource, current):
        return None
    if "deletionTimestamp" in metadata and grace >= metadata.get("deletionGracePeriodSeconds", 0):
        if finalizers == (metadata.get("finalizers") or []):
            return current
        grace = metadata.get("deletionGracePeriodSeconds", 0)
    obj = copy_of(current)
    obj["metadata"]["deletionTimestamp"] = now_text(grace)
    obj["metadata"]["deletionGracePeriodSeconds"] = grace
    if finalizers:
        obj["metadata"]["finalizers"] = finalizers
    if resource.generation:
        obj["metadata"]["generation"] = metadata.get("generation", 0) + 1
    if resource.storage == "namespaces":
        obj["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
    return obj


def same(current: Json, obj: Json) -> bool:
    """Whether an update changes nothing, so that nobody need be told. Times in managedFields do not count."""
    return _comparable(current) == _comparable(obj)


def _comparable(obj: Json) -> Json:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
    managed = metadata.get("managedFields") or []
    metadata["managedFields"] = [{k: v for k, v in entry.items() if k != "time"} for entry in managed]
    return {**obj, "metadata": {key: value for key, value in metadata.items() if value not in (None, {}, [])}}


def _check_precondition(resource: Resource, current: Json, wanted: Json) -> None:
    metadata, name = wanted.get("metadata") or {}, current["metadata"]["name"]
    version = metadata.get("resourceVersion")
    if version and version != current["metadata"]["resourceVersion"]:
        raise errors.modified(resource.qualified, name)
    if metadata.get("uid") and metadata["uid"] != current["metadata"]["uid"]:
        why = (
            f"Precondition failed: UID in precondition: {metadata['uid']}, "
            f"UID in object meta: {current['metadata']['uid']}"
        )
        raise errors.conflict(resource.qualified, name, why)


def _keep_metadata(current: Json, obj: Json) -> None:
    metadata = obj["metadata"]
    for name in _KEPT_METADATA:
        _keep(current["metadata"], metadata, name)
    if metadata.get("managedFields") is None and "managedFields" in current["metadata"]:
        metadata["managedFields"] = current["metadata"]["managedFields"]


def _keep(source: Json, target: Json, field: str) -> None:
    if field in source:
        target[field] = source[field]
    else:
        target.pop(field, None)


def _desired(obj: Json) -> Json:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def _may_vanish(resource: Resource, obj: Json) -> bool:
    """Whether a marked object has nothing left that keeps it. A pod's grace is ended by its node, not by an update."""
    metadata = obj["metadata"]
    if "deletionTimestamp" not in metadata or metadata.get("finalizers") or _blocks_deletion(resource, obj):
        return False
    return not metadata.get("deletionGracePeriodSeconds")


def _blocks_deletion(resource: Resource, obj: Json) -> bool:
    return resource.storage == "namespaces" and bool((obj.get("spec") or {}).get("finalizers"))


def _grace_seconds(resource: Resource, current: Json, options: DeleteOptions) -> int:
    if resource.storage != "pods":
        return 0
    spec, phase = current.get("spec") or {}, (current.get("status") or {}).get("phase")
    if not spec.get("nodeName") or phase in _FINISHED:
        return 0  # no process runs that would need time to end
    if options.grace_seconds is not None:
        return max(0, options.grace_seconds)
    return int(current["metadata"].get("deletionGracePeriodSeconds", spec.get("terminationGracePeriodSeconds", 30)))


def _finalizers_for(metadata: Json, options: DeleteOptions) -> list[str]:
    """The finalizers after this deletion: how the garbage collector learns what becomes of dependents."""
    ours = {"Orphan": "orphan", "Foreground": "foregroundDeletion"}.get(options.propagation)
    finalizers = [name for name in metadata.get("finalizers") or [] if name not in ("orphan", "foregroundDeletion")]
    return [*finalizers, ours] if ours else finalizers
