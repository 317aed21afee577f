"""The release policy of an environment: limits, margins, error probabilities, and which gates must pass.

It is fixed before a comparison starts and is part of its evidence. A policy that contradicts itself is refused here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dashboard.decide.comparison_inputs import Margin
from dashboard.model.trial import SlowBound

# Gates that decide only where an environment asks for it and are shown elsewhere: somebody has to declare schemas and
# backups, and likeness of log lines is a rough measure.
SHOWN = ("patterns", "schema", "backup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A time in which nobody may switch (its end excluded), and why."""

    begins: datetime
    ends: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Fixed limits and minimum samples, whatever the other track does.

    Attributes:
        error_ratio: the largest share of failed runs that is allowed.
        violation_ratio: the same for contract evaluations.
        tool_failure_ratio, denial_ratio: the same for tool calls and policy decisions.
        p95_seconds: the largest p95 of a run's duration that is allowed.
        least_sample: how many events in the long window a gate needs to pass.
        least_bad_events: how many bad events a share needs to be trusted; 1 of 20 is not yet 5 %.
        freshest: inputs that are older than this, or further in the future, do not count.
        objective_ratio: the share of good events that the recorded objectives promise.
        cost_ratio: how many times the other track's cost a run may cost.
        throttled_ratio: the largest share of throttled CPU periods that is allowed.
        oldest_backup: a backup that was verified longer ago does not count.
        freezes: when nobody may switch.
        words: words with a meaning here, beyond the tables of `model/words.py`, by the key of each table.
    """

    error_ratio: float = 0.02
    violation_ratio: float = 0.02
    tool_failure_ratio: float = 0.05
    denial_ratio: float = 0.1
    p95_seconds: float = 3.0
    least_sample: int = 30
    least_bad_events: int = 5
    freshest: timedelta = timedelta(seconds=60)
    objective_ratio: float = 0.99
    cost_ratio: float = 1.5
    throttled_ratio: float = 0.25
    oldest_backup: timedelta = timedelta(hours=24)
    freezes: tuple[Freeze, ...] = ()
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFamily:
    """How the metrics of one family are compared.

    Attributes:
        weight: its part of the error budget.
        fail, go: the margins; for latency `ratio` is one of time.
        limit: the share that is good enough whatever the other track does; None without one.
        usual: the share that is assumed without a past.
    """

    weight: float
    fail: Margin
    go: Margin
    limit: float | None
    usual: float


def _share(weight: float, limit: float | None, usual: float) -> MetricFamily:
    fail, go = Margin(ratio=1.10, share=0.0005), Margin(ratio=1.5, share=0.002)
    return MetricFamily(weight=weight, fail=fail, go=go, limit=limit, usual=usual)


def default_families() -> dict[str, MetricFamily]:
    """The default margins. The p95 limit is also a limit on the share of slow runs: 5 %."""
    return {
        "errors": _share(0.4, 0.02, 0.005),
        "violations": _share(0.2, 0.02, 0.005),
        "tools": _share(0.12, 0.05, 0.01),
        "denials": _share(0.04, 0.1, 0.02),
        "latency": MetricFamily(weight=0.24, fail=Margin(ratio=1.10), go=Margin(ratio=1.25), limit=0.05, usual=0.1),
    }


# The part of the error budget that the fixed limits take from the comparison, and how they divide it.
LIMITS_PART = 0.12
LIMIT_WEIGHTS = {"errors": 0.04, "violations": 0.02, "latency": 0.04, "cost": 0.02}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The whole policy.

    Attributes:
        families: by name; their weights divide what the limits leave of the error budget.
        alpha: the share of healthy releases that may ever fail by chance, by comparison, limit or cost.
        pass_alpha: for each metric, the share of releases at the edge of harm that may ever pass.
        hold_evidence: from this evidence on a release is held: it neither passes nor fails.
        bake: how long a release is watched after a switch.
        most_left_out: the largest share of a track's intervals that may be unknown.
        advisory: gates by name that are shown and do not decide.
        required: gates by name that decide here although they are only shown by default.
        acceptable: by gate, who may switch while it is unknown.
    """

    limits: Limits = field(default_factory=Limits)
    families: Mapping[str, MetricFamily] = field(default_factory=default_families)
    alpha: float = 0.01
    pass_alpha: float = 0.05
    hold_evidence: float = 20.0
    bake: timedelta = timedelta(minutes=15)
    most_left_out: float = 0.1
    advisory: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    acceptable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def in_order(self) -> tuple[tuple[str, MetricFamily], ...]:
        """The families in a fixed order, by weight and then by name."""
        return tuple(sorted(self.families.items(), key=lambda item: (-item[1].weight, item[0])))

    def compared_weight(self, family: MetricFamily) -> float:
        """The part of the whole error budget that a family's comparison has."""
        return family.weight * (1.0 - LIMITS_PART)

    def watched_intervals(self, interval_seconds: float) -> int:
        """How many intervals a release is watched for after a switch."""
        return max(1, math.ceil(self.bake.total_seconds() / interval_seconds))

    def decides(self, gate: str) -> bool:
        """Whether the answer of a gate counts, or is only shown."""
        return gate not in self.advisory and (gate not in SHOWN or gate in self.required)

    def __post_init__(self) -> None:
        for name, family in self.families.items():
            if family.go.ratio < family.fail.ratio or family.go.share < family.fail.share:
                raise ValueError(f"{name}: the margin to pass must not be narrower than the margin to fail")
        if not 0 < self.hold_evidence < 1 / self.alpha:
            raise ValueError("hold_evidence must be less than 1 / alpha, or everything fails before it is held")
        if not sum(family.weight for family in self.families.values()) <= 1 + 1e-9:
            raise ValueError("the weights of all families must sum to at most 1")


def limit_of(policy: Policy, family: MetricFamily, bound: SlowBound) -> float | None:
    """The share of runs that may be slower than `bound`; None for a bound beyond the p95 limit."""
    return family.limit if bound.seconds <= policy.limits.p95_seconds else None
