"""Log lines, spans and audit events as Elasticsearch answers them: one shape for the three streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One document. What a document does not carry is an empty string.

    In traces `message` is the span's name, `severity` its status, and `attributes` also holds `duration` (ns), `kind`,
    `parent_span_id` and `status.code`. `attributes` is flat: `gen_ai.agent.name`, not a tree.
    """

    at: datetime
    severity: str
    message: str
    service: str
    track: str
    pod: str
    trace_id: str
    span_id: str
    attributes: Mapping[str, Any]
    id: str

    @property
    def duration_seconds(self) -> float | None:
        """How long a span took; None for what is no span."""
        nanoseconds = self.attributes.get("duration")
        return float(nanoseconds) / 1e9 if isinstance(nanoseconds, int | float) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """The entries of one page and the counts over everything that matched.

    `histogram` has (start of bucket, count) over the whole window where asked for; `terms` has per asked field the most
    frequent values with their counts. `total` is "at least" when `total_is_lower_bound`.
    """

    entries: tuple[LogEntry, ...]
    total: int
    total_is_lower_bound: bool = False
    histogram: tuple[tuple[datetime, int], ...] = ()
    terms: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
