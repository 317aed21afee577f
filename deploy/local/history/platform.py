"""What the pods of the past used, under the names that live ones are recorded by. Pure.

Deployments, replicas and requests are read from the manifests that are applied. Pods of the governed service were
renewed with each version, the others stayed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import yaml

from deploy.local.configuration import NAMESPACE
from deploy.local.controllers.state_metrics import quantity
from deploy.local.history.recipe import TRACKS, Array, Past
from deploy.local.history.series import SERVICE, Line
from deploy.local.layout import REPOSITORY
from deploy.local.workload.agents import AGENTS

_MANIFESTS = REPOSITORY / "deploy" / "production" / "rendered" / "local.yaml"
_IDLE_CORES, _CORES_A_RUN = 0.012, 0.006
_IDLE_BYTES, _BYTES_A_RUN = 62e6, 0.4e6
_NODES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod of the past; `end` is infinite for one that was there to the end."""

    name: str
    deployment: str
    track: str
    start: float
    end: float


def lines(past: Past, times: Array) -> Iterator[Line]:
    """All series of pods, namespace and nodes."""
    busy = {track: sum(past.runs(track, agent, times) for agent in AGENTS) for track in TRACKS}
    cpu, memory = np.zeros(times.shape), np.zeros(times.shape)
    for pod in pods(past):
        there = (times >= pod.start) & (times < pod.end)
        if not there.any():
            continue
        runs = (busy[pod.track] if pod.track else busy["blue"] + busy["green"]) / _replicas(pod.deployment)
        weight = 1.0 if pod.track else 0.4  # what only passes requests on has less to do
        cores = _IDLE_CORES + _CORES_A_RUN * weight * runs
        held = _IDLE_BYTES + _BYTES_A_RUN * weight * runs
        labels = {"namespace": NAMESPACE, "pod": pod.name}
        yield Line("pod:container_cpu_usage:rate5m", labels, np.where(there, cores, np.nan))
        yield Line("pod:container_memory_working_set_bytes:sum", labels, np.where(there, np.round(held), np.nan))
        cpu, memory = cpu + there * cores, memory + there * np.round(held)
    here = {"namespace": NAMESPACE}
    yield Line("namespace:container_cpu_usage:rate5m", here, cpu)
    yield Line("namespace:container_memory_working_set_bytes:sum", here, memory)
    yield Line("namespace:container_oom_events:rate5m", here, np.zeros(times.shape))
    yield Line("namespace:kube_pod_container_status_restarts:rate5m", here, np.zeros(times.shape))
    for kind in ("requests", "limits"):
        for resource, amount in _set_aside(kind).items():
            labels = {**here, "resource": resource}
            yield Line(f"namespace:kube_pod_container_resource_{kind}:sum", labels, np.full(times.shape, amount))
    yield Line("cluster:kube_node_ready:sum", {}, np.full(times.shape, float(_NODES)))


@cache
def pods(past: Past) -> list[Pod]:
    """Every pod that there was, in no order."""
    found = []
    for name, deployment in _deployments().items():
        track = deployment["spec"]["template"]["metadata"]["labels"].get("tealdeck.io/track", "")
        mine = [one for one in past.deployments if one.track == track]
        starts = [(float(one.at), one.version) for one in mine] or [(-np.inf, "1.7.4")]
        ends = [*(at for at, _ in starts[1:]), np.inf]
        for (start, version), end in zip(starts, ends, strict=True):
            for number in range(_replicas(name)):
                made = _pod_name(name, version, number)
                found.append(Pod(name=made, deployment=name, track=track, start=start, end=end))
    return found


def pod_of(past: Past, component: str, track: str, at: float) -> str:
    """The first pod of a component at a time."""
    deployment = f"{SERVICE}-{track}" if track else component
    return next(p.name for p in pods(past) if p.deployment == deployment and p.start <= at < p.end)


def _pod_name(deployment: str, version: str, number: int) -> str:
    digest = hashlib.blake2b(f"{deployment}/{version}/{number}".encode(), digest_size=5).hexdigest()
    replica_set = hashlib.blake2b(f"{deployment}/{version}".encode(), digest_size=5).hexdigest()
    return f"{deployment}-{replica_set}-{digest[:5]}"


@cache
def _deployments() -> dict[str, Any]:
    documents = yaml.safe_load_all(_MANIFESTS.read_text())
    found = [one for one in documents if one and one["kind"] == "Deployment"]
    return {one["metadata"]["name"]: one for one in found if one["metadata"]["namespace"] == NAMESPACE}


def _replicas(deployment: str) -> int:
    return int(_deployments()[deployment]["spec"].get("replicas", 1))


def _set_aside(kind: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, deployment in _deployments().items():
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            for resource, amount in container.get("resources", {}).get(kind, {}).items():
                found[resource] = found.get(resource, 0.0) + quantity(amount) * _replicas(name)
    return found
