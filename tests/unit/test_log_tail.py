"""A live tail: each line once, whenever it arrives, as long as that is not too late; and a gap is said."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from connectors.elasticsearch import Found, Hit
from dashboard.model.log import LogPage
from dashboard.queries import search, tail
from dashboard.queries.entries import Reader
from dashboard.queries.resolution import Resolution
from dashboard.queries.tail import MOST, REACH, Tail, TailStep, advance
from tests.unit.fake_logs import NOW, line


def _page(lines: list[Hit], now: datetime) -> LogPage:
    """What Elasticsearch answers at `now` when it has these lines."""
    request = tail.newest("logs", "agents", now, filters={})
    hits = [hit for hit in lines if request.start <= datetime.fromisoformat(hit.source["@timestamp"]) < request.end]
    hits.sort(key=lambda hit: hit.source["@timestamp"], reverse=True)
    found = Found(hits=tuple(hits[: request.size]), total=len(hits), total_is_lower_bound=False)
    entries, _ = Reader(stream="logs").entries(found)
    return search.page(request, found, entries, Resolution(stream="logs"), 1)


def _at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


# When a line arrives, in seconds from the start, and how long before that it was written.
_LATEST, _LONGEST_PAUSE = 60, 50
_coming = st.lists(st.tuples(st.integers(0, 300), st.integers(0, _LATEST)), max_size=40)


@given(_coming, st.lists(st.integers(0, _LONGEST_PAUSE), min_size=1, max_size=20), st.integers(0, 5))
def test_every_line_is_shown_once_however_the_lines_arrive(coming, pauses: list[int], cached: int):
    """Also when an answer is some seconds old, as the cache may give it."""
    arrivals = [(at, line(str(number), late - at)) for number, (at, late) in enumerate(coming)]
    looks, now = [], 0
    for pause in [*pauses, *[_LONGEST_PAUSE] * 8]:
        now += pause
        looks.append(now)
    state, shown = Tail(looked=_at(0)), []
    for look in looks:
        as_of = max(0, look - cached)
        step = advance(state, _page([hit for at, hit in arrivals if at <= as_of], _at(as_of)), _at(look))
        state, shown = step.tail, [*shown, *step.new]
        assert not step.has_gap

    ids = [entry.id for entry in shown]
    assert len(ids) == len(set(ids))
    assert set(ids) == {hit.id for at, hit in arrivals if at <= looks[-1] - cached}


def test_lines_that_come_together_are_in_the_order_of_their_time():
    step = advance(Tail(), _page([line("b", 1), line("a", 2), line("c", 0)], NOW), NOW)

    assert [entry.id for entry in step.new] == ["a", "b", "c"]


def test_a_line_from_a_clock_that_is_fast_hides_no_other():
    early = advance(Tail(), _page([line("fast", -20)], NOW), NOW)

    later = advance(early.tail, _page([line("fast", -20), line("true", 0)], _at(1)), _at(1))

    assert [entry.id for entry in later.new] == ["true"]


def _flood(first: int) -> LogPage:
    return _page([line(str(first + number), 5) for number in range(MOST)], NOW)


def test_more_lines_than_are_asked_for_at_once_leave_a_gap():
    first = advance(Tail(), _flood(0), NOW)
    step = advance(first.tail, _flood(MOST), _at(1))

    assert not first.has_gap
    assert step.has_gap


def test_a_full_page_that_reaches_back_to_what_was_seen_leaves_none():
    first = advance(Tail(), _flood(0), NOW)

    assert not advance(first.tail, _flood(MOST // 2), _at(1)).has_gap


def test_a_look_after_too_long_leaves_a_gap():
    def look(after: timedelta) -> TailStep:
        return advance(Tail(looked=NOW), _page([], NOW + after), NOW + after)

    assert look(REACH + timedelta(seconds=1)).has_gap
    assert not look(REACH).has_gap


def test_what_is_remembered_does_not_grow_for_ever():
    state = Tail()
    for minute in range(60):
        now = NOW + timedelta(minutes=minute)
        state = advance(state, _page([line(str(minute), -60 * minute)], now), now).tail

    assert len(state.seen) <= 6
