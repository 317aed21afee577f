"""All records of one audit file, for a search: who did what, when, to which service. A refresh reads what was appended.

Only what a search needs is kept; a record's evidence is read from the file when somebody asks for it. What stands in a
record is believed by nobody here: `verify.py` says whether the chain holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dashboard.act.audit import AuditFile, AuditLine, Record
from dashboard.act.shipped import ShippedFile
from dashboard.act.verify import Verification, verify
from dashboard.model.audit import TrailEntry

# Older ones are in the file and in the log store.
KEPT = 50_000
# A file up to here is verified whenever it has changed, in about a second; a larger one when somebody asks.
VERIFIED_AT_ONCE_BYTES = 20_000_000
_LONGEST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What is known of a file. `left_out` older records are not kept; `unreadable` says why the file cannot be read."""

    entries: tuple[TrailEntry, ...] = ()
    left_out: int = 0
    unreadable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The answer of the verification, when it was found, and whether anything was shipped that it could be held to."""

    at: datetime
    verification: Verification
    is_shipped: bool


class AuditTrail:
    """Follows one audit file. Safe for threads; one for all viewers."""

    def __init__(self, audit: AuditFile) -> None:
        self._audit = audit
        self._lock = threading.Lock()
        self._file: tuple[int, int] | None = None
        self._changed_at = 0
        self._read_up_to = self._lines = self._left_out = 0
        self._entries: deque[TrailEntry] = deque(maxlen=KEPT)
        self._checking = threading.Lock()
        self._checked: tuple[tuple[int, ...], Checked] | None = None

    def read(self) -> Trail:
        """The newest KEPT records in the order of the file. Where it cannot be read, what was known before stands."""
        why_not = ""
        with self._lock:
            try:
                self._catch_up()
            except OSError as error:
                why_not = error.strerror or str(error)
            return Trail(entries=tuple(self._entries), left_out=self._left_out, unreadable=why_not)

    def evidence(self, entries: Sequence[TrailEntry]) -> tuple[Record, ...]:
        """The whole records, as they stand in the file now; one that is no longer there is left out. May raise OSError.

        A record that was exchanged or edited since is no evidence of this entry: its line has to be the same.
        """
        lines = (next(self._audit.lines(entry.start), None) for entry in entries)
        pairs = zip(entries, lines, strict=True)
        same = (line for entry, line in pairs if line is not None and line.is_whole and _digest(line) == entry.digest)
        return tuple(record for line in same if (record := line.record))

    def lines(self, entries: Iterable[TrailEntry]) -> bytes:
        """The lines of these records byte for byte, for an export that can be verified. May raise OSError."""
        found = (next(self._audit.lines(entry.start), None) for entry in entries)
        return b"".join(line.raw + b"\n" for line in found if line is not None and line.record is not None)

    def checked(self, now: datetime, *, anew: bool = False) -> Checked | None:
        """Whether the chain holds, as found when the file was last changed, or `anew`.

        None for a file of more than VERIFIED_AT_ONCE_BYTES that nobody has verified yet. May raise OSError.
        """
        with self._checking:
            state = self._state()
            if self._checked and self._checked[0] == state and not anew:
                return self._checked[1]
            if sum(state[2:3]) > VERIFIED_AT_ONCE_BYTES and not anew:
                return None
            shipped = ShippedFile(self._audit).newest()
            found = verify(self._audit.lines(end=self._audit.size_at_rest()), shipped=shipped)
            self._checked = (state, Checked(at=now, verification=found, is_shipped=shipped is not None))
            return self._checked[1]

    def _state(self) -> tuple[int, ...]:
        """What changes with the file, and with what was shipped of it: which file it is, how long, and when written."""
        shipped = self._audit.path.with_name(self._audit.path.name + ".shipped")
        return (*_identity(self._audit.path), *_identity(shipped))

    def _catch_up(self) -> None:
        identity = _identity(self._audit.path)
        if not identity:
            self._start_over(None)
            return
        device, inode, size, changed_at = identity
        was_edited = size == self._read_up_to and changed_at != self._changed_at
        if (device, inode) != self._file or size < self._read_up_to or was_edited:
            self._start_over((device, inode))
        if size > self._read_up_to:
            self._read_on()
        self._changed_at = changed_at

    def _start_over(self, file: tuple[int, int] | None) -> None:
        self._file, self._read_up_to, self._lines, self._left_out = file, 0, 0, 0
        self._entries.clear()

    def _read_on(self) -> None:
        for line in self._audit.lines(self._read_up_to):
            if not line.is_whole:
                return
            self._read_up_to = line.end
            self._lines += 1
            if (record := line.record) is not None:
                self._left_out += len(self._entries) == KEPT
                self._entries.append(entry_of(record, line, self._lines))


def entry_of(record: Record, line: AuditLine, number: int) -> TrailEntry:
    """What a search shows of a record, whoever wrote it. Pure."""
    audit = record["agentgov"]["audit"]
    event, user, service = (_below(record, name) for name in ("event", "user", "service"))
    deed = _word(audit, "action_id") or _word(event, "id") or f"record {audit['seq']}"
    return TrailEntry(
        seq=audit["seq"],
        line=number,
        start=line.start,
        at=_time(record.get("@timestamp")),
        deed=deed,
        actor=_word(user, "name"),
        action=_word(event, "action") or _word(audit, "kind"),
        phase=_word(audit, "phase"),
        namespace=_word(_below(record, "kubernetes"), "namespace"),
        service=_word(service, "name"),
        effect=_effect(audit),
        outcome=_word(audit, "outcome") or _word(event, "outcome"),
        reason=_word(audit, "break_glass") or _word(event, "reason"),
        message=_word(record, "message"),
        digest=_digest(line),
    )


def _digest(line: AuditLine) -> bytes:
    return hashlib.blake2b(line.raw, digest_size=8).digest()


def as_json(records: Iterable[Record]) -> str:
    """Records for a person to read."""
    return json.dumps(list(records), ensure_ascii=False, indent=2, sort_keys=True)


def _effect(audit: Mapping[str, Any]) -> str:
    """From which track to which, and the version there; "" for what moves nothing."""
    before, after = _below(audit, "before"), _below(audit, "after")
    if not _word(after, "track"):
        return ""
    return " ".join(filter(None, (_word(before, "track"), "to", _word(after, "track"), _word(after, "version"))))


def _below(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, Mapping) else {}


def _word(tree: Mapping[str, Any], name: str) -> str:
    found = tree.get(name)
    return "" if found is None or isinstance(found, Mapping | list) else str(found)[:_LONGEST]


def _time(text: Any) -> datetime | None:
    with suppress(TypeError, ValueError, OverflowError):
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    return None


def _identity(path: os.PathLike[str]) -> tuple[int, ...]:
    """Which file stands there, how long it is and when it was changed; nothing where there is none."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return ()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
