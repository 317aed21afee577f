"""All evidence on a release from the counts of a trial: comparison, limits and cost, which share one error budget.

Each part is evidence that is valid at every look, and so is their weighted mean. It reaches 1/alpha by chance in at
most a share alpha of all healthy releases, whichever gate it comes from. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.decide import against_limit, dearer, planned
from dashboard.decide.bets import log_mean
from dashboard.decide.comparison import Course, begin, compare, joined
from dashboard.decide.comparison_inputs import Past, Plan, Table
from dashboard.decide.factor import Array
from dashboard.decide.forecast import is_steady, seconds_to_go
from dashboard.decide.policy import LIMIT_WEIGHTS, Policy
from dashboard.decide.trial_tables import LimitMetric, Metric, limit_table, limits_of, metrics_of, plan_of, tables
from dashboard.model.trial import Trial
from dashboard.model.verdict import Mode

# A forecast is shown if those of half a minute and of a minute ago agree with it.
_LOOKED_BACK_SECONDS = (60.0, 30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The evidence on one metric.

    Attributes:
        harm: how far the evidence for harm has come to its threshold, on the logarithmic scale; at most 1.
        proof: how far the way to the next decision to pass has come; at most 1. That decision may still be no.
        is_under_limit: whether the candidate's own rate is shown to be under its limit.
        by_limit: whether the limit is the nearer way to pass.
        seconds_left: None where the time is unknown or not steady.
        psi_fail, psi_go: how many times the baseline's share the candidate may have.
        phi: what counts were divided by.
    """

    metric: Metric
    total_events: tuple[int, int]
    bad_events: tuple[int, int]
    harm: float
    proof: float
    is_guilty: bool
    is_proven: bool
    is_under_limit: bool
    by_limit: bool
    seconds_left: float | None
    psi_fail: float
    psi_go: float
    phi: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AboveLimit:
    """The evidence that one share is above its limit.

    `baseline_is_above`: the other track is shown to be above it too, so being no worse than that track proves nothing.
    """

    metric: LimitMetric
    total_events: int
    bad_events: int
    harm: float
    is_guilty: bool
    phi: float
    baseline_is_above: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """All evidence. `total` is the evidence for harm now, `most` its maximum since the release began.

    `cost_harm` is how far the evidence on cost has come to its threshold, 0..1; None where cost is not counted.
    """

    metrics: tuple[Weighed, ...]
    limits: tuple[AboveLimit, ...] = ()
    cost_harm: float | None = None
    total: float = 0.0
    most: float = 0.0

    def above(self, gate: str) -> AboveLimit | None:
        """The evidence of a gate against its limit; None where it is not counted."""
        return next((each for each in self.limits if each.metric.gate == gate), None)


def weigh(trial: Trial, policy: Policy, mode: Mode) -> Weighing:
    """The evidence after the last interval; empty where there is nothing to compare."""
    metrics, limits = metrics_of(trial, policy), limits_of(trial, policy)
    if not metrics or trial.intervals <= 0:
        return Weighing(metrics=())
    plan = plan_of(trial, metrics, policy)
    table, past = tables(trial, metrics, mode, plan)
    course, left = _compared(plan, table, past)
    above, weighed_limits = _against_limits(trial, limits, mode, plan)
    cost = _cost(trial, policy, mode)
    deciding = np.array([m.plan.weight * policy.decides(f"{m.family}_compared") for m in metrics])
    limit_weights = _weights(limits) * np.array([policy.decides(metric.gate) for metric in limits], dtype=float)
    cost_weight = _COST_WEIGHT * policy.decides("cost")
    total = together(course.fail, deciding, above, limit_weights, cost, cost_weight)
    return Weighing(
        metrics=tuple(_weighed(index, metric, plan, table, course, left) for index, metric in enumerate(metrics)),
        limits=weighed_limits,
        cost_harm=None if cost is None else _part(float(cost.max()), -np.log(plan.alpha * _COST_WEIGHT)),
        total=float(np.exp(min(total[-1], 700.0))),
        most=float(np.exp(min(total.max(), 700.0))),
    )


def _compared(plan: Plan, table: Table, past: Past) -> tuple[Course, Array]:
    """The comparison, and for each metric the seconds until it passes: infinity where no steady time is known."""
    length = table.candidate_total.shape[-2]
    # With long intervals both looks back may be the same one.
    back = sorted({max(1, round(seconds / plan.interval_seconds)) for seconds in _LOOKED_BACK_SECONDS}, reverse=True)
    cuts = [length - intervals for intervals in back if length > intervals]
    state, start = begin(plan, past), 0
    courses, lefts = [], []
    for cut in (*cuts, length):
        course, state = compare(plan, table.rows(start, cut), state)
        courses.append(course)
        lefts.append(((length - cut) * plan.interval_seconds, seconds_to_go(plan, table.rows(0, cut), course, state)))
        start = cut
    left = lefts[-1][1]
    steady = is_steady(left, lefts[:-1] if len(cuts) == len(back) else ())
    return joined(courses), np.where(steady, left, np.inf)


