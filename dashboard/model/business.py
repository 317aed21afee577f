"""What the agents bring and cost, as the Business page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dashboard.model.series import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """How many tasks ended how. `unclear` has those whose word no table knows, by the word."""

    succeeded: float = 0.0
    failed: float = 0.0
    handed_over: float = 0.0
    unclear: Mapping[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """All tasks that ended."""
        return self.succeeded + self.failed + self.handed_over + sum(self.unclear.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPeriod:
    """The time that a budget is for: `start` to `end`, aware, in the zone in which its days begin."""

    word: str
    start: datetime
    end: datetime

    @property
    def name(self) -> str:
        """What people call it: `November 2026`, `the week from 23 Nov`."""
        if self.word == "month" and self.start.day == 1:
            return f"{self.start:%B %Y}"
        if self.word == "year" and (self.start.month, self.start.day) == (1, 1):
            return f"{self.start:%Y}"
        return f"the {self.word} from {self.start.day} {self.start:%b}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastPoint:
    """What will have been spent by `at`, epoch seconds: the expected amount and the interval around it, in USD."""

    at: float
    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is known of the spending of one period, in USD.

    Attributes:
        spent: what the known hours have cost.
        until: the last whole hour that was read, epoch seconds.
        known_from: the beginning of the first hour that is known, epoch seconds; None where none is.
        unknown_hours: hours since the period began whose cost is not known, those before `known_from` included.
        course: the sum of the known hours over time; None in hours that are not known.
        ahead: the forecast at the end of each day to come and of the period; empty where there is none.
        no_forecast: why there is none.
    """

    period: BudgetPeriod
    spent: float
    until: float
    known_from: float | None
    unknown_hours: float
    course: Series
    ahead: tuple[ForecastPoint, ...] = ()
    no_forecast: str = ""

    @property
    def at_end(self) -> ForecastPoint | None:
        """The forecast for the end of the period: of the known hours and those to come."""
        return self.ahead[-1] if self.ahead else None
