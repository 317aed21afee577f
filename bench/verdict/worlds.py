"""Simulated releases: the counts of both tracks in worlds where we know whether the release is harmful.

Six metrics as in production: errors, violations, tool failures, and runs slower than three bucket bounds; beside them
runs slower than the limit, and what runs cost. Load moves, and rates drift in common, in every world. A world is
healthy, or has a harm of one kind and size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from dashboard.decide import counters
from dashboard.decide.factor import Array, over_last
from dashboard.decide.latency import freeze
from dashboard.model.trial import SlowBound

SHARE_NAMES = ("errors", "violations", "tools")
NAMES = (*SHARE_NAMES, "slow_0", "slow_1", "slow_2", "over_limit")
SHARES = (0.005, 0.002, 0.01)
PER_RUN = np.array([1.0, 4.0, 3.0, 1.0, 1.0, 1.0, 1.0])
INTERVAL, INTERVALS, HISTORY, PODS = 10.0, 180, 360, 4
DAY_MINUTES = 23 * 60
MEDIAN, SIGMA, SLOW_LIMIT = 0.8, 0.6, 3.0
COST, COST_SPREAD = 20_000.0, 8.5  # millionths of a dollar a run; variance over squared mean, as of a lognormal
_BUCKETS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0)
# Times drift less than shares do.
_MOVES = np.array([1.0, 1.0, 1.0, 0.15])


@dataclass(frozen=True, kw_only=True)
class Harm:
    """What the candidate does worse: factors on its shares of bad events, on its times and on what its runs cost."""

    shares: tuple[float, float, float] = (1.0, 1.0, 1.0)
    time: float = 1.0
    cost: float = 1.0
    begins_seconds: float = 0.0
    pods: int = PODS  # how many of its pods do so
    growing: bool = False  # from nothing at the beginning to all of it at the end
    both: bool = False  # the baseline does so as well, from the beginning on


@dataclass(frozen=True, kw_only=True)
class World:
    """One kind of release. `share` is the candidate's part of the runs, at the beginning and at the end."""

    name: str
    group: str
    per_second: float = 50.0
    shares: tuple[float, float, float] = SHARES
    median: float = MEDIAN
    share: tuple[float, float] = (0.5, 0.5)
    drift: float = 0.3
    rising: float = 1.0  # errors of both tracks grow by this factor until the end
    season: float = 0.0
    clump: int = 1
    own_noise: float = 0.0  # of each pod, with a memory of 5 min
    track_noise: float = 0.0  # of each track, common to its pods
    memory: float = 120.0  # of that noise, in seconds
    day: bool = False  # a day of past, not an hour
    missed: float = 0.0
    resets: float = 0.0
    warm_up: bool = False
    sick_pod: float = 1.0  # the baseline has a pod that fails so many times more
    history: bool = True
    after: bool = False  # there is no other track beside, only its record
    harm: Harm = field(default_factory=Harm)


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """Counts of many releases of one world.

    Attributes:
        ours_total, ours_bad: the candidate since the beginning, (run, interval, metric).
        theirs_total, theirs_bad: the two halves of the baseline's pods, an hour before and since,
            (run, interval, metric, half).
        past_total, past_bad: the baseline before, by the minute, (run, minute, metric).
        ours_cost, theirs_cost: in millionths of a dollar, (run, interval) since the beginning.
    """

    ours_total: Array
    ours_bad: Array
    theirs_total: Array
    theirs_bad: Array
    past_total: Array
    past_bad: Array
    ours_cost: Array
    theirs_cost: Array


