"""A small API server in memory for the tests of actions: resourceVersions, conflicts, merge patches, and Services whose
endpoints follow their selector. It records every write, so that a surplus one fails a test, and can misbehave.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.errors import Conflict, NotFound
from connectors.kubernetes import ListResult
from dashboard.model.release import Track
from dashboard.model.verdict import Decision, Mode, Verdict

Object = dict[str, Any]
NAMESPACE = "agents"


class Clock:
    """Time that moves only when somebody waits."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def wait(self, span: timedelta) -> None:
        self.at += span


class FakeCluster:
    """Objects by kind and name. `before_write` is called with (verb, kind, name) and may raise or change things."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self.writes: list[tuple[str, str, str, Object]] = []
        self.before_write: Callable[[str, str, str], None] = lambda verb, kind, name: None
        self.before_read: Callable[[str, str], None] = lambda kind, name: None
        self.endpoints_follow = True
        self.pods_start = True
        self._version = 100

    def put(self, kind: str, item: Object) -> Object:
        """Store an object as somebody else would: with a new version, and without a recorded write."""
        self._version += 1
        item = copy.deepcopy(item)
        item["metadata"]["resourceVersion"] = str(self._version)
        item["metadata"].setdefault("uid", f"uid of {kind} {item['metadata']['name']}")
        self.objects[kind, item["metadata"]["name"]] = item
        if kind == "deployments" and self.pods_start:
            self._run_pods(item["metadata"]["name"], item)
        self._route()
        return copy.deepcopy(item)

    def changed(self) -> list[tuple[str, str]]:
        """What was written, as (kind, name), locks and Events left out."""
        return [(kind, name) for _, kind, name, _ in self.writes if kind not in ("leases", "events")]

    def selector(self, service: str = "agent-runtime") -> str:
        """The track that a Service selects."""
        return str(self.objects["services", service]["spec"]["selector"]["tealdeck.io/track"])

    def notes(self, service: str = "agent-runtime") -> dict[str, str]:
        """The annotations of a Service."""
        return dict(self.objects["services", service]["metadata"].get("annotations") or {})

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object:
        self.before_read(kind, name)
        try:
            return copy.deepcopy(self.objects[kind, name])
        except KeyError:
            raise NotFound("kubernetes", f"{kind} {name} not found") from None

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> ListResult:
        self.before_read(kind, "")
        wanted = dict(pair.split("=", 1) for pair in selector.split(",") if pair)
        found = [
            copy.deepcopy(item)
            for (item_kind, _), item in self.objects.items()
            if item_kind == kind and wanted.items() <= (item["metadata"].get("labels") or {}).items()
        ]
        return ListResult(items=tuple(found), resource_version=str(self._version))

    def create(self, kind: str, namespace: str | None, body: Object) -> Object:
        name = body["metadata"]["name"]
        self._begin("create", kind, name, body)
        if (kind, name) in self.objects:
            raise Conflict("kubernetes", f"{kind} {name} already exists")
        return self.put(kind, body)

    def replace(self, kind: str, name: str, namespace: str | None, body: Object) -> Object:
        self._begin("replace", kind, name, body)
        self._check(kind, name, body)
        return self.put(kind, body)

    def patch(self, kind: str, name: str, namespace: str | None, body: Any, *, subresource: str = "") -> Object:
        self._begin("patch", kind, name, body)
        self._check(kind, name, body)
        return self.put(kind, _merged(self.objects[kind, name], body))

    def _begin(self, verb: str, kind: str, name: str, body: Object) -> None:
        self.before_write(verb, kind, name)
        self.writes.append((verb, kind, name, copy.deepcopy(body)))

    def _check(self, kind: str, name: str, body: Object) -> None:
        if (kind, name) not in self.objects:
            raise NotFound("kubernetes", f"{kind} {name} not found")
        wanted = body.get("metadata", {}).get("resourceVersion")
        if wanted is None:
            raise AssertionError(f"a write to {kind} {name} without a precondition: {body}")
        if wanted != self.objects[kind, name]["metadata"]["resourceVersion"]:
            raise Conflict("kubernetes", f"{kind} {name} was changed")

    def _route(self) -> None:
        """The endpoints of Services, which controllers write at once here."""
        for (kind, name), item in list(self.objects.items()):
            if kind == "services" and (self.endpoints_follow or ("endpointslices", name) not in self.objects):
                self.objects["endpointslices", name] = self._slice(name, item)

    def _run_pods(self, name: str, deployment: Object) -> None:
        """The pods of a Deployment that was just written, all ready at once."""
        replica_set = a_replica_set(deployment)
        self.objects["replicasets", replica_set["metadata"]["name"]] = replica_set
        for key, pod in list(self.objects.items()):
            if key[0] == "pods" and is_owned(pod, replica_set):
                del self.objects[key]
        for number in range(deployment["spec"]["replicas"]):
            self.objects["pods", f"{name}-{number}"] = a_pod(f"{name}-{number}", owner=replica_set)
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas"), deployment["spec"]["replicas"])
        deployment["status"] = {**counts, "observedGeneration": 1}

    def _slice(self, name: str, service: Object) -> Object:
        wanted = service["spec"].get("selector", {"nobody": "is selected"}).items()
        pods = [item for (kind, _), item in self.objects.items() if kind == "pods" and is_ready(item)]
        chosen = [pod["metadata"]["name"] for pod in pods if wanted <= pod["metadata"]["labels"].items()]
        return {
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [
                {"targetRef": {"name": pod}, "addresses": ["10.0.0.1"], "conditions": {"ready": True}} for pod in chosen
            ],
            "ports": [{"name": "http", "port": 8080}],
        }


def owner_reference(owner: Object, kind: str) -> Object:
    """What an object says of the one that controls it."""
    metadata = owner["metadata"]
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "controller": True,
    }


def a_replica_set(deployment: Object) -> Object:
    """The ReplicaSet of a Deployment's template, with the label that tells it from others."""
    template = copy.deepcopy(deployment["spec"]["template"])
    name = f"{deployment['metadata']['name']}-1"
    template["metadata"]["labels"] = {**template["metadata"]["labels"], "pod-template-hash": "1"}
    owners = [owner_reference(deployment, "Deployment")]
    return {
        "metadata": {"name": name, "uid": f"uid of {name}", "ownerReferences": owners},
        "spec": {"template": template},
    }


