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
