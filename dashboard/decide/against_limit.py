"""Is the candidate's share of bad events above its fixed limit, whatever the other track does? Evidence at every look.

The evidence is of the same kind as the comparison's, against one fixed share. The likelihood ratio between a bet above
the limit and the limit itself has a mean of at most 1 for every share at or under the limit, so its product is valid
at every look. A raw share beside its limit ignores chance: with repeated looks every healthy service crosses it.

Rates also drift: a service at 0.8 of its limit is above it for minutes and returns. Two tests share the error budget of
a limit, and each allows for drift in its own way:

- One tests the limit itself, with counts divided by the drift in the baseline's past, as by a dispersion. It finds
  gross harm within seconds, and takes long for a share slightly above the limit.
- The other tests the highest share that drift explains, given the usual share, without that division. A service far
  below its limit that is above it now did not drift there, so this test finds it much sooner. Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dashboard.decide import dispersion, track_noise
from dashboard.decide.bets import FAIL_ODDS, FAIL_SHARES, log_mean, log_stakes
from dashboard.decide.dispersion import Dispersion
from dashboard.decide.factor import MOST_RATE, Array, log_absolute_factor, odds_times
from dashboard.decide.track_noise import Wander

# Drift is measured between windows of this length.
DRIFT_WINDOW_SECONDS = 300.0
# Drift has a memory of ten minutes, and averages out over twice that.
DRIFT_MEMORY_SECONDS = 1200.0
# The factor from half the mean squared difference of neighbouring windows to the variance of such drift, a bit wide.
TO_VARIANCE = 5.5
# How many standard errors are added, and the estimate without any past: drift of 30 %.
ERRORS_ADDED, UNMEASURED = 1.0, 0.024
# Drift by more than a factor of about 1.8 either way is a fault and not usual.
MOST_VARIANCE = 0.36
# Drift explains a share of up to this many standard deviations above the usual one.
MOST_DRIFTS = 3.2
# An hour with less than this part of the busiest hour's events is left out.
LEAST_HOUR = 0.1
# While the baseline had too few bad events to show whether they come in clumps, one interval may add at most so much
# evidence: one run in a loop can break a contract two hundred times within seconds.
MOST_OF_UNMEASURED = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LimitTable:
    """Counts of the candidate since the release began, and how much such counts vary.

    Attributes:
        total, bad: (..., interval, limit) of the candidate.
        parts_total, parts_bad: (..., interval, limit, pod) of the baseline beside it, to measure the dispersion.
        limits: (limit,): the share of bad events that is allowed.
        drift: (..., limit): the variance of the baseline's log share over time.
        usual: (..., limit): an upper bound of the baseline's usual share; infinity without a past.
        dispersion: as measured on the baseline's pods before.
    """

    total: Array
    bad: Array
    parts_total: Array
    parts_bad: Array
    limits: Array
    drift: Array
    usual: Array
    dispersion: Dispersion


def drift_variance(past: Wander) -> Array:
    """The variance of drift in a log share, from the wander between windows of five minutes: (..., limit)."""
    known = np.isfinite(past.error)
    measured = past.mean + np.where(known, np.minimum(ERRORS_ADDED * past.error, UNMEASURED), 0.0)
    return np.minimum(TO_VARIANCE * np.where(known, np.maximum(measured, 0.0), UNMEASURED), MOST_VARIANCE)


def usual_share(total: Array, bad: Array) -> Array:
    """An upper bound of the worst hour's share, from counts (..., hour, limit); infinity without an hour.

    Hours are used because shares also follow the time of day, which neighbouring minutes do not show.
    """
    busiest = total.max(axis=-2, keepdims=True, initial=0.0)
    says = (total > 0) & (total >= LEAST_HOUR * busiest)
    # Two standard deviations above the count, and a constant for counts near 0.
    highest = (bad + 2.0 * np.sqrt(bad) + 4.0) / np.maximum(total, 1.0)
    worst = np.where(says, highest, -np.inf).max(axis=-2, initial=-np.inf)
    return np.where(np.isfinite(worst), worst, np.inf)


def above(table: LimitTable, *, interval_seconds: float, scales: tuple[int, ...]) -> tuple[Array, Array]:
    """The logarithm of the evidence that the candidate's shares are above their limits, and the divisor of counts.

    Both are (..., interval, limit), after each interval. Of the candidate's own past only totals are used, so one more
    bad event never speaks for it.
    """
    return evidence(table, table.total, table.bad, interval_seconds=interval_seconds, scales=scales)


def evidence(
    table: LimitTable, total: Array, bad: Array, *, interval_seconds: float, scales: tuple[int, ...]
) -> tuple[Array, Array]:
    """The same for counts of either track, (..., interval, limit)."""
    by_pods, _ = dispersion.follow(table.dispersion, table.parts_total, table.parts_bad, scales)
    memory = track_noise.intervals_of_memory(interval_seconds, DRIFT_MEMORY_SECONDS)
    by_drift = 1.0 + table.drift[..., None, :] * _within(total * table.limits / by_pods, memory)
    phi = by_pods * by_drift
    drifted = table.usual * np.exp(MOST_DRIFTS * np.sqrt(table.drift))
    explained = np.minimum(np.maximum(table.limits, drifted), MOST_RATE)[..., None, :]
    most = np.where(dispersion.is_measured(table.dispersion), np.inf, MOST_OF_UNMEASURED)[..., None, :]
    divided = _evidence(total / phi, bad / phi, table.limits, most, interval_seconds)
    undivided = _evidence(total / by_pods, bad / by_pods, explained, most, interval_seconds)
    return np.logaddexp(divided, undivided) - math.log(2.0), phi


def _evidence(total: Array, bad: Array, limits: Array, most: Array, interval_seconds: float) -> Array:
    """The logarithm of the evidence from divided counts (..., interval, limit), after each interval.

    An interval adds at most `most`: evidence that is lowered stays valid.
    """
    limits = limits[..., None]
    bets = odds_times(limits, FAIL_ODDS)
    factors = log_absolute_factor(total[..., None], bad[..., None], limit=limits, bet_g=bets)
    factors = np.minimum(factors, most[..., None])
    after = np.add.accumulate(factors, axis=-3)
    before = after - factors
    stakes = log_stakes(interval_seconds, 0, factors.shape[-3])[:, None, None]
    starts = np.logaddexp.accumulate(stakes - before, axis=-3)
    return log_mean(starts + after, FAIL_SHARES)


def beyond_chance(total: float, share: float, limit: float) -> float:
    """How strongly `total` events with this share of bad ones speak against a true share of `limit`, as a logarithm.

    0 at the limit and below. By Chernoff's bound, exp(-x) bounds the probability of such a share by chance.
    """
    share = min(share, 1.0)
    if share <= limit or not 0 < limit < 1:
        return 0.0
    good = (1.0 - share) * math.log((1.0 - share) / (1.0 - limit)) if share < 1 else 0.0
    return total * (share * math.log(share / limit) + good)


def _within(told: Array, memory: int) -> Array:
    """Sums over the last `memory` intervals, the present one included: (..., interval, limit)."""
    sums = np.add.accumulate(told, axis=-2)
    before = np.zeros_like(sums)
    before[..., memory:, :] = sums[..., :-memory, :]
    return sums - before
