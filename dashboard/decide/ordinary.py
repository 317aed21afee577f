"""Which time was no ordinary traffic and measures no release: stopped agents, a frozen queue, a fault of the baseline.

Runs that a kill switch cuts short are quick, and a frozen queue lets nothing through. A baseline counted at that time
makes every release look slow. Such intervals are left out on both tracks, with the minute after them, and the page says
how many. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.decide.against_limit import beyond_chance
from dashboard.decide.factor import Array

Flags = NDArray[np.bool_]

# The time after it belongs to it: a backlog is worked off, runs start again.
AFTER_SECONDS = 60.0
# A queue counts as frozen only if its oldest task has waited for this long.
LEAST_AGE_SECONDS = 30.0
# A minute of the baseline's past is a fault if its share above the limit has this much evidence beyond chance.
FAULT = 8.0
# A fault that comes more often than this is usual here; two with less than these seconds between them are one.
MOST_FAULTS, APART_SECONDS = 2, 180.0


def stopped(engaged: Array) -> Flags:
    """The intervals with a kill switch engaged at an end, from its samples (moment,), NaN where there is none.

    A moment without a sample takes the last one before: a switch that nobody reads is not released by that.
    """
    known = np.isfinite(engaged)
    last = np.maximum.accumulate(np.where(known, np.arange(len(engaged)), 0))
    is_on = np.nan_to_num(engaged)[last] > 0
    found: Flags = is_on[:-1] | is_on[1:]
    return found


def frozen(oldest_age: Array, step: float) -> Flags:
    """The intervals in which nothing left a queue: the age of its oldest task grew by the whole interval."""
    with np.errstate(invalid="ignore"):
        found: Flags = (np.diff(oldest_age) >= 0.9 * step) & (oldest_age[1:] >= LEAST_AGE_SECONDS)
    return found


def faults(total: Array, bad: Array, limit: float, each: int) -> Flags:
    """The intervals of windows of `each` in which one track's share of bad events was far above its limit."""
    flags = np.zeros(len(total), dtype=bool)
    for start in range(0, len(total), each):
        window = slice(start, start + each)
        events, found = float(total[window].sum()), float(bad[window].sum())
        flags[window] = events > 0 and beyond_chance(events, found / events, limit) >= FAULT
    return flags


def episodes(flags: Flags, step: float) -> int:
    """How many times something held: what begins again within minutes is one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    gaps = (edges[2::2] - edges[1:-1:2]) * step
    return int((gaps > APART_SECONDS).sum()) + 1 if len(edges) else 0


def with_aftermath(flags: Flags, step: float) -> Flags:
    """The flags, extended by the minute after each."""
    found = flags.copy()
    for later in range(1, int(-(-AFTER_SECONDS // step)) + 1):
        found[later:] |= flags[:-later] if later < len(flags) else False
    return found


def spans(flags: Flags, moments: NDArray[np.floating[Any]]) -> tuple[tuple[float, float], ...]:
    """Start and end of each stretch of flags; `moments` are the edges of the intervals, one more than flags."""
    edges = np.diff(np.concatenate([[0], flags.astype(int), [0]]))
    begins, ends = moments[edges == 1].tolist(), moments[edges == -1].tolist()
    return tuple(zip(begins, ends, strict=True))


def last_ordinary(at: float, disturbed: Iterable[tuple[float, float]]) -> tuple[float | None, float]:
    """Start and end of the last ordinary time up to `at`; the start is None where no disturbance came before."""
    since: float | None = None
    for begins, ends in sorted(disturbed):
        if begins >= at:
            break
        if ends >= at:
            return since, begins
        since = ends
    return since, at
