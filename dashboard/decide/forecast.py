"""How long until a comparison answers at the present traffic, and which harm it can find at all.

A pass is decided at planned amounts of information, so the time left is the missing information over what the present
traffic brings. Against a limit, and for harm, the product of e-values is a random walk with drift on the logarithmic
scale. The time left is about the missing evidence over the mean growth of an interval (Wald, "Sequential Analysis",
1947, section 3.4: the average sample number), which `factor.py` gives for expected counts. So forecasts follow margins,
traffic shares and dispersion, and are computed again at each look. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.decide import planned
from dashboard.decide.bets import FAIL_ODDS, LATE_SHARE
from dashboard.decide.comparison import PRIOR_EVENTS, CompareState, Course, edge_to_pass
from dashboard.decide.comparison_inputs import MetricPlan, Plan, Table
from dashboard.decide.factor import MOST_RATE, Array, log_absolute_factor, log_factor, odds_times
from dashboard.decide.planned import Flags

# The present traffic is the mean of this many last intervals.
RECENT = 12
# A time left is shown only while earlier forecasts agree within this factor, or within this many seconds.
STEADY_FACTOR = 1.25
STEADY_SECONDS = 20.0


def seconds_to_go(plan: Plan, table: Table, course: Course, state: CompareState) -> Array:
    """The seconds until each metric can pass, (..., metric): 0 where it can, infinity where it never will.

    The candidate is assumed to be as good as both tracks together.
    """
    phi = course.phi_go[..., -1, :]
    n_g = _recent(table.candidate_total) / phi
    n_b = _recent(table.baseline_total) / phi
    share = (state.sums[3] + PRIOR_EVENTS) / (state.sums[2] + PRIOR_EVENTS / state.past.share)
    beside = edge_to_pass(plan, state.past, share[..., None, :])
    missing = planned.information_to_pass(
        score=state.score[0], variance=state.score[1], information=state.score[2], pass_alpha=plan.pass_alpha
    )
    growth = planned.information(n_g[..., None, :], n_b[..., None, :], beside)[..., 0, :]
    relative = _intervals(np.where(state.passed, 0.0, missing), growth)
    needed = -np.log(plan.pass_alpha)
    own = (state.sums[1] + 0.5) / (state.sums[0] + 0.5 / state.past.share)
    limits = np.array([metric.limit or np.nan for metric in plan.metrics])
    absolute = _intervals(needed - state.absolute_most, _absolute_growth(n_g, share=own, limit=limits))
    found: Array = np.fmin(relative, absolute) * plan.interval_seconds
    return found


def is_steady(now: Array, before: Sequence[tuple[float, Array]]) -> Flags:
    """Whether earlier forecasts predicted the same moment as the present one: (..., metric)."""
    steady = np.full(now.shape, bool(before))
    for seconds, left in before:
        then = left - seconds
        with np.errstate(invalid="ignore"):
            near = np.abs(then - now) <= STEADY_SECONDS
            steady &= near | ((then <= STEADY_FACTOR * now) & (now <= STEADY_FACTOR * then))
    return steady


def _recent(rows: Array) -> Array:
    mean: Array = rows[..., -RECENT:, :].mean(axis=-2)
    return mean


def _intervals(missing: Array, growth: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(growth > 0, np.maximum(missing, 0.0) / growth, np.inf)
    return np.where(missing <= 0, 0.0, left)


def _absolute_growth(n_g: Array, *, share: Array, limit: Array) -> Array:
    """The mean growth of evidence per interval against a limit; 0 without a limit or with a rate that is above it."""
    bet = np.minimum(share, 0.6 * limit)
    growth = log_absolute_factor(n_g, n_g * share, limit=limit, bet_g=bet)
    return np.where(np.isnan(growth), 0.0, growth)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the policy can do for one metric at some traffic.

    Attributes:
        metric: its name.
        share: the baseline's share of bad events.
        smallest: the smallest share of bad events that is typically found within the bake time; None if not even 90 %
            is.
        seconds_to_go: how long a healthy release takes to pass; None if that is longer than the bake time.
        bad_needed: bad events on both tracks together until a healthy release passes by comparison; None if a track has
            no traffic, so that it never does.
    """

    metric: str
    share: float
    smallest: float | None
    seconds_to_go: float | None
    bad_needed: int | None


def reach(
    plan: Plan,
    metric: MetricPlan,
    *,
    share: float,
    slope: float,
    phi: float,
    total_events: tuple[float, float],
    bake_seconds: float,
) -> Reach:
    """What `metric` finds and passes, at `total_events` per second on candidate and baseline, with this `share`."""
    n_g, n_b = (np.array(rate * plan.interval_seconds / phi) for rate in total_events)
    rate = np.array(share)
    psi_fail = np.array(max(metric.fail.ratio**slope, 1.0 + metric.fail.share / share))
    beside = planned.edge(
        ratio=np.array(metric.go.ratio**slope), share=np.array(metric.go.share), widening=np.ones(()), expected=rate
    )
    none = np.zeros(())
    missing = planned.information_to_pass(score=none, variance=none, information=none, pass_alpha=plan.pass_alpha)
    relative = _intervals(missing, planned.information(n_g, n_b, beside))
    limit = np.array(metric.limit or np.nan)
    absolute = _intervals(-np.log(np.array(plan.pass_alpha)), _absolute_growth(n_g, share=rate, limit=limit))
    to_go = float(np.fmin(relative, absolute)) * plan.interval_seconds
    intervals = bake_seconds / plan.interval_seconds
    factors = np.geomspace(float(psi_fail) * 1.02, max(0.9 / share, 2.0 * float(psi_fail)), 400)
    needed = -np.log(plan.alpha * metric.weight * (1 - LATE_SHARE))
    found = [f for f in factors if f * share < 1 and _found(n_g, n_b, rate, f * rate, psi_fail) * intervals >= needed]
    return Reach(
        metric=metric.name,
        share=share,
        smallest=float(found[0]) * share if found else None,
        seconds_to_go=to_go if to_go <= bake_seconds else None,
        bad_needed=round(float(relative * (n_g + n_b) * rate) * phi) if np.isfinite(relative) else None,
    )


def _found(n_g: Array, n_b: Array, rate: Array, worse: Array, psi: Array) -> float:
    """The mean growth of evidence per interval of the best bet, where the candidate's share is `worse`."""
    bet_b = np.minimum(rate, MOST_RATE / psi)
    bets = odds_times(psi * bet_b, FAIL_ODDS)
    growth = log_factor(n_g, n_g * worse, n_b, n_b * rate, psi=psi, bet_b=bet_b, bet_g=bets)
    return float(np.max(growth))
