"""Marks on a chart: each change is told, and none writes over another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dashboard.model.view import Marker
from dashboard.ui.charts import grouped, rooms

START = datetime(2026, 1, 1, tzinfo=UTC)
SPAN_SECONDS = 900


def marks(*seconds: float) -> list[Marker]:
    return [Marker(at=START + timedelta(seconds=at), label=f"change {at}") for at in seconds]


def groups(*seconds: float) -> list[list[float]]:
    start = START.timestamp()
    found = grouped(marks(*seconds), start, start + SPAN_SECONDS)
    return [[(marker.at - START).total_seconds() for marker in group] for group in found]


def test_changes_far_apart_each_have_their_own_words() -> None:
    assert groups(100, 800) == [[100], [800]]


def test_changes_at_one_moment_are_told_together() -> None:
    assert groups(300, 301, 302, 800) == [[300, 301, 302], [800]]


def test_changes_outside_the_chart_are_not_drawn() -> None:
    assert groups(-1, 901) == []


@given(st.lists(st.integers(0, SPAN_SECONDS), max_size=40))
def test_no_change_is_lost_and_the_words_never_overlap(seconds: list[int]) -> None:
    found = groups(*seconds)
    assert [at for group in found for at in group] == sorted(seconds)
    firsts = [group[0] for group in found]
    assert all(later - earlier >= SPAN_SECONDS / 4 for earlier, later in pairwise(firsts))


@given(st.lists(st.floats(0, 1), max_size=6, unique=True).map(sorted))
def test_the_words_of_no_two_changes_meet_nor_leave_the_chart(places: list[float]) -> None:
    signs_across = 38
    ends = [
        (place - room / signs_across, place) if is_late else (place, place + room / signs_across)
        for place, (is_late, room) in zip(places, rooms(places), strict=True)
    ]
    assert all(start >= -1e-9 and end <= 1 + 1e-9 for start, end in ends)
    assert all(earlier[1] <= later[0] + 1e-9 for earlier, later in pairwise(ends))
