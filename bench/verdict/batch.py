"""All evidence on many simulated releases at once, by the product's own functions on a leading axis.

`dashboard.decide.trial_tables` builds the tables of one release from its columns; here the same tables are built for
hundreds of releases. `word.py` checks them against the product's verdict on single releases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.verdict.worlds import HISTORY, INTERVAL, INTERVALS, NAMES, SHARE_NAMES, Tracks, World, bounds
from dashboard.decide import against_limit, dearer, dispersion, record, track_noise
from dashboard.decide.against_limit import LimitTable
from dashboard.decide.bets import log_mean
from dashboard.decide.comparison import begin, compare
from dashboard.decide.comparison_inputs import MetricPlan, Past, Plan, Table
from dashboard.decide.factor import Array, over_last
from dashboard.decide.forecast import seconds_to_go
from dashboard.decide.planned import Flags
from dashboard.decide.policy import LIMIT_WEIGHTS, MetricFamily, Policy, default_families, limit_of
from dashboard.decide.trial_tables import SLOWER_THAN_P95, grouped
from dashboard.decide.weighing import together

# Of the columns of `Tracks`: what is compared, and what is held against a limit.
COMPARED = NAMES[:6]
KINDS = ("share",) * 3 + ("latency",) * 3
LIMITED = {"errors": 0, "violations": 1, "latency": 6}
_NOW = slice(HISTORY, None)


def policy() -> Policy:
    """The product's defaults for a service that counts no policy decisions; tools have their part of the budget."""
    families = dict(default_families())
    denials, tools = families.pop("denials"), families["tools"]
    weight = tools.weight + denials.weight
    families["tools"] = MetricFamily(weight=weight, fail=tools.fail, go=tools.go, limit=tools.limit, usual=tools.usual)
    return Policy(families=families)


def plan(world: World, judged_by: Policy, *, alone: bool = False) -> Plan:
    """What is compared; `alone` gives the comparison the whole error budget and no limit to pass by."""

    def metric(name: str, family: MetricFamily, part: float, limit: float | None) -> MetricPlan:
        weight = (family.weight if alone else judged_by.compared_weight(family)) * part
        return MetricPlan(name=name, weight=weight, fail=family.fail, go=family.go, limit=None if alone else limit)

    families = judged_by.families
    shares = [metric(name, families[name], 1.0, families[name].limit) for name in SHARE_NAMES]
    latency = families["latency"]
    found = bounds(world)
    slow = [
        metric(f"slow_{at}", latency, 1 / len(found), limit_of(judged_by, latency, bound))
        for at, bound in enumerate(found)
    ]
    return Plan(
        metrics=(*shares, *slow),
        interval_seconds=INTERVAL,
        alpha=judged_by.alpha,
        pass_alpha=judged_by.pass_alpha,
        watched=judged_by.watched_intervals(INTERVAL),
    )


def looks(world: World, judged_by: Policy) -> int:
    """How many looks there are at a release: after a switch it is watched for a set time only."""
    return min(INTERVALS, judged_by.watched_intervals(INTERVAL)) if world.after else INTERVALS


@dataclass(frozen=True, kw_only=True)
class Found:
    """When evidence says so, in seconds since the beginning, infinity for never: (run).

    `alone_stops` and `alone_passes` are those of the comparison with the whole budget, the others those of everything.
    """

    alone_stops: Array
    alone_passes: Array
    stops: Array
    most: Array  # the most that all evidence ever reached of what stops a release, on the logarithmic scale
    passes: Array
    said: Array  # what was said after a minute about the time until all metrics pass


def weigh(world: World, tracks: Tracks, judged_by: Policy) -> Found:
    """All evidence on all releases."""
    # The evidence on a metric does not depend on its part of the budget; what reaches 1 / alpha together does.
    alone, shared = plan(world, judged_by, alone=True), plan(world, judged_by)
    seen = slice(0, looks(world, judged_by))
    table, past = _tables(world, tracks, shared)
    course, _ = compare(shared, table, begin(shared, past))
    gates = tuple(LIMITED)
    above, _ = against_limit.above(
        _limit_table(world, tracks, judged_by), interval_seconds=INTERVAL, scales=shared.scales
    )
    cost = None
    if not world.after:
        theirs = over_last(tracks.theirs_total[:, _NOW, 0])
        cost = dearer.above(
            tracks.ours_cost, tracks.ours_total[..., 0], tracks.theirs_cost, theirs, judged_by.limits.cost_ratio
        )
    limit_weights = np.array([LIMIT_WEIGHTS[gate] for gate in gates])
    total = together(course.fail, _weights(shared), above, limit_weights, cost, LIMIT_WEIGHTS["cost"])
    total, passed = total[..., seen], course.passed[..., seen, :]
    alone_total = log_mean(course.fail[..., seen, :], _weights(alone))
    proven = passed | (np.maximum.accumulate(course.absolute[..., seen, :], axis=-2) >= -np.log(shared.pass_alpha))
    return Found(
        alone_stops=first(alone_total >= -np.log(alone.alpha)),
        alone_passes=first(passed.all(axis=-1)),
        stops=first(total >= -np.log(shared.alpha)),
        most=total.max(axis=-1) / -np.log(shared.alpha),
        passes=first(proven.all(axis=-1)),
        said=_said(alone, table, past),
    )


