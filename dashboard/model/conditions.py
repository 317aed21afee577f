"""What a release depends on besides its metrics: declarations on its objects, and its error logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboard.model.release import Track


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """Which version of the data a release writes, and from which to which it can read."""

    writes: int
    reads_from: int
    reads_to: int

    def reads(self, version: int) -> bool:
        """Whether it can read what was written in that version."""
        return self.reads_from <= version <= self.reads_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What people and pipelines wrote on the cluster's objects.

    Attributes:
        freeze: why nobody may switch now; "" when nobody says so.
        backup_verified_at: when a backup was last restored and checked; None when nobody says so.
        schemas: of the tracks whose Deployment says so.
    """

    freeze: str
    backup_verified_at: datetime | None
    schemas: Mapping[Track, Schema]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPattern:
    """One kind of error line: how many on the candidate and on the other track."""

    template: str
    candidate: int
    other: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorLines:
    """What both tracks logged at error level, most on the candidate first.

    Attributes:
        is_whole: every error line of the other track was read; else only the newest were.
        is_candidate_whole: the same of the candidate.
        without_text: error lines of the candidate that say nothing that can be read.
    """

    patterns: tuple[ErrorPattern, ...]
    is_whole: bool
    is_candidate_whole: bool = True
    without_text: int = 0
