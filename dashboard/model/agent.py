"""One agent beside all others: what it does to users in a period, and what is known of its condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Concern(StrEnum):
    """Why an agent stands where it does in the ranking."""

    FAILING = "failing"  # more of its runs fail than the limit allows
    SLOW = "slow"  # its p95 is over the limit
    CONDITION = "condition"  # it says itself that it does not run as it should
    FEW = "few"  # too few runs failed to trust the share
    UNKNOWN = "unknown"  # a figure that a judgement needs is not known
    WELL = "well"  # within its limits
    IDLE = "idle"  # no run in the period


BEYOND = (Concern.FAILING, Concern.SLOW, Concern.CONDITION)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackShare:
    """The runs of one agent on one track in the period, and the share that failed; None where not known."""

    runs: float | None
    error_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedAgent:
    """One agent of the ranking.

    Attributes:
        name: "" where the telemetry does not say.
        runs, failed: in the period; None where not known.
        slow: at least so many runs of the period took longer than the limit; None where not known.
        p95_seconds, cost_usd: over the period; None where not known.
        condition: its own words for its state, such as `degraded` or `quarantined on green`; "" where it says none.
        tracks: by track, where its runs are told apart by track.
        worse_on: the track on which it fails beyond the limit while the other one does not; "" for none.
    """

    name: str
    concern: Concern
    runs: float | None
    failed: float | None
    slow: float | None
    error_ratio: float | None = None
    p95_seconds: float | None = None
    cost_usd: float | None = None
    condition: str = ""
    tracks: Mapping[str, TrackShare] = field(default_factory=dict)
    worse_on: str = ""

    @property
    def harmed(self) -> float:
        """Runs that failed and runs that were too slow, as far as both are known: what agents are ranked by."""
        return (self.failed or 0.0) + (self.slow or 0.0)
