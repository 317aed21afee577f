"""The health of nodes, worst first, with the reason. Pure: API objects in, model types out."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dashboard.decide import objects
from dashboard.decide.objects import Object, StatusCondition
from dashboard.model.workload import Health, Node

_ORDER = list(Health)
# Conditions by what they are called: the kubelet's own, those of the node-problem-detector and of the cloud providers.
_BAD_WHEN_TRUE = re.compile(
    r"NetworkUnavailable|OutOfDisk|KernelDeadlock|ReadonlyFilesystem|CorruptDockerOverlay2|Frequent\w+"
    r"|\w+(?:Pressure|Problem|Unhealthy|Scheduled)"
)
_GOOD_WHEN_TRUE = re.compile(r"\w+Ready")
READY = "Ready"


def nodes(found: Iterable[Object]) -> tuple[Node, ...]:
    """Nodes, worst first, then by name."""
    return tuple(sorted(map(_node, found), key=lambda node: (_ORDER.index(node.health), node.name)))


def _node(node: Object) -> Node:
    conditions = objects.conditions(node)
    cordoned = objects.part(node, "spec").get("unschedulable") is True
    ready = conditions.pop(READY, None)
    told = {name: _is_bad(name, one) for name, one in conditions.items()}
    odd = [name for name, is_bad in told.items() if is_bad is None]
    bad = [(name, conditions[name]) for name, is_bad in told.items() if is_bad]
    health, trouble, worst = _judge(ready, bad, odd, is_cordoned=cordoned)
    return Node(
        name=objects.name_of(node),
        health=health,
        trouble=trouble,
        since=worst.since if worst else None,
        takes_pods=not cordoned and health not in (Health.FAILING, Health.UNKNOWN),
        version=objects.text(objects.part(node, "status", "nodeInfo"), "kubeletVersion"),
        not_understood=tuple(name for name in odd if conditions[name].status != "Unknown"),
    )


def _is_bad(name: str, condition: StatusCondition) -> bool | None:
    """Whether the condition means trouble; None where its name or status is not known."""
    if condition.status not in ("True", "False"):
        return None
    if _BAD_WHEN_TRUE.fullmatch(name):
        return condition.status == "True"
    return condition.status == "False" if _GOOD_WHEN_TRUE.fullmatch(name) else None


def _judge(
    ready: StatusCondition | None, bad: list[tuple[str, StatusCondition]], odd: list[str], *, is_cordoned: bool
) -> tuple[Health, str, StatusCondition | None]:
    if ready is None:
        return Health.UNKNOWN, "it does not say whether it is ready", None
    if ready.status != "True":
        said = objects.clipped(f"{ready.reason}: {ready.message}".strip(": "))
        silent = "not ready" if ready.status == "False" else "its kubelet is silent"
        return Health.FAILING, f"{silent}, {said}" if said else silent, ready
    if bad:
        return Health.DEGRADED, ", ".join(name for name, _ in bad), bad[0][1]
    if odd:
        return Health.UNKNOWN, f"not known: {', '.join(odd)}", None
    if is_cordoned:
        return Health.CHANGING, "cordoned: it takes no new pods", None
    return Health.HEALTHY, "", None
