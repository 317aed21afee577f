"""Rows for people: what `kubectl get` prints for the common kinds.

Each kind has its columns: title, whether only `-o wide` shows it, and how the cell is read from an object. Custom kinds
bring theirs in their definition; a kind without any shows name and age.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .kinds import Resource
from .selectors import written

Json = dict[str, Any]
Cell = Callable[[Json], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; priority 1 is shown with `-o wide` only."""

    title: str
    cell: Cell
    priority: int = 0
    kind: str = "string"

    def definition(self) -> Json:
        shape = "name" if self.title == "Name" else ""
        return {"name": self.title, "type": self.kind, "format": shape, "description": "", "priority": self.priority}


def columns(resource: Resource) -> tuple[Column, ...]:
    """The columns of a resource's table."""
    if resource.custom:
        own = tuple(_custom(column) for column in resource.columns)
        return (_NAME, *own) if own else (_NAME, _AGE)
    known = _BY_KIND.get(resource.kind, (_AGE,))
    return known if resource.kind == "Event" else (_NAME, *known)


def _custom(column: Json) -> Column:
    steps = re.findall(r"[^.\[\]']+", column.get("jsonPath", ""))
    cell = _at(*steps)
    if column.get("type") == "date":
        return Column(column["name"], lambda obj: age(cell(obj)), column.get("priority", 0))
    return Column(column["name"], cell, column.get("priority", 0), column.get("type", "string"))


def age(moment: str | None) -> str:
    """How long ago a time was, as kubectl writes it: 45s, 12m, 3h20m, 5d."""
    if not moment:
        return "<unknown>"
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
    return span(max(0, seconds))


def span(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d"


def _at(*steps: str, default: Any = None) -> Cell:
    """The value under a path of field names; `default` when it is absent or empty."""

    def cell(obj: Json) -> Any:
        found: Any = obj
        for step in steps:
            found = found.get(step) if isinstance(found, dict) else None
        return default if found in (None, "") else found

    return cell


def _count(*steps: str) -> Cell:
    return _at(*steps, default=0)


def _out_of(some: Cell, total: Cell) -> Cell:
    return lambda obj: f"{some(obj)}/{total(obj)}"


def _selector(obj: Json) -> str:
    selector = obj["spec"].get("selector") or {}
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        selector = {"matchLabels": selector}
    return written(selector) or "<none>"


def _containers(field: str) -> Cell:
    def cell(obj: Json) -> str:
        spec = obj["spec"].get("template", obj)["spec"]
        return ",".join(str(container.get(field, "")) for container in spec.get("containers") or [])

    return cell


def _pod_statuses(obj: Json) -> list[Json]:
    return (obj.get("status") or {}).get("containerStatuses") or []


def _pod_ready(obj: Json) -> str:
    ready = sum(bool(status.get("ready")) for status in _pod_statuses(obj))
    return f"{ready}/{len(obj['spec'].get('containers') or [])}"


def _pod_status(obj: Json) -> str:
    """What keeps the pod from running, where a container says so; else its phase."""
    status = obj.get("status") or {}
    if "deletionTimestamp" in obj["metadata"]:
        return "Terminating"
    text = status.get("reason") or status.get("phase", "Unknown")
    for container in _pod_statuses(obj):
        state = container.get("state") or {}
        stopped = state.get("waiting") or state.get("terminated") or {}
        if stopped.get("reason"):
            text = stopped["reason"]
        elif "terminated" in state:
            text = f"ExitCode:{stopped.get('exitCode', 0)}"
    return str(text)


def _pod_restarts(obj: Json) -> str:
    statuses = _pod_statuses(obj)
    count = sum(status.get("restartCount", 0) for status in statuses)
    ends = [((status.get("lastState") or {}).get("terminated") or {}).get("finishedAt") for status in statuses]
    last = max((end for end in ends if end), default=None)
    return f"{count} ({age(last)} ago)" if count and last else str(count)


def _ports(obj: Json) -> str:
    ports = obj["spec"].get("ports") or []
    shown = [
        f"{p.get('port')}{':' + str(p['nodePort']) if p.get('nodePort') else ''}/{p.get('protocol')}" for p in ports
    ]
    return ",".join(shown) or "<none>"


def _slice_ports(obj: Json) -> str:
    return ",".join(str(port.get("port")) for port in obj.get("ports") or []) or "<unset>"


def _slice_addresses(obj: Json) -> str:
    addresses = [address for endpoint in obj.get("endpoints") or [] for address in endpoint.get("addresses") or []]
    more = f" + {len(addresses) - 3} more..." if len(addresses) > 3 else ""
    return ",".join(addresses[:3]) + more or "<unset>"


def _node_status(obj: Json) -> str:
    conditions = (obj.get("status") or {}).get("conditions") or []
    ready = [entry.get("status") for entry in conditions if entry.get("type") == "Ready"]
    text = {"True": "Ready", "False": "NotReady"}.get(ready[0] if ready else "", "Unknown")
    return text + (",SchedulingDisabled" if (obj.get("spec") or {}).get("unschedulable") else "")


def _node_roles(obj: Json) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels") or {}
    return ",".join(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))) or "<none>"


