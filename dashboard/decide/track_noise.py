"""How much a whole track's rates wander by themselves, and how much less its counts tell because of it.

Noise that all pods of a track share (a slow neighbour, a cache that fills) does not show between its pods, so
`dispersion.py` cannot see it. It shows over time: neighbouring minutes of one track differ by more than chance. Part of
that is drift which both tracks share and which a comparison cancels; so much is taken off, and the rest is taken for
the track's own. Where both tracks had traffic in the past, their ratio shows the noise itself and nothing is taken off.

The measurement carries its uncertainty: a part of its standard error is added, so little past means more caution, and
with no past at all 20 % of noise is assumed. Noise with a memory of about two minutes is meant; what wanders more
slowly looks like harm for as long as it lasts.

Sources: differences of neighbouring windows, Allan, "Statistics of atomic frequency standards", Proc. IEEE 54 (1966);
what counts tell of a rate that wanders: the negative-binomial information, McCullagh and Nelder, "Generalized Linear
Models", 2nd edition, section 9.2. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.decide.factor import Array

WINDOW_SECONDS = 60.0
# Half the mean squared difference of neighbouring minutes, in logarithms of rates, that both tracks may share: a drift
# of about 12 % from one minute to the next. In logarithms of time for latency, which drifts less.
COMMON = {"share": 0.007, "latency": 0.0002}
# So much of the standard error is added; without any past the measurement is taken to be this large.
ERRORS_ADDED = 0.5
UNMEASURED = {"share": 0.01, "latency": 0.0002}
# With so many windows an error is taken to be twice what it seems.
FEW_WINDOWS = 20.0
# From differences of neighbouring minutes to the variance of noise with a memory of two minutes.
TO_VARIANCE = 4.0
# Noise averages out over this long: twice its memory.
MEMORY_SECONDS = 240.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wander:
    """Half the mean squared difference of log rates in neighbouring windows beyond chance, and its standard error.

    Both are (..., metric); the error is infinite where nothing was counted.
    """

    mean: Array
    error: Array


def over_time(total_events: Array, bad_events: Array) -> Wander:
    """One track's rates over time, from counts (..., window, metric)."""
    n_1, n_2, x_1, x_2 = (*_neighbours(total_events), *_neighbours(bad_events))
    both_n, both_x = n_1 + n_2, x_1 + x_2
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.nan_to_num(both_x / both_n)
        weight = np.nan_to_num(rate * n_1 * n_2 / both_n)
    # Chance alone gives the residual the variance `weight` times the share of good events.
    return _beyond_chance(x_1 - n_1 * rate, weight * (1.0 - rate), 2.0 * weight**2)


def between(total_1: Array, bad_1: Array, total_2: Array, bad_2: Array) -> Wander:
    """The ratio of two tracks over time, as the wander of each of the two: drift in common does not show."""
    n = [_neighbours(total_1), _neighbours(total_2)]
    x = [_neighbours(bad_1), _neighbours(bad_2)]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (sum(x[0]) / sum(n[0])) / (sum(x[1]) / sum(n[1]))
        residuals, variances = [], []
        for window in (0, 1):
            part = ratio * n[0][window] / (ratio * n[0][window] + n[1][window])
            all_bad = x[0][window] + x[1][window]
            residuals.append(x[0][window] - all_bad * part)
            variances.append(all_bad * part * (1.0 - part))
        together = variances[0] + variances[1]
        residual = (variances[1] * residuals[0] - variances[0] * residuals[1]) / together
        variance = variances[0] * variances[1] / together
    residual, variance = np.nan_to_num(residual), np.nan_to_num(variance)
    # Two tracks wander, so their ratio does so twice as much.
    return _beyond_chance(residual, variance, 4.0 * variance**2)


def _neighbours(counts: Array) -> tuple[Array, Array]:
    return counts[..., :-1, :], counts[..., 1:, :]


def _beyond_chance(residual: Array, chance: Array, weight: Array) -> Wander:
    """The slope of what squared residuals have beyond chance over their weights: (..., metric)."""
    beyond = np.where(weight > 0, residual**2 - chance, 0.0)
    all_weight = weight.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = beyond.sum(axis=-2) / all_weight
        seen = np.sqrt(((beyond - mean[..., None, :] * weight) ** 2).sum(axis=-2)) / all_weight
        # By chance alone; a few windows without a bad event are not a precise measurement of no noise.
        least = np.sqrt((2.0 * (np.where(weight > 0, chance, 0.0)) ** 2).sum(axis=-2)) / all_weight
        # An error from a few windows is itself hardly known.
        few = 1.0 + (FEW_WINDOWS / (weight > 0).sum(axis=-2)) ** 2
        error = few * np.maximum(seen, least)
    known = all_weight > 0
    return Wander(mean=np.where(known, mean, 0.0), error=np.where(known, error, np.inf))