def simulate(world: World, runs: int, seed: int) -> Tracks:
    """`runs` releases of `world`, each with its past."""
    dice = np.random.default_rng(seed)
    length = HISTORY + INTERVALS
    times = (np.arange(length) - HISTORY) * INTERVAL
    load = world.per_second * INTERVAL * np.exp(_wander(dice, (runs, length, 1), 0.2, 900.0, INTERVAL))
    common = _common(world, dice, runs, times, INTERVAL)
    common[..., 0] += np.log(world.rising) * np.clip(times / (INTERVALS * INTERVAL), 0, 1)
    part = np.where(
        times < 0, 0.0, np.linspace(*world.share, length - HISTORY + 1)[np.maximum(times, 0).astype(int) // 10]
    )
    now = slice(HISTORY, None)
    theirs = world.harm if world.harm.both else Harm()
    baseline_load = load * (1.0 if world.after else (1.0 - part)[:, None])
    blue_n, blue_x = _track(world, dice, baseline_load, common, theirs, times, sick=world.sick_pod)
    green_load = load[:, now] * (1.0 if world.after else part[now][:, None])
    green_n, green_x = _track(world, dice, green_load, common[:, now], world.harm, times[now], is_new=True)
    if not world.history:
        blue_n[:, :HISTORY], blue_x[:, :HISTORY] = 0.0, 0.0
    halves_n, halves_x = (_halves(rows) for rows in (blue_n, blue_x))
    past_n, past_x = (_minutes(over_last(rows[:, :HISTORY])) for rows in (halves_n, halves_x))
    if world.day:
        before_n, before_x = _long_before(world, dice, runs)
        past_n, past_x = np.concatenate([before_n, past_n], axis=1), np.concatenate([before_x, past_x], axis=1)
    ours_n = over_last(green_n)
    return Tracks(
        ours_total=ours_n,
        ours_bad=over_last(green_x),
        theirs_total=halves_n,
        theirs_bad=halves_x,
        past_total=past_n,
        past_bad=past_x,
        ours_cost=_cost(dice, ours_n[..., 0], world.harm.cost),
        theirs_cost=_cost(dice, over_last(halves_n[:, now, 0]), 1.0),
    )


def _long_before(world: World, dice: np.random.Generator, runs: int) -> tuple[Array, Array]:
    """The baseline by the minute in the day before the last hour: (run, minute, metric)."""
    times = (np.arange(DAY_MINUTES) - DAY_MINUTES) * 60.0
    load = world.per_second * 60.0 * np.exp(_wander(dice, (runs, DAY_MINUTES, 1), 0.2, 900.0, 60.0))
    common = _common(world, dice, runs, times, 60.0)
    total, bad = _track(world, dice, load, common, Harm(), times, sick=world.sick_pod, step=60.0)
    return over_last(total), over_last(bad)


@lru_cache
def bounds(world: World) -> tuple[SlowBound, ...]:
    """The three bucket bounds that the product would freeze."""
    within = {b: 1e6 * (1 - float(slower_than(np.array(b), np.zeros(()), world.median))) for b in _BUCKETS}
    return freeze({**within, math.inf: 1e6}, _BUCKETS)


def slower_than(seconds: Array, log_time: Array, median: float = MEDIAN) -> Array:
    """The share of lognormal times beyond `seconds` when all take exp(log_time) times as long."""
    z = (np.log(seconds / median) - log_time) / SIGMA / math.sqrt(2)
    # Abramowitz and Stegun 7.1.26: off by less than 1.5e-7.
    t = 1 / (1 + 0.3275911 * np.abs(z))
    tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erfc = tail * np.exp(-z * z)
    return 0.5 * np.where(z < 0, 2 - erfc, erfc)


def _halves(rows: Array) -> Array:
    """The sums of every other pod, on a last axis of two."""
    return np.stack([over_last(rows[..., 0::2]), over_last(rows[..., 1::2])], axis=-1)


def _minutes(rows: Array) -> Array:
    return rows.reshape(len(rows), -1, 6, rows.shape[-1]).sum(axis=2)


def _common(world: World, dice: np.random.Generator, runs: int, times: Array, step: float) -> Array:
    """What moves the rates of both tracks: (run, interval, 4), shares and the logarithm of time."""
    drift = _wander(dice, (runs, len(times), 4), world.drift, 600.0, step) * _MOVES
    return drift + world.season * np.sin(2 * math.pi * times / 1200.0)[:, None] * _MOVES


def _wander(dice: np.random.Generator, shape: tuple[int, ...], deviation: float, seconds: float, step: float) -> Array:
    """Stationary noise that forgets itself within `seconds`, over the second axis."""
    keep = math.exp(-step / seconds)
    found = dice.standard_normal(shape) * deviation
    for at in range(1, shape[1]):
        found[:, at] = keep * found[:, at - 1] + math.sqrt(1 - keep * keep) * found[:, at]
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
    step: float = INTERVAL,
) -> tuple[Array, Array]:
    """Total and bad events of one track: (run, interval, metric, pod)."""
    runs, length, _ = load.shape
    if world.track_noise:
        common = common + _wander(dice, (runs, length, 4), world.track_noise, world.memory, step) * _MOVES
    pods = _pods(world, harm, is_new=is_new)
    rates = np.repeat(common[..., None], pods, axis=-1)
    if world.own_noise:
        rates = rates + _wander(dice, (runs, length, 4, pods), world.own_noise, 300.0, step) * _MOVES[:, None]
    rates[..., 0, -1] += math.log(sick)
    grown = np.clip(times / times[-1], 0, 1) if harm.growing else (times >= harm.begins_seconds).astype(float)
    worse = np.log(np.array([*harm.shares, harm.time]))[:, None] * (np.arange(pods) < harm.pods)
    rates = rates + grown[:, None, None] * worse
    n_runs = dice.poisson(np.repeat(load[..., None] / pods, pods, axis=-1)[..., 0, :])
    total = n_runs[:, :, None, :] * PER_RUN[:, None]
    if is_new and world.warm_up:  # a cold start: ten times the errors and twice the time, fading within 90 s
        cold = np.exp(-times / 25.0)[:, None]
        rates[..., 0, :] += math.log(10) * cold
        rates[..., 3, :] += math.log(2) * cold
    bad = np.concatenate(
        [_events(world, dice, total[:, :, :3], rates), _slow(world, dice, n_runs, rates[..., 3, :])], axis=2
    )
    return _scraped(world, dice, total, bad, times, is_new)


