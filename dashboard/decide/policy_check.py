"""What a policy can and cannot find at some traffic: one line a metric. Pure."""

from __future__ import annotations

from dataclasses import replace

from dashboard.decide.comparison import Plan
from dashboard.decide.forecast import Reach, reach
from dashboard.decide.policy import Policy
from dashboard.decide.weighing import Metric, metrics_of
from dashboard.model.trial import Trial

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
        tries=(_rate(metric.tries.candidate, plan), _rate(metric.tries.first, plan) + _rate(metric.tries.second, plan)),
        bake_seconds=bake_seconds,
    )


def _share(metric: Metric) -> float:
    """The baseline's share of bad ones, drawn to what is usual while little is known."""
    tries = sum(metric.tries.first) + sum(metric.tries.second)
    bad = sum(metric.bad.first) + sum(metric.bad.second)
    return (bad + 1.0) / (tries + 1.0 / metric.usual)


def _rate(column: tuple[int, ...], plan: Plan) -> float:
    recent = column[-_RECENT:]
    return sum(recent) / len(recent) / plan.interval_seconds if recent else 0.0


def _name(metric: Metric) -> str:
    return metric.name if metric.seconds is None else f"slower than {metric.seconds:g} s"
