"""From a trial's counts to the evidence on each metric: builds the plan and the tables, and runs the comparison once.

Pure. In the mode *after* the baseline is the record from before the switch (`record.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.decide import dispersion, planned, record
from dashboard.decide.comparison import Course, MetricPlan, Past, Plan, Table, begin, compare
from dashboard.decide.factor import Array
from dashboard.decide.forecast import seconds_to_go
from dashboard.decide.policy import MetricFamily, Policy, limit_of
from dashboard.model.trial import Columns, Trial
from dashboard.model.verdict import Mode

# What is tried for each metric; latency counts runs.
TOTALS = {"errors": "runs", "violations": "evaluations", "tools": "tools", "denials": "decisions"}
_HALVES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric of a trial with its rows."""

    name: str
    family: str
    total_events: Columns
    bad_events: Columns
    usual: float
    slope: float
    plan: MetricPlan
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The evidence on one metric. `harm` is a part of the threshold, on the logarithmic scale; `proof` how far the way
    to a pass has come, which may be decided otherwise at its end. Of both 1 is the most.

    `psi_go` is how many times the baseline's share the candidate may have; `by_limit` says which way to pass is nearer.
    """

    metric: Metric
    total_events: tuple[int, int]
    bad_events: tuple[int, int]
    harm: float
    proof: float
    is_guilty: bool
    is_proven: bool
    by_limit: bool
    seconds_left: float | None
    psi_fail: float
    psi_go: float
    phi: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """All metrics together. `total` is the evidence for harm now, `most` the most it ever was since the beginning."""

    metrics: tuple[Weighed, ...]
    total: float
    most: float


def metrics_of(trial: Trial, policy: Policy) -> tuple[Metric, ...]:
    """What can be compared, with its part of the error budget."""
    found = [
        Metric(
            name=name,
            family=name,
            total_events=trial.total_events[TOTALS[name]],
            bad_events=trial.bad_events[name],
            usual=family.usual,
            slope=1.0,
            plan=_plan(name, family, family.weight, family.limit),
        )
        for name, family in policy.in_order()
        if name in TOTALS and TOTALS[name] in trial.total_events and name in trial.bad_events
    ]
    latency = policy.families.get("latency")
    if latency is not None and "runs" in trial.total_events:
        for index, bound in enumerate(trial.bounds):
            name = f"slow_{index}"
            found.append(
                Metric(
                    name=name,
                    family="latency",
                    total_events=trial.total_events.get(name, trial.total_events["runs"]),
                    bad_events=trial.bad_events[name],
                    usual=bound.share,
                    slope=bound.slope,
                    plan=_plan(name, latency, latency.weight / len(trial.bounds), limit_of(policy, latency, bound)),
                    seconds=bound.seconds,
                )
            )
    return tuple(found)


def _plan(name: str, family: MetricFamily, weight: float, limit: float | None) -> MetricPlan:
    return MetricPlan(name=name, weight=weight, fail=family.fail, go=family.go, limit=limit)


def weigh(trial: Trial, policy: Policy, mode: Mode) -> Weighing:
    """The evidence after the last interval. Nothing to compare gives no metrics and no evidence."""
    metrics = metrics_of(trial, policy)
    if not metrics or trial.intervals <= 0:
        return Weighing(metrics=(), total=0.0, most=0.0)
    plan = plan_of(trial, metrics, policy)
    table, past = tables(trial, metrics, mode, plan.scales)
    course, state = compare(plan, table, begin(plan, past))
    left = seconds_to_go(plan, table, course, state)
    return Weighing(
        metrics=tuple(_weighed(index, metric, plan, table, course, left) for index, metric in enumerate(metrics)),
        total=float(np.exp(min(course.total[-1], 700.0))),
        most=float(np.exp(min(course.total.max(), 700.0))),
    )


def plan_of(trial: Trial, metrics: Sequence[Metric], policy: Policy) -> Plan:
    """What is compared, and how sure one must be."""
    return Plan(
        metrics=tuple(metric.plan for metric in metrics),
        interval_seconds=trial.interval_seconds,
        alpha=policy.alpha,
        pass_alpha=policy.pass_alpha,
    )


def tables(trial: Trial, metrics: Sequence[Metric], mode: Mode, scales: tuple[int, ...]) -> tuple[Table, Past]:
    """The table since the beginning, and what is known from before."""
    candidate_total = _rows(metric.total_events.candidate for metric in metrics)[trial.history :]
    candidate_bad = _rows(metric.bad_events.candidate for metric in metrics)[trial.history :]
    total_events = np.stack(
        [_rows(getattr(m.total_events, half) for m in metrics) for half in ("first", "second")], axis=-1
    )
    bad_events = np.stack(
        [_rows(getattr(m.bad_events, half) for m in metrics) for half in ("first", "second")], axis=-1
    )
    before_total, before_bad = total_events[: trial.history], bad_events[: trial.history]
    nothing = dispersion.nothing_seen((), len(metrics), _HALVES, len(scales))
    _, seen = dispersion.follow(nothing, before_total, before_bad, scales)
    widening, slope = np.ones(len(metrics)), np.array([metric.slope for metric in metrics])
    now_total, now_bad = total_events[trial.history :], bad_events[trial.history :]
    if mode is Mode.AFTER:
        length = len(candidate_total)
        widening = record.widening(
            before_total.sum(-1),
            before_bad.sum(-1),
            slope=slope,
            kinds=["latency" if metric.family == "latency" else "share" for metric in metrics],
        )
        baseline = record.pair(before_total, length), record.pair(before_bad, length)
        # What the old track does by now is no evidence, neither as baseline nor on how counts vary.
        now_total, now_bad = np.zeros_like(now_total), np.zeros_like(now_bad)
    else:
        baseline = now_total.sum(-1), now_bad.sum(-1)
    usual = np.array([metric.usual for metric in metrics])
    past = Past(
        share=(before_bad.sum((0, 2)) + 1.0) / (before_total.sum((0, 2)) + 1.0 / usual),
        slope=slope,
        widening=widening,
        dispersion=seen,
    )
    return (
        Table(
            candidate_total=candidate_total,
            candidate_bad=candidate_bad,
            baseline_total=baseline[0],
            baseline_bad=baseline[1],
            parts_total=now_total,
            parts_bad=now_bad,
        ),
        past,
    )


def _rows(columns: object) -> Array:
    return np.stack([np.array(column, dtype=float) for column in columns], axis=-1)  # type: ignore[attr-defined]


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
        harm=min(1.0, max(0.0, float(course.fail[-1, index]) / guilty)),
        proof=min(1.0, max(0.0, relative, absolute)),
        is_guilty=harm >= guilty,
        is_proven=has_passed or absolute >= 1.0,
        by_limit=absolute > relative,
        seconds_left=seconds if np.isfinite(seconds) else None,
        psi_fail=float(course.psi_fail[-1, index]),
        psi_go=float(course.psi_go[-1, index]),
        phi=float(course.phi[-1, index]),
    )
