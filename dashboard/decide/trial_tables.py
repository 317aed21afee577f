"""From a trial's columns to tables of counts: for the comparison, for the limits, and of the past.

In the mode *after* the baseline is the record from before the switch (`record.py`). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.decide import against_limit, dispersion, record, track_noise
from dashboard.decide.against_limit import LimitTable
from dashboard.decide.comparison_inputs import MetricPlan, Past, Plan, Table
from dashboard.decide.factor import Array
from dashboard.decide.policy import LIMIT_WEIGHTS, MetricFamily, Policy, limit_of
from dashboard.model.trial import Columns, PastColumns, Trial
from dashboard.model.verdict import Mode

# The total events of each metric; latency counts runs.
TOTALS = {"errors": "runs", "violations": "evaluations", "tools": "tools", "denials": "decisions"}
OVER_LIMIT = "over_limit"
# By this name a trial says why runs under way are not known; its gate has the same name.
RUNS_ACTIVE = "runs_active"
# The share of runs that may take longer than the limit of p95.
SLOWER_THAN_P95 = 0.05
_HALVES = ("first", "second")
_HOUR_SECONDS = 3600.0


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
class LimitMetric:
    """One share that is tested against a fixed limit. `weight` is its part of the error budget."""

    name: str
    gate: str
    total_events: Columns
    bad_events: Columns
    limit: float
    weight: float
    seconds: float | None = None


def metrics_of(trial: Trial, policy: Policy) -> tuple[Metric, ...]:
    """The metrics that can be compared. One whose baseline may have had more bad events than counted is left out."""
    found = [
        Metric(
            name=name,
            family=name,
            total_events=trial.total_events[TOTALS[name]],
            bad_events=trial.bad_events[name],
            usual=family.usual,
            slope=1.0,
            plan=_plan(name, family, policy.compared_weight(family), family.limit),
        )
        for name, family in policy.in_order()
        if name in TOTALS and TOTALS[name] in trial.total_events and name in trial.bad_events
        if name not in trial.unproven
    ]
    latency = policy.families.get("latency")
    if latency is not None and "runs" in trial.total_events:
        weight = policy.compared_weight(latency) / max(1, len(trial.bounds))
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
                    plan=_plan(name, latency, weight, limit_of(policy, latency, bound)),
                    seconds=bound.seconds,
                )
            )
    return tuple(found)


def _plan(name: str, family: MetricFamily, weight: float, limit: float | None) -> MetricPlan:
    return MetricPlan(name=name, weight=weight, fail=family.fail, go=family.go, limit=limit)


def limits_of(trial: Trial, policy: Policy) -> tuple[LimitMetric, ...]:
    """What is tested against a fixed limit, as far as it is counted."""
    wanted = (
        ("errors", "errors", policy.limits.error_ratio, None),
        ("violations", "violations", policy.limits.violation_ratio, None),
        (OVER_LIMIT, "latency", SLOWER_THAN_P95, trial.over_seconds),
    )
    return tuple(
        LimitMetric(
            name=name,
            gate=gate,
            total_events=trial.total_events.get(name, trial.total_events[TOTALS.get(name, "runs")]),
            bad_events=trial.bad_events[name],
            limit=limit,
            weight=LIMIT_WEIGHTS[gate],
            seconds=seconds,
        )
        for name, gate, limit, seconds in wanted
        if name in trial.bad_events and TOTALS.get(name, "runs") in trial.total_events
    )


def plan_of(trial: Trial, metrics: Sequence[Metric], policy: Policy) -> Plan:
    """The plan of a comparison of these metrics."""
    return Plan(
        metrics=tuple(metric.plan for metric in metrics),
        interval_seconds=trial.interval_seconds,
        alpha=policy.alpha,
        pass_alpha=policy.pass_alpha,
        watched=policy.watched_intervals(trial.interval_seconds),
    )


def tables(trial: Trial, metrics: Sequence[Metric], mode: Mode, plan: Plan) -> tuple[Table, Past]:
    """The counts since the release began, and what is known from before."""
    now, before = slice(trial.history, None), slice(0, trial.history)
    total, bad = _baseline_halves(metrics)
    kinds = ["latency" if metric.family == "latency" else "share" for metric in metrics]
    slope = np.array([metric.slope for metric in metrics])
    usual = np.array([metric.usual for metric in metrics])
    candidate = _rows(metric.total_events.candidate for metric in metrics)[now]
    parts_total, parts_bad = total[now], bad[now]
    baseline = parts_total.sum(-1), parts_bad.sum(-1)
    widening = np.ones(len(metrics))
    if mode is Mode.AFTER:
        widening = record.widening(total[before].sum(-1), bad[before].sum(-1), slope=slope, kinds=kinds)
        length = len(candidate), plan.watched
        baseline = record.pair(total[before], *length), record.pair(bad[before], *length)
        # What the old track does after the switch is no evidence, neither as a baseline nor on the dispersion.
        parts_total, parts_bad = np.zeros_like(parts_total), np.zeros_like(parts_bad)
    seen = _seen(total[before], bad[before], plan.scales)
    noise, noise_shown = _noise(trial, metrics, kinds, slope, dispersion.known(seen))
    past = Past(
        share=(bad[before].sum((0, 2)) + 1.0) / (total[before].sum((0, 2)) + 1.0 / usual),
        slope=slope,
        widening=widening,
        noise=noise,
        noise_shown=noise_shown,
        dispersion=seen,
    )
    table = Table(
        candidate_total=candidate,
        candidate_bad=_rows(metric.bad_events.candidate for metric in metrics)[now],
        baseline_total=baseline[0],
        baseline_bad=baseline[1],
        parts_total=parts_total,
        parts_bad=parts_bad,
    )
    return table, past


def limit_table(trial: Trial, found: Sequence[LimitMetric], mode: Mode, scales: tuple[int, ...]) -> LimitTable:
    """The candidate's counts since the release began, to test against the limits."""
    total, bad = _baseline_halves(found)
    now, before = slice(trial.history, None), slice(0, trial.history)
    parts_total, parts_bad = total[now], bad[now]
    if mode is Mode.AFTER:
        parts_total, parts_bad = np.zeros_like(parts_total), np.zeros_like(parts_bad)
    windows, hour = (
        max(1, round(seconds / trial.past.window_seconds))
        for seconds in (against_limit.DRIFT_WINDOW_SECONDS, _HOUR_SECONDS)
    )
    past = past_rows(trial, [metric.name for metric in found])
    seen = _seen(total[before], bad[before], scales)
    phi = dispersion.known(seen)
    return LimitTable(
        total=_rows(each.total_events.candidate for each in found)[now],
        bad=_rows(each.bad_events.candidate for each in found)[now],
        parts_total=parts_total,
        parts_bad=parts_bad,
        limits=np.array([metric.limit for metric in found]),
        drift=against_limit.drift_variance(
            track_noise.over_time(*(grouped(rows, windows) / phi for rows in past.baseline))
        ),
        usual=against_limit.usual_share(*(grouped(rows, hour) for rows in past.baseline)),
        dispersion=seen,
    )


