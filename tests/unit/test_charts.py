"""Marks on a chart: each change is told, and none writes over another."""

from __future__ import annotations

import html
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.model.reading import Unit
from dashboard.model.series import Series
from dashboard.model.view import Marker
from dashboard.ui import explore, theme
from dashboard.ui.lines import styled
from dashboard.ui.marks import grouped, rooms

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


EVIL = '<a href="https://evil.example">pay</a><br>&lt;b&gt; $x$'


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for one in value.values() for text in _strings(one)]
    if isinstance(value, list | tuple):
        return [text for one in value for text in _strings(one)]
    return []


def test_nothing_from_outside_is_markup_anywhere_in_a_chart() -> None:
    """Legend, hover text, annotations and their hover text: plotly reads some HTML in all of them."""
    at = START.timestamp()
    lines = [
        Series(labels={"pod": f"{EVIL}{number}"}, times=(at, at + 60, at + 120), values=(1.0, None, 2.0))
        for number in range(3)
    ]
    figure = explore.figure(
        styled(lines, lambda labels: labels["pod"], theme.LIGHT, theme.OTHERS_LIGHT),
        unit=Unit.COUNT,
        limit=1.5,
        markers=[Marker(at=START + timedelta(seconds=60), label=EVIL)],
        height=240,
        tz="UTC",
        colours=theme.LIGHT,
    ).to_dict()
    ours = {"%{customdata}<extra>%{meta}</extra>"}
    shown = [text for text in _strings(figure) if text not in ours]

    assert sum("evil.example" in text for text in shown) >= 7
    assert not [text for text in shown if {"<", ">", "$"} & set(text)]
    assert all(html.unescape(text)[:39] == EVIL[:39] for text in shown if "evil.example" in text)


def test_the_legend_has_two_columns_by_what_a_person_reads_not_by_its_escapes() -> None:
    def entry_width(name: str) -> float:
        lines = [Series(labels={"n": f"{name}{n}"}, times=(0.0, 60.0), values=(1.0, 2.0)) for n in range(2)]
        figure = explore.figure(
            styled(lines, lambda labels: labels["n"], theme.LIGHT, theme.OTHERS_LIGHT),
            unit=Unit.COUNT,
            limit=None,
            markers=(),
            height=240,
            tz="UTC",
            colours=theme.LIGHT,
        )
        return float(figure.layout.legend.entrywidth)

    assert (entry_width("a<b>&$c"), entry_width("a name that is long")) == (0.5, 1.0)


def explored(start: datetime, seconds: int, tz: str) -> dict[str, Any]:
    """The figure of one line with a point each ten minutes and a change in its middle."""
    first = start.timestamp()
    moments = tuple(first + at for at in range(0, seconds + 1, 600))
    line = Series(labels={"n": "one"}, times=moments, values=tuple(1.0 for _ in moments))
    found: dict[str, Any] = explore.figure(
        styled([line], lambda labels: labels["n"], theme.LIGHT, theme.OTHERS_LIGHT),
        unit=Unit.COUNT,
        limit=None,
        markers=[Marker(at=start + timedelta(seconds=seconds / 2), label="a change")],
        height=240,
        tz=tz,
        colours=theme.LIGHT,
    ).to_dict()
    return found


AUTUMN, SPRING, SUMMER = (datetime(2026, month, day, tzinfo=UTC) for month, day in ((10, 25), (3, 29), (7, 1)))


@pytest.mark.parametrize(
    ("start", "tz", "title"),
    [
        pytest.param(AUTUMN, "Europe/Berlin", "CET (UTC+01:00), also before", id="autumn"),
        pytest.param(SPRING, "Europe/Berlin", "CEST (UTC+02:00), also before", id="spring"),
        pytest.param(SUMMER, "Europe/Berlin", "CEST (UTC+02:00)", id="a summer of the past"),
        pytest.param(SUMMER, "America/Sao_Paulo", "UTC-03:00", id="a zone without a name"),
        pytest.param(AUTUMN, "UTC", "UTC", id="UTC"),
    ],
)
def test_times_of_an_explored_chart_never_run_back_and_name_their_offset(start: datetime, tz: str, title: str) -> None:
    figure = explored(start, 3 * 3600, tz)
    shown = figure["data"][0]["x"]
    assert all(later - earlier == timedelta(minutes=10) for earlier, later in pairwise(shown))
    axis = figure["layout"]["xaxis"]
    assert axis["title"]["text"].startswith(title)
    assert axis["hoverformat"].endswith(title.removesuffix(", also before"))
    (mark,) = figure["layout"]["shapes"]
    assert mark["x0"] == shown[len(shown) // 2], "a change stands where its moment is on the lines"