def variance(
    alone: Wander, beside: Wander, *, slope: Array, kinds: Sequence[str], errors_added: float = ERRORS_ADDED
) -> Array:
    """The variance of a track's own noise in the log share of each metric: (..., metric).

    What moves one metric moves others of its kind, so a kind is measured by all its metrics together.

    Args:
        alone: of the baseline over time.
        beside: of the ratio of both tracks, where the other one had traffic too.
        slope: (..., metric): for latency by how many percent the share shrinks when the bound grows by one; else 1.
        kinds: "share" or "latency" for each metric.
        errors_added: so many standard errors are added; below 0 they are taken off.
    """
    found = np.zeros(alone.mean.shape)
    for kind in dict.fromkeys(kinds):
        index = np.array([each == kind for each in kinds])
        allowed = COMMON[kind]
        most = UNMEASURED[kind]
        by_time = _upper(alone, slope, index, most, errors_added) - allowed
        # What neither tells is not known; what one tells, the other cannot raise.
        own = np.minimum(by_time, _upper(beside, slope, index, most, errors_added))
        own = np.where(np.isfinite(own), np.maximum(own, 0.0), most if errors_added > 0 else 0.0)
        found = np.where(index, TO_VARIANCE * own[..., None] * slope**2, found)
    return found


def _upper(wander: Wander, slope: Array, index: Array, unmeasured: float, errors_added: float) -> Array:
    """The mean over all metrics of a kind with a part of its error, in units of the slope; infinity if unknown: (...).

    Uncertainty alone adds no more than what is assumed without any measurement.
    """
    squares = np.broadcast_to(slope, wander.mean.shape)[..., index] ** 2
    mean, error = wander.mean[..., index] / squares, wander.error[..., index] / squares
    with np.errstate(divide="ignore"):
        weight = np.where(np.isfinite(error), 1.0 / np.maximum(error, 1e-9) ** 2, 0.0)
    all_weight = weight.sum(axis=-1)
    known = all_weight > 0
    safe = np.where(known, all_weight, 1.0)
    upper = (mean * weight).sum(axis=-1) / safe + errors_added / np.sqrt(safe)
    cap = np.maximum((mean * weight).sum(axis=-1) / safe, 0.0) + unmeasured
    return np.where(known, np.minimum(upper, cap), np.inf)


def intervals_of_memory(interval_seconds: float, memory_seconds: float = MEMORY_SECONDS) -> int:
    """How many intervals noise is remembered for; at least one."""
    return max(1, round(memory_seconds / interval_seconds))


def divisor(told: Array, before: Array, variance: Array) -> tuple[Array, Array]:
    """By how much counts are to be divided because the rate wanders, and the last sums to go on from.

    Counts that tell `told` of a constant rate tell no more than 1 / variance of one that wanders within its memory,
    and that much again for each further memory.

    Args:
        told: (..., interval, metric): expected bad events of one track, or 2ab / (a + b) for a comparison of two.
        before: (..., memory + 1, metric): the last running sums, zeros at the beginning.
        variance: (..., metric): of the noise.
    """
    memory = before.shape[-2] - 1
    sums = np.add.accumulate(np.concatenate([before[..., -1:, :], told], axis=-2), axis=-2)
    course = np.concatenate([before[..., :-1, :], sums], axis=-2)
    noise = np.broadcast_to(variance[..., None, :], told.shape)
    last = course[..., memory:-1, :]
    now = course[..., memory + 1 :, :]
    window_last = last - course[..., : -memory - 1, :]
    window_now = now - course[..., 1:-memory, :]
    gained = now / (1.0 + noise * window_now) - last / (1.0 + noise * window_last)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        kept = np.where(told > 0, gained / told, 1.0)
    kept = np.clip(kept, 1.0 / (1.0 + noise * window_now) ** 2, 1.0)
    return 1.0 / kept, course[..., -memory - 1 :, :]