@dataclass(frozen=True, slots=True)
class PastRows:
    """Counts of the past: total and bad events of each track, (window, metric)."""

    candidate: tuple[Array, Array]
    baseline: tuple[Array, Array]


def past_rows(trial: Trial, names: Sequence[str]) -> PastRows:
    """The past of these metrics; a metric without a past has no events."""
    past = trial.past
    length = max((len(columns.baseline) for columns in past.total_events.values()), default=0)
    nothing = PastColumns(candidate=(0,) * length, baseline=(0,) * length)

    def of(columns: Mapping[str, PastColumns], name: str) -> PastColumns:
        return columns.get(name, nothing)

    pairs = [
        (past.total_events.get(name, of(past.total_events, TOTALS.get(name, "runs"))), of(past.bad_events, name))
        if name in past.bad_events
        else (nothing, nothing)
        for name in names
    ]
    return PastRows(
        candidate=(_rows(total.candidate for total, _ in pairs), _rows(bad.candidate for _, bad in pairs)),
        baseline=(_rows(total.baseline for total, _ in pairs), _rows(bad.baseline for _, bad in pairs)),
    )


def grouped(rows: Array, each: int) -> Array:
    """Sums over groups of `each` windows, aligned to the end; a rest at the beginning is dropped."""
    windows = rows.shape[-2] // each
    some = rows[..., rows.shape[-2] - windows * each :, :]
    sums: Array = some.reshape(*rows.shape[:-2], windows, each, rows.shape[-1]).sum(axis=-2)
    return sums


def _noise(
    trial: Trial, metrics: Sequence[Metric], kinds: Sequence[str], slope: Array, phi: Array
) -> tuple[Array, Array]:
    """The variance of a track's own noise in each metric: with its uncertainty, and what is proven beyond it.

    Counts are divided by their dispersion first, since failures in clumps would look like noise.
    """
    each = max(1, round(track_noise.WINDOW_SECONDS / trial.past.window_seconds))
    past = past_rows(trial, [metric.name for metric in metrics])
    ours, theirs = (tuple(grouped(rows, each) / phi for rows in track) for track in (past.candidate, past.baseline))
    alone, beside = track_noise.over_time(*theirs), track_noise.between(*ours, *theirs)
    return (
        track_noise.variance(alone, beside, slope=slope, kinds=kinds),
        track_noise.variance(alone, beside, slope=slope, kinds=kinds, errors_added=-1.0),
    )


def _seen(total: Array, bad: Array, scales: tuple[int, ...]) -> dispersion.Dispersion:
    nothing = dispersion.nothing_seen((), total.shape[-2], len(_HALVES), len(scales))
    return dispersion.follow(nothing, total, bad, scales)[1]


def _baseline_halves(metrics: Sequence[Metric] | Sequence[LimitMetric]) -> tuple[Array, Array]:
    """Total and bad events of the two halves of the baseline's pods: (interval, metric, half)."""
    total = [_rows(getattr(metric.total_events, half) for metric in metrics) for half in _HALVES]
    bad = [_rows(getattr(metric.bad_events, half) for metric in metrics) for half in _HALVES]
    return np.stack(total, axis=-1), np.stack(bad, axis=-1)


def _rows(columns: Iterable[tuple[int, ...]]) -> Array:
    return np.stack([np.array(column, dtype=float) for column in columns], axis=-1)
