"""How many times the baseline's share of bad events the candidate has: between which bounds, by the counts so far.

The same evidence as in the verdict, asked the other way round: each ratio beyond the lower bound is one that the counts
do not speak against. Of a ratio on the margin to fail that is what the gate asks; here it is asked of every ratio, and
of both sides. The bounds hold at whatever moment one looks: for all moments together the truth is beyond the lower one
with the chance by which the metric is failed, and beyond the upper one with the chance by which it is passed. Pure.

They speak of the whole time together. The gates are sooner: one keeps a stake for harm that begins late, the other asks
at planned moments only.

Source: confidence sequences by inverting tests, Howard, Ramdas, McAuliffe, Sekhon, Annals of Statistics 49 (2021), with
the factor of `factor.py`; the ratio itself: Mantel, Haenszel, Journal of the National Cancer Institute 22 (1959).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dashboard.decide.bets import FAIL_ODDS, FAIL_SHARES, bets, log_mean
from dashboard.decide.comparison import begin, compare, expected
from dashboard.decide.factor import Array, log_factor
from dashboard.decide.policy import Policy
from dashboard.decide.trial_tables import metrics_of, plan_of, tables
from dashboard.model.trial import Trial
from dashboard.model.verdict import Mode

# Ratios beyond these are called 0 and without a bound.
LEAST, MOST = 1 / 64, 64.0
# Each step halves what is left between the two: to 1 %.
_STEPS = 10
# More intervals than these are taken together: a picture needs no more.
_MOST_ROWS = 360


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """The candidate's share of bad events as a multiple of the baseline's.

    Attributes:
        low, high: where it lies; `low` is 0 and `high` None where the counts do not bound it.
        best: what the counts say at face value; None without a bad one on the baseline.
        fail, go: the metric's margins: it fails with `low` above the one, and may pass with `high` below the other.
        seconds: for latency what "slow" is.
    """

    metric: str
    family: str
    low: float
    best: float | None
    high: float | None
    fail: float
    go: float
    seconds: float | None = None


def ratios(trial: Trial, policy: Policy, mode: Mode) -> tuple[Ratio, ...]:
    """The ratios of all metrics with counts on both tracks, after the last interval."""
    metrics = metrics_of(trial, policy)
    if not metrics or trial.intervals <= 0:
        return ()
    plan = plan_of(trial, metrics, policy)
    table, past = tables(trial, metrics, mode, plan)
    course, _ = compare(plan, table, begin(plan, past))
    counts = (table.candidate_total, table.candidate_bad, table.baseline_total, table.baseline_bad)
    n_g, x_g, n_b, x_b = (_together(count / course.phi) for count in counts)
    rows = _Rows(n_g, x_g, n_b, x_b, past.share)
    enough = -np.log(plan.alpha * np.array([metric.plan.weight for metric in metrics]))
    low = _beyond(rows, FAIL_ODDS, enough)
    high = _beyond(rows, 1.0 / FAIL_ODDS, np.full(len(metrics), -np.log(plan.pass_alpha)))
    best = rows.ratio()
    return tuple(
        Ratio(
            metric=metric.name,
            family=metric.family,
            low=0.0 if low[index] <= LEAST else float(low[index]),
            best=float(best[index]) if np.isfinite(best[index]) else None,
            high=float(high[index]) if LEAST < high[index] < MOST else None,
            fail=float(course.psi_fail[-1, index]),
            go=float(course.psi_go[-1, index]),
            seconds=metric.seconds,
        )
        for index, metric in enumerate(metrics)
        if rows.n_g[:, index].any() and rows.n_b[:, index].any()
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """Counts over their dispersion: (row, metric)."""

    n_g: Array
    x_g: Array
    n_b: Array
    x_b: Array
    share: Array

    def evidence(self, psi: Array, odds: Array) -> Array:
        """How much speaks for a ratio beyond `psi` on the side of the odds, as a logarithm: (metric)."""
        total_events, bad_events = (np.cumsum(count, axis=0) - count for count in (self.n_b, self.x_b))
        baseline = expected(total_events, bad_events, self.share)
        bet_b, bet_g = bets(baseline, np.broadcast_to(psi, baseline.shape), odds)
        n_g, x_g, n_b, x_b = (count[..., None] for count in (self.n_g, self.x_g, self.n_b, self.x_b))
        factors = log_factor(n_g, x_g, n_b, x_b, psi=psi[:, None], bet_b=bet_b, bet_g=bet_g)
        return log_mean(factors.sum(axis=0), FAIL_SHARES)

    def ratio(self) -> Array:
        """Over the rows, so that what drifts in common and shares that move do not show: (metric)."""
        both = np.maximum(self.n_g + self.n_b, 1e-9)
        ours, theirs = (self.x_g * self.n_b / both).sum(axis=0), (self.x_b * self.n_g / both).sum(axis=0)
        return np.where(theirs > 0, ours / np.where(theirs > 0, theirs, 1.0), np.nan)


def _together(count: Array) -> Array:
    each = -(-len(count) // _MOST_ROWS)
    return np.add.reduceat(count, np.arange(0, len(count), each), axis=0)


def _beyond(rows: _Rows, odds: Array, enough: Array) -> Array:
    """The last ratio that the truth is shown to be beyond, from the far end on; the far end where it is of none.

    Each step halves the way between one that is shown and one that is not.
    """
    is_lower = odds[0] > 1
    shown = np.full(rows.n_g.shape[1], LEAST if is_lower else MOST)
    open_to = np.full(rows.n_g.shape[1], MOST if is_lower else LEAST)
    is_any = rows.evidence(shown, odds) >= enough
    for _ in range(_STEPS):
        middle = np.sqrt(shown * open_to)
        holds = rows.evidence(middle, odds) >= enough
        shown, open_to = np.where(holds, middle, shown), np.where(holds, open_to, middle)
    return np.where(is_any, shown, LEAST if is_lower else MOST)
