"""The noise of a whole track: how much its rates wander by themselves, and how much less its counts tell because of it.

Noise that all pods of a track share (a slow neighbour, a cache that fills) does not show between its pods, so
`dispersion.py` cannot measure it. It shows over time: neighbouring minutes of one track differ by more than chance. A
part of that is drift that both tracks share, which a comparison cancels. That part is subtracted, and the rest counts
as the track's own noise. Where both tracks had traffic in the past, their ratio shows the noise itself, and nothing is
subtracted.

The estimate includes its uncertainty: a part of its standard error is added, so less past means more caution. Without
any past, noise of 20 % is assumed. The model is noise with a memory of about two minutes; what wanders more slowly
looks like harm for as long as it lasts.

Sources: differences of neighbouring windows, Allan, "Statistics of atomic frequency standards", Proc. IEEE 54 (1966);
information in counts with a wandering rate: the negative-binomial information, McCullagh and Nelder, "Generalized
Linear Models", 2nd edition, section 9.2. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.decide.factor import Array

WINDOW_SECONDS = 60.0
# The drift that both tracks may share, as half the mean squared difference of log rates of neighbouring minutes: about
# 12 % from one minute to the next. For latency of log times, which drift less.
COMMON = {"share": 0.007, "latency": 0.0002}
# How many standard errors are added, and the estimate that is assumed without any past.
ERRORS_ADDED = 0.5
UNMEASURED = {"share": 0.01, "latency": 0.0002}
# With this many windows the standard error is doubled.
FEW_WINDOWS = 20.0
# The factor from differences of neighbouring minutes to the variance of noise with a memory of two minutes.
TO_VARIANCE = 4.0
# Noise averages out over this long: twice its memory.
MEMORY_SECONDS = 240.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wander:
    """Half the mean squared difference of log rates in neighbouring windows, beyond chance, with its standard error.

    Both are (..., metric). The error is infinite where nothing was counted.
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
    # By chance alone the residual has the variance `weight` times the share of good events.
    return _beyond_chance(x_1 - n_1 * rate, weight * (1.0 - rate), 2.0 * weight**2)


def between(total_1: Array, bad_1: Array, total_2: Array, bad_2: Array) -> Wander:
    """The wander of each of two tracks, from their ratio over time, in which shared drift cancels."""
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
    # Both tracks wander, so the variance of their ratio is twice that of one.
    return _beyond_chance(residual, variance, 4.0 * variance**2)


def _neighbours(counts: Array) -> tuple[Array, Array]:
    return counts[..., :-1, :], counts[..., 1:, :]


def _beyond_chance(residual: Array, chance: Array, weight: Array) -> Wander:
    """The slope of squared residuals beyond chance over their weights: (..., metric)."""
    beyond = np.where(weight > 0, residual**2 - chance, 0.0)
    all_weight = weight.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = beyond.sum(axis=-2) / all_weight
        seen = np.sqrt(((beyond - mean[..., None, :] * weight) ** 2).sum(axis=-2)) / all_weight
        # The error by chance alone: a few windows without bad events do not prove that there is no noise.
        least = np.sqrt((2.0 * (np.where(weight > 0, chance, 0.0)) ** 2).sum(axis=-2)) / all_weight
        # A standard error from few windows is uncertain itself.
        few = 1.0 + (FEW_WINDOWS / (weight > 0).sum(axis=-2)) ** 2
        error = few * np.maximum(seen, least)
    known = all_weight > 0
    return Wander(mean=np.where(known, mean, 0.0), error=np.where(known, error, np.inf))


def variance(
    alone: Wander, beside: Wander, *, slope: Array, kinds: Sequence[str], errors_added: float = ERRORS_ADDED
) -> Array:
    """The variance of a track's own noise in the log share of each metric: (..., metric).

    What moves one metric also moves others of its kind, so the noise of a kind is estimated from all its metrics.

    Args:
        alone: of the baseline over time.
        beside: from the ratio of both tracks, where the other one had traffic too.
        slope: (..., metric): for latency by how many percent the share shrinks when the bound grows by one; else 1.
        kinds: "share" or "latency" for each metric.
        errors_added: how many standard errors are added; negative to subtract them.
    """
    found = np.zeros(alone.mean.shape)
    for kind in dict.fromkeys(kinds):
        index = np.array([each == kind for each in kinds])
        allowed = COMMON[kind]
        most = UNMEASURED[kind]
        by_time = _upper(alone, slope, index, most, errors_added) - allowed
        # The smaller of the two estimates counts; where there is neither, nothing is known.
        own = np.minimum(by_time, _upper(beside, slope, index, most, errors_added))
        own = np.where(np.isfinite(own), np.maximum(own, 0.0), most if errors_added > 0 else 0.0)
        found = np.where(index, TO_VARIANCE * own[..., None] * slope**2, found)
    return found


def _upper(wander: Wander, slope: Array, index: Array, unmeasured: float, errors_added: float) -> Array:
    """The mean over all metrics of a kind plus a part of its error, in units of the slope; infinity if unknown: (...).

    Uncertainty adds at most what is assumed without any measurement.
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
    """The memory of the noise in intervals; at least one."""
    return max(1, round(memory_seconds / interval_seconds))


def divisor(told: Array, before: Array, variance: Array) -> tuple[Array, Array]:
    """The divisor of counts that accounts for a wandering rate, and the running sums to continue from.

    Information `told` about a constant rate is at most 1 / variance about a wandering one within its memory, and as
    much again within each further memory.

    Args:
        told: (..., interval, metric): expected bad events of one track, or 2ab / (a + b) of two compared tracks.
        before: (..., memory + 1, metric): the last running sums; zeros at the start.
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
