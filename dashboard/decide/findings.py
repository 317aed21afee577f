"""Faults that the cluster itself reports: Services without endpoints, unschedulable pods, workloads with too few pods,
failed Jobs and nodes, and words that were not understood. Pure.

Each fact is reported once, where its cause is: a workload whose pods cannot be scheduled is not also too small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dashboard.decide import objects
from dashboard.decide.governed import serving
from dashboard.decide.objects import Object
from dashboard.model.finding import ClusterFinding, FindingKind
from dashboard.model.words import shown
from dashboard.model.workload import SICK, Health, Node, Pod, Workload

_ORDER = list(FindingKind)


def findings(
    *, pods: Sequence[Pod], workloads: Sequence[Workload] = (), nodes: Sequence[Node] = ()
) -> tuple[ClusterFinding, ...]:
    """Everything that is wrong with pods, workloads and nodes, worst first."""
    unschedulable = _unschedulable(pods)
    told = {one.subject for one in unschedulable}
    found = [
        *unschedulable,
        *(one for workload in workloads if (one := _workload(workload)) is not None and one.subject not in told),
        *_own_pods(pods, workloads),
        *(_node(node) for node in nodes if node.health in SICK),
        *_not_understood(pods, workloads, nodes),
        *_silent("pod", pods),
        *_silent("node", nodes),
    ]
    return in_order(found)


def without_endpoints(
    services: Iterable[Object],
    slices: Sequence[Object],
    pod_objects: Iterable[Object] | None,
    pods: Iterable[Pod],
) -> tuple[ClusterFinding, ...]:
    """The Services that select pods and have no endpoint that serves.

    Args:
        services: the governed ones.
        pod_objects, pods: the same pods, raw and judged; they hold the reason. None where the pods are not known.
    """
    health = {pod.name: pod for pod in pods}
    raw = list(pod_objects or ())
    found = []
    for service in services:
        name, selector = objects.name_of(service), objects.part(service, "spec", "selector")
        if selector and not serving(name, slices):
            behind = [health[n] for one in raw if _selects(selector, one) and (n := objects.name_of(one)) in health]
            found.append(_no_endpoint(name, selector, behind if pod_objects is not None else None))
    return in_order(found)


def in_order(found: Iterable[ClusterFinding]) -> tuple[ClusterFinding, ...]:
    """Worst kind first, then subjects without a serving pod, then by name: the order is stable."""
    return tuple(sorted(found, key=lambda one: (_ORDER.index(one.kind), not one.serves_nobody, one.subject)))


def _selects(selector: Mapping[str, object], pod: Object) -> bool:
    return selector.items() <= objects.labels(pod).items()


def _no_endpoint(name: str, selector: Mapping[str, object], behind: Sequence[Pod] | None) -> ClusterFinding:
    living = [pod for pod in behind or () if pod.health is not Health.OVER]
    chosen = ", ".join(f"{key}={value}" for key, value in selector.items())
    troubles = sorted({pod.trouble for pod in living if pod.trouble})
    if behind is None:
        reason = f"which pods have the labels that it selects ({chosen}) is not known"
    elif not living:
        reason = f"no pod has the labels that it selects ({chosen})"
    else:
        said = f": {'; '.join(troubles)}" if troubles else ""
        reason = f"none of the {_counted(len(living), 'pod')} that it selects is ready{said}"
    return ClusterFinding(
        kind=FindingKind.NO_ENDPOINTS,
        subject=f"Service {name}",
        headline=f"No pod serves {name}: every request to it fails",
        reason=objects.clipped(reason),
        since=max((pod.since for pod in living if pod.since), default=None),
        service=name,
        track=_common(pod.track for pod in living),
        serves_nobody=True,
    )


def _unschedulable(pods: Iterable[Pod]) -> list[ClusterFinding]:
    waiting: dict[tuple[str, str], list[Pod]] = {}
    for pod in pods:
        if pod.unschedulable and pod.health is Health.FAILING:
            waiting.setdefault((pod.workload_kind or "Pod", pod.workload or pod.name), []).append(pod)
    return [
        ClusterFinding(
            kind=FindingKind.UNSCHEDULABLE,
            subject=f"{kind} {name}",
            headline=f"No node takes {_counted(len(members), 'pod')} of {name}",
            reason="; ".join(sorted({pod.unschedulable for pod in members})),
            since=min((pod.since for pod in members if pod.since), default=None),
            service=members[0].component,
            track=members[0].track,
        )
        for (kind, name), members in waiting.items()
    ]


def _workload(workload: Workload) -> ClusterFinding | None:
    if workload.health not in SICK:
        return None
    lacks = workload.available < workload.desired
    numbers = f"{workload.available} of {_counted(workload.desired, 'pod')} available"
    kind, headline = FindingKind.STUCK, f"{workload.name} is stuck, {numbers}"
    if workload.kind == "Job":
        kind, headline = FindingKind.JOB_FAILED, f"The Job {workload.name} fails"
    elif lacks:
        kind, headline = FindingKind.BELOW_DESIRED, f"{workload.name} has {numbers}"
    return ClusterFinding(
        kind=kind,
        subject=f"{workload.kind} {workload.name}",
        headline=headline,
        reason="" if workload.trouble == numbers else workload.trouble,
        since=workload.since,
        service=workload.component,
        track=workload.track,
        serves_nobody=lacks and workload.available == 0,
    )


def _own_pods(pods: Iterable[Pod], workloads: Iterable[Workload]) -> list[ClusterFinding]:
    """Sick pods that no workload tells of: bare ones, and those of an owner whose kind is not read."""
    listed = {(workload.kind, workload.name) for workload in workloads}
    return [
        ClusterFinding(
            kind=FindingKind.STUCK,
            subject=f"Pod {pod.name}",
            headline=f"{pod.name} {'does not end' if pod.terminating else 'is not well'}",
            reason=pod.trouble,
            since=pod.since,
            service=pod.component,
            track=pod.track,
        )
        for pod in pods
        if pod.health in SICK and not pod.unschedulable and (pod.workload_kind, pod.workload) not in listed
    ]


def _node(node: Node) -> ClusterFinding:
    return ClusterFinding(
        kind=FindingKind.NODE,
        subject=f"Node {node.name}",
        headline=f"The node {node.name} is {'not ready' if node.health is Health.FAILING else 'short of something'}",
        reason=node.trouble,
        since=node.since,
        service="",
        track="",
    )


def _not_understood(
    pods: Iterable[Pod], workloads: Iterable[Workload], nodes: Iterable[Node]
) -> Iterator[ClusterFinding]:
    """Each word once, with the objects that have it; not repeated for a workload that has it from its pods."""
    of_pods: dict[str, list[Pod]] = {}
    for pod in pods:
        for word in pod.not_understood:
            of_pods.setdefault(word, []).append(pod)
    for word, members in of_pods.items():
        service, track = _common(pod.component for pod in members), _common(pod.track for pod in members)
        yield _odd_word(word, "pod", [pod.name for pod in members], service=service, track=track)
    for workload in workloads:
        for word in workload.not_understood:
            if word not in of_pods:
                names = [workload.name]
                yield _odd_word(word, workload.kind, names, service=workload.component, track=workload.track)
    of_nodes: dict[str, list[str]] = {}
    for node in nodes:
        for word in node.not_understood:
            of_nodes.setdefault(word, []).append(node.name)
    for word, names in of_nodes.items():
        yield _odd_word(word, "node", names)


def _odd_word(word: str, kind: str, names: Sequence[str], service: str = "", track: str = "") -> ClusterFinding:
    say = "says" if len(names) == 1 else "say"
    headline = f"{_counted(len(names), kind)} {say} {shown(word)}, which is not understood: neither well nor sick"
    return _unclear(word, headline, names, service, track)


def _silent(kind: str, found: Iterable[Pod | Node]) -> Iterator[ClusterFinding]:
    """Objects without a status to judge, grouped by what is missing."""
    by_trouble: dict[str, list[str]] = {}
    for one in found:
        if one.health is Health.UNKNOWN and not one.not_understood:
            by_trouble.setdefault(one.trouble, []).append(one.name)
    for trouble, names in by_trouble.items():
        yield _unclear(f"{kind} {trouble}", f"{_counted(len(names), kind)} cannot be judged: {trouble}", names)


def _unclear(subject: str, headline: str, names: Sequence[str], service: str = "", track: str = "") -> ClusterFinding:
    return ClusterFinding(
        kind=FindingKind.NOT_UNDERSTOOD,
        subject=subject,
        headline=headline,
        reason=", ".join(sorted(names)[:3]) + ("…" if len(names) > 3 else ""),
        since=None,
        service=service,
        track=track,
    )


def _common(values: Iterable[str]) -> str:
    """The one value that all have; "" when they differ."""
    found = set(values)
    return found.pop() if len(found) == 1 else ""


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
