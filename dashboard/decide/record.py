"""The baseline after a switch: the record from before it, with wider margins, since no other track runs beside.

Each interval after the switch is compared with its own part of the record. The parts are fixed when the watch begins,
the latest first, and none is used twice, so evidence from one look stands at every later one. The margins are widened
by the drift of rates between windows of the record beyond chance, since drift is no harm. This is weaker than a
comparison side by side, and every screen that shows it says so. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dashboard.decide.factor import Array

WINDOW_INTERVALS = 30
# Both windows deviate from the mean by the drift, which a record of one hour measures only roughly.
DRIFTS = 3.15 * 2**0.5
MOST_WIDENING = 20.0


def pair(counts: Array, intervals: int, watched: int) -> Array:
    """The baseline of the first `intervals` intervals after a switch: (..., interval, metric).

    The part of an interval depends on the length of the watch and not on how many intervals have passed. Once the
    record is used up, intervals have no baseline.

    Args:
        counts: the record, (..., moment, metric, pod).
        intervals: how many have passed since the switch.
        watched: how many intervals the release is watched for.
    """
    sums = counts.sum(axis=-1)[..., ::-1, :]
    each = max(1, sums.shape[-2] // max(1, watched))
    used = min(intervals, sums.shape[-2] // each)
    grouped = sums[..., : used * each, :].reshape(*sums.shape[:-2], used, each, sums.shape[-1]).sum(axis=-2)
    missing = np.zeros((*sums.shape[:-2], intervals - used, sums.shape[-1]))
    return np.concatenate([grouped, missing], axis=-2)


def widening(total_events: Array, bad_events: Array, *, slope: Array, kinds: Sequence[str]) -> Array:
    """The factor on the margins, (..., metric), from the differences of the record's windows beyond chance.

    What moves one metric also moves others of its kind, and an hour says little about one. So each metric is assumed to
    drift at least as much as the mean of its kind.

    Args:
        total_events, bad_events: the record, (..., moment, metric).
        slope: (metric,): by how many percent the share falls when a latency bound rises by one percent; else 1.
        kinds: "share" or "latency" for each metric.
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