def _pods(world: World, harm: Harm, *, is_new: bool) -> int:
    """How many pods of a track are drawn one by one.

    Where nothing tells pods apart, the sum of several follows the same law as one of their load: so one stands for the
    candidate, and one for each half of the baseline.
    """
    alike = not (world.own_noise or world.missed or world.resets or world.warm_up) and world.sick_pod == 1.0
    return PODS if not alike or harm.pods < PODS else 1 if is_new else 2


def _events(world: World, dice: np.random.Generator, total: Array, rates: Array) -> Array:
    shares = np.minimum(np.array(world.shares)[:, None] * np.exp(rates[..., :3, :]), 0.5)
    clumps = dice.binomial(total.astype(int), shares / world.clump) * world.clump
    return np.minimum(clumps, total)


def _slow(world: World, dice: np.random.Generator, n_runs: Array, log_time: Array) -> Array:
    """Runs slower than each bound and than the limit; those slower than a bound are among those of the one before."""
    seconds = [*(bound.seconds for bound in bounds(world)), SLOW_LIMIT]
    slower = {}
    left, before = n_runs, np.ones_like(log_time)
    for bound in sorted(set(seconds)):
        share = slower_than(np.array(bound), log_time, world.median)
        left = dice.binomial(left, np.clip(share / before, 0, 1))
        slower[bound], before = left, share
    return np.stack([slower[bound] for bound in seconds], axis=2)


def _cost(dice: np.random.Generator, n_runs: Array, factor: float) -> Array:
    """What so many runs cost together, each as unlike the next as conversations are."""
    return np.round(dice.gamma(np.maximum(n_runs, 1e-9) / COST_SPREAD) * COST_SPREAD * COST * factor) * (n_runs > 0)


def _scraped(
    world: World, dice: np.random.Generator, total: Array, bad: Array, times: Array, is_new: bool
) -> tuple[Array, Array]:
    """What is left when counters are scraped: through the product's own way from counters to increases."""
    if not (world.missed or world.resets or world.warm_up):
        return total, bad.astype(float)
    begin = np.zeros_like(total[:, :1])
    counted = [np.concatenate([begin, np.cumsum(rows, axis=1)], axis=1) for rows in (total, bad)]
    shape = (total.shape[0], total.shape[1] + 1, 1, PODS)
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
