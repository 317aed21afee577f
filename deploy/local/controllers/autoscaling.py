"""The HorizontalPodAutoscaler: as many replicas as measured use asks for, by Kubernetes' own arithmetic.

Use is asked of the node agents, as metrics-server does, and only the resources CPU and memory are known; an autoscaler
that names anything else says so in its condition and scales nothing.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from deploy.local.controllers.events import Events
from deploy.local.controllers.objects import is_finished, is_terminating, now_text, ready_since, selects
from deploy.local.controllers.queue import Key, Queue
from deploy.local.controllers.usage import Use, UseOfPods
from deploy.local.kubeapi import Informer, KubeApi, NotFoundError, Object
from deploy.local.quantities import quantity

PERIOD_SECONDS = 15.0
_TOLERANCE = 0.1
_DOWN_SECONDS = 300
_RESOURCES = ("cpu", "memory")


class NotMeasuredError(Exception):
    """Why there is no recommendation: a reason in Kubernetes' words, and a sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Autoscalers:
    """Looks at each autoscaler once a period."""

    def __init__(self, api: KubeApi, autoscalers: Informer, pods: Informer, use: UseOfPods, events: Events) -> None:
        self._api, self._autoscalers, self._pods, self._use, self._events = api, autoscalers, pods, use, events
        self._wishes: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
        self.queue = Queue("autoscalers", self._look)

    async def _look(self, key: Key) -> None:
        scaler = self._autoscalers.get(*key)
        if scaler is None or is_terminating(scaler):
            return
        self.queue.add_later(key, PERIOD_SECONDS)
        target, kind = scaler["spec"]["scaleTargetRef"], f"{scaler['spec']['scaleTargetRef']['kind'].lower()}s"
        try:
            found = await self._api.get(kind, key[0], target["name"])
        except NotFoundError as error:
            await self._tell(scaler, _status(scaler, 0, 0, [], ("FailedGetScale", str(error))))
            return
        current = found["spec"].get("replicas", 1)
        pods = [
            pod
            for (of, _), pod in self._pods.objects.items()
            if of == key[0] and selects(found["spec"]["selector"].get("matchLabels", {}), pod) and not is_finished(pod)
        ]
        use = await self._use.now()
        try:
            wanted, metrics = _recommended(scaler, current, pods, use)
        except NotMeasuredError as error:
            await self._tell(scaler, _status(scaler, current, current, [], (error.reason, str(error))))
            return
        wanted = self._bounded(scaler, current, wanted)
        if wanted != current:
            await self._api.patch(kind, key[0], target["name"], {"spec": {"replicas": wanted}}, sub="scale")
            await self._events.tell(scaler, "SuccessfulRescale", f"New size: {wanted}; measured use is off its target")
        await self._tell(scaler, _status(scaler, current, wanted, metrics, None))

    def _bounded(self, scaler: Object, current: int, wanted: int) -> int:
        """Within the limits, at most doubled at once, and down only when the wish has lasted for the whole window."""
        spec, now = scaler["spec"], time.monotonic()
        wanted = min(wanted, max(2 * current, current + 4))
        wanted = max(spec.get("minReplicas", 1), min(spec["maxReplicas"], wanted))
        window = spec.get("behavior", {}).get("scaleDown", {}).get("stabilizationWindowSeconds", _DOWN_SECONDS)
        wishes = self._wishes[scaler["metadata"]["uid"]]
        wishes.append((now, wanted))
        wishes[:] = [(at, wish) for at, wish in wishes if at >= now - window] or [(now, wanted)]
        lasting = max(wish for _, wish in wishes)
        return wanted if wanted >= current else min(current, lasting)

    async def _tell(self, scaler: Object, status: dict[str, Any]) -> None:
        metadata = scaler["metadata"]
        if status != scaler.get("status"):
            await self._api.patch(
                "horizontalpodautoscalers", metadata["namespace"], metadata["name"], {"status": status}, sub="status"
            )


