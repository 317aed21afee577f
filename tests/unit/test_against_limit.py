"""Evidence against a fixed limit, and that of cost: its law, what one more bad event does, and the common budget."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.decide import dearer, dispersion
from dashboard.decide.against_limit import LimitTable, above, beyond_chance, drift_variance, usual_share
from dashboard.decide.factor import Array
from dashboard.decide.policy import LIMIT_WEIGHTS, LIMITS_PART, Policy
from dashboard.decide.track_noise import Wander
from dashboard.decide.trial_tables import limits_of, metrics_of
from tests.unit.release_trial import trial

ALPHA = 0.01


def table(total: Array, bad: Array, *, drift: float = 0.0, usual: float = np.inf, phi_known: bool = True) -> LimitTable:
    """(run, interval) counts of one limit of 2 %; the baseline's pods vary as chance does."""
    runs = len(total)
    seen = dispersion.nothing_seen((runs,), 1, 2, 3)
    if phi_known:
        dice = np.random.default_rng(0)
        parts = np.full((runs, 360, 1, 2), 200.0)
        _, seen = dispersion.follow(seen, parts, dice.binomial(200, 0.02, parts.shape).astype(float), (1, 6, 30))
    none = np.zeros((*total.shape, 1, 2))
    return LimitTable(
        total=total[..., None],
        bad=bad[..., None],
        parts_total=none,
        parts_bad=none,
        limits=np.array([0.02]),
        drift=np.full((runs, 1), drift),
        usual=np.full((runs, 1), usual),
        dispersion=seen,
    )


def stopped(
    share: float,
    per_interval: int,
    *,
    drift: float = 0.0,
    usual: float = np.inf,
    runs: int = 600,
    weight: float = 1.0,
) -> float:
    """How often evidence of a constant share reaches the threshold at any look of half an hour."""
    dice = np.random.default_rng(round(share * 1e4) + per_interval)
    total = np.full((runs, 180), float(per_interval))
    found, _ = above(
        table(total, dice.binomial(per_interval, share, total.shape).astype(float), drift=drift, usual=usual),
        interval_seconds=10.0,
        scales=(1, 6, 30),
    )
    return float((found.max(axis=(1, 2)) >= -np.log(ALPHA * weight)).mean())


@pytest.mark.parametrize("per_interval", [5, 10, 50, 120, 500])
def test_a_share_exactly_at_its_limit_is_failed_within_the_budget_at_any_rate(per_interval: int) -> None:
    assert stopped(0.02, per_interval) <= 0.015
    assert stopped(0.01, per_interval) == 0.0


def test_a_share_truly_above_its_limit_is_found() -> None:
    assert stopped(0.04, 500, weight=LIMIT_WEIGHTS["errors"]) == 1.0
    assert stopped(0.03, 500, weight=LIMIT_WEIGHTS["errors"]) == 1.0
    assert stopped(0.1, 5, weight=LIMIT_WEIGHTS["errors"]) >= 0.9


@pytest.mark.parametrize(
    ("per_second", "clump", "share_of_runs"), [(2.0, 50, 1 / 5000), (5.0, 200, 1 / 50_000), (1.0, 20, 1 / 2000)]
)
def test_a_run_that_loops_now_and_then_stops_no_release_whose_share_is_far_below_the_limit(
    per_second: float, clump: int, share_of_runs: float
) -> None:
    dice = np.random.default_rng(clump)

    def counts(each: float, *shape: int) -> tuple[Array, Array]:
        runs = dice.poisson(each, shape)
        looping = dice.binomial(runs, share_of_runs)
        return (4.0 * runs + clump * looping), (1.0 * clump * looping)

    total, bad = counts(5 * per_second, 400, 180)
    _, seen = dispersion.follow(
        dispersion.nothing_seen((400,), 1, 2, 3), *counts(2.5 * per_second, 400, 360, 1, 2), (1, 6, 30)
    )
    none = np.zeros((*total.shape, 1, 2))
    given_table = LimitTable(
        total=total[..., None],
        bad=bad[..., None],
        parts_total=none,
        parts_bad=none,
        limits=np.array([0.02]),
        drift=np.array([drift_variance(Wander(mean=np.zeros(1), error=np.full(1, np.inf)))[0]]),
        usual=np.full((1,), np.inf),
        dispersion=seen,
    )
    found, _ = above(given_table, interval_seconds=10.0, scales=(1, 6, 30))
    assert float((found.max(axis=(1, 2)) >= -np.log(ALPHA * LIMIT_WEIGHTS["violations"])).mean()) <= 0.01


def test_a_service_that_never_failed_before_is_still_stopped_within_minutes_when_half_of_its_runs_fail() -> None:
    dice = np.random.default_rng(3)
    total = np.full((200, 30), 5.0)
    given_table = table(total, dice.binomial(5, 0.5, total.shape).astype(float), phi_known=False)
    found, _ = above(given_table, interval_seconds=10.0, scales=(1, 6, 30))
    assert float((found[:, 17, 0] >= -np.log(ALPHA * LIMIT_WEIGHTS["errors"])).mean()) >= 0.95


