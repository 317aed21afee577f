"""The part of the settings that says what spending is held against."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from dashboard.settings.base import Section, not_allowed


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise not_allowed(repr(name), "a time zone such as Europe/Berlin") from None
    return name


class BusinessSettings(Section):
    """The budget of the agents."""

    budget: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="US dollars in each period. 0: what the metric says."
    )
    period: Literal["day", "week", "month", "quarter", "year"] = Field(
        default="month", description="How long a budget's period is; of several budgets the one that counts."
    )
    begins_on_day: int = Field(
        default=1, ge=1, le=28, description="The day of the month on which a month, a quarter or a year begins."
    )
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default="UTC", description="In which days begin, for example Europe/Berlin."
    )
