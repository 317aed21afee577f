"""Log lines, spans and audit events from Elasticsearch, in one shape for all three streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dashboard.model.words import LogLevel, SpanOutcome


@dataclass(frozen=True, slots=True)
class DocumentId:
    """The address of one document: its index, and its id there. As text it fits into a link."""

    index: str
    id: str

    def __str__(self) -> str:
        return f"{self.index}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> DocumentId:
        """The document that a text names. An id may hold any character, an index no slash.

        Raises:
            ValueError: it names none.
        """
        index, _, identity = text.partition("/")
        if not index or not identity:
            raise ValueError(f"{text!r} names no document: an index, a slash and an id are expected")
        return cls(index, identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlace:
    """The service and track that the pods of one workload belong to; "" where they are of none that is asked for."""

    workload: str
    service: str = ""
    track: str = ""

    def of(self, concept: str) -> str:
        """The service or the track; "" for anything else."""
        return {"service": self.service, "track": self.track}.get(concept, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One document. Fields that it lacks are "".

    In traces `message` is the span's name, `severity` its status, and `attributes` also holds `duration` (ns, where its
    unit is known), `kind`, `parent_span_id` and `status.code`. `attributes` is flat: `gen_ai.agent.name`, not a tree.

    `fields` are all fields of a log line as they were written, flat by dotted name; of other documents none.
    `severity` is the word as written; `level` and `outcome` are its meaning, None where that is not understood.
    A line without a level has None too; a span without an outcome is UNSAID.
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
    index: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    level: LogLevel | None = None
    outcome: SpanOutcome | None = SpanOutcome.UNSAID

    @property
    def document(self) -> DocumentId:
        """The permanent link of this entry."""
        return DocumentId(self.index, self.id)

    @property
    def duration_seconds(self) -> float | None:
        """How long a span took; None for other documents."""
        nanoseconds = self.attributes.get("duration")
        return float(nanoseconds) / 1e9 if isinstance(nanoseconds, int | float) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where the next page begins.

    After the first page: everything except the documents `shown`. After later pages: a point in time, and the sort
    values `after` which to continue.
    """

    shown: tuple[DocumentId, ...]
    point_in_time: str = ""
    after: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """The entries of one page and the counts over everything that matched.

    `histogram` has (start of bucket, count) over the whole window where asked for, and `levels` the same for each level
    by itself; lines that state none are in `histogram` alone. `terms` has per asked field the most
    frequent values with their counts. `total` is "at least" when `total_is_lower_bound`.
    `searched_from` is set where only the end of the window was searched: entries and counts begin there, and earlier
    ones are not known. `lacking` names filters for which no document here has a field. `next` leads to the next page;
    None at the end.
    """

    entries: tuple[LogEntry, ...]
    total: int
    total_is_lower_bound: bool = False
    histogram: tuple[tuple[datetime, int], ...] = ()
    levels: Mapping[LogLevel, tuple[tuple[datetime, int], ...]] = field(default_factory=dict)
    terms: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    searched_from: datetime | None = None
    lacking: tuple[str, ...] = ()
    next: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """A document with those just before and just after it, in order of time."""

    before: tuple[LogEntry, ...]
    entry: LogEntry
    after: tuple[LogEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Messages that differ only in their variable parts, which `template` masks.

    `share_ratio` is the share of the sampled lines. `first` and `last` are the first and the last of them; `last` is
    the example.
    """

    template: str
    count: int
    share_ratio: float
    first: LogEntry
    last: LogEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """The patterns of the newest `sampled` lines out of `total`, the most frequent first."""

    patterns: tuple[Pattern, ...]
    sampled: int
    total: int
    total_is_lower_bound: bool
