"""The Deployment controller: a ReplicaSet for each template, moved from old to new within surge and unavailability."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import orjson

from deploy.local.controllers.events import Events
from deploy.local.controllers.objects import is_terminating, now_text, owned, owner_reference
from deploy.local.controllers.queue import Key, Queue
from deploy.local.controllers.rollout import Set, bounds, recreate, rolling_update, scaled
from deploy.local.kubeapi import Informer, KubeApi, Object

_HASH = "pod-template-hash"
_REVISION = "deployment.kubernetes.io/revision"


class Deployments:
    """Keeps the ReplicaSets of every Deployment as its spec asks, and its status as they are."""

    def __init__(self, api: KubeApi, deployments: Informer, sets: Informer, events: Events) -> None:
        self._api, self._deployments, self._sets, self._events = api, deployments, sets, events
        self.queue = Queue("deployments", self._look)

    async def _look(self, key: Key) -> None:
        deployment = self._deployments.get(*key)
        if deployment is None or is_terminating(deployment):
            return
        mine = sorted(owned(self._sets.objects.values(), deployment), key=_revision)
        new = next((one for one in mine if _template(one) == deployment["spec"]["template"]), None)
        if new is None and not deployment["spec"].get("paused"):
            # Seen again by the watch: the next look, with the ReplicaSet there, scales it.
            await self._create(deployment, mine)
            return
        if new is not None:
            await self._number(deployment, new, mine)
        await self._scale(deployment, new, [one for one in mine if one is not new])
        await self._forget(deployment, new, mine)
        await self._tell(deployment, new, mine)

    async def _create(self, deployment: Object, mine: list[Object]) -> None:
        template = deployment["spec"]["template"]
        digest = hashlib.sha256(orjson.dumps(template, option=orjson.OPT_SORT_KEYS)).hexdigest()[:10]
        labels = {**template["metadata"].get("labels", {}), _HASH: digest}
        selector = deployment["spec"]["selector"]
        body = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{deployment['metadata']['name']}-{digest}",
                "namespace": deployment["metadata"]["namespace"],
                "labels": labels,
                "annotations": {_REVISION: str(_latest(mine) + 1)},
                "ownerReferences": [owner_reference(deployment, "apps/v1", "Deployment")],
            },
            "spec": {
                "replicas": 0,
                "minReadySeconds": deployment["spec"].get("minReadySeconds", 0),
                "selector": {**selector, "matchLabels": {**selector.get("matchLabels", {}), _HASH: digest}},
                "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
            },
        }
        await self._api.create("replicasets", deployment["metadata"]["namespace"], body)

    async def _number(self, deployment: Object, new: Object, mine: list[Object]) -> None:
        """A template that comes back (an undo) gets a new number, so that the newest is the one wanted."""
        revision = _revision(new)
        if any(_revision(one) >= revision for one in mine if one is not new):
            revision = _latest(mine) + 1
            await self._annotate("replicasets", new, revision)
        if deployment["metadata"].get("annotations", {}).get(_REVISION) != str(revision):
            await self._annotate("deployments", deployment, revision)

    async def _annotate(self, kind: str, item: Object, revision: int) -> None:
        metadata = item["metadata"]
        body = {"metadata": {"annotations": {_REVISION: str(revision)}}}
        await self._api.patch(kind, metadata["namespace"], metadata["name"], body)

    async def _scale(self, deployment: Object, new: Object | None, old: list[Object]) -> None:
        spec = deployment["spec"]
        desired, strategy = spec.get("replicas", 1), spec.get("strategy", {})
        if new is None or spec.get("paused"):
            asked = scaled([_set(one) for one in [*old, *([new] if new else [])]], desired)
        elif strategy.get("type") == "Recreate":
            asked = recreate(_set(new), [_set(one) for one in old], desired)
        else:
            rolling = strategy.get("rollingUpdate") or {}
            within = bounds(desired, rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"))
            asked = rolling_update(_set(new), [_set(one) for one in old], within)
        for one in [*old, *([new] if new else [])]:
            name, before = one["metadata"]["name"], one["spec"].get("replicas", 1)
            after = asked.get(name, before)
            if after != before:
                body = {
                    "metadata": {"resourceVersion": one["metadata"]["resourceVersion"]},
                    "spec": {"replicas": after},
                }
                await self._api.patch("replicasets", one["metadata"]["namespace"], name, body)
                way = "up" if after > before else "down"
                await self._events.tell(
                    deployment, "ScalingReplicaSet", f"Scaled {way} replica set {name} from {before} to {after}"
                )

    async def _forget(self, deployment: Object, new: Object | None, mine: list[Object]) -> None:
        empty = [one for one in mine if one is not new and not one["spec"].get("replicas") and not _set(one).existing]
        kept = deployment["spec"].get("revisionHistoryLimit", 10)
        for one in empty[: max(0, len(empty) - kept)]:
            await self._api.delete("replicasets", one["metadata"]["namespace"], one["metadata"]["name"])

    async def _tell(self, deployment: Object, new: Object | None, mine: list[Object]) -> None:
        before = deployment.get("status", {})
        after = _status(deployment, new, mine)
        metadata = deployment["metadata"]
        if after["conditions"][1]["reason"] == "ReplicaSetUpdated":
            deadline = deployment["spec"].get("progressDeadlineSeconds", 600)
            self.queue.add_later((metadata["namespace"], metadata["name"]), deadline + 1)
        if after == {key: before.get(key) for key in after} and before.keys() <= after.keys():
            return
        gone = dict.fromkeys(before.keys() - after.keys())  # null takes a field away
        await self._api.patch(
            "deployments", metadata["namespace"], metadata["name"], {"status": {**gone, **after}}, sub="status"
        )


def _status(deployment: Object, new: Object | None, mine: list[Object]) -> dict[str, Any]:
    desired = deployment["spec"].get("replicas", 1)
    total = sum(one.get("status", {}).get("replicas", 0) for one in mine)
    available = sum(one.get("status", {}).get("availableReplicas", 0) for one in mine)
    counts = {
        "replicas": total,
        "updatedReplicas": new.get("status", {}).get("replicas", 0) if new else 0,
        "readyReplicas": sum(one.get("status", {}).get("readyReplicas", 0) for one in mine),
        "availableReplicas": available,
        "unavailableReplicas": max(0, max(total, desired) - available),
    }
    rolling = deployment["spec"].get("strategy", {}).get("rollingUpdate") or {}
    least = desired - bounds(desired, rolling.get("maxSurge", 0), rolling.get("maxUnavailable", 0)).unavailable
    done = counts["updatedReplicas"] == desired == available == total
    return {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        **{name: count for name, count in counts.items() if count},
        "conditions": [
            _condition(
                deployment,
                "Available",
                available >= least,
                "MinimumReplicasAvailable" if available >= least else "MinimumReplicasUnavailable",
                "Deployment has minimum availability."
                if available >= least
                else "Deployment does not have minimum availability.",
            ),
            _progress(deployment, new, counts, done=done),
        ],
    }


def _progress(deployment: Object, new: Object | None, counts: dict[str, int], *, done: bool) -> dict[str, Any]:
    name = new["metadata"]["name"] if new else "none"
    if done:
        message = f'ReplicaSet "{name}" has successfully progressed.'
        return _condition(deployment, "Progressing", True, "NewReplicaSetAvailable", message)
    old = next((c for c in deployment.get("status", {}).get("conditions", []) if c["type"] == "Progressing"), None)
    before = deployment.get("status", {})
    moved = any(before.get(field, 0) != count for field, count in counts.items())
    limit = deployment["spec"].get("progressDeadlineSeconds", 600)
    if old and not moved and old["reason"] != "NewReplicaSetAvailable":
        since = datetime.fromisoformat(old["lastUpdateTime"].replace("Z", "+00:00"))
        if (datetime.now(UTC) - since).total_seconds() > limit:
            message = f'ReplicaSet "{name}" has timed out progressing.'
            return _condition(deployment, "Progressing", False, "ProgressDeadlineExceeded", message)
    message = f'ReplicaSet "{name}" is progressing.'
    return _condition(deployment, "Progressing", True, "ReplicaSetUpdated", message, moved=moved)


def _condition(
    deployment: Object, kind: str, is_true: bool, reason: str, message: str, *, moved: bool = False
) -> dict[str, Any]:
    """A condition whose times move only when it changes, so that an unchanged status is not written again."""
    conditions = deployment.get("status", {}).get("conditions", [])
    old = next((condition for condition in conditions if condition["type"] == kind), None)
    status = "True" if is_true else "False"
    new = {"type": kind, "status": status, "reason": reason, "message": message}
    if old and not moved and all(old.get(key) == value for key, value in new.items()):
        return dict(old)
    now = now_text()
    changed = old["lastTransitionTime"] if old and old["status"] == status else now
    return {**new, "lastUpdateTime": now, "lastTransitionTime": changed}


def _template(replica_set: Object) -> dict[str, Any]:
    """A ReplicaSet's template as its Deployment has it: without the label that tells the sets apart."""
    template = replica_set["spec"]["template"]
    labels = {key: value for key, value in template["metadata"].get("labels", {}).items() if key != _HASH}
    return {**template, "metadata": {**template["metadata"], "labels": labels}}


def _set(one: Object) -> Set:
    status = one.get("status", {})
    return Set(
        name=one["metadata"]["name"],
        asked=one["spec"].get("replicas", 1),
        existing=status.get("replicas", 0),
        available=status.get("availableReplicas", 0),
    )


def _revision(replica_set: Object) -> int:
    return int(replica_set["metadata"].get("annotations", {}).get(_REVISION, "0"))


def _latest(sets: list[Object]) -> int:
    return max(map(_revision, sets), default=0)
