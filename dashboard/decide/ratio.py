"""The ratio of the candidate's share of bad events to the baseline's, as a confidence sequence from the counts so far.

It is the evidence of the verdict, inverted: a ratio lies below the lower bound if the counts speak against it. The gate
asks this of one ratio, the margin to fail; here it is asked of all ratios and on both sides. The bounds hold at every
look: over all moments together, the true ratio is outside the lower bound with the error probability of failing the
metric, and outside the upper one with that of passing it. Pure.

The bounds use the whole time together. The gates answer sooner: one keeps a stake for harm that starts late, the other
asks only at planned moments.

Source: confidence sequences by inverting tests, Howard, Ramdas, McAuliffe, Sekhon, Annals of Statistics 49 (2021), with
the e-value of `factor.py`; the ratio itself: Mantel, Haenszel, Journal of the National Cancer Institute 22 (1959).
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

# Bounds beyond these are shown as 0 and as none.
LEAST, MOST = 1 / 64, 64.0
# Each bisection halves the distance between the two: to 1 %.
_STEPS = 10
# More intervals than this are added up into fewer rows: enough for a picture.
_MOST_ROWS = 360


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """The candidate's share of bad events as a multiple of the baseline's.

    Attributes:
        low, high: the bounds; `low` is 0 and `high` None where the counts do not bound it.
        best: the point estimate; None without a bad event on the baseline.
        fail, go: the metric's margins: it fails with `low` above `fail`, and may pass with `high` below `go`.
        seconds: for latency, the bound beyond which a run is slow.
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
    """Counts divided by their dispersion: (row, metric)."""

    n_g: Array
    x_g: Array
    n_b: Array
    x_b: Array
    share: Array

    def evidence(self, psi: Array, odds: Array) -> Array:
        """The evidence for a ratio beyond `psi`, on the side of the odds, as a logarithm: (metric)."""
        total_events, bad_events = (np.cumsum(count, axis=0) - count for count in (self.n_b, self.x_b))
        baseline = expected(total_events, bad_events, self.share)
        bet_b, bet_g = bets(baseline, np.broadcast_to(psi, baseline.shape), odds)
        n_g, x_g, n_b, x_b = (count[..., None] for count in (self.n_g, self.x_g, self.n_b, self.x_b))
        factors = log_factor(n_g, x_g, n_b, x_b, psi=psi[:, None], bet_b=bet_b, bet_g=bet_g)
        return log_mean(factors.sum(axis=0), FAIL_SHARES)

    def ratio(self) -> Array:
        """The Mantel-Haenszel ratio over the rows, in which shared drift and changing traffic cancel: (metric)."""
        both = np.maximum(self.n_g + self.n_b, 1e-9)
        ours, theirs = (self.x_g * self.n_b / both).sum(axis=0), (self.x_b * self.n_g / both).sum(axis=0)
        return np.where(theirs > 0, ours / np.where(theirs > 0, theirs, 1.0), np.nan)


def _together(count: Array) -> Array:
    each = -(-len(count) // _MOST_ROWS)
    return np.add.reduceat(count, np.arange(0, len(count), each), axis=0)


def _beyond(rows: _Rows, odds: Array, enough: Array) -> Array:
    """The nearest ratio that the true one is shown to be beyond; the far end where there is none.

    Found by bisection between a ratio for which that is shown and one for which it is not.
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
