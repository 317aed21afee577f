"""What will have been spent by the end of a period, from what each hour has cost so far. Pure.

Method: spending follows the week, so an hour to come is expected to cost what the same hour of the week has cost on
average over the last two to six whole weeks, times a trend. The trend is the relative change a day over these weeks,
shrunk by how uncertain it is. The interval covers, relative to the expected amount: days that differ from the mean of
their weekday, that this mean is known from few days only, weeks that differ from each other, and a trend that may be
another. The first two come from the days within each week; the others from the weeks' means, and grow with the distance
from the past. A difference between weeks counts once for all of the future and does not average out. The interval is
one of Student's t on the logarithmic scale, with Satterthwaite's degrees of freedom.

An hour without data is unknown and not 0; a day with such an hour is left out. Hours are counted through changes to
and from summer time, which moves the pattern by an hour for a while.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

CONFIDENCE: Final = 0.9
LEAST_WEEKS: Final = 2
MOST_WEEKS: Final = 6
_DAY, _DAYS = 24, 7
# How much one week differs from another at the least: two or three weeks that happen to be alike prove little.
_LEAST_BETWEEN_WEEKS: Final = 0.04
# Of the logarithm of an amount: what grows beyond that grows out of any budget.
_MOST_GROWTH: Final = 3.0
# The 95 % quantile of Student's t for 1, 2, ... degrees of freedom.
_T: Final = (
    *(6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753),
    *(1.746, 1.740, 1.734, 1.729, 1.725, 1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701, 1.699, 1.697),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the next `hours` hours are expected to cost, and the interval that holds it with CONFIDENCE."""

    hours: int
    amount: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekPattern:
    """What the past says: the mean of each hour of the week from now on, and how far days and weeks stray from it.

    Attributes:
        profile: 7 days of 24 hours, in the unit of what was spent.
        days_known: how many days each row of `profile` rests on.
        weeks: how many weeks were read.
        within: relative variance of days within a week, with its degrees of freedom.
        between: variance of the means of weeks beside the trend, with its degrees of freedom; it includes `within`.
        trend: relative change a day, shrunk.
        leverage: by what the squared days from the middle of the past are multiplied for the doubt about the trend,
            in units of `between`.
    """

    profile: Array
    days_known: Array
    weeks: int
    within: tuple[float, int]
    between: tuple[float, int]
    trend: float
    leverage: float


def expected(spent: Sequence[float | None], horizons: Sequence[int]) -> tuple[Expected, ...] | str:
    """What the hours after the last one of `spent` will cost, for each horizon; or why that cannot be said.

    Args:
        spent: what each hour has cost, the oldest first; None where it is not known.
        horizons: numbers of hours from the end of `spent`.
    """
    pattern = _pattern(spent)
    return pattern if isinstance(pattern, str) else tuple(_ahead(pattern, hours) for hours in horizons)