def _event_object(obj: Json) -> str:
    reference = obj.get("involvedObject") or {}
    return f"{str(reference.get('kind', '')).lower()}/{reference.get('name', '')}"


def _event_seen(obj: Json) -> str:
    series = obj.get("series") or {}
    return age(series.get("lastObservedTime") or obj.get("lastTimestamp") or obj.get("eventTime") or _created(obj))


def _quota(obj: Json) -> str:
    status = obj.get("status") or {}
    used, hard = status.get("used") or {}, status.get("hard") or (obj.get("spec") or {}).get("hard") or {}
    return ", ".join(f"{name}: {used.get(name, 0)}/{hard[name]}" for name in sorted(hard))


def _scale_target(obj: Json) -> str:
    target = obj["spec"].get("scaleTargetRef") or {}
    return f"{target.get('kind')}/{target.get('name')}"


def _scale_metrics(obj: Json) -> str:
    """What each metric is at and what it is to be: cpu: 12%/70%. Metrics that are no resource are only named."""
    wanted = obj["spec"].get("metrics") or []
    measured = (obj.get("status") or {}).get("currentMetrics") or []
    shown = [
        _scale_metric(metric, measured[index] if index < len(measured) else {}) for index, metric in enumerate(wanted)
    ]
    more = f" + {len(shown) - 2} more..." if len(shown) > 2 else ""
    return ", ".join(shown[:2]) + more or "<none>"


def _scale_metric(metric: Json, measured: Json) -> str:
    if metric.get("type") != "Resource":
        return "<unknown type>"
    resource, current = metric.get("resource") or {}, (measured.get("resource") or {}).get("current") or {}
    target = resource.get("target") or {}
    if "averageValue" in target:
        return f"{resource.get('name')}: {current.get('averageValue', '<unknown>')}/{target['averageValue']}"
    now = f"{current['averageUtilization']}%" if "averageUtilization" in current else "<unknown>"
    return f"{resource.get('name')}: {now}/{target.get('averageUtilization')}%"


def _job_status(obj: Json) -> str:
    conditions = (obj.get("status") or {}).get("conditions") or []
    done = [entry.get("type") for entry in conditions if entry.get("status") == "True"]
    return done[-1] if done else "Running"


def _size(field: str) -> Cell:
    return lambda obj: len(obj.get(field) or {})


_created = _at("metadata", "creationTimestamp")
_NAME = Column("Name", _at("metadata", "name"))
_AGE = Column("Age", lambda obj: age(_created(obj)))
_CONTAINERS = Column("Containers", _containers("name"), 1)
_IMAGES = Column("Images", _containers("image"), 1)
_SELECTOR = Column("Selector", _selector, 1)
_NODE_INFO = ("status", "nodeInfo")
_DATA = (Column("Data", _size("data"), kind="integer"), _AGE)

