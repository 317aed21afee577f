"""Faults that the cluster itself reports, before or without an alert: each with cause and time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FindingKind(StrEnum):
    """Kinds of facts, worst for users first."""

    NO_ENDPOINTS = "no endpoints"  # a governed Service that no pod serves
    UNSCHEDULABLE = "unschedulable"  # pods that no node takes
    BELOW_DESIRED = "below desired"  # a workload with fewer pods than it should have
    STUCK = "stuck"  # a rollout that does not get further, or a pod that does not end
    JOB_FAILED = "job failed"
    NODE = "node"  # a node that is not ready or runs short
    NOT_UNDERSTOOD = "not understood"  # words that no table knows: neither healthy nor failing


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFinding:
    """One fact. `service` and `track` are "" where it is not bound to one.

    Attributes:
        subject: kind and name of the object, such as `Deployment agent-runtime-blue`.
        headline: the fact in one sentence.
        reason: the cause in the cluster's own words; "" when it names none.
        since: None when the cluster does not say.
        serves_nobody: whether nothing is left that does the work.
    """

    kind: FindingKind
    subject: str
    headline: str
    reason: str
    since: datetime | None
    service: str
    track: str
    serves_nobody: bool = False
