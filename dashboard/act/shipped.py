"""How far an audit file was shipped, kept in a small file beside it: the newest record sent, and those set aside.

Losing this file costs time and no truth: everything is offered again, and the log store has it already.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dashboard.act.audit import AuditFile, AuditLine, Record

# No file is longer than the system can count.
_FARTHEST = 1 << 63


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A record that the log store refused: where its line begins, its number and hash, and why."""

    start: int
    seq: int
    hash: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A file was dealt with up to byte `end`. The last record before it begins at `start` and has `seq` and `hash`.

    `lost` are number and hash of a record that was shipped from a file of this name, and that was not where it had
    been at a later look. Shipping goes on; the loss stays known.
    """

    start: int = 0
    end: int = 0
    seq: int = 0
    hash: str = ""
    set_aside: tuple[SetAside, ...] = ()
    lost: tuple[int, str] | None = None

    def passed(self, line: AuditLine, record: Record, refusal: str = "") -> Progress:
        """One record further; with a `refusal` that record is set aside."""
        place = record["agentgov"]["audit"]
        found = SetAside(start=line.start, seq=place["seq"], hash=place["hash"], reason=refusal)
        return Progress(
            start=line.start,
            end=line.end,
            seq=place["seq"],
            hash=place["hash"],
            set_aside=(*self.set_aside, found) if refusal else self.set_aside,
            lost=self.lost,
        )

    def without(self, gone: SetAside) -> Progress:
        """With one record no longer set aside."""
        return replace(self, set_aside=tuple(one for one in self.set_aside if one.start != gone.start))


class ShippedFile:
    """The progress of one audit file. Only one process ships at a time, under a lock of its own."""

    def __init__(self, audit: AuditFile) -> None:
        self._audit = audit
        self._path = audit.path.with_name(audit.path.name + ".shipped")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Wait until no other process ships this file."""
        lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def read(self) -> Progress:
        """The progress; from the beginning where it is not about the file as it is now. May raise OSError."""
        found = self._noted()
        if found.end and not self.record_at(found.start, found.hash):
            return Progress(lost=_later(found.lost, (found.seq, found.hash)))  # the file was cut or replaced
        return found

    def newest(self) -> tuple[int, str] | None:
        """Number and hash of a record that was shipped from the file of this name: the newest, or one that is lost.

        May raise OSError.
        """
        found = self._noted()
        return found.lost or ((found.seq, found.hash) if found.end else None)

    def _noted(self) -> Progress:
        try:
            return _progress(json.loads(self._path.read_bytes()))
        except (FileNotFoundError, ValueError, KeyError, TypeError, IndexError, RecursionError):
            return Progress()

    def write(self, progress: Progress) -> None:
        """Replace the file as a whole. May raise OSError."""
        fresh = Path(f"{self._path}.{os.getpid()}")
        fresh.write_text(json.dumps(asdict(progress)), encoding="ascii")
        fresh.replace(self._path)

    def record_at(self, start: int, hash_then: str) -> Record | None:
        """The record whose line begins at byte `start`, if it is the one of that hash."""
        line = next(self._audit.lines(start), None)
        record = line.record if line and line.is_whole else None
        return record if record and record["agentgov"]["audit"]["hash"] == hash_then else None


def _later(one: tuple[int, str] | None, other: tuple[int, str]) -> tuple[int, str]:
    return one if one is not None and one[0] >= other[0] else other


def _progress(found: Mapping[str, Any]) -> Progress:
    """The progress that was noted. Raises ValueError, KeyError or TypeError for what was never written here."""
    aside = tuple(
        SetAside(start=_place(one["start"]), seq=_number(one["seq"]), hash=str(one["hash"]), reason=str(one["reason"]))
        for one in found["set_aside"]
    )
    told = found.get("lost")
    lost = (_number(told[0]), str(told[1])) if told else None
    if found["end"] == 0:
        return Progress(lost=lost)
    return Progress(
        start=_place(found["start"]),
        end=_place(found["end"]),
        seq=_number(found["seq"]),
        hash=str(found["hash"]),
        set_aside=aside,
        lost=lost,
    )


def _place(value: Any) -> int:
    """A byte of a file."""
    if type(value) is not int or not 0 <= value < _FARTHEST:
        raise ValueError(f"{str(value)[:40]} is no place in a file")
    return value


def _number(value: Any) -> int:
    """The number of a record; the first is 1."""
    if type(value) is not int or value < 1:
        raise ValueError(f"{str(value)[:40]} is no number of a record")
    return value