_COST_WEIGHT = LIMIT_WEIGHTS["cost"]


def together(
    fail: Array, weights: Array, above: Array, limit_weights: Array, cost: Array | None, cost_weight: float
) -> Array:
    """The weighted mean of all evidence, as a logarithm: (..., interval).

    Args:
        fail: of the comparison, (..., interval, metric), with `weights`.
        above: of the limits, (..., interval, limit), with `limit_weights`.
        cost: (..., interval); None where it is not counted.
    """
    parts = [fail, above] if cost is None else [fail, above, cost[..., None]]
    shares = [weights, limit_weights] if cost is None else [weights, limit_weights, np.array([cost_weight])]
    return log_mean(np.concatenate(parts, axis=-1), np.concatenate(shares))


def _weights(limits: Sequence[LimitMetric]) -> Array:
    return np.array([metric.weight for metric in limits])


def _against_limits(
    trial: Trial, limits: Sequence[LimitMetric], mode: Mode, plan: Plan
) -> tuple[Array, tuple[AboveLimit, ...]]:
    """The evidence against each limit over time, (interval, limit), and as it stands now."""
    if not limits:
        return np.zeros((trial.intervals, 0)), ()
    table = limit_table(trial, limits, mode, plan.scales)
    above, phi = against_limit.above(table, interval_seconds=plan.interval_seconds, scales=plan.scales)
    theirs = np.full(len(limits), -np.inf)
    if mode is Mode.BEFORE:
        # The baseline is tested against the limit as the candidate is, by its own counts.
        total, bad = table.parts_total.sum(axis=-1), table.parts_bad.sum(axis=-1)
        found, _ = against_limit.evidence(table, total, bad, interval_seconds=plan.interval_seconds, scales=plan.scales)
        theirs = found.max(axis=0)
    enough = -np.log(plan.alpha * _weights(limits))
    return above, tuple(
        AboveLimit(
            metric=metric,
            total_events=round(table.total[:, index].sum()),
            bad_events=round(table.bad[:, index].sum()),
            harm=_part(float(above[-1, index]), enough[index]),
            is_guilty=bool(above[:, index].max() >= enough[index]),
            phi=float(phi[-1, index]),
            baseline_is_above=bool(theirs[index] >= enough[index]),
        )
        for index, metric in enumerate(limits)
    )


def _cost(trial: Trial, policy: Policy, mode: Mode) -> Array | None:
    """The evidence over time that runs cost too much; None where cost is not counted or no other track runs."""
    if trial.cost is None or "runs" not in trial.total_events or mode is Mode.AFTER:
        return None
    cost, runs = trial.cost, trial.total_events["runs"]
    ours, our_runs = (np.array(rows.candidate, dtype=float)[trial.history :] for rows in (cost, runs))
    theirs, their_runs = (
        (np.array(rows.first, dtype=float) + np.array(rows.second, dtype=float))[trial.history :]
        for rows in (cost, runs)
    )
    return dearer.above(ours, our_runs, theirs, their_runs, policy.limits.cost_ratio)


def _part(evidence: float, enough: float) -> float:
    return min(1.0, max(0.0, evidence / enough))


def _weighed(index: int, metric: Metric, plan: Plan, table: Table, course: Course, left: Array) -> Weighed:
    guilty = -np.log(plan.alpha * metric.plan.weight)
    proven = -np.log(plan.pass_alpha)
    harm = float(course.fail[:, index].max())
    has_passed = bool(course.passed[-1, index])
    relative = 1.0 if has_passed else float(planned.progress(course.information[-1, index]))
    absolute = float(course.absolute[:, index].max()) / proven
    seconds = float(left[index])
    return Weighed(
        metric=metric,
        total_events=(round(table.candidate_total[:, index].sum()), round(table.baseline_total[:, index].sum())),
        bad_events=(round(table.candidate_bad[:, index].sum()), round(table.baseline_bad[:, index].sum())),
        harm=_part(float(course.fail[-1, index]), guilty),
        proof=min(1.0, max(0.0, relative, absolute)),
        is_guilty=harm >= guilty,
        is_proven=has_passed or absolute >= 1.0,
        is_under_limit=absolute >= 1.0,
        by_limit=absolute > relative,
        seconds_left=seconds if np.isfinite(seconds) else None,
        psi_fail=float(course.psi_fail[-1, index]),
        psi_go=float(course.psi_go[-1, index]),
        phi=float(course.phi[-1, index]),
    )
