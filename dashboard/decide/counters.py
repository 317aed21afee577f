"""From raw counters of pods to increases per interval: what can be known, and what must be left out.

An increase needs a sample at both ends of its interval. After a reset, the counts before it are lost; a missed scrape
hides when something happened; a sum that leaps counts a relabelled series twice. Each leaves out this interval of the
pod, for total and bad events and on both tracks alike, and spreads nothing over its neighbours. Pure.
"""

from __future__ import annotations

import numpy as np

from dashboard.decide.factor import Array

# For a while a relabelled counter is summed with its old series, so the sum at least doubles at once.
_LEAPS_FROM = 100.0
_LEAPS_FROM_INTERVALS = 20.0
# So many intervals a bad event waits for an event that it can be one of.
_WAITING_INTERVALS = 3


def increases(samples: Array) -> Array:
    """The increase of each counter in each interval; NaN where it cannot be known.

    Args:
        samples: (..., moment), NaN where there is no sample.

    Returns:
        (..., interval), one shorter.
    """
    with np.errstate(invalid="ignore"):
        grown = np.diff(samples, axis=-1)
        return np.where(grown >= 0, grown, np.nan)


def without_leaps(samples: Array, grown: Array) -> Array:
    """`grown`, the increases of one pod's total events, with NaN where `samples` leap because old counts count again.

    For totals alone: the first bad events of a pod may double a small count.
    """
    known = grown[np.isfinite(grown)]
    usual = float(np.median(known)) if known.size else 0.0
    before = samples[..., :-1]
    with np.errstate(invalid="ignore"):
        leaps = (grown >= before) & (before >= max(_LEAPS_FROM, _LEAPS_FROM_INTERVALS * usual))
    return np.where(leaps, np.nan, grown)


def among(total_events: Array, bad_events: Array) -> tuple[Array, Array]:
    """Total and bad events per interval where bad ones are a metric of their own: no more of them than events.

    A run counts when it ends, its error when it happens, and a run that tries again has several errors. So a bad event
    waits some intervals for an event that it can be one of; one that finds none is an event by itself. In an outage all
    is bad then, also where no run ends. What was counted is not changed by what comes later.

    Args:
        total_events, bad_events: (interval,), without NaN.
    """
    if np.all(bad_events <= total_events):
        return total_events, bad_events
    total, bad = total_events.copy(), np.zeros_like(bad_events)
    waiting = [0.0] * _WAITING_INTERVALS  # the oldest first
    for at, found in enumerate(bad_events.tolist()):
        waiting.append(found)
        room = float(total_events[at])
        for place, count in enumerate(waiting):
            taken = min(room, count)
            waiting[place] -= taken
            room -= taken
            bad[at] += taken
        alone = waiting.pop(0)
        total[at] += alone
        bad[at] += alone
    return total, bad