def a_pod(name: str, *, owner: Object | None = None, labels: Object | None = None, ready: bool = True) -> Object:
    """A pod of a ReplicaSet, or a bare one with these labels."""
    given = labels if labels is not None else (owner or {})["spec"]["template"]["metadata"]["labels"]
    metadata: Object = {"name": name, "namespace": NAMESPACE, "labels": dict(given)}
    if owner is not None:
        metadata["ownerReferences"] = [owner_reference(owner, "ReplicaSet")]
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {"metadata": metadata, "status": {"phase": "Running", "conditions": conditions}}


def is_owned(pod: Object, replica_set: Object) -> bool:
    """Whether the ReplicaSet made the pod."""
    return owner_reference(replica_set, "ReplicaSet") in pod["metadata"].get("ownerReferences", ())


def is_ready(pod: Object) -> bool:
    """Whether the pod gets connections: ready, and not about to end."""
    conditions = pod.get("status", {}).get("conditions", ())
    return {"type": "Ready", "status": "True"} in conditions and "deletionTimestamp" not in pod["metadata"]


def _merged(target: Any, change: Any) -> Any:
    """RFC 7386."""
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def blue_green(*, green_replicas: int = 2) -> FakeCluster:
    """agent-runtime on blue 1.7.4 with two pods; green 1.8.0 stands by."""
    cluster = FakeCluster()
    for track, version, replicas in (("blue", "1.7.4", 2), ("green", "1.8.0", green_replicas)):
        labels = {
            "app.kubernetes.io/name": "agent-runtime",
            "app.kubernetes.io/version": version,
            "tealdeck.io/track": track,
        }
        cluster.put(
            "deployments",
            {
                "metadata": {"name": f"agent-runtime-{track}", "generation": 1, "labels": labels},
                "spec": {"replicas": replicas, "template": {"metadata": {"labels": labels}}},
            },
        )
    common = {"app.kubernetes.io/name": "agent-runtime"}
    cluster.put(
        "services",
        {
            "metadata": {
                "name": "agent-runtime",
                "uid": "u-1",
                "labels": {"tealdeck.io/governed": "true"},
                "annotations": {"tealdeck.io/preview-service": "agent-runtime-preview"},
            },
            "spec": {"selector": {**common, "tealdeck.io/track": "blue"}},
        },
    )
    cluster.put(
        "services",
        {
            "metadata": {"name": "agent-runtime-preview"},
            "spec": {"selector": {**common, "tealdeck.io/track": "green"}},
        },
    )
    return cluster


def a_verdict(
    at: datetime, *, decision: Decision = Decision.GO, candidate: Track = Track.GREEN, version: str = "1.8.0"
) -> Verdict:
    """A verdict as the judge would give it."""
    return Verdict(
        decision=decision, sentence="because.", mode=Mode.BEFORE, at=at, candidate=candidate, version=version, gates=()
    )
