"""Numbers and times as people read them: the unit always, digits where they decide, a dash for what is missing."""

import math
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.model import written
from dashboard.model.reading import Unit
from dashboard.ui import format as form

NOW = datetime(2026, 3, 1, 3, 12, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        pytest.param(0.083, Unit.RATIO, "8.3 %", id="a ratio is per cent"),
        pytest.param(0.0, Unit.RATIO, "0 %", id="nothing is nothing"),
        pytest.param(1.0, Unit.RATIO, "100 %", id="all is all"),
        pytest.param(0.99996, Unit.RATIO, "99.996 %", id="nearly all is not all"),
        pytest.param(0.9999999999, Unit.RATIO, ">99.9999 %", id="however near to all"),
        pytest.param(0.0004, Unit.RATIO, "0.04 %", id="little is not nothing"),
        pytest.param(0.84, Unit.SECONDS, "840 ms", id="below a second in ms"),
        pytest.param(3.4, Unit.SECONDS, "3.40 s", id="seconds"),
        pytest.param(75.0, Unit.SECONDS, "1 min 15 s", id="above a minute in words"),
        pytest.param(3.0, Unit.SECONDS, "3 s", id="whole seconds"),
        pytest.param(22_365.0, Unit.SECONDS, "6 h 12 min", id="hours in words"),
        pytest.param(59.97, Unit.SECONDS, "1 min", id="no sixty seconds"),
        pytest.param(0.99, Unit.RATIO, "99 %", id="no digits that say nothing"),
        pytest.param(12.3, Unit.PER_SECOND, "12.3 /s", id="a rate"),
        pytest.param(0.02, Unit.PER_SECOND, "1.2 /min", id="what a person counts by the minute"),
        pytest.param(0.0005, Unit.PER_SECOND, "1.8 /h", id="what a person counts by the hour"),
        pytest.param(1234.0, Unit.COUNT, "1,234", id="a count keeps its digits"),
        pytest.param(21_345.0, Unit.COUNT, "21.3 k", id="a large count is short"),
        pytest.param(1536.0, Unit.BYTES, "1.5 KiB", id="bytes in powers of two"),
        pytest.param(0.004, Unit.USD, "$0.004", id="cents of cents are not free"),
        pytest.param(0.25, Unit.CORES, "0.25 cores", id="cores"),
        pytest.param(0.42, Unit.LEFT, "42 %", id="what is left of a budget"),
        pytest.param(0.0, Unit.LEFT, "0 %", id="a budget that is used up"),
        pytest.param(-4.01, Unit.LEFT, "overspent 5.01 ×", id="a budget that was spent five times"),
        pytest.param(-0.002, Unit.LEFT, "overspent 1 ×", id="a budget that was just overspent"),
        pytest.param(14.4, Unit.TIMES, "14.4 ×", id="a factor"),
        pytest.param(0.00143, Unit.TIMES, "< 0.01 ×", id="hardly any"),
        pytest.param(None, Unit.RATIO, "—", id="missing is a dash"),
        pytest.param(float("nan"), Unit.SECONDS, "—", id="not a number is a dash"),
    ],
)
def test_numbers(value: float | None, unit: Unit, shown: str) -> None:
    assert form.number(value, unit) == shown


@given(st.floats(min_value=1e-9, max_value=1 - 1e-9), st.sampled_from(Unit))
def test_what_is_neither_nothing_nor_all_is_never_shown_as_such(value: float, unit: Unit) -> None:
    shown = form.number(value, unit)
    assert shown not in ("0 %", "100 %", "$0", "0 s", "0 /s", "0 B")


@pytest.mark.parametrize(
    ("value", "previous", "unit", "shown"),
    [
        pytest.param(0.083, 0.002, Unit.RATIO, "+8.1 pp", id="ratios differ by points"),
        pytest.param(9.0, 10.0, Unit.PER_SECOND, "-10 %", id="the rest differs by per cent"),
        pytest.param(5.0, 5.0, Unit.COUNT, "0", id="no change is a plain zero"),
        pytest.param(5.0, 0.0, Unit.COUNT, "+5", id="from nothing there are no per cent"),
        pytest.param(200.0, 2.0, Unit.COUNT, "+99x", id="far above reads as times"),
        pytest.param(None, 1.0, Unit.COUNT, "", id="nothing to compare says nothing"),
    ],
)
def test_changes(value: float | None, previous: float | None, unit: Unit, shown: str) -> None:
    assert form.change(value, previous, unit) == shown


