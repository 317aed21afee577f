"""Does a run of the candidate cost more than it may, by what one costs on the other track? Evidence at every look.

What runs cost differs widely: one long conversation costs as much as a hundred short ones, so a ratio of two means says
little of chance. In each interval it is asked which side of the limit the ratio of both tracks' cost per run is on.
While a run of the candidate costs no more than the limit allows, that is at most as often above as below, whatever the
distribution is; a bet on "above" then gains nothing on average, and its product stays believable at every look.

Source: the sign test, made sequential by betting: Ramdas et al., "Game-theoretic statistics and safe anytime-valid
inference", Statistical Science 38 (2023). Pure.
"""

from __future__ import annotations

import numpy as np

from dashboard.decide.bets import log_mean
from dashboard.decide.factor import Array

# Parts of the stake put on "above", from wary to bold.
BETS = np.array([0.3, 0.6, 0.9])
SHARES = np.array([0.3, 0.4, 0.3])


def above(ours: Array, our_runs: Array, theirs: Array, their_runs: Array, ratio: float) -> Array:
    """The logarithm of the evidence that runs cost more than `ratio` times as much, over time: (..., interval).

    An interval in which a track had no runs, or its runs cost nothing, says nothing.
    """
    says = (our_runs > 0) & (their_runs > 0) & (theirs > 0)
    # Compared as products, so that nothing is divided by 0.
    signs = np.where(says, np.sign(ours * their_runs - ratio * theirs * our_runs), 0.0)
    return log_mean(np.add.accumulate(np.log1p(signs[..., None] * BETS), axis=-2), SHARES)
