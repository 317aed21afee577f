"""How workloads fare, worst first. Pure: API objects as plain mappings in, model types out.

A pod that waits in back-off fails, whatever its phase says: the phase of a pod whose container dies every minute is
Running.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from dashboard.model.workload import ClusterEvent, Health, Limit, Pod, Workload

_ORDER = list(Health)
_FAILING_WAITS = {
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "InvalidImageName",
}
_COMPONENT = "app.kubernetes.io/name"
_VERSION = "app.kubernetes.io/version"
_TRACK = "tealdeck.io/track"

Object = Mapping[str, Any]


def pods(objects: Iterable[Object]) -> tuple[Pod, ...]:
    """Pods, worst first, then by name."""
    return tuple(sorted(map(_pod, objects), key=lambda pod: (_ORDER.index(pod.health), pod.name)))


def workloads(deployments: Iterable[Object], of: Sequence[Pod]) -> tuple[Workload, ...]:
    """Deployments with the restarts and troubles of their pods `of`, worst first, then by name."""
    found = (_workload(deployment, of) for deployment in deployments)
    return tuple(sorted(found, key=lambda workload: (_ORDER.index(workload.health), workload.name)))


def events(objects: Iterable[Object]) -> tuple[ClusterEvent, ...]:
    """Events: warnings first, each kind newest first."""
    found = [_event(event) for event in objects]
    return tuple(
        sorted(found, key=lambda event: (event.warning, event.at.timestamp() if event.at else 0.0), reverse=True)
    )


def limits(autoscalers: Iterable[Object], budgets: Iterable[Object], quotas: Iterable[Object]) -> tuple[Limit, ...]:
    """What holds the workloads back, those at their limit first."""
    found = [*map(_autoscaler, autoscalers), *map(_budget, budgets)]
    for quota in quotas:
        found.extend(_quota(quota))
    return tuple(sorted(found, key=lambda limit: (not limit.at_limit, limit.kind, limit.name)))


def _pod(pod: Object) -> Pod:
    metadata, spec, status = pod["metadata"], pod.get("spec", {}), pod.get("status", {})
    statuses = status.get("containerStatuses", [])
    labels = metadata.get("labels", {})
    containers = tuple(container["name"] for container in spec.get("containers", []))
    ready = sum(1 for container in statuses if container.get("ready"))
    terminating = "deletionTimestamp" in metadata
    trouble = next(filter(None, map(_trouble, statuses)), "")
    waiting = {container.get("state", {}).get("waiting", {}).get("reason", "") for container in statuses}
    return Pod(
        name=metadata["name"],
        workload=_owner(metadata),
        component=labels.get(_COMPONENT, ""),
        track=labels.get(_TRACK, ""),
        version=labels.get(_VERSION, ""),
        phase=status.get("phase", "Unknown"),
        node=spec.get("nodeName", ""),
        ready=ready,
        containers=containers,
        restarts=sum(container.get("restartCount", 0) for container in statuses),
        trouble=trouble,
        started_at=_time(status.get("startTime") or metadata.get("creationTimestamp")),
        terminating=terminating,
        health=_pod_health(
            phase=status.get("phase", "Unknown"),
            all_ready=bool(containers) and ready == len(containers),
            backs_off=bool(waiting & _FAILING_WAITS),
            terminating=terminating,
        ),
    )


def _pod_health(*, phase: str, all_ready: bool, backs_off: bool, terminating: bool) -> Health:
    if terminating or phase == "Succeeded":
        return Health.CHANGING
    if backs_off or phase in ("Failed", "Unknown"):
        return Health.FAILING
    if all_ready:
        return Health.HEALTHY
    return Health.CHANGING if phase == "Pending" else Health.DEGRADED


def _trouble(container: Object) -> str:
    waiting = container.get("state", {}).get("waiting", {}).get("reason", "")
    last = container.get("lastState", {}).get("terminated", {})
    died = f"{last.get('reason', 'Error')} (exit {last.get('exitCode', '?')})" if last else ""
    if waiting and waiting != "ContainerCreating":
        return f"{waiting}, last: {died}" if died else str(waiting)
    return "" if container.get("ready") else died


def _owner(metadata: Object) -> str:
    """The Deployment behind a pod: its ReplicaSet's name without the hash of the template."""
    owner = next((owner for owner in metadata.get("ownerReferences", []) if owner.get("controller")), None)
    if owner is None:
        return ""
    name = str(owner["name"])
    suffix = metadata.get("labels", {}).get("pod-template-hash")
    return name.removesuffix(f"-{suffix}") if suffix else name


