"""Runs that take time, for tests of what is counted when they end: begun evenly, counted in the interval of their end.

Seeded, so that each test sees the same runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from dashboard.decide import latency
from dashboard.decide.factor import Array
from dashboard.model.release import Track
from dashboard.model.trial import Columns, PastColumns, Trial, TrialPast
from dashboard.queries.trial_clock import LEAST_WARM_UP_SECONDS

STEP, HISTORY = 10, 360
BUCKETS = (1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1200.0)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How runs go: `median` seconds with a lognormal spread; a share fails, after `fails_after` seconds on average."""

    median: float
    spread: float = 0.5
    failing: float = 0.0
    fails_after: float = 5.0
    is_time_out: bool = False  # each failure takes exactly `fails_after`


@dataclass(frozen=True)
class Runs:
    """When runs began and ended, and which failed."""

    begins: Array
    ends: Array
    failed: Any

    def ended(self, edges: Array, which: Any = True) -> Array:
        """How many ended in each interval."""
        return np.histogram(self.ends[np.broadcast_to(which, self.ends.shape)], edges)[0].astype(float)

    def active(self, edges: Array) -> Array:
        """How many were under way at the end of each interval."""
        begun = np.searchsorted(np.sort(self.begins), edges[1:], side="right")
        return (begun - np.searchsorted(np.sort(self.ends), edges[1:], side="right")).astype(float)


def runs(dice: np.random.Generator, kind: Kind, per_second: float, since: float, until: float) -> Runs:
    """The runs that began in a time."""
    count = dice.poisson(per_second * (until - since))
    begins = dice.uniform(since, until, count)
    failed = dice.random(count) < kind.failing
    quick = np.full(count, kind.fails_after) if kind.is_time_out else dice.exponential(kind.fails_after, count)
    takes = np.where(failed, quick, kind.median * np.exp(kind.spread * dice.standard_normal(count)))
    return Runs(begins, begins + takes, failed)


def within(baseline: tuple[Runs, ...], until: float = 0.0) -> Mapping[float, float]:
    """The baseline's histogram at a moment."""
    takes = np.concatenate([some.ends[some.ends <= until] - some.begins[some.ends <= until] for some in baseline])
    return {**{bound: float((takes <= bound).sum()) for bound in BUCKETS}, math.inf: float(len(takes))}


def trial(
    seed: int, *, per_second: float, baseline: Kind, candidate: Kind, intervals: int, warm_up: float | None = None
) -> Trial:
    """A release whose pods began `warm_up` seconds before the trial; None for what the baseline's histogram says."""
    dice = np.random.default_rng(seed)
    end = intervals * STEP
    edges = np.arange(-HISTORY * STEP, end + 1, STEP, dtype=float)
    theirs = tuple(runs(dice, baseline, per_second / 2, -3 * 3600.0, end) for _ in range(2))
    seconds = latency.quantile(within(theirs), 0.99) or 0.0
    seconds = max(LEAST_WARM_UP_SECONDS, seconds) if warm_up is None else warm_up
    ours = runs(dice, candidate, per_second, -seconds, end)
    bounds = latency.freeze(within(theirs), BUCKETS)

    def columns(of: Any) -> Columns:
        first, second = (tuple(of(some).astype(int).tolist()) for some in theirs)
        return Columns(
            candidate=(0,) * HISTORY + tuple(of(ours)[HISTORY:].astype(int).tolist()), first=first, second=second
        )

    total = columns(lambda some: some.ended(edges))
    bad = {"errors": columns(lambda some: some.ended(edges, some.failed))}
    for at, bound in enumerate(bounds):
        bad[f"slow_{at}"] = columns(
            lambda some, bound=bound: some.ended(edges, some.ends - some.begins > bound.seconds)
        )
    return Trial(
        started_at=datetime(2026, 3, 1, 2, 50, tzinfo=UTC),
        interval_seconds=STEP,
        history=HISTORY,
        total_events={"runs": total},
        bad_events=bad,
        bounds=bounds,
        left_out=dict.fromkeys(Track, 0.0),
        problems={},
        active=columns(lambda some: some.active(edges)),
        past=TrialPast(
            total_events={"runs": _minutes(total)}, bad_events={name: _minutes(rows) for name, rows in bad.items()}
        ),
    )


def _minutes(columns: Columns) -> PastColumns:
    both = np.array(columns.first[:HISTORY]) + np.array(columns.second[:HISTORY])
    return PastColumns(
        candidate=(0,) * (HISTORY // 6), baseline=tuple(int(count) for count in both.reshape(-1, 6).sum(axis=1))
    )
