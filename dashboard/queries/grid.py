"""The step of a range query, and the grid that its ends are aligned to, so that all viewers share one query. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime

MOST_POINTS = 720
# Steps that read well on an axis; beyond a day, whole days.
READABLE_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)
_LIVE_SECONDS = 5.0


def step_for(span_seconds: float, *, scrape_interval_seconds: int) -> int:
    """The smallest readable step that Prometheus has samples for and that keeps a line under 720 points."""
    least = max(float(scrape_interval_seconds), span_seconds / MOST_POINTS)
    readable = next((step for step in READABLE_SECONDS if step >= least), None)
    return readable if readable is not None else 86400 * -int(-least // 86400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A window aligned to whole steps, both ends included, in epoch seconds. Never ends after the `end` asked for."""

    start: int
    end: int
    step_seconds: int

    @classmethod
    def of(cls, start: datetime, end: datetime, step_seconds: int) -> Grid:
        """The window from `start` to `end`, both aligned downwards.

        Raises:
            ValueError: the window has no length.
        """
        if end <= start:
            raise ValueError(f"a range from {start.isoformat()} to {end.isoformat()} has no length")
        first = int(start.timestamp() // step_seconds) * step_seconds
        last = int(end.timestamp() // step_seconds) * step_seconds
        return cls(start=first, end=last, step_seconds=step_seconds)

    @property
    def times(self) -> tuple[float, ...]:
        """Every point of the grid."""
        return tuple(float(at) for at in range(self.start, self.end + 1, self.step_seconds))

    def family(self, now: datetime) -> Hashable:
        """The key of a moving window, the same at each look; the window itself where it is fixed.

        A window that ends now moves with each look, and so do the periods before it. With a new key each time, none
        would ever have a last good answer.
        """
        span = max(self.end - self.start, 1)
        lag = now.timestamp() - self.end
        slack = max(2.0 * self.step_seconds, _LIVE_SECONDS)
        periods = round(lag / span)
        if periods >= 0 and abs(lag - periods * span) <= slack and slack < span:
            return (span, self.step_seconds, "periods ago", periods)
        return (self.start, self.end, self.step_seconds)
