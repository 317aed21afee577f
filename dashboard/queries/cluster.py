"""Pods, workloads, nodes and their faults, as several pages read them from the cluster.

A kind of workload that the cluster does not serve counts as empty. One that we may not list makes the reading partial,
with a reason that names it. Pods without a listed workload count for themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from dashboard.decide import findings as decide_findings
from dashboard.decide.blue_green import TRACK_OBJECTS, with_seen
from dashboard.decide.cluster_events import last_warnings
from dashboard.decide.nodes import nodes as decide_nodes
from dashboard.decide.workloads import pods as decide_pods
from dashboard.decide.workloads import workloads as decide_workloads
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.finding import ClusterFinding
from dashboard.model.reading import Reading, State, beside, combine, missing
from dashboard.model.words import WORDS, Words
from dashboard.model.workload import Health, Node, Pod, Workload
from dashboard.queries.readings import Readings
from dashboard.queries.request import Objects, Request

T = TypeVar("T")
Raw: TypeAlias = tuple[Mapping[str, Any], ...]

WORKLOADS = ("deployments", "statefulsets", "daemonsets", "replicasets", "jobs", "rollouts")
_GOVERNED = "cluster.governed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState:
    """The readings of one namespace and of the nodes below it.

    `findings` are worst first; they are partial where something that could hold one was not answered.
    """

    pods: Reading[tuple[Pod, ...]]
    workloads: Reading[tuple[Workload, ...]]
    nodes: Reading[tuple[Node, ...]]
    findings: Reading[tuple[ClusterFinding, ...]]


def ask_cluster(namespace: str) -> dict[str, Request]:
    """What `cluster_state` reads."""
    kinds = ("pods", *WORKLOADS, "endpointslices", "events")
    requests: dict[str, Request] = {f"cluster.{kind}": Objects(kind, namespace) for kind in kinds}
    requests["cluster.nodes"] = Objects("nodes", None)
    requests[_GOVERNED] = Objects("services", namespace)
    return requests


def cluster_state(
    readings: Readings, now: datetime, words: Words = WORDS, blue_green: BlueGreen = OURS
) -> ClusterState:
    """The answers to `ask_cluster`, judged at `now`."""
    blue_green = tracks_seen(readings, blue_green)
    raw = readings.objects("cluster.pods")
    replica_sets, jobs = (readings.objects(f"cluster.{kind}").value or () for kind in ("replicasets", "jobs"))
    # Without events the reasons are fewer; who is sick is told without them.
    warnings = last_warnings(readings.objects("cluster.events").value or (), now)
    pods = raw.map(
        lambda found: decide_pods(
            found,
            replica_sets=replica_sets,
            jobs=jobs,
            now=now,
            words=words,
            warnings=warnings,
            blue_green=blue_green,
        )
    )
    kinds = gathered({kind: readings.objects(f"cluster.{kind}") for kind in WORKLOADS})
    workloads = combine(kinds, pods).map(
        lambda both: decide_workloads((), both[1], others=both[0], now=now, warnings=warnings, blue_green=blue_green)
    )
    nodes = readings.objects("cluster.nodes").map(decide_nodes)
    return ClusterState(
        pods=pods, workloads=workloads, nodes=nodes, findings=_findings(readings, pods, workloads, nodes, blue_green)
    )


def tracks_seen(readings: Readings, blue_green: BlueGreen) -> BlueGreen:
    """What tracks are called here, from the answers to `ask_cluster`."""
    asked = {"services": _GOVERNED} | {kind: f"cluster.{kind}" for kind in ("deployments", "replicasets")}
    return with_seen(blue_green, *(readings.objects(asked[kind]).value or () for kind in TRACK_OBJECTS))


def totals(workloads: Iterable[Workload], pods: Iterable[Pod]) -> tuple[int, int]:
    """How many pods are desired, and how many are ready. A pod without a listed workload counts as desired."""
    found = list(workloads)
    listed = {(workload.kind, workload.name) for workload in found}
    alone = [
        pod
        for pod in pods
        if (pod.workload_kind, pod.workload) not in listed and pod.health is not Health.OVER and not pod.terminating
    ]
    wanted = sum(workload.desired for workload in found) + len(alone)
    ready = sum(workload.ready for workload in found) + sum(pod.health is Health.HEALTHY for pod in alone)
    return wanted, ready


def partly(known: Reading[T], left_out: str) -> Reading[T]:
    """The same reading with something left out, which the reason says; no better than it was."""
    if known.value is None:
        return known
    state = State.PARTIAL if known.state is State.FRESH else known.state
    return replace(known, state=state, reason="; ".join(filter(None, (known.reason, left_out))))


def gathered(asked: Mapping[str, Reading[Raw]]) -> Reading[dict[str, Raw]]:
    """The objects of several kinds in one reading: empty for a kind that is not served; without those not answered.

    Its state is the worst of them; missing only where none was answered.
    """
    known = {kind: reading for kind, reading in asked.items() if reading.value is not None}
    unknown = {kind: reading for kind, reading in asked.items() if reading.state is State.MISSING}
    if not known:
        return next(iter((unknown or asked).values())).map(lambda found: {})
    (first, lead), *rest = known.items()
    merged = lead.map(lambda found: {first: found})
    for kind, reading in rest:
        merged = combine(merged, reading).map(lambda both, kind=kind: {**both[0], kind: both[1]})  # type: ignore[misc]
    return beside(merged, unknown)


def _findings(
    readings: Readings,
    pods: Reading[tuple[Pod, ...]],
    workloads: Reading[tuple[Workload, ...]],
    nodes: Reading[tuple[Node, ...]],
    blue_green: BlueGreen,
) -> Reading[tuple[ClusterFinding, ...]]:
    """What is wrong, as far as the cluster answered; missing where none of it was answered."""
    services, slices = readings.objects(_GOVERNED), readings.objects("cluster.endpointslices")
    raw = readings.objects("cluster.pods")
    # A namespace without pods answers with none of them; no answer at all is a gap, whatever it is called.
    known_pods: Reading[Any] = pods if pods.value is not None else missing(pods.reason, source=pods.source)
    asked = {"pods": known_pods, "workloads": workloads, "nodes": nodes, "services": services, "endpoints": slices}

    def judged(_: object) -> tuple[ClusterFinding, ...]:
        known = pods.value or ()
        facts = decide_findings.findings(pods=known, workloads=workloads.value or (), nodes=nodes.value or ())
        if services.value is None or slices.value is None:
            return facts
        governed = [item for item in services.value if blue_green.is_governed(item)]
        unserved = decide_findings.without_endpoints(governed, slices.value, raw.value, known)
        return decide_findings.in_order((*unserved, *facts))

    lead = next((name for name, one in asked.items() if one.value is not None), "pods")
    return beside(asked[lead].map(judged), {name: one for name, one in asked.items() if name != lead})
