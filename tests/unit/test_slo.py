"""Burn rates, budgets and forecasts against the worked examples of the SRE Workbook."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.slo import WINDOWS, budget_ends_in, budget_left, burn_rate, burning

MONTH = timedelta(days=30)


def test_one_percent_of_errors_burns_a_budget_of_a_tenth_of_a_percent_ten_times_too_fast() -> None:
    assert burn_rate(10, 1000, 0.999) == pytest.approx(10.0)
    assert budget_ends_in(1.0, 10.0, MONTH) == timedelta(days=3)


@pytest.mark.parametrize(("window", "spent"), list(zip(WINDOWS, (0.02, 0.05, 0.1), strict=True)))
def test_each_window_tells_of_its_part_of_the_budget(window: object, spent: float) -> None:
    assert window.rate * (window.long / MONTH) == pytest.approx(spent)  # type: ignore[attr-defined]
    assert window.long / window.short == 12  # type: ignore[attr-defined]


def test_without_traffic_nothing_is_known() -> None:
    assert burn_rate(0, 0, 0.99) is None
    assert budget_left(0, 0, 0.99) is None
    assert burning(None, 20.0, WINDOWS[0]) is None


def test_it_burns_only_while_both_windows_do() -> None:
    assert burning(15.0, 15.0, WINDOWS[0]) is True
    assert burning(15.0, 0.0, WINDOWS[0]) is False


@given(st.integers(0, 1000), st.integers(0, 1000), st.floats(0.5, 0.9999))
def test_one_more_bad_event_never_leaves_more_budget(bad_events: int, good: int, objective: float) -> None:
    before, after = (
        budget_left(bad_events, bad_events + good + 1, objective),
        budget_left(bad_events + 1, bad_events + good + 1, objective),
    )
    assert before is not None
    assert after is not None
    assert after < before


def test_a_spent_budget_ends_now_and_an_unburnt_one_never() -> None:
    assert budget_ends_in(-0.2, 3.0, MONTH) == timedelta(0)
    assert budget_ends_in(0.5, 0.0, MONTH) is None


@pytest.mark.parametrize(
    ("bad_events", "total_events", "objective"), [(1, 10, 1.0), (11, 10, 0.9), (-1, 10, 0.9), (1, 10, 1.5)]
)
def test_what_cannot_be_is_refused(bad_events: float, total_events: float, objective: float) -> None:
    with pytest.raises(ValueError, match=r"budget|cannot be"):
        burn_rate(bad_events, total_events, objective)
