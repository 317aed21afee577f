"""Nodes that fall silent: not ready any more, so that nothing is sent to their pods; after a while their pods go.

The silence is measured on this process' own monotonic clock from the last change of the node's Lease that was seen, so
a jump of anybody's wall clock loses no node.
"""

from __future__ import annotations

import time
from typing import Any

from deploy.local.controllers.events import Events
from deploy.local.controllers.objects import is_terminating, now_text
from deploy.local.controllers.queue import Key, Queue
from deploy.local.kubeapi import Informer, KubeApi, Object

_LEASES = "kube-node-lease"
_SILENCE_SECONDS = 40.0
_LOOK_SECONDS = 5.0
_EVICT_SECONDS = 300.0


class NodeLifecycle:
    """Judges each node by its Lease."""

    def __init__(self, api: KubeApi, nodes: Informer, leases: Informer, pods: Informer, events: Events) -> None:
        self._api, self._nodes, self._leases, self._pods, self._events = api, nodes, leases, pods, events
        self._heard: dict[str, tuple[str, float]] = {}
        self.queue = Queue("nodes", self._look)

    async def _look(self, key: Key) -> None:
        node = self._nodes.get(*key)
        if node is None:
            self._heard.pop(key[1], None)
            return
        self.queue.add_later(key, _LOOK_SECONDS)
        silence = self._silence_seconds(key[1])
        if silence <= _SILENCE_SECONDS:
            return
        ready = next((c for c in _conditions(node) if c["type"] == "Ready"), {})
        if ready.get("status") == "True":
            await self._call_lost(node)
        for pod in self._pods_on(key[1]):
            if silence > _SILENCE_SECONDS + _EVICT_SECONDS and not is_terminating(pod):
                await self._api.delete("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _silence_seconds(self, name: str) -> float:
        lease = self._leases.get(_LEASES, name)
        renewed = str(lease["spec"].get("renewTime", "")) if lease and "spec" in lease else ""
        known = self._heard.get(name)
        if known is None or known[0] != renewed:
            known = self._heard[name] = renewed, time.monotonic()
        return time.monotonic() - known[1]

    async def _call_lost(self, node: Object) -> None:
        name = node["metadata"]["name"]
        status = {"conditions": [_unknown(condition) for condition in _conditions(node)]}
        await self._api.patch("nodes", "", name, {"status": status}, sub="status")
        await self._events.tell(node, "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        for pod in self._pods_on(name):
            metadata = pod["metadata"]
            conditions = [_not_ready(condition) for condition in _conditions(pod)]
            await self._api.patch(
                "pods", metadata["namespace"], metadata["name"], {"status": {"conditions": conditions}}, sub="status"
            )

    def _pods_on(self, node: str) -> list[Object]:
        return [pod for pod in self._pods.objects.values() if pod["spec"].get("nodeName") == node]


def _conditions(item: Object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = item.get("status", {}).get("conditions", [])
    return found


def _unknown(condition: dict[str, Any]) -> dict[str, Any]:
    why = {"reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}
    return {**condition, "status": "Unknown", "lastTransitionTime": now_text(), **why}


def _not_ready(condition: dict[str, Any]) -> dict[str, Any]:
    if condition["type"] != "Ready" or condition["status"] != "True":
        return condition
    return {**condition, "status": "False", "lastTransitionTime": now_text(), "reason": "NodeNotReady"}
