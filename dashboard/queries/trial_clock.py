"""When a release is counted: its start, the grid of whole intervals, and the grid of the day before. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from dashboard.decide.factor import Array
from dashboard.model.release import Track

# Production scrapes every 30 s; an interval holds at least two scrapes.
LEAST_INTERVAL_SECONDS = 10
HISTORY = timedelta(hours=1)
LONG_PAST = timedelta(hours=24)
_PAST_STEP = 60
# The least warm-up of a pod; it is longer where runs take longer (`warm_up.py`).
LEAST_WARM_UP_SECONDS = 60
# A sample has the time at which its scrape began, and appears when the scrape has ended.
LATE_SECONDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """When a trial begins, and what it is about.

    Attributes:
        at: both tracks are judged from here on, after a warm-up.
        record_until: the end of the record that replaces a baseline; None when the baseline runs beside.
        pods: the prefix of the names of the candidate's pods; "" for any pod of its track.
    """

    namespace: str
    service: str
    candidate: Track
    at: datetime
    record_until: datetime | None = None
    pods: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The grid that is counted on, in epoch seconds. `warm_up` is how long a pod that began is left out, in seconds."""

    step: int
    begin: int
    history_from: int
    history_until: int
    end: int
    warm_up: int = LEAST_WARM_UP_SECONDS

    @property
    def moments(self) -> Array:
        """The edges of all intervals of the grid."""
        return np.arange(self.history_from, self.end + 1, self.step, dtype=float)


def interval_seconds(scrape_interval_seconds: int) -> int:
    """The length of an interval for a scrape interval."""
    return max(LEAST_INTERVAL_SECONDS, 2 * scrape_interval_seconds)


def clock_of(
    beginning: Beginning, now: datetime, *, scrape_interval_seconds: int, warm_up: int = LEAST_WARM_UP_SECONDS
) -> Clock:
    """The grid since the beginning, with its history."""
    step = interval_seconds(scrape_interval_seconds)
    begin = -int(-(beginning.at.timestamp() + warm_up) // step) * step
    until = begin if beginning.record_until is None else int(beginning.record_until.timestamp() // step) * step
    end = max(begin, int((now.timestamp() - LATE_SECONDS) // step) * step)
    return Clock(
        step=step,
        begin=begin,
        history_from=until - int(HISTORY.total_seconds() // step) * step,
        history_until=until,
        end=end,
        warm_up=warm_up,
    )


def past_clock(clock: Clock) -> Clock:
    """The grid of the past: by the minute, a day long, up to the end of the history; its edges are whole steps."""
    step = max(_PAST_STEP, clock.step)
    end = clock.history_until // step * step
    start = end - int(LONG_PAST.total_seconds() // step) * step
    return Clock(step=step, begin=end, history_from=start, history_until=end, end=end, warm_up=clock.warm_up)


def moment(epoch_seconds: float) -> datetime:
    """The time of an edge, in UTC."""
    return datetime.fromtimestamp(epoch_seconds, UTC)
