"""Deployments, pods and events as the cluster reports them, in the words of a person who has to mend them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Health(StrEnum):
    """How a workload or a pod fares, worst first."""

    FAILING = "failing"  # it cannot do its work
    DEGRADED = "degraded"  # it works with less than it should have
    CHANGING = "changing"  # on its way: starting, rolling out, going away
    HEALTHY = "healthy"
    IDLE = "idle"  # asked to be zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod. `trouble` is the reason of a waiting or the last terminated container, empty when all is well."""

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
    cpu_cores: float | None = None
    cpu_request_cores: float | None = None
    memory_bytes: float | None = None
    memory_limit_bytes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One Deployment with what its pods say."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterEvent:
    """One Event, newest occurrence."""

    at: datetime | None
    kind: str
    name: str
    reason: str
    message: str
    warning: bool
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """An autoscaler, disruption budget or quota in one line: what it allows and where it stands."""

    kind: str
    name: str
    now: str
    allowed: str
    at_limit: bool
