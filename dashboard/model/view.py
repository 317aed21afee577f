"""What a person looks at: environment, period, time zone and filters; everything that a link must carry.

Frozen and self-checking. Only `ui/url.py` reads it from a URL and writes it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

RANGES = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}
DEFAULT_RANGE = "15m"
# Within these bounds every period can be shifted, doubled and shown in any time zone.
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
FILTERS = (
    *("service", "track", "agent", "model", "tool", "contract", "pod", "container", "trace", "q"),
    *("actor", "action", "record"),
    *("level", "logger", "line", "tail"),
    "alert",
    *("compare", "span", "outcome", "error", "took", "cost", "order", "show"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A change that is drawn on every time chart: a deployment, a switch, a new configuration."""

    at: datetime
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One look at the system. `range` is a key of RANGES, or "" when `start` and `end` fix the period.

    `tz` is the name of the time zone shown ("UTC" unless the person asked for local time); `notes` say which parts of
    the link could not be read. An empty filter means: all.
    """

    env: str
    ns: str
    range: str = DEFAULT_RANGE
    start: datetime | None = None
    end: datetime | None = None
    tz: str = "UTC"
    refresh: str = "on"
    service: str = ""
    track: str = ""
    agent: str = ""
    model: str = ""
    tool: str = ""
    contract: str = ""
    pod: str = ""
    container: str = ""
    trace: str = ""
    q: str = ""
    actor: str = ""
    action: str = ""
    record: str = ""
    alert: str = ""
    level: str = ""
    logger: str = ""
    line: str = ""
    tail: str = ""
    compare: str = ""
    span: str = ""
    outcome: str = ""
    error: str = ""
    took: str = ""
    cost: str = ""
    order: str = ""
    show: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.range:
            if self.range not in RANGES:
                raise ValueError(f"range {self.range!r} is none of {', '.join(RANGES)}")
            if self.start is not None or self.end is not None:
                raise ValueError("a period is either relative or fixed, not both")
        elif self.start is None or self.end is None or self.start >= self.end:
            raise ValueError("a fixed period needs a start that is before its end")
        elif self.start < EARLIEST or self.end > LATEST:
            raise ValueError(f"a period lies between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}")

    @property
    def is_live(self) -> bool:
        """Whether the view follows the clock and refreshes itself."""
        return bool(self.range) and self.refresh == "on"

    def window(self, now: datetime) -> tuple[datetime, datetime]:
        """The period as two instants."""
        if self.start is not None and self.end is not None:
            return self.start, self.end
        return now - RANGES[self.range], now

    def previous(self, now: datetime) -> tuple[datetime, datetime]:
        """The period of the same length just before."""
        start, end = self.window(now)
        return start - (end - start), start
