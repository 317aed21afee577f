"""The bets on harm in a comparison: by how much the candidate may be worse, and when each bet starts. Pure."""

from __future__ import annotations

from functools import reduce

import numpy as np

from dashboard.decide.factor import MOST_RATE, Array, odds_times, over_last

# How far beyond the edge each bet is, as a factor on the odds, and its share of the stake: barely to grossly worse.
FAIL_ODDS = np.array([1.25, 1.6, 2.2, 3.5, 7.0, 18.0])
FAIL_SHARES = np.array([0.1, 0.15, 0.25, 0.25, 0.15, 0.1])
# The part of the stake that is kept for harm that starts later, and the minutes in which 0.3 of it are spent.
LATE_SHARE = 0.25
LATE_MINUTES = 10.0


def bets(baseline: Array, psi: Array, odds: Array) -> tuple[Array, Array]:
    """The rates of all bets, on a last axis: the baseline as expected, the candidate beyond the edge by each factor."""
    bet_b = np.minimum(baseline, MOST_RATE / psi)[..., None]
    return bet_b, odds_times(psi[..., None] * bet_b, odds)


def log_stakes(interval_seconds: float, first: int, length: int) -> Array:
    """The logarithm of the stake that starts with each interval: most of it at once, the rest minute by minute.

    Minute m stakes the difference of two values of LATE_SHARE sqrt(k / (k + m)), so all stakes sum to at most 1.
    """
    each = max(1, round(60.0 / interval_seconds))
    index = np.arange(first, first + length)
    kept = LATE_SHARE * np.sqrt(LATE_MINUTES / (LATE_MINUTES + np.arange(-1, (first + length) // each + 1)))
    minute = index // each
    with np.errstate(divide="ignore", invalid="ignore"):
        late = np.log(kept[minute] - kept[minute + 1])
    stakes = np.where(index % each == 0, late, -np.inf)
    return np.where(index == 0, np.log(1.0 - LATE_SHARE), stakes)


def log_mean(logs: Array, shares: Array) -> Array:
    """The logarithm of the mean of exp(logs) over the last axis, weighted by shares."""
    most = reduce(np.maximum, np.moveaxis(logs, -1, 0))
    mean: Array = most + np.log(over_last(np.exp(logs - most[..., None]) * shares))
    return mean
