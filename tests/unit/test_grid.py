"""The step of a range and its grid: readable, never finer than the scrapes, the same for every viewer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.queries.grid import MOST_POINTS, READABLE_SECONDS, Grid, step_for

NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "scrape", "step"),
    [
        pytest.param(timedelta(minutes=15), 3, 5, id="15 min, scraped each 3 s: 5 s is the next readable"),
        pytest.param(timedelta(minutes=15), 30, 30, id="15 min, scraped each 30 s: no finer than the scrapes"),
        pytest.param(timedelta(hours=1), 3, 5, id="1 h: 5 s is 720 points"),
        pytest.param(timedelta(hours=6), 3, 30, id="6 h"),
        pytest.param(timedelta(hours=24), 3, 120, id="24 h"),
        pytest.param(timedelta(days=7), 30, 900, id="7 d"),
        pytest.param(timedelta(days=1000), 30, 172800, id="beyond a day: whole days"),
    ],
)
def test_the_step_is_readable(span: timedelta, scrape: int, step: int):
    assert step_for(span.total_seconds(), scrape_interval_seconds=scrape) == step


@given(st.integers(1, 10**8), st.integers(1, 3600))
def test_no_line_has_more_points_than_a_screen(span: int, scrape: int):
    assert span / step_for(span, scrape_interval_seconds=scrape) <= MOST_POINTS


def test_both_ends_move_back_onto_the_grid_and_never_into_the_future():
    grid = Grid.of(NOON - timedelta(seconds=61), NOON + timedelta(seconds=7), 5)

    assert grid.times[0] == NOON.timestamp() - 65
    assert grid.times[-1] == NOON.timestamp() + 5


_moments = st.integers(0, 4 * 10**9)
_steps = st.one_of(st.sampled_from(READABLE_SECONDS), st.integers(1, 30).map(lambda days: days * 86400))


@given(_moments, st.integers(1, 10**8), _steps, st.integers(0, 999_999))
def test_every_window_lies_on_its_grid_and_is_moved_back_by_less_than_a_step(
    start: int, span: int, step: int, microsecond: int
):
    asked_start = datetime.fromtimestamp(start, UTC) + timedelta(microseconds=microsecond)
    asked_end = datetime.fromtimestamp(start + span, UTC) + timedelta(microseconds=microsecond)
    grid = Grid.of(asked_start, asked_end, step)

    assert grid.start % step == grid.end % step == 0
    assert 0 <= asked_start.timestamp() - grid.start < step
    assert 0 <= asked_end.timestamp() - grid.end < step


@given(_moments, st.integers(1, 1000), _steps, st.lists(st.integers(0, 999), min_size=2, max_size=4))
def test_all_who_look_within_one_step_ask_for_the_same_window(start: int, steps: int, step: int, late: list[int]):
    """So that the load does not grow with the viewers. `late` is in thousandths of a step."""
    begin = datetime.fromtimestamp(start // step * step, UTC)
    looks = [begin + timedelta(seconds=step) * one / 1000 for one in late]

    assert len({Grid.of(look, look + timedelta(seconds=step * steps), step) for look in looks}) == 1


@given(_moments, st.integers(1, 30 * 86400), st.integers(1, 300))
def test_a_window_at_its_own_step_has_no_more_points_than_a_screen_and_its_end(start: int, span: int, scrape: int):
    step = step_for(span, scrape_interval_seconds=scrape)
    grid = Grid.of(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(start + span, UTC), step)

    assert step >= scrape
    assert len(grid.times) <= MOST_POINTS + 2
    assert all(later - earlier == step for earlier, later in pairwise(grid.times))


def test_a_window_without_length_is_a_mistake():
    with pytest.raises(ValueError, match="has no length"):
        Grid.of(NOON, NOON, 5)


def _family(end_seconds_ago: float, *, looked_after: float = 0.0) -> object:
    """Of a 15-minute window, seen a while after noon."""
    now = NOON + timedelta(seconds=looked_after)
    end = now - timedelta(seconds=end_seconds_ago)
    return Grid.of(end - timedelta(minutes=15), end, 5).family(now)


@pytest.mark.parametrize("ago", [0, 900, 1800], ids=["ends now", "the period before", "two before"])
def test_a_window_that_moves_with_the_clock_stays_one_question(ago: int):
    assert {_family(ago, looked_after=after) for after in (0, 0.3, 4.9, 7, 3600)} == {_family(ago)}


def test_a_period_and_the_one_before_are_two_questions():
    assert _family(0) != _family(900)


def test_a_window_that_stands_still_is_a_question_of_its_own():
    end = NOON - timedelta(hours=3, minutes=7)
    grid = Grid.of(end - timedelta(minutes=15), end, 5)

    assert grid.family(NOON) == grid.family(NOON + timedelta(seconds=50)) == (grid.start, grid.end, 5)
