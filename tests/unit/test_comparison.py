"""The laws that the evidence obeys, for random settings, unequal counts and drifting rates; and that it finds harm."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.decide.comparison import Course, begin, compare
from dashboard.decide.comparison_inputs import Margin, MetricPlan, Plan, Table
from dashboard.decide.factor import Array, log_absolute_factor, log_factor, odds_times
from tests.unit.comparison_tables import PLAN, drawn, past

rates = st.floats(1e-4, 0.6)
total_events = st.integers(0, 30)
SURE = -np.log(PLAN.alpha)


def evidence(table: Table) -> Course:
    return compare(PLAN, table, begin(PLAN, past()))[0]


def chances(n: int, rate: float) -> Array:
    """Of 0 to n bad events."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    every = np.arange(n + 1)
    return np.asarray(
        np.exp(logs[n] - logs - logs[::-1] + every * np.log(rate) + (n - every) * np.log1p(-rate)), dtype=float
    )


def mean_factor(n_g: int, n_b: int, p_g: float, p_b: float, *, psi: float, bet_b: float, bet_g: float) -> float:
    """The mean over all outcomes of one interval, each by its chance."""
    x_g, x_b = (axis.astype(float) for axis in np.meshgrid(np.arange(n_g + 1), np.arange(n_b + 1), indexing="ij"))
    full = [np.full_like(x_g, value) for value in (psi, bet_b, bet_g)]
    logs = log_factor(
        np.full_like(x_g, n_g), x_g, np.full_like(x_g, n_b), x_b, psi=full[0], bet_b=full[1], bet_g=full[2]
    )
    return float((np.exp(logs) * np.outer(chances(n_g, p_g), chances(n_b, p_b))).sum())


@given(total_events, total_events, rates, st.floats(0.01, 1.0), rates, st.floats(1.0, 3.0), st.floats(1.05, 20.0))
def test_the_mean_of_the_factor_for_harm_is_at_most_1_whatever_the_rate_of_the_baseline(
    n_g: int, n_b: int, p_b: float, part: float, bet: float, psi: float, odds: float
) -> None:
    bet_b = min(bet, 0.98 / psi)
    bet_g = float(odds_times(np.array(psi * bet_b), odds))
    p_g = min(psi * p_b, 0.999) * part  # any rate that keeps the margin
    assert mean_factor(n_g, n_b, p_g, p_b, psi=psi, bet_b=bet_b, bet_g=bet_g) <= 1 + 1e-9


@given(st.integers(0, 60), st.floats(1e-3, 0.5), st.floats(1.0, 3.0), st.floats(0.01, 0.9))
def test_the_mean_of_the_factor_against_a_limit_is_at_most_1_for_every_rate_over_it(
    n: int, limit: float, more: float, part: float
) -> None:
    every = np.arange(n + 1, dtype=float)
    logs = log_absolute_factor(np.full_like(every, n), every, limit=np.array(limit), bet_g=np.array(limit * part))
    assert float(np.exp(logs) @ chances(n, min(limit * more, 0.999))) <= 1 + 1e-9


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 59), max_size=5, unique=True))
def test_in_steps_or_at_once_the_answer_is_the_same_to_the_last_bit(seed: int, cuts: list[int]) -> None:
    table = drawn(seed, 60)
    at_once = evidence(table)
    state, courses = begin(PLAN, past()), []
    for start, end in pairwise([0, *sorted(cuts), 60]):
        course, state = compare(PLAN, table.rows(start, end), state)
        courses.append(course)
    for field in fields(Course):
        axis = -1 if field.name == "total" else -2
        joined = np.concatenate([getattr(course, field.name) for course in courses], axis=axis)
        assert joined.tobytes() == getattr(at_once, field.name).tobytes(), field.name


