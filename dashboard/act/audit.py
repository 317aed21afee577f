"""The record of what people did: append-only, on disk before anything changes, each record with the hash of the last.

The file is bytes: one JSON object a line, UTF-8, lines end with `\\n` and with nothing else. A record has one spelling
(`encoded`), so its hash covers every byte of its line. The next record has the hash of lines that hold none, as a crash
leaves them. An exclusive lock covers reading the last record and appending the next, so threads, processes and replicas
on one volume cannot fork the chain.
Shipping to the audit data stream is `outbox.py`'s business, verification `verify.py`'s.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]
GENESIS = "0" * 64
# The field of a record that has the hash of the lines before it that hold none.
UNREADABLE = "unreadable_hash"
# Elasticsearch takes no keyword over 32,766 bytes; a character has at most 4.
LONGEST_TEXT = 8_000
_TAIL_BYTES = 1 << 16
# With less than this left on the disk the next records may not fit.
_LEAST_BYTES = 1 << 18


class NotWrittenError(Exception):
    """The record is not on disk, so what it records may not happen. `str()` says why."""


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line of the file, without its `\\n`. `start` and `end` are byte offsets; the next line begins at `end`.

    `is_whole` is False for a last line without `\\n`: it is being written, or a crash cut it short.
    """

    start: int
    end: int
    raw: bytes
    is_whole: bool = True

    @property
    def record(self) -> Record | None:
        """The record on this line; None when it holds none."""
        return parsed(self.raw)


@dataclass(frozen=True, slots=True)
class Before:
    """What stands before a place in the file: the last record, and the lines after it that hold none, without `\\n`.

    `is_torn` says that the last of these lines has no end.
    """

    record: Record | None
    others: tuple[bytes, ...]
    is_torn: bool


