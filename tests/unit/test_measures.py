"""Periods, measures and joined rows: what the pages with figures are made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.catalog.agents import RUN_RATE
from dashboard.model.figures import FigureRow
from dashboard.model.reading import Reading, Source, State, Unit, fresh, missing
from dashboard.model.series import Sample
from dashboard.model.view import RANGES, View
from dashboard.queries.measures import ask_measure, period, rows
from dashboard.queries.request import Instant
from dashboard.ui import tables
from dashboard.ui.measures import columns

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def samples(**values: float | None) -> Reading[tuple[Sample, ...]]:
    found = tuple(Sample(labels={"agent": name}, value=value) for name, value in values.items())
    return fresh(found, source=Source.PROMETHEUS, as_of=NOW)


@pytest.mark.parametrize(
    ("chosen", "window"), [("15m", "900s"), ("1h", "3600s"), ("24h", "86400s")], ids=lambda text: str(text)
)
def test_a_figure_covers_the_whole_period_and_is_compared_with_the_one_before(chosen: str, window: str) -> None:
    over = period(View(env="e", ns="n", range=chosen), NOW)
    asked = ask_measure("runs", RUN_RATE, {}, over)
    now, before = asked["runs"], asked["runs.previous"]
    assert isinstance(now, Instant)
    assert isinstance(before, Instant)
    assert now.values["window"] == before.values["window"] == window
    assert (now.at, before.at) == (None, over.start)


@pytest.mark.parametrize(
    ("chosen", "window"), [("15m", "60s"), ("1h", "60s"), ("6h", "300s"), ("24h", "300s"), ("7d", "2100s")], ids=str
)
def test_a_line_is_never_finer_than_what_its_range_is_asked_of(chosen: str, window: str) -> None:
    assert period(View(env="e", ns="n", range=chosen), NOW).course_window == window


@given(st.sampled_from(sorted(RANGES)), st.integers(min_value=0, max_value=10**8))
def test_looks_within_the_same_seconds_ask_the_same_question(chosen: str, ticks: int) -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=5 * ticks)
    view = View(env="e", ns="n", range=chosen)
    assert period(view, now) == period(view, now + timedelta(seconds=4, milliseconds=900))


def test_a_fixed_period_is_not_live() -> None:
    view = View(env="e", ns="n", range="", start=NOW - timedelta(hours=1), end=NOW)
    assert not period(view, NOW + timedelta(days=1)).live
    assert period(view, NOW + timedelta(days=1)).end == NOW


def test_rows_are_joined_on_their_label_largest_first() -> None:
    found = rows(("agent",), {"rate": samples(a=1.0, b=2.0), "p95": samples(a=0.5)})
    assert found.value is not None
    assert [(row.name, row.figures) for row in found.value] == [
        ("b", {"rate": 2.0, "p95": None}),
        ("a", {"rate": 1.0, "p95": 0.5}),
    ]
    assert found.state is State.FRESH


def test_a_column_without_an_answer_makes_the_rows_partial_and_says_which() -> None:
    gone: Reading[tuple[Sample, ...]] = missing("connection refused", source=Source.PROMETHEUS)
    found = rows(("agent",), {"rate": samples(a=1.0), "p95": gone})
    assert found.state is State.PARTIAL
    assert found.reason == "p95 is missing: connection refused"


@pytest.mark.parametrize("place", ["first", "second", "third"])
def test_a_stale_column_makes_the_rows_stale_as_of_its_own_time(place: str) -> None:
    def column(name: str) -> Reading[tuple[Sample, ...]]:
        long_ago = NOW - timedelta(minutes=9)
        whole = samples(a=1.0)
        return (
            replace(whole, state=State.STALE, as_of=long_ago, reason="it does not answer") if name == place else whole
        )

    found = rows(("agent",), {name: column(name) for name in ("first", "second", "third")})
    assert (found.state, found.as_of) == (State.STALE, NOW - timedelta(minutes=9))
    assert "it does not answer" in found.reason


def test_without_the_first_column_there_are_no_rows() -> None:
    gone: Reading[tuple[Sample, ...]] = missing("connection refused", source=Source.PROMETHEUS)
    found = rows(("agent",), {"rate": gone, "p95": samples(a=1.0)})
    assert found.value is None
    assert found.state is State.MISSING


def test_on_a_phone_rows_that_differ_in_their_last_label_alone_can_be_told_apart() -> None:
    found = [
        FigureRow(labels=("output-redaction", "output", each), figures={"count": 1.0}) for each in ("allow", "modify")
    ]
    cards = tables._cards(found, columns(("policy", "stage", "decision"), {"count": Unit.COUNT}), "UTC", 10)

    assert "allow" in cards
    assert "modify" in cards