_BY_KIND: dict[str, tuple[Column, ...]] = {
    "Pod": (
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _pod_restarts),
        _AGE,
        Column("IP", _at("status", "podIP", default="<none>"), 1),
        Column("Node", _at("spec", "nodeName", default="<none>"), 1),
        Column("Nominated Node", _at("status", "nominatedNodeName", default="<none>"), 1),
        Column("Readiness Gates", lambda _: "<none>", 1),
    ),
    "Deployment": (
        Column("Ready", _out_of(_count("status", "readyReplicas"), _count("spec", "replicas"))),
        Column("Up-to-date", _count("status", "updatedReplicas"), kind="integer"),
        Column("Available", _count("status", "availableReplicas"), kind="integer"),
        _AGE,
        _CONTAINERS,
        _IMAGES,
        _SELECTOR,
    ),
    "ReplicaSet": (
        Column("Desired", _count("spec", "replicas"), kind="integer"),
        Column("Current", _count("status", "replicas"), kind="integer"),
        Column("Ready", _count("status", "readyReplicas"), kind="integer"),
        _AGE,
        _CONTAINERS,
        _IMAGES,
        _SELECTOR,
    ),
    "StatefulSet": (
        Column("Ready", _out_of(_count("status", "readyReplicas"), _count("spec", "replicas"))),
        _AGE,
        _CONTAINERS,
        _IMAGES,
    ),
    "DaemonSet": (
        Column("Desired", _count("status", "desiredNumberScheduled"), kind="integer"),
        Column("Current", _count("status", "currentNumberScheduled"), kind="integer"),
        Column("Ready", _count("status", "numberReady"), kind="integer"),
        Column("Up-to-date", _count("status", "updatedNumberScheduled"), kind="integer"),
        Column("Available", _count("status", "numberAvailable"), kind="integer"),
        _AGE,
    ),
    "Job": (
        Column("Status", _job_status),
        Column("Completions", _out_of(_count("status", "succeeded"), _at("spec", "completions", default=1))),
        _AGE,
    ),
    "Service": (
        Column("Type", _at("spec", "type")),
        Column("Cluster-IP", _at("spec", "clusterIP", default="<none>")),
        Column("External-IP", _at("spec", "externalName", default="<none>")),
        Column("Port(s)", _ports),
        _AGE,
        _SELECTOR,
    ),
    "EndpointSlice": (
        Column("AddressType", _at("addressType")),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_addresses),
        _AGE,
    ),
    "Namespace": (Column("Status", _at("status", "phase")), _AGE),
    "Node": (
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        _AGE,
        Column("Version", _at(*_NODE_INFO, "kubeletVersion", default="")),
        Column("OS-Image", _at(*_NODE_INFO, "osImage", default="<unknown>"), 1),
        Column("Kernel-Version", _at(*_NODE_INFO, "kernelVersion", default="<unknown>"), 1),
        Column("Container-Runtime", _at(*_NODE_INFO, "containerRuntimeVersion", default="<unknown>"), 1),
    ),
    "Event": (
        Column("Last Seen", _event_seen),
        Column("Type", _at("type")),
        Column("Reason", _at("reason")),
        Column("Object", _event_object),
        Column("Message", _at("message")),
        Column("Count", _count("count"), 1, "integer"),
        Column("Name", _at("metadata", "name"), 1),
    ),
    "ConfigMap": _DATA,
    "Secret": (Column("Type", _at("type")), *_DATA),
    "ServiceAccount": (Column("Secrets", _size("secrets"), kind="integer"), _AGE),
    "HorizontalPodAutoscaler": (
        Column("Reference", _scale_target),
        Column("Targets", _scale_metrics),
        Column("MinPods", _at("spec", "minReplicas", default="<unset>")),
        Column("MaxPods", _count("spec", "maxReplicas"), kind="integer"),
        Column("Replicas", _count("status", "currentReplicas"), kind="integer"),
        _AGE,
    ),
    "PodDisruptionBudget": (
        Column("Min Available", _at("spec", "minAvailable", default="N/A")),
        Column("Max Unavailable", _at("spec", "maxUnavailable", default="N/A")),
        Column("Allowed Disruptions", _count("status", "disruptionsAllowed"), kind="integer"),
        _AGE,
    ),
    "ResourceQuota": (Column("Used", _quota), _AGE),
}
