"""When each judge stops a release: ours, and three as others use them. All answer with seconds, infinity for never.

A fixed limit as in a rollout tool's analysis, a Mann-Whitney test as in Kayenta's canary judge, and a z test that is
looked at again and again, as on a dashboard.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from bench.verdict.worlds import INTERVAL, METRICS, SHARES, Runs, bounds, plan, slower_than
from dashboard.decide.comparison import Course, begin, compare
from dashboard.decide.factor import Array

_MINUTE = 6
_WEIGHTS = np.array([0.3, 0.2, 0.2, 0.1, 0.1, 0.1])


def ours(runs: Runs) -> Course:
    """The product's own function."""
    return compare(plan(), runs.table, begin(plan(), runs.past))[0]


def stopped(course: Course) -> Array:
    """When the evidence for harm reaches 1/alpha."""
    return first(course.total >= -np.log(plan().alpha))


def passed(course: Course) -> Array:
    """When every metric has been decided to pass."""
    return first(course.passed.all(axis=-1))


def first(is_so: Array) -> Array:
    """The end of the first interval of which it is so, in seconds."""
    return np.where(is_so.any(axis=-1), (is_so.argmax(axis=-1) + 1) * INTERVAL, np.inf)


def fixed_limit(runs: Runs) -> Array:
    """Twice the true share of bad events in the last minute; the fourth such minute of one metric stops."""
    total_events, bad_events = (_minutes(rows) for rows in (runs.table.candidate_total, runs.table.candidate_bad))
    limits = 2.0 * np.array([*SHARES, *(float(slower_than(np.array(b), np.zeros(()))) for b in bounds())])
    over = np.cumsum(bad_events > np.minimum(limits, 0.9) * total_events, axis=1)
    return _minute_of((over > 3).any(axis=-1))


def mann_whitney(runs: Runs) -> Array:
    """Kayenta's: points of a minute, a 98 % interval of the shift, high when its lower end exceeds a quarter of it.

    The score is the weighted share of metrics that are not high; below 75 it stops.
    """
    table = runs.table
    with np.errstate(invalid="ignore", divide="ignore"):
        green = np.nan_to_num(_minutes(table.candidate_bad) / _minutes(table.candidate_total))
        blue = np.nan_to_num(_minutes(table.baseline_bad) / _minutes(table.baseline_total))
    minutes = green.shape[1]
    bad_events = np.zeros(green.shape[:2], dtype=bool)
    z = NormalDist().inv_cdf(0.99)
    for n in range(5, minutes + 1):
        shifts = np.sort((green[:, :n, None] - blue[:, None, :n]).reshape(len(green), n * n, len(METRICS)), axis=1)
        low = max(0, round(n * n / 2 - z * np.sqrt(n * n * (2 * n + 1) / 12)))
        middle = np.median(shifts, axis=1)
        high = (shifts[:, low] > 0.25 * middle) & (middle > 0)
        bad_events[:, n - 1] = 100 * (1 - high @ _WEIGHTS) < 75
    return _minute_of(bad_events)


def z_test(runs: Runs) -> Array:
    """Two proportions over all counts so far, at every look, 1 % over the six metrics."""
    table = runs.table
    n_g, x_g, n_b, x_b = (
        np.cumsum(rows, axis=1)
        for rows in (table.candidate_total, table.candidate_bad, table.baseline_total, table.baseline_bad)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = (x_g + x_b) / (n_g + n_b)
        z = (x_g / n_g - x_b / n_b) / np.sqrt(pooled * (1 - pooled) * (1 / n_g + 1 / n_b))
    return first((z > NormalDist().inv_cdf(1 - 0.01 / len(METRICS))).any(axis=-1))


def _minutes(rows: Array) -> Array:
    return rows.reshape(len(rows), -1, _MINUTE, rows.shape[-1]).sum(axis=2)


def _minute_of(is_so: Array) -> Array:
    return np.where(is_so.any(axis=1), (is_so.argmax(axis=1) + 1) * _MINUTE * INTERVAL, np.inf)
