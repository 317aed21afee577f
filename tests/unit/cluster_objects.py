"""API objects as an API server sends them, with good defaults: what a test does not name is well."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LONG_AGO = "2026-02-27T00:00:00Z"
JUST_NOW = "2026-03-01T11:59:50Z"


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def terminated(reason: str = "Error", code: int = 1) -> dict[str, Any]:
    return {"terminated": {"reason": reason, "exitCode": code, "finishedAt": "2026-03-01T11:59:00Z"}}


def container(name: str = "app", *, ready: bool = True, **status: Any) -> dict[str, Any]:
    """The status of one container that runs."""
    running = {"running": {"startedAt": LONG_AGO}}
    return {"name": name, "ready": ready, "restartCount": 0, "state": running, "lastState": {}, **status}


def condition(kind: str, status: str, reason: str = "", message: str = "", since: str = LONG_AGO) -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}


def pod(
    name: str = "a-1",
    *containers: dict[str, Any],
    phase: str | None = "Running",
    init: tuple[dict[str, Any], ...] = (),
    sidecars: tuple[dict[str, Any], ...] = (),
    owner: tuple[str, str] | None = ("ReplicaSet", "agent-runtime-blue-77"),
    metadata: dict[str, Any] | None = None,
    spec: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    """A pod of the Deployment `agent-runtime-blue`, Running and ready."""
    mains = containers or (container(),)
    ready = phase == "Running" and all(one["ready"] for one in (*mains, *sidecars))
    controlled = [{"kind": owner[0], "name": owner[1], "controller": True}] if owner else []
    return {
        "metadata": {
            "name": name,
            "labels": {
                "pod-template-hash": "77",
                "app.kubernetes.io/name": "agent-runtime",
                "tealdeck.io/track": "blue",
            },
            "creationTimestamp": LONG_AGO,
            "ownerReferences": controlled,
            **(metadata or {}),
        },
        "spec": {
            "nodeName": "node-a",
            "restartPolicy": "Always",
            "containers": [{"name": one["name"]} for one in mains],
            "initContainers": [
                *({"name": one["name"], "restartPolicy": "Always"} for one in sidecars),
                *({"name": one["name"]} for one in init),
            ],
            **(spec or {}),
        },
        "status": {
            "phase": phase,
            "startTime": LONG_AGO,
            "conditions": [condition("Ready", "True" if ready else "False", "" if ready else "ContainersNotReady")],
            "containerStatuses": list(mains),
            "initContainerStatuses": [*sidecars, *init],
            **status,
        },
    }


def workload(
    name: str = "agent-runtime-blue", *, spec: dict[str, Any] | None = None, metadata: Any = None, **status: Any
) -> dict[str, Any]:
    """A Deployment that wants 2 pods and has them."""
    labels = {"app.kubernetes.io/name": "agent-runtime", "tealdeck.io/track": "blue"}
    return {
        "metadata": {"name": name, "generation": 2, "creationTimestamp": LONG_AGO, **(metadata or {})},
        "spec": {"replicas": 2, "template": {"metadata": {"labels": labels}}, **(spec or {})},
        "status": {
            "observedGeneration": 2,
            "replicas": 2,
            "updatedReplicas": 2,
            "readyReplicas": 2,
            "availableReplicas": 2,
            **status,
        },
    }
