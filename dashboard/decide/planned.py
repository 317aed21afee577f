"""Is the candidate within the margin to pass? A group-sequential test: decided at planned amounts of information.

Each interval adds to a score: the bad events that the margin allows the candidate, given the baseline's count, minus
those that it has, weighted by the interval's information. At the edge of the margin and beyond it the score has a mean
of at most 0, for every rate of the baseline. A candidate as good as the baseline gains one unit of score for each unit
of information. Information depends only on the numbers of events and on what was known before the interval. So the
decisions are planned: neither the candidate's bad events nor anybody's looking moves them, and one more bad event of
the candidate only lowers the score.

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

# Information at the first decision, and the factor to each next one. Information is the squared distance of a healthy
# candidate from the edge, in standard deviations.
FIRST_INFORMATION = 5.7
STEP = 1.3
DECISIONS = 16
POINTS = FIRST_INFORMATION * STEP ** np.arange(DECISIONS)
# The first decision spends this part of the error budget, each further one this part of the rest.
FIRST_SHARE = 0.4
FURTHER_SHARE = 0.5
# A decision is likely to pass where the expected score exceeds its bound by this many standard deviations to come.
LIKELY = 0.3
_DEVIATIONS, _GRID = 8.0, 321

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edge:
    """The rate at the edge of the margin: `times` that of the baseline plus `more`. `expected` is the baseline's."""

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

    Which one is wider follows from the expected rate; a release beyond the margin is beyond both. The edge lies at most
    halfway between the expected rate and 1.
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
    # Poisson variance, which is never less than the binomial one. The candidate's part is that of the edge.
    variance = (portion * beside.times) ** 2 * x_b + allowed
    return Gain(
        score=weight * (allowed - x_g),
        variance=weight**2 * variance,
        information=information(n_g, n_b, beside),
        weight=weight,
    )


def information(n_g: Array, n_b: Array, beside: Edge) -> Array:
    """The information in these events: the squared distance of a healthy candidate from the edge, in deviations."""
    return _weight(n_g, n_b, beside) * _distance(beside) * n_g


def _weight(n_g: Array, n_b: Array, beside: Edge) -> Array:
    """Distance over variance at the edge, by the expected rate: the weight of the most powerful test."""
    times, more, expected = beside.times, beside.more, beside.expected
    variance = (_portion(n_g, n_b) * times + 1.0) * times * expected + more
    return np.where((n_g > 0) & (n_b > 0), _distance(beside) / variance, 0.0)


def _portion(n_g: Array, n_b: Array) -> Array:
    """Events of the candidate per event of the baseline."""
    both = (n_g > 0) & (n_b > 0)
    return np.where(both, n_g, 0.0) / np.where(both, n_b, 1.0)


def _distance(beside: Edge) -> Array:
    """The distance from the baseline's rate to the edge."""
    return (beside.times - 1.0) * beside.expected + beside.more


def passes(*, score: Array, variance: Array, before: Array, after: Array, weight: Array, pass_alpha: float) -> Flags:
    """Whether each interval ends with a decision that passes.

    Args:
        score, variance: the sums after each interval.
        before, after: the information before and after it.
        weight: of one event in the interval; half an event is subtracted, since counts are whole numbers.
        pass_alpha: the share of releases at the edge that may ever pass.
    """
    reached = np.searchsorted(POINTS, before, side="right")
    is_due = np.searchsorted(POINTS, after, side="right") > reached
    bound = np.append(bounds(pass_alpha), np.inf)[reached]
    with np.errstate(invalid="ignore"):
        found: Flags = is_due & (variance > 0) & (score - 0.5 * weight >= bound * np.sqrt(variance))
    return found


def information_to_pass(*, score: Array, variance: Array, information: Array, pass_alpha: float) -> Array:
    """How much information is missing until the next decision that a healthy candidate is likely to pass.

    Infinity where no decision is left.
    """
    needed = np.full(score.shape, np.inf)
    for point, bound in zip(POINTS[::-1], bounds(pass_alpha)[::-1], strict=True):
        more = np.maximum(point - information, 0.0)
        is_likely = score + more >= bound * np.sqrt(variance + more) + LIKELY * np.sqrt(more)
        needed = np.where((more > 0) & is_likely, more, needed)
    return needed


def progress(information: Array) -> Array:
    """How far the way to the next decision has come, 0..1."""
    points = np.append(POINTS, np.inf)
    done: Array = information / points[np.searchsorted(POINTS, information, side="right")]
    return done


@lru_cache(maxsize=32)
def bounds(pass_alpha: float) -> tuple[float, ...]:
    """How many standard deviations above 0 the score must be at each decision.

    Found one after the other: a score at the edge passes for the first time at decision k with a probability of that
    decision's part of `pass_alpha`.
    """
    spent = pass_alpha * _spending()
    found: list[float] = []
    grid, alive = np.zeros(1), np.ones(1)
    for point, before, part in zip(POINTS, (0.0, *POINTS), spent, strict=False):
        reach = np.linspace(-_DEVIATIONS, _DEVIATIONS, _GRID) * np.sqrt(point)
        walk = np.exp(-0.5 * (reach[:, None] - grid) ** 2 / (point - before)) / np.sqrt(2 * np.pi * (point - before))
        step = reach[1] - reach[0]
        density = walk @ alive
        # The probability of each grid point or more, by the trapezoidal rule.
        above = np.cumsum((density * step)[::-1])[::-1] - 0.5 * density * step
        bound = float(np.interp(np.log(part), np.log(np.maximum(above[::-1], 1e-300)), reach[::-1]))
        found.append(bound / float(np.sqrt(point)))
        grid, alive = reach, density * step * np.clip((bound - reach) / step + 0.5, 0.0, 1.0)
    return tuple(found)


def _spending() -> Array:
    """The part of the error budget that each decision spends; they sum to at most 1."""
    further = (1.0 - FIRST_SHARE) * FURTHER_SHARE * (1.0 - FURTHER_SHARE) ** np.arange(DECISIONS - 1)
    return np.append(FIRST_SHARE, further)
