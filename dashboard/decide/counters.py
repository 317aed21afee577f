"""From raw counters of pods to increases per interval: what can be known, and what must be left out.

An increase needs a sample at both ends of its interval. A counter that went down has begun anew, so what it counted
before is lost; a missed scrape hides when something happened; a counter that leaps is counted under another name as
well. Each leaves that pod's interval out, of total and bad events and on both tracks by the same rule, and nothing is
smeared over its neighbours. Pure.
"""

from __future__ import annotations

import numpy as np

from dashboard.decide.factor import Array

# A relabelled counter is summed with what it was before for a while, so a sum at least doubles at once.
_LEAPS_FROM = 100.0
_LEAPS_FROM_INTERVALS = 20.0


def increases(samples: Array) -> Array:
    """What each counter grew by in each interval; NaN where that cannot be known.

    Args:
        samples: (..., moment), NaN where there is no sample.

    Returns:
        (..., interval), one shorter.
    """
    with np.errstate(invalid="ignore"):
        grown = np.diff(samples, axis=-1)
        return np.where(grown >= 0, grown, np.nan)


def without_leaps(samples: Array, grown: Array) -> Array:
    """`grown` of the total events of one pod, NaN where what `samples` had counted since long was counted again.

    For totals alone: the first bad events of a pod may double a small count.
    """
    known = grown[np.isfinite(grown)]
    usual = float(np.median(known)) if known.size else 0.0
    before = samples[..., :-1]
    with np.errstate(invalid="ignore"):
        leaps = (grown >= before) & (before >= max(_LEAPS_FROM, _LEAPS_FROM_INTERVALS * usual))
    return np.where(leaps, np.nan, grown)
