"""Reading logs: pages that lose and double nothing while lines arrive, and windows that widen within their time.

The store is a fake of a few lines. What real ones make of the same questions is in tests/real/elasticsearch.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.elasticsearch import Hit
from connectors.errors import NotFound, TimedOut, Unreachable
from dashboard.model.log import DocumentId, LogPage
from dashboard.queries.logs import LogReader, LogResult
from dashboard.queries.request import LogContext, Logs, MoreLogs
from tests.unit.fake_logs import NOW, FakeLogs, line

AGENTS: Any = {"stream": "logs", "namespace": "agents"}
LATE = TimedOut("elasticsearch", "no answer within 5 s")


def _reader(store: FakeLogs) -> LogReader:
    return LogReader(cast(Any, store), seconds=lambda: store.passed)


def _logs(**more: Any) -> Logs:
    return Logs(**{**AGENTS, "start": NOW - timedelta(hours=24), "end": NOW, "size": 3, **more})


def _page(store: FakeLogs, request: Logs) -> LogPage:
    page = _reader(store).page("logs-*", request, budget_seconds=5).value
    assert page is not None
    return page


def _ids(page: LogPage) -> list[str]:
    return [entry.id for entry in page.entries]


# Few moments, indices and ids, so that most lines share one with another.
_lines = st.builds(
    lambda identity, ago, index: line(str(identity), ago, index=f"i{index}"),
    st.integers(0, 30),
    st.integers(1, 4),
    st.integers(0, 1),
)
_arrivals = st.lists(_lines, max_size=25, unique_by=lambda hit: (hit.index, hit.id))


@given(_arrivals, st.lists(_arrivals, min_size=1, max_size=4), st.integers(1, 7), st.booleans())
def test_no_line_is_lost_or_doubled_over_pages_while_others_arrive(
    before: list[Hit], later: list[list[Hit]], size: int, newest_first: bool
):
    store = FakeLogs()

    def arrive(batch: list[Hit]) -> None:
        there = {(hit.index, hit.id) for hit in store.lines}
        store.lines += [hit for hit in batch if (hit.index, hit.id) not in there]

    arrive(before)
    reader, request, batches = _reader(store), _logs(size=size, newest_first=newest_first), iter(later)
    page = _page(store, request)
    shown, held = list(page.entries), {DocumentId(hit.index, hit.id) for hit in store.lines}
    while page.next:
        arrive(next(batches, []))
        if not page.next.point_in_time:
            held = {DocumentId(hit.index, hit.id) for hit in store.lines}
        found = reader.more("logs-*", MoreLogs(request, page.next), budget_seconds=5).value
        assert found is not None
        page = found
        shown += page.entries
        assert len(page.entries) <= size

    documents = [entry.document for entry in shown]
    assert len(documents) == len(set(documents))
    assert set(documents) == held


def test_a_later_page_goes_on_where_the_one_before_it_ended():
    store = FakeLogs([line(str(number), number) for number in range(1, 8)])
    reader, request = _reader(store), _logs()

    first = _page(store, request)
    second = reader.more("logs-*", MoreLogs(request, cast(Any, first.next)), budget_seconds=5).value
    assert second is not None
    third = reader.more("logs-*", MoreLogs(request, cast(Any, second.next)), budget_seconds=5).value

    assert third is not None
    assert [_ids(first), _ids(second), _ids(third)] == [["1", "2", "3"], ["4", "5", "6"], ["7"]]
    assert third.next is None


def test_a_page_whose_point_in_time_has_ended_is_not_found():
    store = FakeLogs([line(str(number), number) for number in range(1, 8)])
    reader, request = _reader(store), _logs()
    first = _page(store, request)
    second = reader.more("logs-*", MoreLogs(request, cast(Any, first.next)), budget_seconds=5).value
    store.close_point_in_time(cast(Any, second).next.point_in_time, timeout_seconds=1)

    with pytest.raises(NotFound):
        reader.more("logs-*", MoreLogs(request, cast(Any, second).next), budget_seconds=5)


def test_a_search_looks_further_back_only_until_its_page_is_full():
    store = FakeLogs([line("a", 60), line("b", 30 * 60), line("c", 50 * 60), line("d", 3 * 3600)])

    page = _page(store, _logs(widening=True))

    assert _ids(page) == ["a", "b", "c"]
    assert [asked.begins for asked in store.asked] == [NOW - timedelta(minutes=15), NOW - timedelta(hours=1)]
    assert (page.searched_from, page.total, page.total_is_lower_bound) == (NOW - timedelta(hours=1), 3, True)


def test_what_lies_before_the_searched_window_is_on_the_next_page():
    store = FakeLogs([line("a", 60), line("b", 120), line("c", 180), line("d", 3 * 3600)])
    request = _logs(widening=True)
    first = _page(store, request)

    second = _reader(store).more("logs-*", MoreLogs(request, cast(Any, first.next)), budget_seconds=5).value

    assert (_ids(first), _ids(cast(Any, second))) == (["a", "b", "c"], ["d"])


def test_a_search_that_finds_too_little_has_looked_everywhere_and_its_count_is_exact():
    store = FakeLogs([line("a", 60), line("d", 3 * 3600)])

    page = _page(store, _logs(widening=True))

    assert _ids(page) == ["a", "d"]
    assert (page.searched_from, page.total, page.total_is_lower_bound, page.next) == (None, 2, False, None)


def test_a_search_by_another_order_looks_everywhere_at_once():
    store = FakeLogs([line("a", 60)])

    _page(store, _logs(widening=True, newest_first=False))

    assert len(store.asked) == 1


def test_what_was_found_is_kept_when_looking_further_takes_too_long():
    store = FakeLogs([line("a", 60), line("d", 3 * 3600)])
    store.failures = {3: LATE}

    read = _reader(store).page("logs-*", _logs(widening=True), budget_seconds=5)

    assert read.value is not None
    assert _ids(read.value) == ["a"]
    assert read.value.searched_from == NOW - timedelta(hours=1)
    assert read.left_out == ("searched back to 2026-01-01 11:00:00 UTC only: more would have taken longer than 5 s",)


def test_a_wider_window_that_was_cut_short_does_not_take_the_place_of_a_whole_one():
    store = FakeLogs([line("a", 60), line("b", 120), line("d", 3 * 3600)])
    store.cut = {3: 1}

    read = _reader(store).page("logs-*", _logs(widening=True), budget_seconds=5)

    assert read.value is not None
    assert _ids(read.value) == ["a", "b"]
    assert "searched back to 2026-01-01 11:00:00 UTC only" in read.left_out[0]


def test_a_wider_window_that_was_cut_short_is_shown_for_what_it_has():
    store = FakeLogs([line("a", 60), line("d", 3 * 3600)])
    store.cut = {3: 2}

    read = _reader(store).page("logs-*", _logs(widening=True), budget_seconds=5)

    assert read.value is not None
    assert (_ids(read.value), read.left_out) == (["a", "d"], ("the search ran out of time",))


def test_no_wider_window_is_begun_when_the_time_is_spent():
    store = FakeLogs([line("a", 60)])
    store.takes_seconds = 4.9

    read = _reader(store).page("logs-*", _logs(widening=True), budget_seconds=5)

    assert len(store.asked) == 1
    assert "searched back to 2026-01-01 11:45:00 UTC only" in read.left_out[0]


def test_a_first_search_that_takes_too_long_is_the_sources_failure():
    store = FakeLogs()
    store.failures = {1: LATE}

    with pytest.raises(TimedOut):
        _page(store, _logs(widening=True))


def test_a_source_that_breaks_while_looking_further_is_a_failure_too():
    store = FakeLogs()
    store.failures = {2: Unreachable("elasticsearch", "connection refused")}

    with pytest.raises(Unreachable):
        _page(store, _logs(widening=True))


def _around(store: FakeLogs, identity: str, **more: Any) -> LogResult[Any]:
    return _reader(store).surroundings(
        "logs-*",
        LogContext(**AGENTS, document=DocumentId("i", identity), **more),
        budget_seconds=5,
    )


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.data())
def test_surroundings_hold_every_neighbour_once_even_where_all_share_a_moment(moments: list[int], data: Any):
    store = FakeLogs([line(str(number), ago) for number, ago in enumerate(moments)])
    wanted = data.draw(st.integers(0, len(moments) - 1))

    found = _around(store, str(wanted), before=20, after=20).value

    around = [entry.id for entry in (*found.before, found.entry, *found.after)]
    assert sorted(around) == sorted(hit.id for hit in store.lines)
    times = [entry.at for entry in (*found.before, found.entry, *found.after)]
    assert times == sorted(times)


def test_surroundings_are_the_nearest_and_within_the_filter():
    other = {"resource.attributes.k8s.pod.name": "other"}
    store = FakeLogs([line(str(number), number) for number in range(9)] + [line("x", 4.5, **other)])

    found = _around(store, "4", before=2, after=1).value

    assert [entry.id for entry in found.before] == ["5", "x"]
    assert [entry.id for entry in found.after] == ["3"]


def test_surroundings_of_what_is_gone_say_so():
    read = _around(FakeLogs([line("a", 1)]), "gone")

    assert read.value is None
    assert "older than what is kept" in read.nothing


def test_all_calls_of_one_reading_share_its_time():
    store = FakeLogs([line("a", 2), line("b", 1), line("c", 0)])
    store.takes_seconds = 2.4

    with pytest.raises(TimedOut):
        _around(store, "b")

    assert [asked.timeout_seconds for asked in store.asked] == [5.0, pytest.approx(2.6)]
