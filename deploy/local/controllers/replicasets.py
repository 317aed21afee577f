"""The ReplicaSet controller: as many pods of a template as asked for."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.local.controllers.events import Events
from deploy.local.controllers.objects import is_finished, is_terminating, owned, owner_reference, ready_since
from deploy.local.controllers.queue import Key, Queue
from deploy.local.kubeapi import ForbiddenError, Informer, KubeApi, Object

_EXPECT_SECONDS = 5.0


class ReplicaSets:
    """Creates and deletes pods. What was asked for and is not seen yet counts, so that nothing is created twice."""

    def __init__(self, api: KubeApi, sets: Informer, pods: Informer, events: Events) -> None:
        self._api, self._sets, self._pods, self._events = api, sets, pods, events
        self._coming: dict[tuple[str, str], float] = {}
        self._going: dict[str, float] = {}
        self.queue = Queue("replicasets", self._look)

    async def _look(self, key: Key) -> None:
        replica_set = self._sets.get(*key)
        if replica_set is None or is_terminating(replica_set):
            return
        self._settle()
        pods = [
            pod
            for pod in owned(self._pods.objects.values(), replica_set)
            if not is_terminating(pod) and not is_finished(pod) and pod["metadata"]["uid"] not in self._going
        ]
        coming = sum(1 for name in self._coming if name[0] == key[0] and name[1].startswith(f"{key[1]}-"))
        surplus = len(pods) + coming - replica_set["spec"].get("replicas", 1)
        await self._tell(replica_set, pods)
        for _ in range(-surplus):
            await self._create(replica_set)
        for pod in sorted(pods, key=_least_loss)[: max(0, surplus)]:
            await self._delete(replica_set, pod)

    async def _create(self, replica_set: Object) -> None:
        metadata = replica_set["metadata"]
        try:
            pod = await self._api.create("pods", metadata["namespace"], _pod(replica_set))
        except ForbiddenError as error:  # a quota, mostly: tried again later, as the queue does
            await self._events.tell(replica_set, "FailedCreate", f"Error creating: {error}", warning=True)
            raise
        name = pod["metadata"]["name"]
        self._coming[metadata["namespace"], name] = time.monotonic() + _EXPECT_SECONDS
        await self._events.tell(replica_set, "SuccessfulCreate", f"Created pod: {name}")

    async def _delete(self, replica_set: Object, pod: Object) -> None:
        metadata = pod["metadata"]
        await self._api.delete("pods", metadata["namespace"], metadata["name"], preconditions={"uid": metadata["uid"]})
        self._going[metadata["uid"]] = time.monotonic() + _EXPECT_SECONDS
        await self._events.tell(replica_set, "SuccessfulDelete", f"Deleted pod: {metadata['name']}")

    def _settle(self) -> None:
        """Forgets what the watch has shown, and what it should have shown long ago."""
        now = time.monotonic()
        shown = self._pods.objects
        self._coming = {name: until for name, until in self._coming.items() if name not in shown and until > now}
        self._going = {uid: until for uid, until in self._going.items() if until > now}

    async def _tell(self, replica_set: Object, pods: list[Object]) -> None:
        metadata, spec = replica_set["metadata"], replica_set["spec"]
        wait = timedelta(seconds=spec.get("minReadySeconds", 0))
        now = datetime.now(UTC)
        ready = [since for pod in pods if (since := ready_since(pod))]
        # Without a wait the clock is not asked: one that jumped back would call every pod too young.
        available = [since for since in ready if not wait or since + wait <= now]
        if len(available) < len(ready):
            self.queue.add_later((metadata["namespace"], metadata["name"]), wait.total_seconds())
        counts: dict[str, Any] = {
            "replicas": len(pods),
            "fullyLabeledReplicas": len(pods),
            "readyReplicas": len(ready),
            "availableReplicas": len(available),
            "observedGeneration": metadata.get("generation", 1),
        }
        before = replica_set.get("status", {})
        if any(before.get(name, 0) != count for name, count in counts.items()):
            await self._api.patch(
                "replicasets", metadata["namespace"], metadata["name"], {"status": counts}, sub="status"
            )


def _pod(replica_set: Object) -> Object:
    metadata, template = replica_set["metadata"], replica_set["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "labels": template["metadata"].get("labels", {}),
            "annotations": template["metadata"].get("annotations", {}),
            "ownerReferences": [owner_reference(replica_set, "apps/v1", "ReplicaSet")],
        },
        "spec": template["spec"],
    }


def _least_loss(pod: Object) -> tuple[bool, bool, bool, float]:
    """Which pod goes first: without a node, not running, not ready, then the youngest."""
    since = ready_since(pod)
    return (
        bool(pod["spec"].get("nodeName")),
        pod.get("status", {}).get("phase") == "Running",
        since is not None,
        -(since.timestamp() if since else 0.0),
    )
