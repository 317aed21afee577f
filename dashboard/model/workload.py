"""Workloads, pods, nodes, events and limits as the cluster reports them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Health(StrEnum):
    """The health of a workload, a pod or a node, worst first."""

    FAILING = "failing"  # does not work
    DEGRADED = "degraded"  # works with less capacity than it should have
    UNKNOWN = "unknown"  # reports nothing, or a word that no table knows: neither healthy nor failing
    CHANGING = "changing"  # starting, rolling out or terminating
    HEALTHY = "healthy"
    IDLE = "idle"  # scaled to zero
    OVER = "over"  # has ended and will not run again: nothing to fix


SICK = (Health.FAILING, Health.DEGRADED)


class ContainerKind(StrEnum):
    """What a container is for in its pod."""

    MAIN = "main"
    SIDECAR = "sidecar"  # an init container that runs beside the others (restartPolicy Always)
    INIT = "init"
    EPHEMERAL = "ephemeral"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a pod, whose log can be read. `is_default` marks the one that `kubectl logs` would choose."""

    name: str
    kind: ContainerKind
    is_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod. `trouble` says what is wrong with it, "" when nothing is.

    Attributes:
        workload: name of its top-level owner, with `workload_kind` beside it; "" for a bare pod.
        containers: those that should be ready while the pod runs: main ones and sidecars.
        restarts: of all its containers, init containers too.
        since: when the trouble began; None when the cluster does not say.
        not_understood: words in its status that no table knows.
        unschedulable: the scheduler's message while the pod fits no node, else "".
    """

    name: str
    workload: str
    component: str
    track: str
    version: str
    phase: str
    node: str
    ready: int
    containers: tuple[str, ...]
    restarts: int
    trouble: str
    started_at: datetime | None
    terminating: bool
    health: Health
    workload_kind: str = ""
    since: datetime | None = None
    not_understood: tuple[str, ...] = ()
    unschedulable: str = ""
    cpu_cores: float | None = None
    cpu_request_cores: float | None = None
    memory_bytes: float | None = None
    memory_limit_bytes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One Deployment, StatefulSet, DaemonSet, Rollout, Job or bare ReplicaSet with what its pods say.

    Attributes:
        trouble: what is wrong with it, "" when nothing is.
        since: when the trouble began; None when the cluster does not say.
        not_understood: words in its status or its pods' that no table knows.
    """

    name: str
    component: str
    track: str
    version: str
    desired: int
    ready: int
    available: int
    updated: int
    restarts: int
    trouble: str
    health: Health
    kind: str = "Deployment"
    since: datetime | None = None
    not_understood: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node. `trouble` says why it is not ready or what it runs short of; "" when nothing is wrong."""

    name: str
    health: Health
    trouble: str
    since: datetime | None
    takes_pods: bool
    version: str
    not_understood: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterEvent:
    """One Event, newest occurrence. `at` is None when the event names no time that can be read."""

    at: datetime | None
    kind: str
    name: str
    reason: str
    message: str
    warning: bool
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """An autoscaler, disruption budget or quota in one line: what it allows and what is in use.

    Attributes:
        at_limit: whether it restricts something now; None when that is not known.
        trouble: why it does not do its work, or what was not understood; "" when all is well.
    """

    kind: str
    name: str
    now: str
    allowed: str
    at_limit: bool | None
    trouble: str = ""
