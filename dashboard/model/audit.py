"""What pages say about the audit: whether every record has reached the log store, and what blocks the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditStatus:
    """The audit file beside the log store.

    `waiting` records were not shipped yet. `refused` ones were not taken by the store; `refusal` is the reason for the
    newest of them. `trouble` says why shipping stands still now. `unreadable` and `unwritable` say why the file itself
    cannot be read, or why no record can be appended, without which nothing may be switched.
    """

    file: str
    waiting: int = 0
    refused: int = 0
    refusal: str = ""
    trouble: str = ""
    unreadable: str = ""
    unwritable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEntry:
    """One record of the audit file as a search shows it. What a record does not say is "".

    `deed` is what all records of one action have in common. `line` is its line in the file (1 is the first), `start`
    the byte at which that begins. `at` is None where the record has no time that can be read. `digest` is that
    of the line as it was read.
    """

    seq: int
    line: int
    start: int
    at: datetime | None
    deed: str
    actor: str
    action: str
    phase: str
    namespace: str
    service: str
    effect: str
    outcome: str
    reason: str
    message: str
    digest: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailQuery:
    """What is looked for in the audit; an empty word means any. Records of no namespace belong to each."""

    namespace: str
    start: datetime
    end: datetime
    actor: str = ""
    action: str = ""
    service: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One action: its records that were found, oldest first."""

    id: str
    entries: tuple[TrailEntry, ...]

    @property
    def first(self) -> TrailEntry:
        """How it began, as far as was found."""
        return self.entries[0]

    @property
    def last(self) -> TrailEntry:
        """How it stands."""
        return self.entries[-1]
