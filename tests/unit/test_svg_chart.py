"""Charts that the server draws: whatever the data, a picture of bounded size without a number that is none."""

from __future__ import annotations

import html
import math
import re
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.model.reading import Unit
from dashboard.model.series import Series
from dashboard.model.view import Marker
from dashboard.ui import theme
from dashboard.ui.axis import scale, times, value_label
from dashboard.ui.chart_html import Chart, table, words
from dashboard.ui.chart_html import html as drawn
from dashboard.ui.lines import MOST_LINES, highest, styled
from dashboard.ui.svg_chart import HEIGHT, MOST_POINTS, WIDTH, Frame, Stroke, path, svg, thinned

START = 1_770_000_000.0
EVIL = "<script>alert(1)</script>'\"&<b>"
anything = st.one_of(st.none(), st.floats())
columns = st.lists(anything, min_size=1, max_size=60)
units = st.sampled_from(list(Unit))


def chart(*values: list[float | None], limit: float | None = None, unit: Unit = Unit.RATIO, **more: object) -> Chart:
    lines = [
        Series(labels={"track": track}, times=tuple(START + 15 * n for n in range(len(line))), values=tuple(line))
        for track, line in zip(("blue", "green", "a", "b"), values, strict=False)
    ]
    found = styled(lines, lambda labels: labels["track"], theme.LIGHT, theme.OTHERS_LIGHT)
    return Chart(title="Errors", lines=found, unit=unit, limit=limit, **more)  # type: ignore[arg-type]


def picture(text: str) -> ElementTree.Element:
    found = re.search(r'src="data:image/svg\+xml,([^"]*)"', text)
    assert found
    return ElementTree.fromstring(unquote(found[1]))  # noqa: S314 - our own


@given(columns, columns, st.one_of(st.none(), st.floats()), units)
def test_any_data_make_a_picture_whose_numbers_lie_within_it(
    blue: list[float | None], green: list[float | None], limit: float | None, unit: Unit
) -> None:
    text = drawn(chart(blue, green, limit=limit, unit=unit), theme.LIGHT)
    for one in picture(text):
        numbers = re.findall(r"-?[\d.]+|nan|inf", one.get("d", ""))
        assert all(number.isdigit() and int(number) <= max(WIDTH, HEIGHT) for number in numbers)
    assert not re.search(r"\b(nan|inf)\b", text, re.IGNORECASE) or any(
        value is not None and not math.isfinite(value) for value in (*blue, *green, limit)
    )


@given(st.lists(anything, max_size=5000))
def test_a_long_line_keeps_its_peaks_its_gaps_and_a_bounded_size(values: list[float | None]) -> None:
    found = list(thinned([START + n for n in range(len(values))], values))
    finite = [value for value in values if value is not None and math.isfinite(value)]
    kept = [value for _, value in found if value is not None]
    assert len(found) <= MOST_POINTS
    assert [at for at, _ in found] == sorted(at for at, _ in found)
    if finite:
        assert (min(kept), max(kept)) == (min(finite), max(finite))
    assert (len(finite) < len(values)) == any(value is None for _, value in found)


def test_the_size_of_a_picture_is_bounded_whatever_the_range() -> None:
    day = chart(*([[math.sin(n / 50) for n in range(20_000)]] * 4), unit=Unit.COUNT)
    assert len(drawn(day, theme.LIGHT)) < 4 * MOST_POINTS * 11


def test_a_gap_lifts_the_pen_and_a_value_alone_is_a_dot() -> None:
    frame = Frame(start=0, end=4, low=0, high=1)
    assert path(frame, [0, 1, 2, 3, 4], [0, 1, None, 1, None]) == "M0,400L250,0M750,0h1"
    assert path(frame, [0, 1], [None, None]) == ""


def test_two_lines_of_one_course_are_both_seen() -> None:
    found = picture(drawn(chart([0.1, 0.1], [0.1, 0.1], [0.1, 0.1], [0.1, 0.1]), theme.LIGHT))
    ways = [one for one in found if one.get("stroke-width") == "2"]
    assert len({one.get("d") for one in ways}) == 1
    assert len({(one.get("stroke"), one.get("stroke-dasharray")) for one in ways}) == 4
    assert len({one.get("stroke-dasharray") for one in ways[:2]}) == 2


