"""What the controllers ask of API objects: owners, selectors, readiness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

Object = Mapping[str, Any]


def owner_of(item: Object) -> str:
    """The uid of the controller that owns an object; empty when nobody does."""
    owners = item["metadata"].get("ownerReferences", [])
    return next((owner["uid"] for owner in owners if owner.get("controller")), "")


def owned(items: Iterable[Any], owner: Object) -> Iterator[Any]:
    """The items whose controller is `owner`."""
    return (item for item in items if owner_of(item) == owner["metadata"]["uid"])


def owner_reference(owner: Object, api_version: str, kind: str) -> dict[str, Any]:
    """What makes an object belong to `owner`, and go with it."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def selects(selector: Mapping[str, str], item: Object) -> bool:
    """Whether a plain selector (labels that must be equal) selects an object. An empty one selects nothing."""
    labels = item["metadata"].get("labels") or {}
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def is_terminating(item: Object) -> bool:
    return "deletionTimestamp" in item["metadata"]


def is_finished(pod: Object) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def ready_since(pod: Object) -> datetime | None:
    """When a pod became ready; None when it is not."""
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "Ready" and condition["status"] == "True":
            return _time(condition.get("lastTransitionTime")) or datetime.fromtimestamp(0, UTC)
    return None


def age_seconds(item: Object) -> float:
    """How long ago an object was created."""
    created = _time(item["metadata"].get("creationTimestamp"))
    return (datetime.now(UTC) - created).total_seconds() if created else 0.0


def now_text() -> str:
    """Now, as the API writes times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
