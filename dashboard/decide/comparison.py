"""Is the candidate worse than the baseline, or no worse, by the counts of both tracks? Evidence after each interval.

`compare` is the one pure function for the page, the command, the guard and the bench. It takes a table of counts and a
state, and returns the evidence after each interval and the state to continue from. The answer is the same to the last
bit in steps or at once, and for one release or for thousands on leading axes.

Everything is a count of total and bad events: errors, violations, tools, and for latency "slower than L". Harm may show
at any moment, so for the margin to fail each interval gives an e-value (`factor.py`), and e-values multiply. A product
reaches 1/alpha by chance in at most a share alpha of the releases within the margin, at whatever moment one looks
(Ville's inequality; Ramdas et al., "Game-theoretic statistics and safe anytime-valid inference", Statistical Science
38, 2023). The margin to pass is decided at planned amounts of information (`planned.py`), so that the time until then
can be predicted. Counts are first divided by their dispersion (`dispersion.py`) and by the track's own slow noise
(`track_noise.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from dashboard.decide import dispersion, planned, track_noise
from dashboard.decide.bets import FAIL_ODDS, FAIL_SHARES, bets, log_mean, log_stakes
from dashboard.decide.comparison_inputs import Past, Plan, Table
from dashboard.decide.dispersion import Dispersion
from dashboard.decide.factor import Array, log_absolute_factor, log_factor
from dashboard.decide.planned import Edge, Flags

# The weight of the baseline's rate from before, in bad events.
PRIOR_EVENTS = 5.0
# Bets on a rate under a fixed limit, as parts of the limit. No bet follows the candidate's own past, so one more bad
# event can never speak for it.
ABSOLUTE_PARTS = np.array([0.001, 0.1, 0.3, 0.6])
ABSOLUTE_SHARES = np.array([0.4, 0.2, 0.2, 0.2])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompareState:
    """What `compare` continues from: logarithms of running products by bet, sums of divided counts, and the score."""

    past: Past
    interval: int
    sums: Array  # (4, ..., metric): n_g, x_g, n_b, x_b
    fail: Array  # (..., metric, bet)
    fail_starts: Array
    score: Array  # (3, ..., metric): score, variance, information
    passed: Flags  # (..., metric)
    absolute: Array
    absolute_most: Array  # (..., metric): the most evidence so far for a rate under the limit
    told: Array  # (2, ..., memory + 1, metric): running sums of information, for NO-GO and for GO
    dispersion: Dispersion


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """The evidence after each interval: (..., interval, metric); `total` is (..., interval).

    Attributes:
        fail: the evidence for harm, as a natural logarithm; `total` is its weighted mean.
        absolute: the evidence for a rate under the limit, as a natural logarithm.
        score, variance, information: the sums that decide whether a metric passes.
        passed: whether it has passed, at this interval or before.
        psi_fail, psi_go: the margins as ratios of shares.
        phi, phi_go: what counts were divided by for NO-GO and for GO: dispersion and noise together.
    """

    fail: Array
    absolute: Array
    total: Array
    score: Array
    variance: Array
    information: Array
    passed: Flags
    psi_fail: Array
    psi_go: Array
    phi: Array
    phi_go: Array


def begin(plan: Plan, past: Past) -> CompareState:
    """The state before the first interval, without evidence for or against the candidate."""
    shape = past.share.shape
    return CompareState(
        past=past,
        interval=0,
        sums=np.zeros((4, *shape)),
        fail=np.zeros((*shape, len(FAIL_ODDS))),
        fail_starts=np.full((*shape, len(FAIL_ODDS)), -np.inf),
        score=np.zeros((3, *shape)),
        passed=np.zeros(shape, dtype=bool),
        absolute=np.zeros((*shape, len(ABSOLUTE_PARTS))),
        absolute_most=np.full(shape, -np.inf),
        told=np.zeros((2, *shape[:-1], track_noise.intervals_of_memory(plan.interval_seconds) + 1, shape[-1])),
        dispersion=past.dispersion,
    )


def compare(plan: Plan, table: Table, state: CompareState) -> tuple[Course, CompareState]:
    """The evidence after each interval of `table`, and the state after the last.

    Bets, margins and dispersion of an interval depend only on what was known before it.
    """
    past = state.past
    by_pods, spread = dispersion.follow(state.dispersion, table.parts_total, table.parts_bad, plan.scales)
    tells = _tells(table, past) / by_pods
    by_noise, told_harm = track_noise.divisor(tells, state.told[0], past.noise)
    by_noise_shown, told_go = track_noise.divisor(tells, state.told[1], past.noise_shown)
    counts = (table.candidate_total, table.candidate_bad, table.baseline_total, table.baseline_bad)
    phi = by_pods * by_noise
    divided = tuple(count / phi for count in counts)
    phi_go = by_pods * by_noise_shown
    to_pass = tuple(count / phi_go for count in counts)
    known, sums = zip(
        *(_before(start, rows, axis=-2) for start, rows in zip(state.sums, to_pass, strict=True)), strict=True
    )
    baseline = expected(known[2], known[3], past.share[..., None, :])
    psi_fail = _psi(plan, past, baseline)
    every = tuple(count[..., None] for count in divided)

    bet_b, bet_g = bets(baseline, psi_fail, FAIL_ODDS)
    fail_factors = log_factor(*every, psi=psi_fail[..., None], bet_b=bet_b, bet_g=bet_g)
    fail, products = _before(state.fail, fail_factors, axis=-3)
    stakes = log_stakes(plan.interval_seconds, state.interval, fail.shape[-3])[:, None, None]
    starts = np.concatenate([state.fail_starts[..., None, :, :], stakes - fail], axis=-3)
    starts = np.logaddexp.accumulate(starts, axis=-3)
    by_bet = starts[..., 1:, :, :] + fail + fail_factors
    evidence = log_mean(by_bet, FAIL_SHARES)

    beside = edge_to_pass(plan, past, baseline)
    gain = planned.gain(to_pass[0], to_pass[1], to_pass[2], to_pass[3], beside)
    gains = np.stack([gain.score, gain.variance, gain.information])
    before, scores = _before(state.score, gains, axis=-2)
    after = before + gains
    passing = planned.passes(
        score=after[0],
        variance=after[1],
        before=before[2],
        after=after[2],
        weight=gain.weight,
        pass_alpha=plan.pass_alpha,
    )
    passed = np.logical_or.accumulate(np.concatenate([state.passed[..., None, :], passing], axis=-2), axis=-2)
    limits = np.array([metric.limit or np.nan for metric in plan.metrics])
    safe = np.where(np.isnan(limits), 0.5, limits)[:, None]
    absolute_factors = log_absolute_factor(
        to_pass[0][..., None], to_pass[1][..., None], limit=safe, bet_g=safe * ABSOLUTE_PARTS
    )
    absolute, absolute_products = _before(state.absolute, absolute_factors, axis=-3)

    weights = np.array([metric.weight for metric in plan.metrics])
    course = Course(
        fail=evidence,
        absolute=np.where(np.isnan(limits), -np.inf, log_mean(absolute + absolute_factors, ABSOLUTE_SHARES)),
        total=log_mean(evidence, weights),
        score=after[0],
        variance=after[1],
        information=after[2],
        passed=passed[..., 1:, :],
        psi_fail=psi_fail,
        psi_go=beside.times + beside.more / baseline,
        phi=phi,
        phi_go=phi_go,
    )
    end = CompareState(
        past=past,
        interval=state.interval + fail.shape[-3],
        sums=np.stack(sums),
        fail=products,
        fail_starts=starts[..., -1, :, :],
        score=scores,
        passed=passed[..., -1, :],
        absolute=absolute_products,
        absolute_most=np.maximum(state.absolute_most, course.absolute.max(axis=-2)),
        told=np.stack([told_harm, told_go]),
        dispersion=spread,
    )
    return course, end


def joined(courses: Sequence[Course]) -> Course:
    """The courses of consecutive steps as one."""
    axis = {"total": -1}
    return Course(
        **{
            each.name: np.concatenate([getattr(course, each.name) for course in courses], axis=axis.get(each.name, -2))
            for each in fields(Course)
        }
    )


def _tells(table: Table, past: Past) -> Array:
    """The information on a constant ratio: 2ab / (a + b) of the expected bad events of both tracks."""
    ours, theirs = table.candidate_total, table.baseline_total
    both = np.maximum(ours + theirs, 1.0)
    tells: Array = 2.0 * past.share[..., None, :] * ours * theirs / both
    return tells


def _before(start: Array, rows: Array, *, axis: int) -> tuple[Array, Array]:
    """Running sums over `axis` before each interval, and the sum after the last.

    `start` lacks that axis. Additions are sequential, so that steps and a whole give the same bits.
    """
    course = np.add.accumulate(np.concatenate([np.expand_dims(start, axis), rows], axis=axis), axis=axis)
    upright = np.moveaxis(course, axis, 0)
    return np.moveaxis(upright[:-1], 0, axis), upright[-1]


def edge_to_pass(plan: Plan, past: Past, baseline: Array) -> Edge:
    """The edge of the margin to pass, given the expected share of the baseline: (..., interval, metric)."""
    return planned.edge(
        ratio=np.array([metric.go.ratio for metric in plan.metrics]) ** past.slope[..., None, :],
        share=np.array([metric.go.share for metric in plan.metrics]),
        widening=past.widening[..., None, :],
        expected=baseline,
    )


def _psi(plan: Plan, past: Past, baseline: Array) -> Array:
    """The edge of the margin to fail in each interval, as a ratio of shares."""
    ratio = np.array([metric.fail.ratio for metric in plan.metrics]) ** past.slope
    share = np.array([metric.fail.share for metric in plan.metrics])
    return np.maximum(ratio[..., None, :], 1.0 + share / baseline) * past.widening[..., None, :]


def expected(total_events: Array, bad_events: Array, share: Array) -> Array:
    """The baseline's expected share: the counts so far, and the share from before with a small weight."""
    return (bad_events + PRIOR_EVENTS) / (total_events + PRIOR_EVENTS / share)
