"""The forecast of spending: its interval holds what really happens as often as it says, and little data gives none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.budget import account, period_at
from dashboard.decide.spending import CONFIDENCE, LEAST_WEEKS, expected
from dashboard.model.series import Series

DAY, WEEK = 24, 168


def spending(
    rng: np.random.Generator,
    days: int,
    *,
    noise: float = 0.15,
    follows: float = 0.0,
    weekend: float = 0.4,
    trend: float = 0.0,
    weeks: float = 0.0,
    drift: float = 0.0,
    bursts: float = 0.0,
) -> list[float | None]:
    """Made-up dollars by the hour: a rhythm of day and week, days that stray and may follow each other, a trend."""
    hours = np.arange(days * DAY)
    weekday = (hours // DAY + rng.integers(7)) % 7
    rhythm = np.where(weekday >= 5, weekend, 1.0) * (0.3 + 0.7 * (0.5 - 0.5 * np.cos(2 * np.pi * hours / DAY)))
    strayed = np.zeros(days)
    for day in range(days):
        before = strayed[day - 1] if day else 0.0
        strayed[day] = follows * before + np.sqrt(1 - follows**2) * noise * rng.normal()
    of_week = np.repeat(rng.normal(size=days // 7 + 2) * weeks, 7)[rng.integers(7) :][:days]
    level = np.exp(strayed + of_week + np.cumsum(rng.normal(size=days) * drift) + trend * np.arange(days))
    level *= 1 + bursts * (rng.random(days) < 0.05)
    return list(10 * rhythm * level[hours // DAY] * np.exp(0.1 * rng.normal(size=hours.size)))


WORLDS = {
    "days stray by 5 %": {"noise": 0.05},
    "days stray by 15 %": {},
    "days stray by 40 %": {"noise": 0.4},
    "no weekend": {"weekend": 1.0},
    "hardly anything at the weekend": {"weekend": 0.02},
    "days follow each other": {"follows": 0.5},
    "weeks differ by 10 %": {"weeks": 0.1},
    "the level drifts": {"drift": 0.02},
    "it grows by 1 % a day": {"trend": 0.01},
    "it grows by 2 % a day": {"trend": 0.02},
    "it shrinks by 1 % a day": {"trend": -0.01},
}


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
@pytest.mark.parametrize(("known", "ahead"), [(14, 3), (14, 16), (28, 15), (42, 28)])
def test_the_interval_holds_the_truth_as_often_as_it_says(world: dict[str, float], known: int, ahead: int) -> None:
    rng, held, tries = np.random.default_rng(known), 0, 200
    for _ in range(tries):
        whole = spending(rng, known + ahead, **world)
        found = expected(whole[: known * DAY], [ahead * DAY])
        assert not isinstance(found, str)
        held += found[0].low <= sum(cost or 0.0 for cost in whole[known * DAY :]) <= found[0].high
    # Three standard errors below what it says.
    assert held / tries >= CONFIDENCE - 3 * (CONFIDENCE * (1 - CONFIDENCE) / tries) ** 0.5


def test_the_interval_is_no_wider_than_a_person_can_use() -> None:
    rng = np.random.default_rng(1)
    widths = []
    for _ in range(50):
        found = expected(spending(rng, 28, noise=0.05), [15 * DAY])
        assert not isinstance(found, str)
        widths.append((found[0].high - found[0].low) / found[0].amount / 2)
    assert np.median(widths) < 0.2


def test_a_weekly_pattern_is_followed_hour_by_hour() -> None:
    week = [float(hour % DAY) if hour < 5 * DAY else 1.0 for hour in range(WEEK)]
    found = expected([*week, *week, *week], [5, 5 * DAY, 6 * DAY, WEEK])
    assert not isinstance(found, str)
    assert [one.amount for one in found] == pytest.approx([sum(week[: one.hours]) for one in found])


@pytest.mark.parametrize(
    ("spent", "why"),
    [
        pytest.param([], "0 are known", id="none"),
        pytest.param([1.0] * (13 * DAY + 23), "13 are known", id="an hour less than two weeks"),
        pytest.param([None] * WEEK * 4 + [1.0] * WEEK, "7 are known", id="one week after long silence"),
        pytest.param([*[1.0] * WEEK, *[None] * DAY, *[1.0] * 6 * DAY], "gaps", id="a weekday known once"),
        pytest.param([0.0] * WEEK * 3, "nothing was spent", id="nothing spent"),
    ],
)
def test_too_little_data_gives_no_forecast_and_says_why(spent: list[float | None], why: str) -> None:
    said = expected(spent, [DAY])
    assert isinstance(said, str)
    assert why in said


def test_a_day_with_a_gap_is_left_out_and_not_taken_for_a_cheap_one() -> None:
    hours: list[float | None] = [1.0] * WEEK * 3
    hours[30:34] = [None] * 4
    found = expected(hours, [WEEK])
    assert not isinstance(found, str)
    assert found[0].amount == pytest.approx(WEEK)


@given(
    st.lists(st.floats(0, 1e6), min_size=LEAST_WEEKS * WEEK, max_size=LEAST_WEEKS * WEEK + 30),
    st.integers(0, 60 * DAY),
)
def test_the_expected_amount_lies_within_its_interval(spent: list[float | None], ahead: int) -> None:
    found = expected(spent, [ahead])
    if not isinstance(found, str):
        assert 0 <= found[0].low <= found[0].amount <= found[0].high < float("inf")


BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("now", "word", "zone", "day", "start", "end"),
    [
        ("2026-11-28T03:00", "month", "UTC", 1, "2026-11-01T00:00+00:00", "2026-12-01T00:00+00:00"),
        ("2026-11-30T23:30", "month", "Europe/Berlin", 1, "2026-12-01T00:00+01:00", "2027-01-01T00:00+01:00"),
        ("2026-03-31T22:30", "month", "Europe/Berlin", 1, "2026-04-01T00:00+02:00", "2026-05-01T00:00+02:00"),
        ("2026-11-14T12:00", "month", "UTC", 15, "2026-10-15T00:00+00:00", "2026-11-15T00:00+00:00"),
        ("2026-01-03T12:00", "month", "UTC", 15, "2025-12-15T00:00+00:00", "2026-01-15T00:00+00:00"),
        ("2026-11-28T03:00", "quarter", "UTC", 1, "2026-10-01T00:00+00:00", "2027-01-01T00:00+00:00"),
        ("2026-11-28T03:00", "year", "UTC", 1, "2026-01-01T00:00+00:00", "2027-01-01T00:00+00:00"),
        ("2026-11-28T03:00", "week", "UTC", 1, "2026-11-23T00:00+00:00", "2026-11-30T00:00+00:00"),
        ("2026-10-25T03:00", "day", "Europe/Berlin", 1, "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00"),
    ],
)
def test_a_budget_s_period_begins_in_its_own_time_zone(
    now: str, word: str, zone: str, day: int, start: str, end: str
) -> None:
    found = period_at(datetime.fromisoformat(now).replace(tzinfo=UTC), word, ZoneInfo(zone), begins_on_day=day)
    assert (found.start.isoformat(timespec="minutes"), found.end.isoformat(timespec="minutes")) == (start, end)


def hourly(until: datetime, costs: list[float | None]) -> Series:
    end = until.timestamp()
    return Series(times=tuple(end - 3600 * back for back in range(len(costs) - 1, -1, -1)), values=tuple(costs))


UNTIL = datetime(2026, 11, 28, 3, tzinfo=UTC)


def test_what_was_spent_before_the_data_began_is_unknown_and_not_zero() -> None:
    november = period_at(UNTIL, "month", ZoneInfo("UTC"))
    found = account(hourly(UNTIL, [2.0] * 14 * DAY), november, UNTIL)
    assert found.spent == pytest.approx(2.0 * 14 * DAY)
    assert found.unknown_hours == 13 * DAY + 3
    assert found.known_from == (UNTIL - timedelta(days=14)).timestamp()
    assert found.course.values[1] is None
    assert found.at_end is not None
    assert found.at_end.expected == pytest.approx(2.0 * (14 * DAY + 69))
    assert found.at_end.at == november.end.timestamp()


def test_only_the_hours_of_the_period_are_spent_in_it_however_much_past_is_read() -> None:
    week = period_at(UNTIL, "week", ZoneInfo("UTC"))
    found = account(hourly(UNTIL, [1.0] * 30 * DAY), week, UNTIL)
    assert (found.spent, found.unknown_hours) == (5 * DAY + 3, 0)


def test_a_period_that_begins_within_an_hour_counts_its_part() -> None:
    month = period_at(UNTIL, "month", KOLKATA)  # begins at half past an hour of UTC
    found = account(hourly(UNTIL, [1.0] * 40 * DAY), month, UNTIL)
    assert found.spent == pytest.approx((UNTIL - month.start) / timedelta(hours=1))


def test_a_gap_within_the_period_is_a_gap_in_the_line_and_said() -> None:
    costs: list[float | None] = [1.0] * 28 * DAY
    costs[-10:-6] = [None] * 4
    found = account(hourly(UNTIL, costs), period_at(UNTIL, "month", ZoneInfo("UTC")), UNTIL)
    assert found.unknown_hours == 4
    assert found.course.values[-7] is None
    assert found.course.last == found.spent


def test_a_period_that_is_over_has_no_forecast() -> None:
    october = period_at(UNTIL - timedelta(days=40), "month", BERLIN)
    found = account(hourly(UNTIL, [1.0] * 30 * DAY), october, UNTIL)
    assert (found.ahead, found.no_forecast) == ((), "the period is over")