def _recommended(
    scaler: Object, current: int, pods: list[Object], use: Mapping[tuple[str, str], Use]
) -> tuple[int, list[dict[str, Any]]]:
    """The highest wish of all metrics, and what was measured. Raises NotMeasuredError."""
    wishes, measured = [], []
    for metric in scaler["spec"].get("metrics") or []:
        resource = metric.get("resource", {}).get("name")
        if metric["type"] != "Resource" or resource not in _RESOURCES:
            raise NotMeasuredError(
                "InvalidMetricSourceType", f"only the resources {', '.join(_RESOURCES)} are measured"
            )
        target = metric["resource"]["target"]
        values = {
            pod["metadata"]["uid"]: getattr(use[name], resource)
            for pod in pods
            if (name := (pod["metadata"]["namespace"], pod["metadata"]["name"])) in use and ready_since(pod)
        }
        if not values:
            raise NotMeasuredError("FailedGetResourceMetric", f"no ready pod has been measured for {resource}")
        if "averageUtilization" in target:
            asked = [sum(_requests(pod, resource)) for pod in pods if pod["metadata"]["uid"] in values]
            if not all(asked):
                raise NotMeasuredError("FailedGetResourceMetric", f"a container has no request for {resource}")
            now = round(100 * sum(values.values()) / sum(asked))
            ratio, shown = now / target["averageUtilization"], {"averageUtilization": now}
        else:
            ratio = sum(values.values()) / len(values) / quantity(target["averageValue"])
            shown = {}
        shown["averageValue"] = _amount(resource, sum(values.values()) / len(values))
        wishes.append(desired_replicas(current, ratio, measured=len(values), missing=len(pods) - len(values)))
        measured.append({"type": "Resource", "resource": {"name": resource, "current": shown}})
    if not wishes:
        raise NotMeasuredError("InvalidMetricSourceType", "the autoscaler names no metric")
    return max(wishes), measured


def _amount(resource: str, average: float) -> str:
    """As the API writes it: cores to the thousandth, bytes whole."""
    if resource == "memory":
        return str(round(average))
    milli = round(1000 * average)
    return f"{milli}m" if milli % 1000 else str(milli // 1000)


def desired_replicas(current: int, ratio: float, *, measured: int, missing: int) -> int:
    """How many replicas bring the measured use to its target.

    Pods without a measure count as idle when more are wanted and as on target when fewer are: neither may make a
    change larger. Within a tenth of the target nothing changes.
    """
    if abs(ratio - 1) <= _TOLERANCE:
        return current
    if missing:
        careful = (ratio * measured + (0 if ratio > 1 else missing)) / (measured + missing)
        if abs(careful - 1) <= _TOLERANCE or (careful > 1) != (ratio > 1):
            return current
        return math.ceil(careful * (measured + missing))
    return math.ceil(ratio * measured)


def _requests(pod: Object, resource: str) -> list[float]:
    containers = pod["spec"]["containers"]
    return [quantity(c.get("resources", {}).get("requests", {}).get(resource, 0)) for c in containers]


def _status(
    scaler: Object, current: int, desired: int, metrics: list[dict[str, Any]], problem: tuple[str, str] | None
) -> dict[str, Any]:
    before = scaler.get("status", {})
    rescaled = {"lastScaleTime": now_text()} if current != desired else {}
    kept = {"lastScaleTime": before["lastScaleTime"]} if "lastScaleTime" in before else {}
    at_limit = desired in (scaler["spec"]["maxReplicas"], scaler["spec"].get("minReplicas", 1))
    limited = problem is None and at_limit
    conditions = [
        _condition(before, "AbleToScale", True, "SucceededGetScale", "the target can be scaled"),
        _condition(before, "ScalingActive", problem is None, *(problem or ("ValidMetricFound", "use is measured"))),
        _condition(
            before,
            "ScalingLimited",
            limited,
            "DesiredWithinRange" if not limited else "ReplicasAtLimit",
            "the wanted number is at a limit" if limited else "the wanted number is within the limits",
        ),
    ]
    return {
        "currentReplicas": current,
        "desiredReplicas": desired,
        **kept,
        **rescaled,
        "currentMetrics": metrics,
        "conditions": conditions,
    }


def _condition(before: Object, kind: str, is_true: bool, reason: str, message: str) -> dict[str, Any]:
    old = next((c for c in before.get("conditions", []) if c["type"] == kind), None)
    since = old["lastTransitionTime"] if old and old["status"] == str(is_true) else now_text()
    return {"type": kind, "status": str(is_true), "lastTransitionTime": since, "reason": reason, "message": message}
