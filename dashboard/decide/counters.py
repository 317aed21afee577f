"""From raw counters of pods to increases per interval: what can be known, and what must be left out.

An increase needs a sample at both ends of its interval. A counter that went down has begun anew, so what it counted
before is lost; a missed scrape hides when something happened. Either leaves that pod's interval out, of total and bad
ones and on both tracks by the same rule, and nothing is smeared over its neighbours. Pure.
"""

from __future__ import annotations

import numpy as np

from dashboard.decide.factor import Array


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
