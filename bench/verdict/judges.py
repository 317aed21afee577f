"""When three judges as others use them stop a release. All answer with seconds, infinity for never.

A fixed limit as in a rollout tool's analysis, a Mann-Whitney test as in Kayenta's canary judge, and a z test that is
looked at again and again, as on a dashboard.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from bench.verdict.batch import COMPARED, first
from bench.verdict.worlds import HISTORY, INTERVAL, Tracks, World, bounds, slower_than
from dashboard.decide.factor import Array
from dashboard.decide.planned import Flags

_MINUTE = 6
_WEIGHTS = np.array([0.3, 0.2, 0.2, 0.1, 0.1, 0.1])


class _Counts:
    """Counts of both tracks beside each other: (run, interval, metric). After a switch there is no other track."""

    def __init__(self, tracks: Tracks) -> None:
        compared = slice(0, len(COMPARED))
        self.ours_total = tracks.ours_total[..., compared].astype(float)
        self.ours_bad = tracks.ours_bad[..., compared].astype(float)
        self.theirs_total = tracks.theirs_total[:, HISTORY:, compared].sum(-1).astype(float)
        self.theirs_bad = tracks.theirs_bad[:, HISTORY:, compared].sum(-1).astype(float)


def fixed_limit(world: World, tracks: Tracks) -> Array:
    """Twice the true share of bad events in the last minute; the fourth such minute of one metric stops."""
    counts = _Counts(tracks)
    total, bad = _minutes(counts.ours_total), _minutes(counts.ours_bad)
    slow = [float(slower_than(np.array(b.seconds), np.zeros(()), world.median)) for b in bounds(world)]
    limits = 2.0 * np.array([*world.shares, *slow])
    over = np.cumsum(bad > np.minimum(limits, 0.9) * total, axis=1)
    is_over: Flags = (over > 3).any(axis=-1)
    return _minute_of(is_over)


def mann_whitney(_world: World, tracks: Tracks) -> Array:
    """Kayenta's: points of a minute, a 98 % interval of the shift, high when its lower end exceeds a quarter of it.

    The score is the weighted share of metrics that are not high; below 75 it stops.
    """
    counts = _Counts(tracks)
    with np.errstate(invalid="ignore", divide="ignore"):
        green = np.nan_to_num(_minutes(counts.ours_bad) / _minutes(counts.ours_total))
        blue = np.nan_to_num(_minutes(counts.theirs_bad) / _minutes(counts.theirs_total))
    minutes = green.shape[1]
    bad = np.zeros(green.shape[:2], dtype=bool)
    z = NormalDist().inv_cdf(0.99)
    for n in range(5, minutes + 1):
        shifts = np.sort((green[:, :n, None] - blue[:, None, :n]).reshape(len(green), n * n, len(COMPARED)), axis=1)
        low = max(0, round(n * n / 2 - z * np.sqrt(n * n * (2 * n + 1) / 12)))
        middle = np.median(shifts, axis=1)
        high = (shifts[:, low] > 0.25 * middle) & (middle > 0)
        bad[:, n - 1] = 100 * (1 - high @ _WEIGHTS) < 75
    return _minute_of(bad)


def z_test(_world: World, tracks: Tracks) -> Array:
    """Two proportions over all counts so far, at every look, 1 % over the six metrics."""
    counts = _Counts(tracks)
    n_g, x_g, n_b, x_b = (
        np.cumsum(rows, axis=1) for rows in (counts.ours_total, counts.ours_bad, counts.theirs_total, counts.theirs_bad)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = (x_g + x_b) / (n_g + n_b)
        z = (x_g / n_g - x_b / n_b) / np.sqrt(pooled * (1 - pooled) * (1 / n_g + 1 / n_b))
    is_over: Flags = (z > NormalDist().inv_cdf(1 - 0.01 / len(COMPARED))).any(axis=-1)
    return first(is_over)


def _minutes(rows: Array) -> Array:
    return rows.reshape(len(rows), -1, _MINUTE, rows.shape[-1]).sum(axis=2)


def _minute_of(is_so: Flags) -> Array:
    return np.where(is_so.any(axis=1), (is_so.argmax(axis=1) + 1) * _MINUTE * INTERVAL, np.inf)