def _pattern(spent: Sequence[float | None]) -> WeekPattern | str:
    known = np.array([math.nan if value is None else value for value in spent], dtype=float)
    known = known[int(np.argmin(np.isnan(known))) :] if known.size else known  # from the first hour that is known
    weeks = min(known.size // (_DAY * _DAYS), MOST_WEEKS)
    if weeks < LEAST_WEEKS:
        return _too_little(int(np.sum(_whole_days(known))))
    days = known[-weeks * _DAYS * _DAY :].reshape(weeks, _DAYS, _DAY)
    is_whole = ~np.isnan(days).any(axis=2)
    if (is_whole.sum(axis=0) < LEAST_WEEKS).any():
        return _too_little(int(is_whole.sum()), gaps=bool(is_whole.any()))
    profile = np.where(is_whole[:, :, None], days, 0.0).sum(axis=0) / is_whole.sum(axis=0)[:, None]
    mean = profile.sum(axis=1)
    if not mean.sum() > 0:
        return "nothing was spent in the last weeks, so there is no pace to go by"
    sums = np.where(is_whole, days.sum(axis=2), 0.0)
    strayed = np.where(is_whole & (mean > 0), sums / np.where(mean > 0, mean, 1.0) - 1.0, 0.0)
    return WeekPattern(
        profile=profile,
        days_known=is_whole.sum(axis=0).astype(float),
        weeks=weeks,
        **_weeks(strayed, is_whole),
    )


class _Weeks(TypedDict):
    within: tuple[float, int]
    between: tuple[float, int]
    trend: float
    leverage: float


def _weeks(strayed: Array, is_whole: npt.NDArray[np.bool_]) -> _Weeks:
    """How days differ within weeks, and weeks from each other, of days relative to the mean of their weekday."""
    is_there = is_whole.any(axis=1)
    places = np.flatnonzero(is_there).astype(float)
    strayed, is_whole = strayed[is_there], is_whole[is_there]
    weeks, counts = places.size, is_whole.sum(axis=1)
    means = strayed.sum(axis=1) / np.maximum(counts, 1)
    within = float((np.where(is_whole, strayed - means[:, None], 0.0) ** 2).sum())
    free = max(1, int(counts.sum()) - _DAYS - (weeks - 1))
    places -= np.average(places, weights=counts)
    squares = float((counts * places**2).sum()) / counts.mean()
    slope = float((counts * places * means).sum()) / counts.mean() / squares
    grand = np.average(means, weights=counts)
    beside = float((counts * (means - grand - slope * places) ** 2).sum()) / counts.mean()
    least = _LEAST_BETWEEN_WEEKS**2 + within / free / _DAYS
    found = beside / (weeks - 2) if weeks > LEAST_WEEKS else 0.0
    # Two weeks show a trend or a difference, not both, and three weeks hardly more.
    between = (found, weeks - 2) if found > least else (least, free)
    doubt = between[0] / squares
    kept = slope**2 / (slope**2 + doubt) if slope else 0.0
    return _Weeks(
        within=(within / free, free), between=between, trend=kept * slope / _DAYS, leverage=1 / squares / _DAYS**2
    )


def _ahead(pattern: WeekPattern, hours: int) -> Expected:
    """The next `hours` hours."""
    whole, rest = divmod(max(hours, 0), _DAY)
    steady = [float(pattern.profile[day % _DAYS].sum()) for day in range(whole)]
    steady.append(float(pattern.profile[whole % _DAYS, :rest].sum()))
    # Days from the middle of the past.
    distances: Array = np.arange(len(steady), dtype=np.float64) + 0.5 + pattern.weeks * _DAYS / 2
    growth = np.exp(np.clip(pattern.trend * distances, -_MOST_GROWTH, _MOST_GROWTH))
    amounts: Array = np.array(steady) * growth
    total = float(amounts.sum())
    if not total > 0:
        return Expected(hours=hours, amount=0.0, low=0.0, high=0.0)
    spread, freedom = _spread(pattern, amounts / total, distances)
    factor = math.exp(min(_quantile(freedom) * spread, 50.0))
    return Expected(hours=hours, amount=total, low=total / factor, high=total * factor)


def _spread(pattern: WeekPattern, shares: Array, distances: Array) -> tuple[float, float]:
    """The relative standard deviation of an amount, and its degrees of freedom."""
    of_weekday = np.bincount(np.arange(shares.size) % _DAYS, shares, minlength=_DAYS)
    (within, free), (between, free_between) = pattern.within, pattern.between
    of_days = float((shares**2).sum() + (of_weekday**2 / pattern.days_known).sum())
    of_weeks = 1 + 1 / pattern.weeks + float((shares * distances).sum()) ** 2 * pattern.leverage
    parts = ((of_days * within, free), (of_weeks * between, free_between))
    variance = sum(part for part, _ in parts)
    freedom = variance**2 / max(sum(part**2 / degrees for part, degrees in parts), 1e-300)
    return math.sqrt(variance), freedom


def _quantile(freedom: float) -> float:
    return _T[min(max(int(freedom), 1), len(_T)) - 1]


def _whole_days(known: Array) -> npt.NDArray[np.bool_]:
    days = known[known.size % _DAY :].reshape(-1, _DAY)
    return np.asarray(~np.isnan(days).any(axis=1))


def _too_little(days: int, *, gaps: bool = False) -> str:
    wanted = LEAST_WEEKS * _DAYS
    missing = ", with gaps on the same weekday" if gaps else ""
    return f"it takes {wanted} whole days, two of each weekday; {int(days)} are known{missing}"
