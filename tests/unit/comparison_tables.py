"""Builders of tables of counts for the tests of the comparison: two tracks, two metrics, the baseline's two halves."""

from __future__ import annotations

import numpy as np

from dashboard.decide import dispersion
from dashboard.decide.comparison_inputs import Margin, MetricPlan, Past, Plan, Table
from dashboard.decide.factor import Array

PLAN = Plan(
    metrics=(
        MetricPlan(
            name="errors",
            weight=0.6,
            fail=Margin(ratio=1.1, share=0.0005),
            go=Margin(ratio=1.5, share=0.002),
            limit=0.02,
        ),
        MetricPlan(name="slow", weight=0.4, fail=Margin(ratio=1.1), go=Margin(ratio=1.25)),
    )
)
SHARES = np.array([0.01, 0.1])


def past(plan: Plan = PLAN) -> Past:
    """Shares as they are, latency with a slope of 2, nothing seen of the dispersion."""
    return Past(
        share=SHARES.copy(),
        slope=np.array([1.0, 2.0]),
        widening=np.ones(2),
        noise=np.zeros(2),
        noise_shown=np.zeros(2),
        dispersion=dispersion.nothing_seen((), 2, 2, len(plan.scales)),
    )


def table(green_total: Array, green_bad: Array, blue_total: Array, blue_bad: Array) -> Table:
    """From (interval, metric) counts; the baseline's halves are as equal as whole numbers allow."""
    halves = [np.stack([np.ceil(rows / 2), np.floor(rows / 2)], axis=-1) for rows in (blue_total, blue_bad)]
    return Table(
        candidate_total=green_total.astype(float),
        candidate_bad=green_bad.astype(float),
        baseline_total=blue_total.astype(float),
        baseline_bad=blue_bad.astype(float),
        parts_total=halves[0],
        parts_bad=np.minimum(halves[1], halves[0]),
    )


def drawn(seed: int, intervals: int = 60, *, worse: float = 1.0, total_events: int = 250) -> Table:
    """A release whose shares are `worse` times those of the baseline, while both drift in common."""
    dice = np.random.default_rng(seed)
    rates = np.minimum(SHARES * np.exp(0.5 * np.sin(np.arange(intervals) / 9.0))[:, None], 0.4)
    green, blue = dice.poisson(total_events, (2, intervals, 1)) * np.ones((1, 2), dtype=int)
    return table(green, dice.binomial(green, np.minimum(rates * worse, 0.9)), blue, dice.binomial(blue, rates))
