"""Does a run of the candidate cost more than allowed, relative to the other track? Evidence at every look.

The cost of runs varies widely: one long conversation costs as much as a hundred short ones, so a ratio of two means
says little beyond chance. The test asks only on which side of the limit the ratio of both tracks' cost per run lies.
While a run of the candidate costs no more than allowed, it lies above about as often as below, at most. A bet on
"above" then gains nothing on average, and its product is valid at every look.

That holds for means of many runs only. The mean of a few runs of such a skewed cost is mostly below the true mean, so
with few runs on the baseline and many on the candidate most intervals would look too dear. Intervals are pooled until
each track has enough runs. How many runs there are says nothing about what they cost.

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
# Runs on each track from which on two means are compared.
LEAST_RUNS = 50


def above(ours: Array, our_runs: Array, theirs: Array, their_runs: Array, ratio: float) -> Array:
    """The logarithm of the evidence that runs cost more than `ratio` times as much, over time: (..., interval).

    Costs, of which that of the baseline must not be 0, and runs are those of each interval.
    """
    signs = np.zeros(our_runs.shape)
    pool = np.zeros((4, *our_runs.shape[:-1]))
    for interval in range(our_runs.shape[-1]):
        pool = pool + np.stack([rows[..., interval] for rows in (ours, our_runs, theirs, their_runs)])
        spent, runs, their_spent, their_count = pool
        is_enough = (runs >= LEAST_RUNS) & (their_count >= LEAST_RUNS)
        # Compared as products, so that nothing is divided by 0. A baseline whose runs cost nothing says nothing.
        side = np.sign(spent * their_count - ratio * their_spent * runs)
        signs[..., interval] = np.where(is_enough & (their_spent > 0), side, 0.0)
        pool = np.where(is_enough, 0.0, pool)
    return log_mean(np.add.accumulate(np.log1p(signs[..., None] * BETS), axis=-2), SHARES)
