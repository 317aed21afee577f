"""Counts per interval of both tracks since a release began: the evidence that the comparison uses.

Plain integers, so that they can be written to a file and read back exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dashboard.model.release import Track


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowBound:
    """A bucket bound to count beyond: `share` of the baseline's runs are slower than `seconds`.

    `slope` says by how many percent that share falls when the bound rises by one percent; `quantile` is the quantile
    that the bound was chosen for.
    """

    quantile: float
    seconds: float
    share: float
    slope: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A count per interval: of the candidate, and of two halves of the baseline's pods."""

    candidate: tuple[int, ...]
    first: tuple[int, ...]
    second: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastColumns:
    """A count per window of the past, of each track."""

    candidate: tuple[int, ...]
    baseline: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPast:
    """Both tracks before a release began, up to a day: it shows how much their rates wander by themselves.

    A window that is left out has no events.

    Attributes:
        window_seconds: the length of one window.
        total_events, bad_events: columns by name, as those of a trial.
    """

    window_seconds: int = 60
    total_events: Mapping[str, PastColumns] = field(default_factory=dict)
    bad_events: Mapping[str, PastColumns] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Both tracks since the beginning of a release, and the baseline for a while before it.

    Attributes:
        started_at: the beginning of the first interval that is judged.
        interval_seconds: the length of one interval.
        history: the number of first rows from before the release; the candidate has no counts there.
        total_events: columns by what is counted: runs, evaluations, tools, decisions; also by metric where bad events
            are known for only some of these, such as runs of pods without a bucket.
        bad_events: columns by metric: errors, violations, tools, denials, slow_0, slow_1 ... for each of `bounds`, and
            over_limit: runs slower than `over_seconds`.
        bounds: the bucket bounds that latency is counted by, chosen when counting began.
        left_out: the share of the pods' intervals of each track that could not be counted.
        problems: by metric, why it cannot be compared.
        unmeasured: by metric, why nothing here has ever measured it; these are among the problems too.
        unclear: by metric, why it may have more bad events than counted; these are among the problems too.
        unproven: metrics whose baseline may have more bad events than counted, so having more proves no harm.
        warm_up_seconds: how long after its start a release, and each pod, is left out.
        over_seconds: the smallest bucket bound at or above the limit of p95; None where there is none.
        cost: the cost of the runs in millionths of a dollar; None where it is not counted.
        active: the runs under way at the end of each interval; None where they are not known.
        past: both tracks before.
        set_aside: seconds of history and trial that are left out as no ordinary traffic, by reason.
    """

    started_at: datetime
    interval_seconds: int
    history: int
    total_events: Mapping[str, Columns]
    bad_events: Mapping[str, Columns]
    bounds: tuple[SlowBound, ...]
    left_out: Mapping[Track, float]
    problems: Mapping[str, str]
    over_seconds: float | None = None
    cost: Columns | None = None
    active: Columns | None = None
    past: TrialPast = field(default_factory=TrialPast)
    set_aside: Mapping[str, float] = field(default_factory=dict)
    unmeasured: Mapping[str, str] = field(default_factory=dict)
    unclear: Mapping[str, str] = field(default_factory=dict)
    unproven: tuple[str, ...] = ()
    warm_up_seconds: int = 60

    @property
    def intervals(self) -> int:
        """How many intervals are judged."""
        return (
            max((len(columns.candidate) for columns in self.total_events.values()), default=self.history) - self.history
        )