def first(is_so: Flags) -> Array:
    """The end of the first interval of which it is so, in seconds."""
    return np.where(is_so.any(axis=-1), (is_so.argmax(axis=-1) + 1) * INTERVAL, np.inf)


def _weights(of: Plan) -> Array:
    return np.array([metric.weight for metric in of.metrics])


def _said(alone: Plan, table: Table, past: Past) -> Array:
    minute = table.rows(0, 6)
    course, state = compare(alone, minute, begin(alone, past))
    left: Array = seconds_to_go(alone, minute, course, state).max(axis=-1)
    return left


def _tables(world: World, tracks: Tracks, shared: Plan) -> tuple[Table, Past]:
    compared = slice(0, len(COMPARED))
    total, bad = tracks.theirs_total[:, :, compared], tracks.theirs_bad[:, :, compared]
    before_total, before_bad = total[:, :HISTORY], bad[:, :HISTORY]
    parts_total, parts_bad = total[:, _NOW], bad[:, _NOW]
    slope = np.array([1.0] * 3 + [bound.slope for bound in bounds(world)])
    widening = np.ones((len(total), len(COMPARED)))
    baseline = over_last(parts_total), over_last(parts_bad)
    if world.after:
        widening = record.widening(over_last(before_total), over_last(before_bad), slope=slope, kinds=KINDS)
        length = INTERVALS, shared.watched
        baseline = record.pair(before_total, *length), record.pair(before_bad, *length)
        parts_total, parts_bad = np.zeros_like(parts_total), np.zeros_like(parts_bad)
    seen = _seen(before_total, before_bad)
    phi = dispersion.known(seen)[:, None, :]
    alone = track_noise.over_time(tracks.past_total[..., compared] / phi, tracks.past_bad[..., compared] / phi)
    nobody = np.zeros_like(tracks.past_total[..., compared])
    beside = track_noise.between(nobody, nobody, nobody, nobody)
    usual = np.array([0.005, 0.005, 0.01, *(bound.share for bound in bounds(world))])
    past = Past(
        share=(before_bad.sum((1, 3)) + 1.0) / (before_total.sum((1, 3)) + 1.0 / usual),
        slope=np.broadcast_to(slope, widening.shape),
        widening=widening,
        noise=track_noise.variance(alone, beside, slope=slope, kinds=KINDS),
        noise_shown=track_noise.variance(alone, beside, slope=slope, kinds=KINDS, errors_added=-1.0),
        dispersion=seen,
    )
    table = Table(
        candidate_total=tracks.ours_total[..., compared].astype(float),
        candidate_bad=tracks.ours_bad[..., compared].astype(float),
        baseline_total=baseline[0].astype(float),
        baseline_bad=baseline[1].astype(float),
        parts_total=parts_total.astype(float),
        parts_bad=parts_bad.astype(float),
    )
    return table, past


def _limit_table(world: World, tracks: Tracks, judged_by: Policy) -> LimitTable:
    index = list(LIMITED.values())
    total, bad = (rows[:, :, index].astype(float) for rows in (tracks.theirs_total, tracks.theirs_bad))
    kept = 0.0 if world.after else 1.0
    seen = _seen(total[:, :HISTORY], bad[:, :HISTORY])
    phi = dispersion.known(seen)[:, None, :]
    hours = [grouped(rows[..., index].astype(float), 60) for rows in (tracks.past_total, tracks.past_bad)]
    past = [grouped(rows[..., index].astype(float), 5) / phi for rows in (tracks.past_total, tracks.past_bad)]
    return LimitTable(
        total=tracks.ours_total[..., index].astype(float),
        bad=tracks.ours_bad[..., index].astype(float),
        parts_total=total[:, _NOW] * kept,
        parts_bad=bad[:, _NOW] * kept,
        limits=np.array([judged_by.limits.error_ratio, judged_by.limits.violation_ratio, SLOWER_THAN_P95]),
        drift=against_limit.drift_variance(track_noise.over_time(*past)),
        usual=against_limit.usual_share(*hours),
        dispersion=seen,
    )


def _seen(total: Array, bad: Array) -> dispersion.Dispersion:
    nothing = dispersion.nothing_seen((len(total),), total.shape[2], 2, 3)
    return dispersion.follow(nothing, total.astype(float), bad.astype(float), (1, 6, 30))[1]
