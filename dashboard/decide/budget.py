"""The period of a budget, what was spent in it as far as that is known, and where it will end. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dashboard.decide.spending import MOST_WEEKS, expected
from dashboard.model.business import Account, BudgetPeriod, ForecastPoint
from dashboard.model.series import Series

_HOUR = 3600
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = {"day": 1, "week": 7}


def period_at(now: datetime, word: str, zone: ZoneInfo, *, begins_on_day: int = 1) -> BudgetPeriod:
    """The period that `now` lies in; a week begins on Monday.

    Args:
        word: day, week, month, quarter or year.
        begins_on_day: the day of the month on which a month, a quarter or a year begins, 1..28.
    """
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if word in _DAYS:
        start = today - timedelta(days=today.weekday() if word == "week" else 0)
        return BudgetPeriod(word=word, start=start, end=start + timedelta(days=_DAYS[word]))
    months = today.year * 12 + today.month - 1 - (today.day < begins_on_day)
    first = months - months % _MONTHS[word]
    return BudgetPeriod(
        word=word,
        start=_month(first, begins_on_day, zone),
        end=_month(first + _MONTHS[word], begins_on_day, zone),
    )


def read_from(period: BudgetPeriod, now: datetime) -> datetime:
    """From when on the cost of each hour is read: since the period began, and enough weeks for a forecast."""
    return min(period.start, now - timedelta(weeks=MOST_WEEKS))


def account(hours: Series, period: BudgetPeriod, until: datetime) -> Account:
    """What was spent and will be.

    Args:
        hours: what each hour has cost, by the time at which it ended; None where that is not known.
        until: the end of the last hour that was asked for.
    """
    start, end, last = period.start.timestamp(), period.end.timestamp(), until.timestamp()
    spent, unknown, known_from = 0.0, 0.0, None
    times, sums = [start], [0.0 if _cost_at(hours, start + _HOUR) is not None else None]
    for at, cost in _each_hour(hours, start, last):
        part = min(1.0, (at - start) / _HOUR)  # the first hour may have begun before the period, by half of one
        if cost is None:
            unknown += part
        else:
            known_from = max(start, at - _HOUR) if known_from is None else known_from
            spent += part * cost
        times.append(at)
        sums.append(None if cost is None else spent)
    ahead = _ahead(hours, spent, last, end)
    return Account(
        period=period,
        spent=spent,
        until=last,
        known_from=known_from,
        unknown_hours=unknown,
        course=Series(times=tuple(times), values=tuple(sums)),
        ahead=() if isinstance(ahead, str) else ahead,
        no_forecast=ahead if isinstance(ahead, str) else "",
    )


def _ahead(hours: Series, spent: float, last: float, end: float) -> tuple[ForecastPoint, ...] | str:
    left = math.ceil((end - last) / _HOUR)
    if left <= 0:
        return "the period is over"
    horizons = [0, *range(24, left, 24), left]
    first = min(hours.times, default=last)
    found = expected([cost for _, cost in _each_hour(hours, first - _HOUR, last)], horizons)
    if isinstance(found, str):
        return found
    return tuple(
        ForecastPoint(
            at=min(end, last + one.hours * _HOUR),
            expected=spent + one.amount,
            low=spent + one.low,
            high=spent + one.high,
        )
        for one in found
    )


def _each_hour(hours: Series, start: float, last: float) -> Sequence[tuple[float, float | None]]:
    """Each hour that ends after `start` and by `last`, by its end."""
    known = dict(zip(hours.times, hours.values, strict=True))
    first = math.floor(start / _HOUR) * _HOUR + _HOUR
    return [(float(at), _number(known.get(float(at)))) for at in range(first, int(last) + 1, _HOUR)]


def _cost_at(hours: Series, at: float) -> float | None:
    return next((cost for _, cost in _each_hour(hours, at - _HOUR, at)), None)


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _month(months: int, day: int, zone: ZoneInfo) -> datetime:
    return datetime(months // 12, months % 12 + 1, day, tzinfo=zone)
