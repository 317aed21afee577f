"""What kube-state-metrics would say of the objects that are there, under its names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from deploy.local.kubeapi import Informer
from deploy.local.quantities import quantity

_PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
_UNITS = {"cpu": "core", "memory": "byte"}
_TYPES = {"kube_pod_container_status_restarts_total": "counter"}

Line = tuple[str, dict[str, str], float]


def render(informers: Mapping[str, Informer]) -> str:
    """The text that Prometheus reads."""
    by_name: dict[str, list[str]] = {}
    for name, labels, value in _lines(informers):
        pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        by_name.setdefault(name, []).append(f"{name}{{{pairs}}} {value:.15g}")
    parts = [f"# TYPE {name} {_TYPES.get(name, 'gauge')}\n" + "\n".join(lines) for name, lines in by_name.items()]
    return "\n".join(parts) + "\n"


def _lines(informers: Mapping[str, Informer]) -> Iterator[Line]:
    for pod in informers["pods"].objects.values():
        yield from _pod(pod)
    for deployment in informers["deployments"].objects.values():
        metadata = deployment["metadata"]
        labels = {"namespace": metadata["namespace"], "deployment": metadata["name"]}
        yield "kube_deployment_spec_replicas", labels, deployment["spec"].get("replicas", 1)
        available = deployment.get("status", {}).get("availableReplicas", 0)
        yield "kube_deployment_status_replicas_available", labels, available
    for budget in informers["poddisruptionbudgets"].objects.values():
        metadata = budget["metadata"]
        labels = {"namespace": metadata["namespace"], "poddisruptionbudget": metadata["name"]}
        if (allowed := budget.get("status", {}).get("disruptionsAllowed")) is not None:
            yield "kube_poddisruptionbudget_status_pod_disruptions_allowed", labels, allowed
    for scaler in informers["horizontalpodautoscalers"].objects.values():
        yield from _autoscaler(scaler)
    for quota in informers["resourcequotas"].objects.values():
        yield from _quota(quota)
    for node in informers["nodes"].objects.values():
        for condition in node.get("status", {}).get("conditions", []):
            for status in ("true", "false", "unknown"):
                labels = {"node": node["metadata"]["name"], "condition": condition["type"], "status": status}
                yield "kube_node_status_condition", labels, float(condition["status"].lower() == status)


def _autoscaler(scaler: dict[str, Any]) -> Iterator[Line]:
    metadata, spec, status = scaler["metadata"], scaler["spec"], scaler.get("status", {})
    labels = {"namespace": metadata["namespace"], "horizontalpodautoscaler": metadata["name"]}
    yield "kube_horizontalpodautoscaler_spec_min_replicas", labels, spec.get("minReplicas", 1)
    yield "kube_horizontalpodautoscaler_spec_max_replicas", labels, spec["maxReplicas"]
    yield "kube_horizontalpodautoscaler_status_current_replicas", labels, status.get("currentReplicas", 0)
    yield "kube_horizontalpodautoscaler_status_desired_replicas", labels, status.get("desiredReplicas", 0)


def _quota(quota: dict[str, Any]) -> Iterator[Line]:
    labels = {"namespace": quota["metadata"]["namespace"], "resourcequota": quota["metadata"]["name"]}
    for kind in ("hard", "used"):
        for resource, amount in quota.get("status", {}).get(kind, {}).items():
            yield "kube_resourcequota", {**labels, "resource": resource, "type": kind}, quantity(amount)


def _pod(pod: dict[str, Any]) -> Iterator[Line]:
    metadata, status = pod["metadata"], pod.get("status", {})
    labels = {"namespace": metadata["namespace"], "pod": metadata["name"], "uid": metadata["uid"]}
    owner = next(iter(metadata.get("ownerReferences", [])), {})
    info = {
        "node": pod["spec"].get("nodeName", ""),
        "pod_ip": status.get("podIP", ""),
        "created_by_kind": owner.get("kind", ""),
        "created_by_name": owner.get("name", ""),
    }
    yield "kube_pod_info", {**labels, **info}, 1
    for phase in _PHASES:
        yield "kube_pod_status_phase", {**labels, "phase": phase}, float(status.get("phase") == phase)
    ready = next((c["status"] for c in status.get("conditions", []) if c["type"] == "Ready"), "Unknown").lower()
    for condition in ("true", "false", "unknown"):
        yield "kube_pod_status_ready", {**labels, "condition": condition}, float(ready == condition)
    for container in status.get("containerStatuses", []):
        yield from _container({**labels, "container": container["name"]}, container)
    for container in pod["spec"]["containers"]:
        mine = {**labels, "container": container["name"], "node": pod["spec"].get("nodeName", "")}
        for kind in ("requests", "limits"):
            yield from _resources(kind, mine, container.get("resources", {}).get(kind, {}).items())


def _container(labels: dict[str, str], container: dict[str, Any]) -> Iterator[Line]:
    yield "kube_pod_container_status_restarts_total", labels, container.get("restartCount", 0)
    if waiting := container.get("state", {}).get("waiting"):
        yield "kube_pod_container_status_waiting_reason", {**labels, "reason": waiting.get("reason", "")}, 1
    if last := container.get("lastState", {}).get("terminated"):
        yield "kube_pod_container_status_last_terminated_reason", {**labels, "reason": last.get("reason", "")}, 1


def _resources(kind: str, labels: dict[str, str], amounts: Iterable[tuple[str, Any]]) -> Iterator[Line]:
    for resource, amount in amounts:
        more = {"resource": resource, "unit": _UNITS.get(resource, "integer")}
        yield f"kube_pod_container_resource_{kind}", {**labels, **more}, quantity(amount)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
