"""A clock time that comes twice, or never, changes no moment that a link or the period's inputs name."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.ui.axis import times
from dashboard.ui.page import other_hours
from dashboard.ui.timerange import time_range
from dashboard.ui.wall_clock import entered, offset_words, twin, wall, zone_words

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC")
INSTANTS = st.integers(1_735_689_600, 1_796_083_200).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(st.sampled_from(ZONES), INSTANTS, st.booleans())
def test_inputs_that_nobody_changed_keep_their_instant(name: str, at: datetime, late: bool) -> None:
    zone = ZoneInfo(name)
    assert entered(wall(at, zone), at, zone, late=late) == at


@given(st.sampled_from(ZONES), INSTANTS)
def test_this_hour_is_an_hour_that_holds_now(name: str, now: datetime) -> None:
    found = time_range({"from": "now/h", "to": "now"}, now=now, retention=timedelta(days=9), zone=ZoneInfo(name))
    if found.start is None:
        assert "ends before" in found.note  # at the full hour itself
        return
    assert found.end is not None
    assert timedelta(0) < found.end - found.start <= timedelta(hours=1)
    assert "future" not in found.note


@pytest.mark.parametrize(
    ("first", "hour"), [("2026-10-25 02:30:00 CEST", 0), ("2026-10-25 02:30:00 CET", 1), ("2026-10-25 02:30", 0)]
)
def test_a_time_that_comes_twice_is_the_one_that_is_named(first: str, hour: int) -> None:
    now, zone = datetime(2026, 11, 1, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    link = {"from": first, "to": "2026-10-25T06:00:00Z"}
    found = time_range(link, now=now, retention=timedelta(days=30), zone=zone)
    assert found.start == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)
    assert ("comes twice" in found.note) is first.endswith("02:30")


@given(st.sampled_from(ZONES), INSTANTS)
def test_the_other_hour_shows_the_same_clock_and_leads_back(name: str, at: datetime) -> None:
    zone = ZoneInfo(name)
    other = twin(at, zone)
    if other is not None:
        assert other != at
        assert wall(other, zone) == wall(at, zone)
        assert twin(other, zone) == at


BERLIN = ZoneInfo("Europe/Berlin")
LATER = datetime(2026, 11, 1, tzinfo=UTC)


def half_past(hour: int, minute: int = 30) -> datetime:
    return datetime(2026, 10, 25, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "offered"),
    [
        pytest.param(half_past(0), half_past(4), {"From": (half_past(1), half_past(4))}, id="begins in the first hour"),
        pytest.param(half_past(1), half_past(4), {"From": (half_past(0), half_past(4))}, id="begins in the second"),
        pytest.param(
            half_past(0, 10),
            half_past(1, 40),
            {"From": (half_past(1, 10), half_past(1, 40)), "To": (half_past(0, 10), half_past(0, 40))},
            id="both ends",
        ),
        pytest.param(
            half_past(1, 10),
            half_past(1, 10) + timedelta(hours=3),
            {"From": (half_past(0, 10), half_past(4, 10))},
            id="only the start",
        ),
        pytest.param(
            half_past(1, 40),
            half_past(1, 50),
            {"From": (half_past(0, 40), half_past(1, 50))},
            id="no period would remain",
        ),
        pytest.param(half_past(4), half_past(6), {}, id="no end comes twice"),
    ],
)
def test_each_end_in_the_hour_that_comes_twice_can_mean_the_other_hour(
    start: datetime, end: datetime, offered: dict[str, tuple[datetime, datetime]]
) -> None:
    assert {name: period for name, _, _, period in other_hours(start, end, BERLIN, LATER)} == offered


def test_an_hour_that_is_still_to_come_is_not_offered() -> None:
    found = other_hours(half_past(0, 10), half_past(0, 40), BERLIN, now=half_past(1, 5))
    assert [name for name, *_ in found] == []


@pytest.mark.parametrize(
    ("zone", "at", "word"),
    [
        ("UTC", LATER, "UTC"),
        ("Europe/Berlin", LATER, "CET (UTC+01:00)"),
        ("Europe/Berlin", half_past(0), "CEST (UTC+02:00)"),
        ("America/Sao_Paulo", LATER, "UTC-03:00"),
        ("Asia/Kolkata", LATER, "IST (UTC+05:30)"),
        ("Europe/London", LATER, "GMT (UTC)"),
    ],
)
def test_an_offset_is_always_said(zone: str, at: datetime, word: str) -> None:
    assert offset_words(at, ZoneInfo(zone)) == word


def test_marks_of_an_axis_tell_the_hours_apart_where_clocks_change() -> None:
    start, end = half_past(0, 0), half_past(2, 0)
    labels = [label for _, label in times(start.timestamp(), end.timestamp(), BERLIN)]
    assert labels == ["02:00 CEST", "02:30 CEST", "02:00 CET", "02:30 CET", "03:00 CET"]
    assert zone_words(start, end, BERLIN) == "CEST, then CET"
    assert zone_words(end, end, BERLIN) == "CET"
