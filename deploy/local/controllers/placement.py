"""The scheduler, which gives each pod a node, and the disruption budgets, which say how many pods may go at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deploy.local.controllers.events import Events
from deploy.local.controllers.objects import (
    age_seconds,
    is_finished,
    is_terminating,
    now_text,
    owner_of,
    ready_since,
    selects,
)
from deploy.local.controllers.queue import Key, Queue
from deploy.local.kubeapi import Informer, KubeApi, Object, path
from deploy.local.quantities import share

_RETRY_SECONDS = 10.0


class Scheduler:
    """Binds a pod to the ready node that has the fewest of its siblings, then the fewest pods."""

    def __init__(self, api: KubeApi, pods: Informer, nodes: Informer, events: Events) -> None:
        self._api, self._pods, self._nodes, self._events = api, pods, nodes, events
        self._assumed: dict[str, str] = {}  # uid -> node, until the watch has shown the binding
        self.queue = Queue("scheduler", self._look)

    def waiting(self) -> list[Key]:
        """The pods without a node: they are tried again when a node changes."""
        return [key for key, pod in self._pods.objects.items() if not pod["spec"].get("nodeName")]

    async def _look(self, key: Key) -> None:
        pod = self._pods.get(*key)
        if pod is None or pod["spec"].get("nodeName") or is_terminating(pod):
            return
        node = self._choose(pod)
        if node is None:
            self.queue.add_later(key, _RETRY_SECONDS)
            if age_seconds(pod) > _RETRY_SECONDS:  # while everything starts, a node that is not there yet is no news
                await self._refuse(pod)
            return
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": key[1], "namespace": key[0]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        await self._api.call("POST", path("pods", key[0], key[1], "binding"), body=body)
        self._assumed[pod["metadata"]["uid"]] = node
        await self._events.tell(pod, "Scheduled", f"Successfully assigned {key[0]}/{key[1]} to {node}")

    async def _refuse(self, pod: Object) -> None:
        """Says why no node takes a pod, in its condition and in an event."""
        why, metadata = why_none(self._nodes.objects.values()), pod["metadata"]
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}
        before = pod.get("status", {}).get("conditions", [])
        if not any(condition.items() <= one.items() for one in before):
            others = [one for one in before if one["type"] != "PodScheduled"]
            status = {"conditions": [*others, {**condition, "lastTransitionTime": now_text()}]}
            await self._api.patch("pods", metadata["namespace"], metadata["name"], {"status": status}, sub="status")
        await self._events.tell(pod, "FailedScheduling", why, warning=True)

    def _choose(self, pod: Object) -> str | None:
        load = {name: (0, 0) for (_, name), node in self._nodes.objects.items() if _takes_pods(node)}
        waiting = {item["metadata"]["uid"] for item in self._pods.objects.values() if not item["spec"].get("nodeName")}
        self._assumed = {uid: node for uid, node in self._assumed.items() if uid in waiting}
        for other in self._pods.objects.values():
            node = other["spec"].get("nodeName") or self._assumed.get(other["metadata"]["uid"])
            if node in load and not is_finished(other):
                siblings, pods = load[node]
                load[node] = siblings + (owner_of(other) == owner_of(pod)), pods + 1
        return min(load, key=lambda name: (*load[name], name), default=None)


class DisruptionBudgets:
    """Counts how many pods each budget lets go."""

    def __init__(self, api: KubeApi, budgets: Informer, pods: Informer) -> None:
        self._api, self._budgets, self._pods = api, budgets, pods
        self.queue = Queue("disruption budgets", self._look)

    async def _look(self, key: Key) -> None:
        budget = self._budgets.get(*key)
        if budget is None or is_terminating(budget):
            return
        after = budget_status(budget, [pod for (of, _), pod in self._pods.objects.items() if of == key[0]])
        before = budget.get("status", {})
        if any(before.get(field) != value for field, value in after.items()):
            await self._api.patch("poddisruptionbudgets", key[0], key[1], {"status": after}, sub="status")


def budget_status(budget: Object, pods: list[Object]) -> dict[str, Any]:
    """The status of a budget, from the pods of its namespace."""
    spec = budget["spec"]
    mine = [
        pod
        for pod in pods
        if selects((spec.get("selector") or {}).get("matchLabels") or {}, pod) and not is_finished(pod)
    ]
    healthy = sum(1 for pod in mine if ready_since(pod) and not is_terminating(pod))
    if "maxUnavailable" in spec:
        desired = len(mine) - share(spec["maxUnavailable"], len(mine))
    else:
        desired = share(spec.get("minAvailable", 0), len(mine))
    return {
        "expectedPods": len(mine),
        "currentHealthy": healthy,
        "desiredHealthy": max(0, desired),
        "disruptionsAllowed": max(0, healthy - max(0, desired)),
        "observedGeneration": budget["metadata"].get("generation", 1),
    }


def why_none(nodes: Iterable[Object]) -> str:
    """Why none of the nodes takes pods, in the scheduler's words."""
    found = list(nodes)
    if not found:
        return "no nodes available to schedule pods"
    cordoned = sum(_is_cordoned(node) for node in found)
    silent = len(found) - cordoned
    reasons = [f"{cordoned} node(s) were unschedulable"] if cordoned else []
    reasons += [f"{silent} node(s) had untolerated taint {{node.kubernetes.io/not-ready: }}"] if silent else []
    return f"0/{len(found)} nodes are available: {', '.join(reasons)}."


def _takes_pods(node: Object) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return ready and not _is_cordoned(node)


def _is_cordoned(node: Object) -> bool:
    return bool(node.get("spec", {}).get("unschedulable"))
