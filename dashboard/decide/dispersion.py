"""The dispersion phi: how much more counts vary than independent events would. All counts are divided by it.

The baseline's pods do the same work, so where they differ by more than chance there is noise that the comparison of two
tracks has too: failures in clumps, bad minutes of one pod. It is measured over windows of 10 s, 1 min and 5 min, and
the largest estimate is used. It is an estimate and not a guarantee, so it is shown beside the verdict.

Source: the Pearson estimate of the dispersion of quasi-binomial models, McCullagh and Nelder, "Generalized Linear
Models", 2nd edition, section 4.5. Pure; running sums are kept, so it can be computed in steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.decide.factor import Array, over_last
from dashboard.decide.planned import Flags

# phi that is assumed without any measurement. Ten informative windows halve what it exceeds 1 by.
UNMEASURED = 2.0
CAUTION_WINDOWS = 10.0
ENOUGH_WINDOWS = 50.0
# The largest of three estimates is too large by chance, so one standard error is subtracted from each. The noise of a
# whole track is treated the other way: its standard error is added (`track_noise.py`).
SUMS = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dispersion:
    """The sums behind the estimate.

    Attributes:
        sums: (..., metric, scale, SUMS): observed and expected sums of squares, their squares and product, windows.
        open_total, open_bad: (..., interval, metric, pod): counts since the last window of the longest scale closed.
    """

    sums: Array
    open_total: Array
    open_bad: Array


def nothing_seen(shape: tuple[int, ...], metrics: int, pods: int, scales: int) -> Dispersion:
    """The state before the first interval; `shape` are the leading axes."""
    gone = np.zeros((*shape, 0, metrics, pods))
    return Dispersion(sums=np.zeros((*shape, metrics, scales, SUMS)), open_total=gone, open_bad=gone)


def follow(
    state: Dispersion, total_events: Array, bad_events: Array, scales: tuple[int, ...]
) -> tuple[Array, Dispersion]:
    """phi as known before each interval, and the state after the last.

    Args:
        state: the sums from before.
        total_events, bad_events: (..., interval, metric, pod) of the baseline.
        scales: lengths of the windows in intervals, ascending, each a divisor of the last.

    Returns:
        (..., interval, metric) and the new state.
    """
    seen = state.open_total.shape[-3]
    all_total = np.concatenate([state.open_total, total_events], axis=-3)
    all_bad = np.concatenate([state.open_bad, bad_events], axis=-3)
    length = all_total.shape[-3]
    courses, ends = [], []
    for index, scale in enumerate(scales):
        before = state.sums[..., index, :]
        # The state's sums have the windows that had closed by then.
        first, last = seen // scale, length // scale
        moments = _moments(_windows(all_total, first, last, scale), _windows(all_bad, first, last, scale))
        course = np.add.accumulate(np.concatenate([before[..., None, :, :], moments], axis=-3), axis=-3)
        closed = np.arange(seen, length) // scale - first
        courses.append(_measured(course)[..., closed, :])
        if index == 0:  # the shortest windows are the most numerous, so they say how much was measured
            courses.append(_caution(course)[..., closed, :])
        ends.append(course[..., -1, :, :])
    keep = length // scales[-1] * scales[-1]
    after = Dispersion(
        sums=np.stack(ends, axis=-2), open_total=all_total[..., keep:, :, :], open_bad=all_bad[..., keep:, :, :]
    )
    return np.maximum.reduce(courses), after


def known(state: Dispersion) -> Array:
    """phi by the sums so far: (..., metric)."""
    scales = range(state.sums.shape[-2])
    found = [_measured(state.sums[..., scale, :]) for scale in scales]
    phi: Array = np.maximum.reduce([*found, _caution(state.sums[..., 0, :])])
    return phi


def is_measured(state: Dispersion) -> Flags:
    """Whether enough windows were informative to show clumps: (..., metric)."""
    found: Flags = state.sums[..., 0, 5] >= ENOUGH_WINDOWS
    return found


def _windows(counts: Array, first: int, last: int, scale: int) -> Array:
    """Sums over the windows `first` to `last` of `scale` intervals each."""
    some = counts[..., first * scale : last * scale, :, :]
    shape = (*some.shape[:-3], last - first, scale, *some.shape[-2:])
    sums: Array = some.reshape(shape).sum(axis=-3)
    return sums


def _moments(total_events: Array, bad_events: Array) -> Array:
    """Per window: observed and expected sum of squares, their squares and product, and 1 where it is informative."""
    all_total, all_bad = over_last(total_events), over_last(bad_events)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = all_bad / all_total
        found = over_last((bad_events - total_events * rate[..., None]) ** 2)
        free = all_total - over_last(total_events**2) / all_total
        expected = rate * (1.0 - rate) * all_total / (all_total - 1.0) * free
    says = (all_total > 1) & (all_bad > 0) & (free > 0) & (all_bad < all_total)
    found, expected = np.where(says, found, 0.0), np.where(says, expected, 0.0)
    return np.stack([found, expected, found**2, found * expected, expected**2, says.astype(float)], axis=-1)


def _measured(sums: Array) -> Array:
    """phi of one scale minus its standard error; 1 where nothing was measured."""
    found, expected, found2, cross, expected2, _ = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        phi = found / expected
        error = np.sqrt(np.maximum(found2 - 2.0 * phi * cross + phi**2 * expected2, 0.0)) / expected
    return np.where(expected > 0, phi - error, 1.0)


def _caution(sums: Array) -> Array:
    """The phi that is assumed while few windows were informative; 1 once there are enough."""
    windows = sums[..., 5]
    assumed = 1.0 + (UNMEASURED - 1.0) * CAUTION_WINDOWS / (CAUTION_WINDOWS + windows)
    return np.where(windows >= ENOUGH_WINDOWS, 1.0, assumed)