def _workload(deployment: Object, of: Sequence[Pod]) -> Workload:
    metadata, spec, status = deployment["metadata"], deployment.get("spec", {}), deployment.get("status", {})
    template = spec.get("template", {}).get("metadata", {}).get("labels", {})
    mine = [pod for pod in of if pod.workload == metadata["name"] and not pod.terminating]
    desired = spec.get("replicas", 1)
    available = status.get("availableReplicas", 0)
    rolled_out = (
        status.get("observedGeneration", 0) >= metadata.get("generation", 0)
        and status.get("updatedReplicas", 0) == desired
    )
    return Workload(
        name=metadata["name"],
        component=template.get(_COMPONENT, ""),
        track=template.get(_TRACK, ""),
        version=template.get(_VERSION, ""),
        desired=desired,
        ready=status.get("readyReplicas", 0),
        available=available,
        updated=status.get("updatedReplicas", 0),
        restarts=sum(pod.restarts for pod in mine),
        trouble=next((pod.trouble for pod in mine if pod.trouble), ""),
        health=_workload_health(
            desired=desired,
            available=available,
            rolled_out=rolled_out,
            failing=any(pod.health is Health.FAILING for pod in mine),
        ),
    )


def _workload_health(*, desired: int, available: int, rolled_out: bool, failing: bool) -> Health:
    if desired == 0:
        return Health.IDLE
    if available == 0:
        return Health.FAILING
    if failing or available < desired:
        return Health.DEGRADED
    return Health.HEALTHY if rolled_out else Health.CHANGING


def _event(event: Object) -> ClusterEvent:
    about = event.get("involvedObject") or event.get("regarding") or {}
    series = event.get("series") or {}
    at = (
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp")
    )
    return ClusterEvent(
        at=_time(at),
        kind=about.get("kind", ""),
        name=about.get("name", ""),
        reason=event.get("reason", ""),
        message=event.get("message") or event.get("note") or "",
        warning=event.get("type") == "Warning",
        count=series.get("count") or event.get("count") or 1,
    )


def _autoscaler(autoscaler: Object) -> Limit:
    spec, status = autoscaler.get("spec", {}), autoscaler.get("status", {})
    current = status.get("currentReplicas", 0)
    highest = spec.get("maxReplicas", 0)
    return Limit(
        kind="autoscaler",
        name=autoscaler["metadata"]["name"],
        now=f"{current} replica{'' if current == 1 else 's'}",
        allowed=f"{spec.get('minReplicas', 1)} to {highest}",
        at_limit=current >= highest,
    )


def _budget(budget: Object) -> Limit:
    status = budget.get("status", {})
    allowed = status.get("disruptionsAllowed")
    return Limit(
        kind="disruption budget",
        name=budget["metadata"]["name"],
        now=f"{status['currentHealthy']} healthy" if "currentHealthy" in status else "not yet counted",
        allowed="not yet counted" if allowed is None else f"{allowed} may go",
        at_limit=allowed == 0,
    )


def _quota(quota: Object) -> list[Limit]:
    hard, used = quota.get("status", {}).get("hard", {}), quota.get("status", {}).get("used", {})
    return [
        Limit(
            kind="quota",
            name=f"{quota['metadata']['name']}: {resource}",
            now=used.get(resource, "unknown"),
            allowed=allowed,
            at_limit=used.get(resource) == allowed,
        )
        for resource, allowed in hard.items()
    ]


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
