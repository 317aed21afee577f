"""Whether a Deployment runs what its template says, with enough ready pods. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def unready(deployment: Mapping[str, Any], needed: int) -> str:
    """What is missing until `needed` pods of the current template, and no others, are ready; "" when nothing is."""
    name, status = deployment["metadata"]["name"], deployment.get("status") or {}
    if why_not := rolling(deployment):
        return why_not
    ready = min(int(status.get("updatedReplicas") or 0), int(status.get("readyReplicas") or 0))
    return "" if ready >= needed else f"{ready} of {needed} pods of {name} are ready"


def rolling(deployment: Mapping[str, Any]) -> str:
    """Why not all pods of a Deployment are of its current template; "" when they are, ready or not.

    A rollout may stand still in this state for long: paused, or because its new pods do not start.
    """
    name, status = deployment["metadata"]["name"], deployment.get("status") or {}
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return f"the controller has not acted on the last change of {name} yet"
    updated = int(status.get("updatedReplicas") or 0)
    earlier = int(status.get("replicas") or 0) - updated
    if earlier > 0:
        return f"a rollout of {name} is under way: pods of an earlier release are still there ({earlier})"
    return ""
