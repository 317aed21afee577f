"""After a switch there is no other track beside: the baseline is its record from before, paired and with wider margins.

Each interval after the switch is held against intervals before it, the latest first, none twice. What rates drifted by
between windows of the record, beyond chance, widens the margins: a drift is no harm. This is weaker than a comparison
side by side, and is said so wherever it is shown. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dashboard.decide.factor import Array

WINDOW_INTERVALS = 30
# Two windows are each some of the drift away from the middle, and a record of an hour tells that drift only roughly.
DRIFTS = 3.15 * 2**0.5
MOST_WIDENING = 20.0


def pair(counts: Array, intervals: int) -> Array:
    """The record (..., moment, metric, pod) as baseline of `intervals` coming ones: (..., interval, metric).

    A record that is shorter leaves the rest without baseline, one that is longer gives several of its intervals each.
    """
    sums = counts.sum(axis=-1)[..., ::-1, :]
    each = max(1, sums.shape[-2] // intervals)
    used = min(intervals, sums.shape[-2] // each)
    grouped = sums[..., : used * each, :].reshape(*sums.shape[:-2], used, each, sums.shape[-1]).sum(axis=-2)
    missing = np.zeros((*sums.shape[:-2], intervals - used, sums.shape[-1]))
    return np.concatenate([grouped, missing], axis=-2)


def widening(total_events: Array, bad_events: Array, *, slope: Array, kinds: Sequence[str]) -> Array:
    """The factor on the margins (..., metric) by what windows of (..., moment, metric) differ by beyond chance.

    What moves one metric moves others of its kind, and an hour tells little of each: a metric is taken to drift no
    less than all of its kind do on average.

    Args:
        total_events, bad_events: the record.
        slope: (metric,): for latency by how many percent the share shrinks when the bound grows by one; else 1.
        kinds: of each metric.
    """
    windows = total_events.shape[-2] // WINDOW_INTERVALS
    if windows < 2:  # nothing is known of the drift
        return np.full((*total_events.shape[:-2], total_events.shape[-1]), MOST_WIDENING)
    shape = (*total_events.shape[:-2], windows, WINDOW_INTERVALS, total_events.shape[-1])
    n = total_events[..., : windows * WINDOW_INTERVALS, :].reshape(shape).sum(axis=-2)
    x = bad_events[..., : windows * WINDOW_INTERVALS, :].reshape(shape).sum(axis=-2)
    all_n, all_x = n.sum(axis=-2, keepdims=True), x.sum(axis=-2, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = n * all_x / all_n
        beyond = ((x - expected) ** 2 - expected * (1 - all_x / all_n)).sum(axis=-2) / (expected**2).sum(axis=-2)
    is_known = np.isfinite(beyond)
    squares = np.where(is_known, np.maximum(beyond, 0.0), 0.0) / slope**2
    # (kind, metric): which metrics are of a kind.
    among = np.array([[kind == each for each in kinds] for kind in dict.fromkeys(kinds)], dtype=float)
    mean = (squares @ among.T) / np.maximum(is_known @ among.T, 1.0)
    drift = slope * np.sqrt(np.maximum(squares, mean @ among))
    return np.asarray(np.minimum(np.exp(DRIFTS * drift), MOST_WIDENING))
