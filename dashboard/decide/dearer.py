"""Does a run of the candidate cost more than allowed, relative to the other track? Evidence at every look.

The cost of runs varies widely: one long conversation costs as much as a hundred short ones, so a ratio of two means
says little beyond chance. For each interval the test asks only on which side of the limit the ratio of both tracks'
cost per run lies. While a run of the candidate costs no more than allowed, it lies above at most as often as below,
whatever the distribution. A bet on "above" then gains nothing on average, and its product is valid at every look.

Source: the sign test, made sequential by betting: Ramdas et al., "Game-theoretic statistics and safe anytime-valid
inference", Statistical Science 38 (2023). Pure.
"""

from __future__ import annotations

import numpy as np

from dashboard.decide.bets import log_mean
from dashboard.decide.factor import Array

# Parts of the stake that are bet on "above", from cautious to bold, and the share of each bet.
BETS = np.array([0.3, 0.6, 0.9])
SHARES = np.array([0.3, 0.4, 0.3])


def above(ours: Array, our_runs: Array, theirs: Array, their_runs: Array, ratio: float) -> Array:
    """The logarithm of the evidence that runs cost more than `ratio` times as much, over time: (..., interval).

    An interval in which a track had no runs, or the other track's cost nothing, is left out.
    """
    says = (our_runs > 0) & (their_runs > 0) & (theirs > 0)
    # Products are compared, so that nothing is divided by 0.
    signs = np.where(says, np.sign(ours * their_runs - ratio * theirs * our_runs), 0.0)
    return log_mean(np.add.accumulate(np.log1p(signs[..., None] * BETS), axis=-2), SHARES)
