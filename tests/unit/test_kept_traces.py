"""A trace that has not changed is not read again, one that has is, and what nobody can look at is stale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.elasticsearch import Found
from dashboard.model.log import LogEntry, LogPage
from dashboard.model.reading import Reading, Source, State, fresh, missing
from dashboard.model.view import View
from dashboard.queries import kept_traces, traces
from dashboard.queries.entries import Reader
from dashboard.queries.readings import Readings
from dashboard.queries.request import Logs, Request
from dashboard.settings import EnvironmentSettings
from tests.unit.asking import NOW
from tests.unit.test_ui_traces import document

VIEW = View(env="local", ns="agents", trace="t1")


def entries(count: int) -> tuple[LogEntry, ...]:
    hits = [document("root", 0, 900), *(document(f"s{n}", n / 20, 1 + n / 1e4, "root") for n in range(count - 1))]
    found, _ = Reader(stream="traces").entries(Found(hits=tuple(hits), total=count, total_is_lower_bound=False))
    return tuple(replace(one, id=one.span_id) for one in found)


class FakeAsk:
    """A store with one trace; keeps the sizes and orders that it was asked for."""

    environment = EnvironmentSettings(name="local")

    def __init__(self, count: int, *, total: int = 0) -> None:
        self.spans, self.total = entries(count), total or count
        self.asked: list[tuple[int, str]] = []
        self.down = ""
        self.at = NOW

    def gather(self, requests: Mapping[str, Request]) -> Readings:
        return Readings(requests, {key: self._one(one) for key, one in requests.items()})

    def _one(self, request: Request) -> Reading[Any]:
        assert isinstance(request, Logs)
        if self.down:
            return missing(self.down, source=Source.ELASTICSEARCH)
        self.asked.append((request.size, request.sort))
        newest = sorted(self.spans, key=lambda one: one.at, reverse=True)[: request.size]
        return fresh(LogPage(entries=tuple(newest), total=self.total), source=Source.ELASTICSEARCH, as_of=self.at)


def read(ask: FakeAsk) -> Reading[Any]:
    return traces.trace(ask, VIEW, NOW).trace  # type: ignore[arg-type]  # the fake has what the question uses


def test_a_refresh_looks_at_one_span_and_reads_the_others_only_when_something_came() -> None:
    ask = FakeAsk(40)
    first = read(ask)
    assert first.value.tree.recorded == 40
    ask.at = NOW + timedelta(seconds=15)
    ask.asked.clear()
    again = read(ask)
    assert [size for size, _ in ask.asked] == [1]
    assert again.value is first.value
    assert again.as_of == ask.at, "the look is of now, and so is what it vouches for"
    ask.spans = entries(41)
    ask.total = 41
    assert read(ask).value.tree.recorded == 41


def test_spans_that_all_fit_need_not_be_ranked_and_of_more_the_longest_are_asked_for() -> None:
    ask = FakeAsk(5)
    read(ask)
    assert ask.asked == [(1, "@timestamp"), (traces.MOST_SPANS, "@timestamp")]
    large = FakeAsk(5, total=traces.MOST_SPANS + 1)
    assert read(large).state is State.PARTIAL
    assert large.asked == [(1, "@timestamp"), (traces.MOST_SPANS, "duration")]


def test_while_the_store_is_away_the_last_trace_is_stale_with_the_reason() -> None:
    ask = FakeAsk(5)
    read(ask)
    ask.down = "connection refused"
    lost = read(ask)
    assert (lost.state, lost.reason, lost.value.tree.recorded) == (State.STALE, "connection refused", 5)
    assert lost.as_of == NOW
    never_read = FakeAsk(5)
    never_read.down = "connection refused"
    assert read(never_read).state is State.MISSING


def test_spans_that_come_between_look_and_reading_are_read_at_the_next_look() -> None:
    class Growing(FakeAsk):
        def _one(self, request: Request) -> Reading[Any]:
            answer = super()._one(request)
            self.total += 1
            return answer

    ask = Growing(5)
    read(ask)
    ask.asked.clear()
    read(ask)
    assert [size for size, _ in ask.asked] == [1, traces.MOST_SPANS]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_traces, "MOST_SPANS", 12)
    kept = kept_traces.KeptTraces()
    ask = FakeAsk(5)
    trace = read(ask)
    look = fresh(LogPage(entries=ask.spans[:1], total=5), source=Source.ELASTICSEARCH, as_of=NOW)
    for name in "abc":
        kept.keep(name, look, trace)
    assert [name for name in "abc" if kept.same(name, look)] == ["b", "c"]


def test_a_search_by_cost_says_that_it_looked_at_the_dearest_spans_only() -> None:
    ask = FakeAsk(300, total=4_000)
    answer = traces.runs(ask, replace(VIEW, trace="", cost="0.1"), NOW)  # type: ignore[arg-type]
    assert answer.looked_at.startswith("Looked at the 300 dearest of 4,000 spans that fit")
    assert "many cheap calls" in answer.looked_at


@pytest.mark.parametrize("filters", [{"tool": "search"}, {"error": "timeout"}, {"q": "chat"}, {}, {"order": "newest"}])
def test_every_search_that_is_cut_says_among_what_it_looked(filters: dict[str, str]) -> None:
    cut = traces.runs(FakeAsk(300, total=4_000), replace(VIEW, trace="", **filters), NOW)  # type: ignore[arg-type]
    assert "of 4,000" in cut.looked_at
    whole = traces.runs(FakeAsk(300), replace(VIEW, trace="", **filters), NOW)  # type: ignore[arg-type]
    assert whole.looked_at == ""
