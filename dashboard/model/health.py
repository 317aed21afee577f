"""Whether a source answers, and since when: what the source-down notes and the Sources page are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dashboard.model.reading import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """One source as it was last met.

    `reachable` is None when it was never asked or is not in the settings: `reason` says which. `since` is when it went
    down or came up, `version` and `latency_seconds` are what it last told.
    """

    source: Source
    reachable: bool | None
    since: datetime | None = None
    last_answer: datetime | None = None
    latency_seconds: float | None = None
    reason: str = ""
    version: str = ""
