"""Objectives as arithmetic: how fast an error budget burns, what is left of it, and when it ends at this pace.

The formulas are those of the Google SRE Workbook, chapter 5 "Alerting on SLOs" (burn rate, multi-window multi-burn-rate
alerts, table 5-8) and of its chapter 2 (error budget). Zero traffic burns nothing and proves nothing: it is None. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnWindow:
    """Burning `rate` times too fast over both windows spends a part of a 30-day budget that somebody should know of.

    The short window, a twelfth of the long one, ends the alarm soon after the burning has ended.
    """

    long: timedelta
    short: timedelta
    rate: float
    pages: bool


# 2 % of the budget in an hour, 5 % in six, 10 % in three days.
WINDOWS = (
    BurnWindow(long=timedelta(hours=1), short=timedelta(minutes=5), rate=14.4, pages=True),
    BurnWindow(long=timedelta(hours=6), short=timedelta(minutes=30), rate=6.0, pages=True),
    BurnWindow(long=timedelta(days=3), short=timedelta(hours=6), rate=1.0, pages=False),
)


def burn_rate(bad_events: float, total_events: float, objective_ratio: float) -> float | None:
    """How many times faster than allowed the budget burns: 1 spends it exactly by the end of the period.

    Args:
        bad_events, total_events: events in the window.
        objective_ratio: the share of good events that is promised, under 1.

    Raises:
        ValueError: the objective leaves no budget, or there are more bad events than events in all.
    """
    if not 0 <= objective_ratio < 1:
        raise ValueError(f"an objective of {objective_ratio:g} leaves no budget to burn")
    if not 0 <= bad_events <= total_events:
        raise ValueError(f"{bad_events:g} bad of {total_events:g} events cannot be")
    return bad_events / total_events / (1.0 - objective_ratio) if total_events else None


def burning(long_rate: float | None, short_rate: float | None, window: BurnWindow) -> bool | None:
    """Whether both windows burn too fast; None when either is not known."""
    if long_rate is None or short_rate is None:
        return None
    return long_rate >= window.rate and short_rate >= window.rate


def budget_left(bad_events: float, total_events: float, objective_ratio: float) -> float | None:
    """The part of the period's budget that is left, below 0 when more was spent; None without any event."""
    rate = burn_rate(bad_events, total_events, objective_ratio)
    return None if rate is None else 1.0 - rate


def budget_ends_in(left_ratio: float, rate: float, period: timedelta) -> timedelta | None:
    """When the budget ends at this burn rate: at once when nothing is left, None when it never does."""
    if left_ratio <= 0:
        return timedelta(0)
    return period * (left_ratio / rate) if rate > 0 else None