def test_times_say_their_zone() -> None:
    assert form.clock(NOW) == "03:12:05 UTC"
    assert form.clock(NOW, "Europe/Berlin", seconds=False) == "04:12 CET"
    assert form.stamp(NOW) == "2026-03-01 03:12:05 UTC"


@pytest.mark.parametrize("year", [1, 9999])
@pytest.mark.parametrize("tz", ["America/New_York", "Asia/Tokyo", "UTC"])
def test_a_time_that_a_zone_cannot_show_is_shown_as_it_is(year: int, tz: str) -> None:
    """Alertmanager and Go programs send 0001-01-01T00:00:00Z for "never"."""
    first, last = datetime(year, 1, 1, tzinfo=UTC), datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    for at in (first, last):
        assert form.stamp(at, tz).split()[-1] in ("UTC", "LMT", "JST", "EST")
        assert form.clock(at, tz).split()[-1] in ("UTC", "LMT", "JST", "EST")


def test_an_unknown_zone_is_utc_and_says_so() -> None:
    assert form.clock(NOW, "Mars/Olympus").endswith("UTC")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (5, "5 s ago"), (75, "1 min ago"), (7200, "2 h ago"), (200_000, "2 d ago")],
)
def test_ages(seconds: int, words: str) -> None:
    assert form.ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_spans_have_two_units_at_most() -> None:
    assert form.span(timedelta(days=2, hours=3, minutes=4)) == "2 d 3 h"
    assert form.span(timedelta(minutes=4, seconds=10)) == "4 min 10 s"
    assert form.span(timedelta()) == "0 s"


def test_a_time_stamp_taken_for_a_length_of_time_breaks_nothing() -> None:
    assert form.number(1.7642016e18, Unit.SECONDS) == "1.8e+18 s"
    assert form.number(-1.7e18, Unit.SECONDS) == "-1.7e+18 s"


@given(st.floats(min_value=1e-7, max_value=1e6))
def test_a_rate_is_the_same_per_second_minute_or_hour_and_no_thousandth(per_second: float) -> None:
    figure, per = form.number(per_second, Unit.PER_SECOND).split(" /")
    seconds = {"s": 1, "min": 60, "h": 3600}[per]
    if not figure[-1].isalpha() and " " not in figure:
        assert float(figure.replace(",", "")) / seconds == pytest.approx(per_second, rel=0.06)
    assert per == "h" or not figure.startswith("0.0")


@pytest.mark.parametrize(
    ("value", "noun", "said"),
    [(1, "run", "1 run"), (0, "run", "0 runs"), (5747, "run", "5,747 runs"), (1234567, "event", "1,234,567 events")],
)
def test_counts_say_what_is_counted(value: int, noun: str, said: str) -> None:
    assert written.count(value, noun) == said


@pytest.mark.parametrize(
    ("per_second", "said"),
    [(12.3, "12.3 runs a second"), (0.02, "1.2 runs a minute"), (0.0005, "1.8 runs an hour"), (0.0, "0 runs a second")],
)
def test_rates_in_sentences_are_those_of_tiles(per_second: float, said: str) -> None:
    assert written.rate(per_second, "runs") == said


@pytest.mark.parametrize(("seconds", "said"), [(22_365, "6 h 12 min"), (300, "5 min"), (44.6, "45 s"), (0.2, "0 s")])
def test_durations_are_words(seconds: float, said: str) -> None:
    assert form.duration(seconds) == said


@pytest.mark.parametrize("unit", Unit)
@pytest.mark.parametrize("value", [sys.float_info.max, 2e306, math.inf])
def test_a_figure_without_end_says_so_in_every_unit(value: float, unit: Unit) -> None:
    assert written.number(value, unit) == "∞"
    assert written.number(-value, unit) == "-∞"
