"""The planned decisions: a release at the edge passes within the budget; what moves a decision, and what does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.decide import planned
from dashboard.decide.factor import Array
from dashboard.decide.planned import POINTS, Edge, bounds, edge, gain, information_to_pass, passes

rates = st.floats(1e-4, 0.5)
PASS_ALPHA = 0.05


def chances(n: int, rate: float) -> Array:
    """Of 0 to n bad events."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    every = np.arange(n + 1)
    return np.asarray(
        np.exp(logs[n] - logs - logs[::-1] + every * np.log(rate) + (n - every) * np.log1p(-rate)), dtype=float
    )


def beside(ratio: float, share: float, expected: float, widening: float = 1.0) -> Edge:
    return edge(ratio=np.array(ratio), share=np.array(share), widening=np.array(widening), expected=np.array(expected))


def passed(n_g: Array, x_g: Array, n_b: Array, x_b: Array, edges: Edge, pass_alpha: float = PASS_ALPHA) -> Array:
    """Whether each of many releases, (release, interval), ever passes."""
    found = gain(n_g, x_g, n_b, x_b, edges)
    score, variance, after = (np.cumsum(rows, axis=-1) for rows in (found.score, found.variance, found.information))
    decided = passes(
        score=score,
        variance=variance,
        before=after - found.information,
        after=after,
        weight=found.weight,
        pass_alpha=pass_alpha,
    )
    return np.asarray(decided.any(axis=-1))


@given(
    st.integers(1, 30), st.integers(1, 30), rates, rates, st.floats(1.05, 4.0), st.floats(0.0, 0.1), st.floats(1.0, 3.0)
)
def test_the_mean_of_the_score_is_at_most_0_beyond_the_margin_whatever_rate_was_expected(
    n_g: int, n_b: int, p_b: float, expected: float, ratio: float, share: float, more: float
) -> None:
    edges = beside(ratio, share, expected)
    p_g = min(max(ratio * p_b, p_b + share) * more, 1 - 1e-9)
    if p_g < max(ratio * p_b, p_b + share):  # no release can be that bad
        return
    x_g, x_b = (axis.astype(float) for axis in np.meshgrid(np.arange(n_g + 1), np.arange(n_b + 1), indexing="ij"))
    found = gain(np.full_like(x_g, n_g), x_g, np.full_like(x_g, n_b), x_b, edges)
    weights = np.outer(chances(n_g, p_g), chances(n_b, p_b))
    assert float((found.score * weights).sum()) <= 1e-9


@given(st.integers(1, 30), st.integers(1, 30), rates, st.floats(1.05, 4.0))
def test_the_variance_is_not_taken_to_be_less_than_it_is_at_the_edge(
    n_g: int, n_b: int, p_b: float, ratio: float
) -> None:
    edges = beside(ratio, 0.0, p_b)
    p_g = float(edges.times) * p_b
    x_g, x_b = (axis.astype(float) for axis in np.meshgrid(np.arange(n_g + 1), np.arange(n_b + 1), indexing="ij"))
    found = gain(np.full_like(x_g, n_g), x_g, np.full_like(x_g, n_b), x_b, edges)
    weights = np.outer(chances(n_g, p_g), chances(n_b, p_b))
    mean = float((found.score * weights).sum())
    assert float(((found.score - mean) ** 2 * weights).sum()) <= float((found.variance * weights).sum()) + 1e-9


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from([0.001, 0.01, 0.1]),
    st.sampled_from([(1.25, 0.0), (1.5, 0.002), (2.0, 0.0)]),
    st.floats(0.1, 0.9),
    st.floats(0.0, 0.8),
)
def test_a_release_at_the_edge_passes_within_the_budget(
    seed: int, rate: float, margin: tuple[float, float], share: float, drift: float
) -> None:
    dice = np.random.default_rng(seed)
    releases, intervals = 800, 200
    p_b = rate * np.exp(drift * np.sin(np.arange(intervals) / 11.0 + seed))
    p_g = np.maximum(margin[0] * p_b, p_b + margin[1])
    total_events = dice.poisson(300 / rate * 0.02, (releases, intervals)).astype(int)
    n_g = dice.binomial(total_events, share)
    n_b = total_events - n_g
    x_g, x_b = dice.binomial(n_g, p_g), dice.binomial(n_b, p_b)
    edges = edge(
        ratio=np.array(margin[0]),
        share=np.array(margin[1]),
        widening=np.ones(()),
        expected=np.full((releases, intervals), rate),
    )
    found = passed(*(rows.astype(float) for rows in (n_g, x_g, n_b, x_b)), edges)
    assert found.mean() <= PASS_ALPHA + 3 * np.sqrt(PASS_ALPHA * (1 - PASS_ALPHA) / releases)


def test_bounds_spend_just_the_budget() -> None:
    dice = np.random.default_rng(3)
    steps = np.sqrt(np.diff(POINTS, prepend=0.0))
    walks = np.cumsum(dice.standard_normal((100_000, len(POINTS))) * steps, axis=-1)
    crossed = (walks >= np.array(bounds(PASS_ALPHA)) * np.sqrt(POINTS)).any(axis=-1)
    assert crossed.mean() == pytest.approx(PASS_ALPHA, abs=0.002)


def test_fewer_wrong_passes_ask_for_more() -> None:
    assert all(strict > lax for strict, lax in zip(bounds(0.001), bounds(0.05), strict=True))


def test_with_no_bad_events_at_all_the_margin_in_shares_decides() -> None:
    edges = beside(1.5, 0.002, 1e-5)
    total_events, nothing = np.full((1, 60), 250.0), np.zeros((1, 60))
    assert passed(total_events, nothing, total_events, nothing, edges).all()
    # 4 in a thousand are beyond 2 in a thousand more than none.
    assert not passed(total_events, np.full((1, 60), 1.0), total_events, nothing, edges).any()


def test_a_margin_in_times_says_nothing_of_a_baseline_without_bad_events() -> None:
    total_events, nothing = np.full((1, 500), 250.0), np.zeros((1, 500))
    assert not passed(total_events, nothing, total_events, nothing, beside(1.5, 0.0, 0.01)).any()


def test_where_the_baseline_mostly_fails_a_candidate_that_always_fails_does_not_pass() -> None:
    total_events = np.full((1, 500), 100.0)
    assert not passed(total_events, total_events, total_events, 0.8 * total_events, beside(1.5, 0.002, 0.8)).any()
    assert passed(total_events, 0.8 * total_events, total_events, 0.8 * total_events, beside(1.5, 0.002, 0.8)).all()


def test_the_information_left_is_that_until_the_first_decision_that_a_healthy_release_passes() -> None:
    def left(score: float, variance: float, information: float) -> float:
        given_state = {"score": np.array(score), "variance": np.array(variance), "information": np.array(information)}
        return float(information_to_pass(**given_state, pass_alpha=PASS_ALPHA))

    assert left(0.0, 0.0, 0.0) == pytest.approx(POINTS[0])
    assert left(-4.0, 5.0, 5.0) > left(5.0, 5.0, 5.0) == pytest.approx(POINTS[0] - 5.0)
    assert left(0.0, POINTS[-1], POINTS[-1]) == float("inf")


def test_progress_is_towards_the_next_decision() -> None:
    shown = planned.progress(np.array([0.0, POINTS[0] / 2, POINTS[0], POINTS[-1]]))
    assert shown == pytest.approx([0.0, 0.5, POINTS[0] / POINTS[1], 0.0])
