"""Whether a source answers, and since when: for the source-down notes and the Sources page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dashboard.model.reading import Source
from dashboard.model.written import duration

# A larger offset shifts figures over short windows. The Date header is exact to a second or two.
LARGEST_CLOCK_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """One source as of the last contact.

    `reachable` is None when it was never asked or is not in the settings: `reason` says which. `since` is when it went
    down or came up, `version` and `latency_seconds` are what it last told. `clock_ahead_seconds` is how far its clock
    was ahead of the deck's then; None where it does not tell the time.
    """

    source: Source
    reachable: bool | None
    since: datetime | None = None
    last_answer: datetime | None = None
    latency_seconds: float | None = None
    reason: str = ""
    version: str = ""
    clock_ahead_seconds: float | None = None

    @property
    def is_well(self) -> bool:
        """Whether its answers can be trusted."""
        return self.reachable is not False and not clock_is_off(self.clock_ahead_seconds)


def clock_is_off(ahead_seconds: float | None) -> bool:
    """Whether a source's clock is too far from ours for its times to be believed."""
    return ahead_seconds is not None and abs(ahead_seconds) > LARGEST_CLOCK_SECONDS


def clock_words(ahead_seconds: float) -> str:
    """How far a clock is off, as a sentence without a subject: `its clock is 1 h ahead of the deck's`."""
    return f"its clock is {duration(abs(ahead_seconds))} {'ahead of' if ahead_seconds > 0 else 'behind'} the deck's"