class AuditFile:
    """The audit of one environment. Safe for threads, and for processes that share the file's volume."""

    def __init__(self, path: Path, environment: str = "") -> None:
        self.path = path
        self.environment = environment
        self._listeners: list[Callable[[], None]] = []

    def append(self, record: Mapping[str, Any]) -> Record:
        """Write one record and return it with its place in the chain; on return it is on disk.

        Raises:
            NotWrittenError: it is not.
        """
        try:
            with self._locked() as file:
                before = _before(file)
                self._check_owner(before.record)
                chained = chain(storable(record), before.record, before.others)
                # A line that a crash cut short is ended, and stays for the verification to name.
                _append(file, (b"\n" if before.is_torn else b"") + encoded(chained) + b"\n")
        except OSError as error:
            raise NotWrittenError(f"{self.path}: {error.strerror or error}") from error
        for told in self._listeners:
            told()
        return chained

    def lines(self, start: int = 0, end: int | None = None) -> Iterator[AuditLine]:
        """The lines that begin from byte `start` on and before `end`, oldest first; none when there is no file yet.

        May raise OSError.
        """
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(start)
            for raw in file:
                if end is not None and start >= end:
                    return
                after = start + len(raw)
                yield AuditLine(start, after, raw.removesuffix(b"\n"), is_whole=raw.endswith(b"\n"))
                start = after

    def last(self) -> Record | None:
        """The newest record, from the file's tail alone. May raise OSError."""
        return self.before().record

    def before(self, place: int | None = None) -> Before:
        """What stands before byte `place`, where a line begins; by default before the file's end. May raise OSError."""
        with self._opened() as file:
            return Before(None, (), is_torn=False) if file is None else _before(file, place)

    def size_at_rest(self) -> int:
        """The size in bytes at a moment when no record is being written; 0 when there is no file. May raise OSError."""
        with self._opened() as file:
            if file is None:
                return 0
            fcntl.flock(file, fcntl.LOCK_SH)
            return os.fstat(file).st_size

    def records(self) -> Iterator[Record]:
        """All records that can be read, oldest first."""
        for line in self.lines():
            if line.is_whole and (record := line.record) is not None:
                yield record

    def why_not_writable(self) -> str:
        """Why no record could be appended now, without trying; "" when nothing speaks against it."""
        folder = self.path.parent
        try:
            os.close(os.open(self.path, os.O_WRONLY | os.O_APPEND))
        except FileNotFoundError:
            if not os.access(folder, os.W_OK | os.X_OK):
                return f"{folder} cannot be written to" if folder.is_dir() else f"there is no folder {folder}"
        except OSError as error:
            return error.strerror or str(error)
        disk = os.statvfs(folder)
        return "its disk is full" if disk.f_bavail * disk.f_frsize < _LEAST_BYTES else ""

    def on_append(self, told: Callable[[], None]) -> None:
        """Call `told` after each append of this process."""
        self._listeners.append(told)

    def _check_owner(self, last: Record | None) -> None:
        owner = environment_of(last) if last else ""
        if owner and self.environment and owner != self.environment:
            raise NotWrittenError(f"{self.path} is the audit of the environment {owner}, not of {self.environment}")

    @contextmanager
    def _opened(self) -> Iterator[int | None]:
        """The file for reading; None when there is none."""
        try:
            file = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            yield None
            return
        try:
            yield file
        finally:
            os.close(file)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The file, under an exclusive lock. One that was moved away before we had the lock is opened anew."""
        while True:
            is_new = not self.path.exists()
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                if not _is_at(self.path, file):
                    continue
                if is_new:
                    _sync_folder(self.path.parent)
                yield file
                return
            finally:
                os.close(file)


def chain(record: Mapping[str, Any], last: Mapping[str, Any] | None, others: Sequence[bytes] = ()) -> Record:
    """The record with its number, the hash of the one before and its own; `others` are the lines between the two."""
    place: Mapping[str, Any] = last["agentgov"]["audit"] if last else {"seq": 0, "hash": GENESIS}
    fields = {"seq": place["seq"] + 1, "prev_hash": place["hash"], UNREADABLE: digest_of_lines(others)}
    chained = _with_audit(record, {key: value for key, value in fields.items() if value is not None})
    return _with_audit(chained, {"hash": digest(chained)})


def digest(record: Mapping[str, Any]) -> str:
    """SHA-256 over the record without its own hash, in one canonical spelling."""
    audit = {key: value for key, value in record["agentgov"]["audit"].items() if key != "hash"}
    hashed = {**record, "agentgov": {**record["agentgov"], "audit": audit}}
    canonical = json.dumps(hashed, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # A record that somebody edited may hold half a surrogate pair; it still has a hash, which is then not its own.
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()


def digest_of_lines(others: Sequence[bytes]) -> str | None:
    """SHA-256 over lines that hold no record; None where there are none."""
    return hashlib.sha256(b"".join(line + b"\n" for line in others)).hexdigest() if others else None


def _with_audit(record: Mapping[str, Any], fields: Mapping[str, Any]) -> Record:
    ours = record.get("agentgov", {})
    return {**record, "agentgov": {**ours, "audit": {**ours.get("audit", {}), **fields}}}


def storable(value: Any) -> Any:
    """`value` as both the file and the log store can hold it.

    Text is cut to LONGEST_TEXT and has no half surrogate pairs; a number that is not finite is null; what is null is
    left out of an object, since "not there" and null are one thing to the log store.
    """
    match value:
        case str():
            text = str(value).encode(errors="surrogatepass").decode(errors="replace")
            return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            kept = {storable(str(key)): storable(item) for key, item in value.items()}
            return {key: item for key, item in kept.items() if item is not None}
        case list() | tuple():
            return [item for item in map(storable, value) if item is not None]
        case _:
            return value


def parsed(raw: bytes) -> Record | None:
    """The record that a line holds; None for anything else, however broken."""
    try:
        record = json.loads(raw)
        audit = record["agentgov"]["audit"]
        is_ours = type(audit["seq"]) is int and isinstance(audit["hash"], str) and isinstance(audit["prev_hash"], str)
        return record if is_ours else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def environment_of(record: Mapping[str, Any]) -> str:
    """The environment that a record names; "" where it names none."""
    service = record.get("service")
    return str(service.get("environment", "")) if isinstance(service, Mapping) else ""


def encoded(record: Mapping[str, Any]) -> bytes:
    """The one spelling of a record on its line. Raises ValueError for one that was never written by `append`."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True, allow_nan=False).encode()


def _append(file: int, data: bytes) -> None:
    """Write all of `data` durably. A part of it, as on a full disk, is taken back: it would be half a record."""
    before = os.fstat(file).st_size
    rest = data
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError:
        with suppress(OSError):
            os.ftruncate(file, before)
        raise
    os.fsync(file)


def _before(file: int, place: int | None = None) -> Before:
    """What stands before byte `place` of an open file, read from there backwards; by default before its end."""
    size = os.fstat(file).st_size if place is None else place
    reach = _TAIL_BYTES
    while True:
        start = max(0, size - reach)
        tail = os.pread(file, size - start, start)
        is_torn = bool(tail) and not tail.endswith(b"\n")
        # The first piece begins in the middle of a line unless the file begins there.
        lines = tail.split(b"\n")[0 if start == 0 else 1 :]
        others = lines if is_torn else lines[:-1]
        for number in reversed(range(len(others))):
            if (record := parsed(others[number])) is not None:
                return Before(record, tuple(others[number + 1 :]), is_torn)
        if start == 0:
            return Before(None, tuple(others), is_torn)
        reach *= 4


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    """A new file is durable only once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