def test_many_releases_on_a_leading_axis_are_judged_as_each_alone() -> None:
    tables = [drawn(seed, 40, worse=worse) for seed, worse in ((1, 1.0), (2, 3.0), (3, 1.5))]
    together = Table(**{f.name: np.stack([getattr(t, f.name) for t in tables]) for f in fields(Table)})
    alone = past()
    stacked = replace(
        alone,
        **{name: np.stack([getattr(alone, name)] * 3) for name in ("share", "slope", "widening")},
        dispersion=replace(
            alone.dispersion,
            **{f.name: np.stack([getattr(alone.dispersion, f.name)] * 3) for f in fields(alone.dispersion)},
        ),
    )
    course, _ = compare(PLAN, together, begin(PLAN, stacked))
    for index, table in enumerate(tables):
        np.testing.assert_allclose(course.total[index], evidence(table).total)


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.integers(0, 39), st.integers(0, 1), st.integers(1, 20))
def test_one_more_bad_event_on_the_candidate_never_speaks_for_it(seed: int, at: int, metric: int, more: int) -> None:
    before = drawn(seed, 40)
    bad_events = before.candidate_bad.copy()
    bad_events[at, metric] = min(bad_events[at, metric] + more, before.candidate_total[at, metric])
    good, worse = evidence(before), evidence(replace(before, candidate_bad=bad_events))
    assert np.all(worse.fail >= good.fail - 1e-9)
    assert np.all(worse.total >= good.total - 1e-9)
    assert np.all(worse.score <= good.score + 1e-9)
    assert np.all(worse.passed <= good.passed)
    assert np.array_equal(worse.information, good.information)
    assert np.all(worse.absolute[:, 0] <= good.absolute[:, 0] + 1e-9)


def test_a_track_against_itself_is_not_failed_beyond_the_error_budget() -> None:
    failed = sum(bool(evidence(drawn(seed, 120)).total.max() >= SURE) for seed in range(300))
    assert failed <= 6  # 1 % of 300 is 3; a coin of 1 % shows more than 6 once in thirty times, and ours is far below


def test_a_release_at_the_edge_of_harm_hardly_ever_passes() -> None:
    passed = sum(bool(evidence(drawn(seed, 120, worse=1.5)).passed[-1, 0]) for seed in range(200))
    assert passed <= 18  # 5 % of 200 is 10, and more than 18 come once in a hundred times


def test_threefold_harm_is_found_and_a_healthy_release_passes() -> None:
    harmed, healthy = evidence(drawn(5, 120, worse=3.0)), evidence(drawn(5, 120))
    assert harmed.total.max() > SURE
    assert np.argmax(harmed.total > SURE) < 12
    assert healthy.passed[-1].all()


def test_harm_that_begins_late_is_found_although_everything_spoke_for_the_release_until_then() -> None:
    good, bad_events = drawn(7, 120), drawn(8, 60, worse=3.0)
    joined = Table(
        **{f.name: np.concatenate([getattr(good, f.name), getattr(bad_events, f.name)]) for f in fields(Table)}
    )
    total = evidence(joined).total
    assert total[:120].max() < SURE
    assert total.max() > SURE


def test_an_interval_without_tries_on_one_track_says_nothing() -> None:
    table = drawn(3, 20)
    gap = [rows.copy() for rows in (table.candidate_total, table.candidate_bad)]
    for rows in gap:
        rows[10] = 0.0
    course = evidence(replace(table, candidate_total=gap[0], candidate_bad=gap[1]))
    assert np.array_equal(course.score[10], course.score[9])
    assert np.array_equal(course.information[10], course.information[9])


def test_clumps_are_measured_and_divided_away() -> None:
    dice = np.random.default_rng(1)
    total_events = np.full((400, 2, 2), 300.0)
    clumps = 3.0 * dice.binomial(300, np.array([0.01, 0.1])[:, None] / 3, (400, 2, 2))
    table = Table(
        candidate_total=total_events.sum(-1),
        candidate_bad=clumps.sum(-1),
        baseline_total=total_events.sum(-1),
        baseline_bad=clumps.sum(-1),
        parts_total=total_events,
        parts_bad=clumps,
    )
    assert evidence(table).phi[-1] == pytest.approx([3.0, 3.0], abs=0.6)


@pytest.mark.parametrize(
    ("tries_value", "bad_value"),
    [
        pytest.param(10.0, 11.0, id="more bad events than tries"),
        pytest.param(10.0, -1.0, id="fewer than none"),
        pytest.param(float("nan"), 1.0, id="no number of tries"),
        pytest.param(10.0, float("nan"), id="no number of bad events"),
        pytest.param(float("inf"), 1.0, id="endlessly many tries"),
    ],
)
def test_counts_that_cannot_be_are_refused(tries_value: float, bad_value: float) -> None:
    good = drawn(1, 3)
    with pytest.raises(ValueError, match="bad events must be between 0 and total events"):
        replace(good, candidate_total=np.full((3, 2), tries_value), candidate_bad=np.full((3, 2), bad_value))


def test_weights_beyond_the_error_budget_are_refused() -> None:
    metric = MetricPlan(name="errors", weight=0.7, fail=Margin(ratio=1.1), go=Margin(ratio=1.5))
    with pytest.raises(ValueError, match="at most 1"):
        Plan(metrics=(metric, metric))
