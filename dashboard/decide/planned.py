"""Is the candidate no worse than the margin to pass? Decided at planned amounts of information, not at every look.

Each interval adds to a score: what the candidate may have of bad events by the baseline's count, less what it has,
weighted by how much the interval says. At the edge of the margin and beyond it the score's mean is at most 0, whatever
the rate of the baseline; a candidate as good as the baseline gains one unit of score a unit of information. Information
follows from events and from what was known before its interval alone, so the moments of the decisions are planned: they
depend on no count of the candidate and on nobody's looking. One more bad event of the candidate lowers the score and
moves nothing else.

Sources: the score test for two Poisson rates, Gu, Ng, Tang, Schucany, "Testing the ratio of two Poisson rates",
Biometrical Journal 50 (2008); decisions at planned points that share one error budget: Lan, DeMets, "Discrete
sequential boundaries for clinical trials", Biometrika 70 (1983); the recursion: Armitage, McPherson, Rowe, "Repeated
significance tests on accumulating data", JRSS A 132 (1969). Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dashboard.decide.factor import Array

# The first decision and how much farther each further one is, in information: the square of how many standard
# deviations a healthy candidate is away from the edge by then.
FIRST_INFORMATION = 5.7
STEP = 1.3
DECISIONS = 16
POINTS = FIRST_INFORMATION * STEP ** np.arange(DECISIONS)
# The first decision gets this part of the error budget, each further one this part of what is left.
FIRST_SHARE = 0.4
FURTHER_SHARE = 0.5
# A decision is expected to pass where the expected score is beyond its bound by so many of the deviations to come.
LIKELY = 0.3
_DEVIATIONS, _GRID = 8.0, 321

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edge:
    """The rate at the edge of the margin, as `times` the baseline's and `more` on top; `expected` is the baseline's."""

    times: Array
    more: Array
    expected: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gain:
    """What intervals add, (..., interval, metric). `weight` is what one bad event of the candidate costs."""

    score: Array
    variance: Array
    information: Array
    weight: Array


def edge(*, ratio: Array, share: Array, widening: Array, expected: Array) -> Edge:
    """The wider of `ratio` times the baseline's rate and `share` more than it, both widened.

    Which is wider is taken from the rate that is expected; a release beyond the margin is beyond either. The edge is
    never more than half of the way from the expected rate to always.
    """
    is_ratio = (ratio - 1.0) * expected >= share
    times = widening * np.where(is_ratio, ratio, 1.0)
    more = widening * np.where(is_ratio, 0.0, share)
    within = np.minimum(1.0, 0.5 * (1.0 + expected) / (times * expected + more))
    return Edge(times=times * within, more=more * within, expected=expected)


def gain(n_g: Array, x_g: Array, n_b: Array, x_b: Array, beside: Edge) -> Gain:
    """What each interval adds; nothing where a track has no events. Counts need not be whole numbers."""
    weight, portion = _weight(n_g, n_b, beside), _portion(n_g, n_b)
    allowed = portion * beside.times * x_b + n_g * beside.more
    # By Poisson's law, which is never less than that of shares; the edge itself gives the candidate's part.
    variance = (portion * beside.times) ** 2 * x_b + allowed
    return Gain(
        score=weight * (allowed - x_g),
        variance=weight**2 * variance,
        information=information(n_g, n_b, beside),
        weight=weight,
    )


def information(n_g: Array, n_b: Array, beside: Edge) -> Array:
    """What events tell: the square of how many standard deviations a healthy candidate is away from the edge."""
    return _weight(n_g, n_b, beside) * _distance(beside) * n_g


def _weight(n_g: Array, n_b: Array, beside: Edge) -> Array:
    """Distance over variance at the edge, by the rate that is expected: what tells the two apart best."""
    times, more, expected = beside.times, beside.more, beside.expected
    variance = (_portion(n_g, n_b) * times + 1.0) * times * expected + more
    return np.where((n_g > 0) & (n_b > 0), _distance(beside) / variance, 0.0)


def _portion(n_g: Array, n_b: Array) -> Array:
    """The candidate's events for each one of the baseline."""
    both = (n_g > 0) & (n_b > 0)
    return np.where(both, n_g, 0.0) / np.where(both, n_b, 1.0)


def _distance(beside: Edge) -> Array:
    """How much higher than the baseline's rate the edge is."""
    return (beside.times - 1.0) * beside.expected + beside.more


def passes(*, score: Array, variance: Array, before: Array, after: Array, weight: Array, pass_alpha: float) -> Flags:
    """Whether each interval ends with a decision that passes.

    Args:
        score, variance: the sums after each interval.
        before, after: the information before and after it.
        weight: that of one event in it; half an event is taken off, since counts are whole.
        pass_alpha: the share of releases at the edge that may ever pass.
    """
    reached = np.searchsorted(POINTS, before, side="right")
    is_due = np.searchsorted(POINTS, after, side="right") > reached
    bound = np.append(bounds(pass_alpha), np.inf)[reached]
    with np.errstate(invalid="ignore"):
        found: Flags = is_due & (variance > 0) & (score - 0.5 * weight >= bound * np.sqrt(variance))
    return found


def information_to_pass(*, score: Array, variance: Array, information: Array, pass_alpha: float) -> Array:
    """How much more information the next decision needs at which a healthy candidate is likely to pass.

    Infinity where no decision is left.
    """
    needed = np.full(score.shape, np.inf)
    for point, bound in zip(POINTS[::-1], bounds(pass_alpha)[::-1], strict=True):
        more = np.maximum(point - information, 0.0)
        is_likely = score + more >= bound * np.sqrt(variance + more) + LIKELY * np.sqrt(more)
        needed = np.where((more > 0) & is_likely, more, needed)
    return needed


def progress(information: Array) -> Array:
    """How far the next decision is, 0..1."""
    points = np.append(POINTS, np.inf)
    done: Array = information / points[np.searchsorted(POINTS, information, side="right")]
    return done


@lru_cache(maxsize=32)
def bounds(pass_alpha: float) -> tuple[float, ...]:
    """How many standard deviations the score must be above 0 at each decision.

    Found one after the other, so that scores that walk at the edge pass at the k-th decision for the first time in just
    its part of `pass_alpha`.
    """
    spent = pass_alpha * _spending()
    found: list[float] = []
    grid, alive = np.zeros(1), np.ones(1)
    for point, before, part in zip(POINTS, (0.0, *POINTS), spent, strict=False):
        reach = np.linspace(-_DEVIATIONS, _DEVIATIONS, _GRID) * np.sqrt(point)
        walk = np.exp(-0.5 * (reach[:, None] - grid) ** 2 / (point - before)) / np.sqrt(2 * np.pi * (point - before))
        step = reach[1] - reach[0]
        density = walk @ alive
        # The chance to be at each of the places or above, by the trapezoidal rule.
        above = np.cumsum((density * step)[::-1])[::-1] - 0.5 * density * step
        bound = float(np.interp(np.log(part), np.log(np.maximum(above[::-1], 1e-300)), reach[::-1]))
        found.append(bound / float(np.sqrt(point)))
        grid, alive = reach, density * step * np.clip((bound - reach) / step + 0.5, 0.0, 1.0)
    return tuple(found)


def _spending() -> Array:
    """The parts of the error budget, one a decision; they sum to at most 1."""
    further = (1.0 - FIRST_SHARE) * FURTHER_SHARE * (1.0 - FURTHER_SHARE) ** np.arange(DECISIONS - 1)
    return np.append(FIRST_SHARE, further)
