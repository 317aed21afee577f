"""What a policy can and cannot find at some traffic: one line a metric. Pure."""

from __future__ import annotations

from dataclasses import replace

from dashboard.decide.comparison_inputs import Plan
from dashboard.decide.forecast import Reach, reach
from dashboard.decide.policy import Policy
from dashboard.decide.trial_tables import Metric, metrics_of
from dashboard.model.reading import Unit
from dashboard.model.trial import Trial
from dashboard.model.written import number

# The present traffic is that of these last intervals.
_RECENT = 30


def check(trial: Trial, policy: Policy) -> tuple[Reach, ...]:
    """For each metric: the smallest harm found within the bake time, and how long a healthy release takes to pass."""
    metrics = metrics_of(trial, policy)
    if not metrics:
        return ()
    plan = Plan(
        metrics=tuple(metric.plan for metric in metrics),
        interval_seconds=trial.interval_seconds,
        alpha=policy.alpha,
        pass_alpha=policy.pass_alpha,
    )
    bake = policy.bake.total_seconds()
    return tuple(replace(_reach(metric, plan, bake), metric=_name(metric)) for metric in metrics)


def _reach(metric: Metric, plan: Plan, bake_seconds: float) -> Reach:
    return reach(
        plan,
        metric.plan,
        share=_share(metric),
        slope=metric.slope,
        phi=1.0,
        total_events=(
            _rate(metric.total_events.candidate, plan),
            _rate(metric.total_events.first, plan) + _rate(metric.total_events.second, plan),
        ),
        bake_seconds=bake_seconds,
    )


def _share(metric: Metric) -> float:
    """The baseline's share of bad events, drawn to what is usual while little is known."""
    total_events = sum(metric.total_events.first) + sum(metric.total_events.second)
    bad_events = sum(metric.bad_events.first) + sum(metric.bad_events.second)
    return (bad_events + 1.0) / (total_events + 1.0 / metric.usual)


def _rate(column: tuple[int, ...], plan: Plan) -> float:
    recent = column[-_RECENT:]
    return sum(recent) / len(recent) / plan.interval_seconds if recent else 0.0


def _name(metric: Metric) -> str:
    return metric.name if metric.seconds is None else f"slower than {number(metric.seconds, Unit.SECONDS)}"
