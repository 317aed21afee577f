"""Is the candidate's share of bad events above its fixed limit, whatever the other track does? Evidence at every look.

The same kind of evidence as the comparison's, against one fixed share: a likelihood ratio between a bet above the limit
and the limit itself has a mean of at most 1 for every share at or under the limit, so its product stays believable at
whatever moment one looks. A raw share beside its limit says nothing of chance: looked at again and again, every healthy
service crosses it some day.

A rate also drifts: a service at 0.8 of its limit is above it for minutes and comes back. So counts are divided by what
the baseline's past shows of that, as by its dispersion: gross harm shows in seconds, and a share that stays a bit above
its limit takes longer than one that is constant would. Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dashboard.decide import dispersion, track_noise
from dashboard.decide.comparison import FAIL_ODDS, FAIL_SHARES, log_mean, log_stakes
from dashboard.decide.dispersion import Dispersion
from dashboard.decide.factor import Array, log_absolute_factor, odds_times
from dashboard.decide.track_noise import Wander

# Drift is measured between windows of this length.
DRIFT_WINDOW_SECONDS = 300.0
# A drift has a memory of ten minutes, and averages out over twice that.
DRIFT_MEMORY_SECONDS = 1200.0
# From half the mean squared difference of neighbouring windows to the variance of such a drift, a bit wide.
TO_VARIANCE = 5.5
# A standard error is added; with no past at all rates are taken to drift by 30 %.
ERRORS_ADDED, UNMEASURED = 1.0, 0.024
# A rate that drifts by more than a factor of about 1.8 either way is not usual, it is a fault.
MOST_VARIANCE = 0.36


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LimitTable:
    """Counts of the candidate since the beginning, and what is known of how such counts vary.

    Attributes:
        total, bad: (..., interval, limit) of the candidate.
        parts_total, parts_bad: (..., interval, limit, pod) of the baseline beside it, for the dispersion.
        limits: (limit,): the share of bad events that is allowed.
        drift: (..., limit): the variance of the baseline's log share over time.
        dispersion: what the baseline's pods showed before.
    """

    total: Array
    bad: Array
    parts_total: Array
    parts_bad: Array
    limits: Array
    drift: Array
    dispersion: Dispersion


def drift_variance(past: Wander) -> Array:
    """The variance of drift in a log share, from its wander between windows of five minutes: (..., limit)."""
    known = np.isfinite(past.error)
    measured = past.mean + np.where(known, np.minimum(ERRORS_ADDED * past.error, UNMEASURED), 0.0)
    return np.minimum(TO_VARIANCE * np.where(known, np.maximum(measured, 0.0), UNMEASURED), MOST_VARIANCE)


def above(table: LimitTable, *, interval_seconds: float, scales: tuple[int, ...]) -> tuple[Array, Array]:
    """The logarithm of the evidence that each share is above its limit, after each interval, and the divisor of counts.

    Both are (..., interval, limit). Nothing is taken from the candidate's own past but its totals, so one more bad
    event never speaks for it.
    """
    phi = divisor(table, table.total, interval_seconds=interval_seconds, scales=scales)
    return evidence(table.total / phi, table.bad / phi, table.limits, interval_seconds), phi


def divisor(table: LimitTable, total: Array, *, interval_seconds: float, scales: tuple[int, ...]) -> Array:
    """What counts of so many events are divided by: dispersion and drift together, (..., interval, limit)."""
    by_pods, _ = dispersion.follow(table.dispersion, table.parts_total, table.parts_bad, scales)
    memory = track_noise.intervals_of_memory(interval_seconds, DRIFT_MEMORY_SECONDS)
    by_drift = 1.0 + table.drift[..., None, :] * _within(total * table.limits / by_pods, memory)
    phi: Array = by_pods * by_drift
    return phi


def evidence(total: Array, bad: Array, limits: Array, interval_seconds: float) -> Array:
    """The logarithm of the evidence by divided counts (..., interval, limit), after each interval."""
    bets = odds_times(limits[:, None], FAIL_ODDS)
    factors = log_absolute_factor(total[..., None], bad[..., None], limit=limits[:, None], bet_g=bets)
    after = np.add.accumulate(factors, axis=-3)
    before = after - factors
    stakes = log_stakes(interval_seconds, 0, factors.shape[-3])[:, None, None]
    starts = np.logaddexp.accumulate(stakes - before, axis=-3)
    return log_mean(starts + after, FAIL_SHARES)


def beyond_chance(total: float, share: float, limit: float) -> float:
    """How much `total` events with this share of bad ones speak against a true share of `limit`, as a logarithm.

    0 at the limit and below; by Chernoff's bound its exponential is at most the chance's reciprocal.
    """
    share = min(share, 1.0)
    if share <= limit or not 0 < limit < 1:
        return 0.0
    good = (1.0 - share) * math.log((1.0 - share) / (1.0 - limit)) if share < 1 else 0.0
    return total * (share * math.log(share / limit) + good)


def _within(told: Array, memory: int) -> Array:
    """Running sums over the last `memory` intervals, each included: (..., interval, limit)."""
    sums = np.add.accumulate(told, axis=-2)
    before = np.zeros_like(sums)
    before[..., memory:, :] = sums[..., :-memory, :]
    return sums - before
