"""How strongly one interval's counts speak for or against a release: the e-value of a two-sample likelihood ratio.

The candidate has n_g events with x_g bad ones, the baseline n_b with x_b. The null hypothesis is one whole side of the
edge p_g = psi p_b, for every rate of the baseline. A bet (bet_b, bet_g) on the other side, fixed before the interval,
is compared with the nearest point of the edge. The likelihood ratio of the two has a mean of at most 1 under the null,
so products over intervals are valid at every look. Drift that both tracks share needs no model.

Source: Turner, Ly, Grünwald, "Generic e-variables for exact sequential k-sample tests", arXiv 2106.02693 (likelihood
ratio against the reverse information projection); for a convex null such as p_g <= psi p_b: Turner, Grünwald,
"Anytime-valid confidence intervals for contingency tables", arXiv 2203.09785. Pure.
"""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# A bet on a rate of exactly 0 or 1 loses everything with one event.
LEAST_RATE = 1e-9
MOST_RATE = 0.98


def over_last(rows: Array) -> Array:
    """The sum over the last axis. Several times faster than numpy's own sum where that axis is short."""
    return reduce(np.add, np.moveaxis(rows, -1, 0))


def odds_times(rate: Array, factor: Array | float) -> Array:
    """The rate whose odds are `factor` times those of `rate`."""
    bigger = rate * factor
    return bigger / (1.0 - rate + bigger)


def nearest_edge(n_g: Array, n_b: Array, *, psi: Array, bet_b: Array, bet_g: Array) -> Array:
    """The baseline's rate p0 at the point (p0, psi p0) of the edge that is nearest to the bet.

    p0 minimises n_g KL(bet_g, psi p) + n_b KL(bet_b, p). It is the smaller root of a quadratic equation.
    """
    a = psi * (n_g + n_b)
    b = n_g * (psi + bet_g) + n_b * (1.0 + psi * bet_b)
    c = n_g * bet_g + n_b * bet_b
    # The smaller root, written so that nothing cancels: (b - root) / 2a loses digits.
    root: Array = np.sqrt(np.maximum(b * b - 4.0 * a * c, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        p0 = 2.0 * c / (b + root)
    return np.where(a > 0, np.clip(p0, LEAST_RATE, (1.0 - LEAST_RATE) / psi), bet_b)


def log_factor(n_g: Array, x_g: Array, n_b: Array, x_b: Array, *, psi: Array, bet_b: Array, bet_g: Array) -> Array:
    """The logarithm of one interval's e-value; 0 where a track has no events.

    Args:
        n_g, x_g, n_b, x_b: total and bad events of candidate and baseline; need not be whole numbers.
        psi: the edge p_g = psi p_b between null and alternative.
        bet_b, bet_g: the rates of the bet, fixed before the interval; they lie in the alternative.
    """
    p0 = nearest_edge(n_g, n_b, psi=psi, bet_b=bet_b, bet_g=bet_g)
    q0 = psi * p0
    candidate = x_g * np.log(bet_g / q0) + (n_g - x_g) * (np.log1p(-bet_g) - np.log1p(-q0))
    baseline = x_b * np.log(bet_b / p0) + (n_b - x_b) * (np.log1p(-bet_b) - np.log1p(-p0))
    return np.where((n_g > 0) & (n_b > 0), candidate + baseline, 0.0)


def log_absolute_factor(n_g: Array, x_g: Array, *, limit: Array, bet_g: Array) -> Array:
    """The same for one track against a fixed limit: evidence for a rate on the side of `limit` where `bet_g` is."""
    log: Array = x_g * np.log(bet_g / limit) + (n_g - x_g) * (np.log1p(-bet_g) - np.log1p(-limit))
    return log