@given(st.lists(st.sampled_from(["blue", "green", "", "x"]), max_size=MOST_LINES))
def test_no_two_lines_of_a_chart_look_alike_and_the_tracks_own_their_colours(tracks: list[str]) -> None:
    series = [Series(labels={"track": track}, times=(0.0,), values=(1.0,)) for track in tracks]
    looks = styled(series, lambda labels: "n", theme.LIGHT, theme.OTHERS_LIGHT)
    others = [line for line, track in zip(looks, tracks, strict=True) if track not in ("blue", "green")]
    assert not {line.colour for line in others} & {theme.LIGHT["blue"], theme.LIGHT["green"]}
    assert len({(line.colour, line.dash) for line in others[:8]}) == len(others[:8])


def test_a_limit_is_drawn_where_it_fits_and_said_where_it_does_not() -> None:
    near, far = chart([0.01, 0.02], limit=0.05), chart([0.0001, 0.0002], limit=0.05)
    assert theme.LIGHT["warn"] in [one.get("stroke") for one in picture(drawn(near, theme.LIGHT))]
    assert theme.LIGHT["warn"] not in [one.get("stroke") for one in picture(drawn(far, theme.LIGHT))]
    assert "limit 5 %, beyond this chart" in drawn(far, theme.LIGHT)
    assert "Limit 5 %" in words(far)


@given(columns.filter(lambda c: any(v is not None and 1e-200 < abs(v) < 1e200 for v in c)), units)
def test_a_scale_holds_all_values_and_starts_at_zero_where_none_is_below(
    values: list[float | None], unit: Unit
) -> None:
    known = [value for value in values if value is not None and math.isfinite(value) and abs(value) < 1e200]
    found = scale(known, unit)
    slack = 1e-9 * (found.high - found.low)
    assert found.low <= min(0.0, *known, 0.0) + slack
    assert found.high >= max(0.0, *known, 0.0) - slack
    assert 2 <= len(found.ticks) <= 7
    if min(known) >= 0:
        assert found.low == 0


@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize("most", [0.0004, 0.004, 0.5, 3.0, 900.0])
def test_no_axis_speaks_in_thousandths(unit: Unit, most: float) -> None:
    for tick in scale([most], unit).ticks:
        assert not re.search(r"\d(m|µ)(?!s|in|iB)", value_label(tick, unit).replace("ms", "").replace("µs", ""))


def test_bytes_have_round_steps_of_their_own() -> None:
    assert [value_label(tick, Unit.BYTES) for tick in scale([700 * 2**20], Unit.BYTES).ticks][:2] == ["0", "200 MiB"]


@given(st.floats(1.0, 400 * 86_400), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]))
def test_the_axis_of_time_has_few_round_moments_within_it(length: float, tz: str) -> None:
    found = times(START, START + length, ZoneInfo(tz))
    assert len(found) <= 5
    assert all(START <= at <= START + length for at, _ in found)


def test_nothing_from_outside_is_markup_in_a_drawn_chart() -> None:
    lines = [Series(labels={"n": EVIL}, times=(START, START + 60), values=(1.0, 2.0))]
    found = Chart(
        title=EVIL,
        lines=styled(lines, lambda labels: labels["n"], theme.LIGHT, theme.OTHERS_LIGHT),
        unit=Unit.COUNT,
        markers=[Marker(at=datetime.fromtimestamp(START, UTC) + timedelta(seconds=30), label=EVIL)],
    )
    for text in (drawn(found, theme.LIGHT), table(found)):
        assert "<script" not in text
        assert "<b>a" not in text
        assert EVIL[:20] in html.unescape(text)


def test_the_table_behind_a_chart_has_its_values_and_says_how_many_it_leaves_out() -> None:
    assert "All 2 moments." in table(chart([0.1, 0.2], [None, 0.4]))
    assert "—" in table(chart([0.1, 0.2], [None, 0.4]))
    assert "Every 5th of 100 moments." in table(chart([0.1] * 100))


def test_a_moment_with_one_value_only_is_drawn() -> None:
    assert picture(drawn(chart([0.5]), theme.LIGHT)) is not None
    assert svg(Frame(start=0, end=0, low=0, high=0), [Stroke(times=[0], values=[0.0], colour="#000000")],
               colours=("#1", "#2", "#3"))  # fmt: skip


def test_the_highest_lines_are_kept() -> None:
    series = [Series(labels={"n": f"{n:02}"}, times=(0.0,), values=(float(n),)) for n in range(40)]
    assert [line.last for line in highest(series, lambda labels: labels["n"])] == list(range(28, 40))


@pytest.mark.parametrize(("top", "per"), [(0.3, "/s"), (0.04, "/min"), (0.0004, "/h")])
def test_the_marks_of_one_axis_have_one_unit(top: float, per: str) -> None:
    axis = scale([top], Unit.PER_SECOND)
    assert {value_label(tick, Unit.PER_SECOND, axis.high).split()[-1] for tick in axis.ticks} <= {"0", per}
