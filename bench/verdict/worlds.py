"""Simulated releases: the counts of both tracks in worlds where we know whether the release is harmful.

Six metrics as in production: errors, violations, tool failures, and runs slower than three bucket bounds. Load moves,
and rates drift in common, in every world. A world is healthy, or has a harm of one kind and size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from dashboard.decide import counters, dispersion
from dashboard.decide.comparison import Margin, MetricPlan, Past, Plan, Table
from dashboard.decide.factor import Array
from dashboard.decide.latency import freeze
from dashboard.decide.record import pair, widening

METRICS = ("errors", "violations", "tools", "p50", "p90", "p99")
KINDS = ("share",) * 3 + ("latency",) * 3
SHARES = np.array([0.005, 0.002, 0.01])
TRIES_PER_RUN = np.array([1.0, 4.0, 3.0, 1.0, 1.0, 1.0])
INTERVAL, INTERVALS, HISTORY, PODS = 10.0, 180, 360, 4
MEDIAN, SIGMA = 0.8, 0.6
_BUCKETS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0)


@dataclass(frozen=True, kw_only=True)
class Harm:
    """What the candidate does worse: factors on its shares of bad events and on its times."""

    shares: tuple[float, float, float] = (1.0, 1.0, 1.0)
    time: float = 1.0
    begins_seconds: float = 0.0
    pods: int = PODS  # how many of its pods do so
    growing: bool = False  # from nothing at the beginning to all of it at the end


@dataclass(frozen=True, kw_only=True)
class World:
    """One kind of release. `share` is the candidate's part of the runs, at the beginning and at the end."""

    name: str
    group: str
    per_second: float = 50.0
    share: tuple[float, float] = (0.5, 0.5)
    drift: float = 0.3
    rising: float = 1.0  # errors of both tracks grow by this factor until the end
    season: float = 0.0
    clump: int = 1
    own_noise: float = 0.0
    missed: float = 0.0
    resets: float = 0.0
    warm_up: bool = False
    sick_pod: float = 1.0  # the baseline has a pod that fails so many times more
    history: bool = True
    after: bool = False  # there is no other track beside, only its record
    harm: Harm = field(default_factory=Harm)


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Many simulated releases of one world, ready to be judged."""

    table: Table
    past: Past


def plan(interval: float = INTERVAL) -> Plan:
    """The default policy of the product."""
    return Plan(
        interval_seconds=interval,
        metrics=tuple(
            MetricPlan(name=name, weight=weight, fail=Margin(ratio=1.1, share=a), go=Margin(ratio=go, share=b))
            for name, weight, a, go, b in zip(
                METRICS,
                (0.4, 0.2, 0.16, 0.08, 0.08, 0.08),
                (0.0005,) * 3 + (0.0,) * 3,
                (1.5,) * 3 + (1.25,) * 3,
                (0.002,) * 3 + (0.0,) * 3,
                strict=True,
            )
        ),
    )


def simulate(world: World, runs: int, seed: int) -> Runs:
    """`runs` releases of `world`: the table since the beginning and what was known before it."""
    dice = np.random.default_rng(seed)
    length = HISTORY + INTERVALS
    times = (np.arange(length) - HISTORY) * INTERVAL
    load = world.per_second * INTERVAL * np.exp(_wander(dice, (runs, length, 1), 0.2, 900.0))
    common = _wander(dice, (runs, length, 4), world.drift, 600.0) * np.array([1.0, 1.0, 1.0, 0.15])
    common = common + world.season * np.sin(2 * math.pi * times / 1200.0)[:, None] * np.array([1, 1, 1, 0.15])
    common[..., 0] += np.log(world.rising) * np.clip(times / (INTERVALS * INTERVAL), 0, 1)
    part = np.where(
        times < 0, 0.0, np.linspace(*world.share, length - HISTORY + 1)[np.maximum(times, 0).astype(int) // 10]
    )
    baseline_load = load * (1.0 if world.after else (1.0 - part)[:, None])
    blue_n, blue_x = _track(world, dice, baseline_load, common, Harm(), times, sick=world.sick_pod)
    now = slice(HISTORY, None)
    green_load = load[:, now] * (1.0 if world.after else part[now][:, None])
    green_n, green_x = _track(world, dice, green_load, common[:, now], world.harm, times[now], is_new=True)
    return _runs(world, blue_n, blue_x, green_n, green_x)


def _runs(world: World, blue_n: Array, blue_x: Array, green_n: Array, green_x: Array) -> Runs:
    before, now = slice(0, HISTORY), slice(HISTORY, None)
    if not world.history:
        blue_n[:, before], blue_x[:, before] = 0.0, 0.0
    if world.after:
        return _after(blue_n[:, before], blue_x[:, before], green_n, green_x)
    n, x = blue_n[:, before].sum((1, 3)), blue_x[:, before].sum((1, 3))
    nothing = dispersion.nothing_seen((len(n),), len(METRICS), PODS, 3)
    _, seen = dispersion.follow(nothing, blue_n[:, before], blue_x[:, before], (1, 6, 30))
    table = Table(
        candidate_total=green_n.sum(-1),
        candidate_bad=green_x.sum(-1),
        baseline_total=blue_n[:, now].sum(-1),
        baseline_bad=blue_x[:, now].sum(-1),
        parts_total=blue_n[:, now],
        parts_bad=blue_x[:, now],
    )
    return Runs(table=table, past=_past(x, n, seen, np.ones_like(n)))


def _after(blue_n: Array, blue_x: Array, green_n: Array, green_x: Array) -> Runs:
    """The new active track against the record of the old one, as the product pairs and widens it."""
    paired_n, paired_x = pair(blue_n, INTERVALS), pair(blue_x, INTERVALS)
    n, x = blue_n.sum((1, 3)), blue_x.sum((1, 3))
    nothing = dispersion.nothing_seen((len(n),), len(METRICS), PODS, 3)
    _, seen = dispersion.follow(nothing, blue_n, blue_x, (1, 6, 30))
    wider = widening(blue_n.sum(-1), blue_x.sum(-1), slope=slopes(), kinds=KINDS)
    table = Table(
        candidate_total=green_n.sum(-1),
        candidate_bad=green_x.sum(-1),
        baseline_total=paired_n,
        baseline_bad=paired_x,
        parts_total=np.zeros_like(green_n),
        parts_bad=np.zeros_like(green_n),
    )
    return Runs(table=table, past=_past(x, n, seen, wider))


def _past(bad_events: Array, total_events: Array, seen: dispersion.Dispersion, widening: Array) -> Past:
    known = np.array([0.005, 0.005, 0.01, 0.5, 0.1, 0.01])  # what is assumed where nothing was seen
    return Past(
        share=(bad_events + 1.0) / (total_events + 1.0 / known),
        slope=np.broadcast_to(slopes(), bad_events.shape),
        widening=widening,
        dispersion=seen,
    )


def bounds() -> list[float]:
    """The three bucket bounds that the product would freeze."""
    return [bound.seconds for bound in _frozen()]


def slopes() -> Array:
    """1 for shares; for latency as the product measures it."""
    return np.array([1.0, 1.0, 1.0, *(bound.slope for bound in _frozen())])


def _frozen() -> tuple[object, ...]:
    within = {bound: 1e6 * (1 - float(slower_than(np.array(bound), np.zeros(())))) for bound in _BUCKETS}
    return freeze({**within, math.inf: 1e6}, _BUCKETS)


def slower_than(seconds: Array, log_time: Array) -> Array:
    """The share of lognormal times beyond `seconds` when all take exp(log_time) times as long."""
    z = (np.log(seconds / MEDIAN) - log_time) / SIGMA / math.sqrt(2)
    # Abramowitz and Stegun 7.1.26: off by less than 1.5e-7.
    t = 1 / (1 + 0.3275911 * np.abs(z))
    tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erfc = tail * np.exp(-z * z)
    return 0.5 * np.where(z < 0, 2 - erfc, erfc)


def _wander(dice: np.random.Generator, shape: tuple[int, ...], deviation: float, seconds: float) -> Array:
    """Stationary noise that forgets itself within `seconds`, over the second axis."""
    keep = math.exp(-INTERVAL / seconds)
    found = dice.standard_normal(shape) * deviation
    for step in range(1, shape[1]):
        found[:, step] = keep * found[:, step - 1] + math.sqrt(1 - keep * keep) * found[:, step]
    return found


def _track(
    world: World,
    dice: np.random.Generator,
    load: Array,
    common: Array,
    harm: Harm,
    times: Array,
    *,
    is_new: bool = False,
    sick: float = 1.0,
) -> tuple[Array, Array]:
    """Tries and bad events of one track: (run, interval, metric, pod)."""
    runs, length, _ = load.shape
    rates = np.repeat(common[..., None], PODS, axis=-1)
    if world.own_noise:
        own = _wander(dice, (runs, length, 4, PODS), world.own_noise, 300.0)
        rates = rates + own * np.array([1, 1, 1, 0.15])[:, None]
    rates[..., 0, -1] += math.log(sick)
    grown = np.clip(times / times[-1], 0, 1) if harm.growing else (times >= harm.begins_seconds).astype(float)
    worse = np.log(np.array([*harm.shares, harm.time]))[:, None] * (np.arange(PODS) < harm.pods)
    rates = rates + grown[:, None, None] * worse
    n_runs = dice.poisson(np.repeat(load[..., None] / PODS, PODS, axis=-1)[..., 0, :])
    total_events = (n_runs[:, :, None, :] * TRIES_PER_RUN[:, None]).astype(float)
    if is_new and world.warm_up:  # a cold start: ten times the errors and twice the time, fading within 90 s
        cold = np.exp(-times / 25.0)[:, None]
        rates[..., 0, :] += math.log(10) * cold
        rates[..., 3, :] += math.log(2) * cold
    bad_events = np.concatenate(
        [_events(world, dice, total_events[:, :, :3], rates), _slow(dice, n_runs, rates[..., 3, :])], axis=2
    )
    return _scraped(world, dice, total_events, bad_events, times, is_new)


def _events(world: World, dice: np.random.Generator, total_events: Array, rates: Array) -> Array:
    shares = np.minimum(SHARES[:, None] * np.exp(rates[..., :3, :]), 0.5)
    clumps = dice.binomial(total_events.astype(int), shares / world.clump) * world.clump
    return np.minimum(clumps, total_events)


def _slow(dice: np.random.Generator, n_runs: Array, log_time: Array) -> Array:
    """Runs slower than each bound, which are among those slower than the bound before."""
    left, shares = n_runs, [slower_than(np.array(bound), log_time) for bound in bounds()]
    slower = []
    for share, before in zip(shares, [np.ones_like(shares[0]), *shares], strict=False):
        left = dice.binomial(left, share / before)
        slower.append(left)
    return np.stack(slower, axis=2)


def _scraped(
    world: World, dice: np.random.Generator, total_events: Array, bad_events: Array, times: Array, is_new: bool
) -> tuple[Array, Array]:
    """What is left when counters are scraped: through the product's own way from counters to increases."""
    if not (world.missed or world.resets or world.warm_up):
        return total_events, bad_events.astype(float)
    begin = np.zeros_like(total_events[:, :1])
    counted = [np.concatenate([begin, np.cumsum(rows, axis=1)], axis=1) for rows in (total_events, bad_events)]
    shape = (total_events.shape[0], total_events.shape[1] + 1, 1, PODS)
    if world.resets:
        # Each reset begins the counters of a pod anew.
        reset = np.cumsum(dice.random(shape) < world.resets, axis=1)
        for place, rows in enumerate(counted):
            base = np.maximum.accumulate(np.where(np.diff(reset, axis=1, prepend=0) > 0, rows, 0.0), axis=1)
            counted[place] = rows - base
    missed = dice.random(shape) < world.missed
    grown = [counters.increases(np.moveaxis(np.where(missed, np.nan, rows), 1, -1)) for rows in counted]
    known = np.isfinite(grown[0]) & np.isfinite(grown[1])
    if is_new and world.warm_up:
        known &= times >= 90.0
    return tuple(np.moveaxis(np.where(known, rows, 0.0), -1, 1) for rows in grown)  # type: ignore[return-value]