def test_a_service_far_below_its_limit_that_jumps_above_it_did_not_drift_there() -> None:
    weight = LIMIT_WEIGHTS["errors"]
    assert stopped(0.04, 250, drift=0.2, usual=0.005, weight=weight) == 1.0
    assert stopped(0.04, 250, drift=0.2, usual=0.016, weight=weight) < 0.5
    assert stopped(0.02, 250, drift=0.2, usual=0.005) <= 0.01


def test_the_worst_hour_is_what_is_usual_and_an_hour_of_next_to_nothing_is_none() -> None:
    total = np.array([[36000.0], [36000.0], [100.0], [0.0]])
    bad = np.array([[180.0], [540.0], [10.0], [0.0]])
    assert 0.015 < usual_share(total, bad)[0] < 0.017
    assert usual_share(total[:1], bad[:1])[0] < 0.006
    assert usual_share(total[3:], bad[3:])[0] == usual_share(total[:0], bad[:0])[0] == np.inf


def test_clumps_on_the_candidate_are_divided_away_as_the_baselines_are() -> None:
    dice = np.random.default_rng(9)
    total, parts = np.full((300, 180), 500.0), np.full((300, 360, 1, 2), 250.0)
    clumped = (3 * dice.binomial(500, 0.018 / 3, total.shape)).astype(float)
    parts_bad = (3 * dice.binomial(250, 0.018 / 3, parts.shape)).astype(float)
    _, seen = dispersion.follow(dispersion.nothing_seen((300,), 1, 2, 3), parts, parts_bad, (1, 6, 30))
    given_table = table(total, np.minimum(clumped, total))
    found, phi = above(
        LimitTable(**{n: getattr(given_table, n) for n in given_table.__slots__ if n != "dispersion"}, dispersion=seen),
        interval_seconds=10.0,
        scales=(1, 6, 30),
    )
    assert float(phi.mean()) > 2.0
    assert float((found.max(axis=(1, 2)) >= -np.log(ALPHA)).mean()) <= 0.01


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(0, 59), st.integers(1, 50), st.floats(0, 0.3))
def test_one_more_bad_event_never_weakens_the_evidence(seed: int, at: int, more: int, drift: float) -> None:
    dice = np.random.default_rng(seed)
    total = np.full((1, 60), 100.0)
    bad = dice.binomial(100, 0.03, total.shape).astype(float)
    worse = bad.copy()
    worse[0, at] = min(100.0, worse[0, at] + more)
    before, after = (
        above(table(total, rows, drift=drift), interval_seconds=10.0, scales=(1, 6, 30))[0] for rows in (bad, worse)
    )
    assert np.all(after >= before - 1e-9)


def test_the_more_rates_drift_the_more_it_takes_and_no_past_is_not_no_drift() -> None:
    def known(mean: float, error: float) -> float:
        return float(drift_variance(Wander(mean=np.array([mean]), error=np.array([error])))[0])

    assert known(0.0, np.inf) > 0.08
    assert known(0.0, 0.001) < known(0.0, 0.02) <= known(0.0, np.inf)
    assert known(10.0, 0.1) <= 0.36


def test_all_parts_of_the_error_budget_together_are_at_most_all_of_it() -> None:
    policy, given_trial = Policy(), trial()
    compared = sum(metric.plan.weight for metric in metrics_of(given_trial, policy))
    limits = sum(metric.weight for metric in limits_of(given_trial, policy))
    assert sum(LIMIT_WEIGHTS.values()) == pytest.approx(LIMITS_PART)
    assert compared + limits + LIMIT_WEIGHTS["cost"] <= 1 + 1e-9


@given(st.floats(1, 1e6), st.floats(0, 1), st.floats(0.001, 0.5))
def test_a_share_is_not_believed_to_be_above_a_limit_that_it_is_under(total: float, share: float, limit: float) -> None:
    found = beyond_chance(total, share, limit)
    assert found >= 0
    assert (found > 0) is (share > limit) or found < 1e-9


def test_runs_that_cost_as_much_are_not_failed_although_what_one_costs_differs_widely() -> None:
    dice = np.random.default_rng(2)
    runs = np.full((2000, 180), 25.0)
    ours, theirs = (dice.gamma(runs / 8.5) for _ in range(2))
    found = dearer.above(ours, runs, theirs, runs, 1.0)
    assert float((found.max(axis=-1) >= -np.log(ALPHA)).mean()) <= 0.012
    assert float((dearer.above(3.0 * ours, runs, theirs, runs, 1.5).max(axis=-1) >= -np.log(2e-4)).mean()) > 0.95


def test_an_interval_without_runs_or_cost_on_a_track_says_nothing_of_cost() -> None:
    some, none = np.array([5.0, 5.0]), np.zeros(2)
    assert np.all(dearer.above(some, some, none, some, 1.5) == 0.0)
    assert np.all(dearer.above(some, none, some, some, 1.5) == 0.0)
