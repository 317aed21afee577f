"""A clock time that comes twice, or never, changes no moment that a link or the period's inputs name."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.ui.timerange import time_range
from dashboard.ui.wall_clock import entered, wall

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
