"""The record of what people did: append-only, on disk before anything changes, each record with the hash of the last.

The file is bytes: one JSON object a line, UTF-8, lines end with `\\n` and with nothing else. An exclusive lock covers
reading the last record and appending the next, so threads, processes and replicas on one volume cannot fork the chain.
Shipping to the audit data stream is `outbox.py`'s business, verification `verify.py`'s.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]
GENESIS = "0" * 64
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
                last, is_torn = _last(file)
                self._check_owner(last)
                chained = chain(storable(record), last)
                # A line that a crash cut short is ended, and stays for the verification to name.
                _append(file, (b"\n" if is_torn else b"") + _encoded(chained) + b"\n")
        except OSError as error:
            raise NotWrittenError(f"{self.path}: {error.strerror or error}") from error
        for told in self._listeners:
            told()
        return chained

    def lines(self, start: int = 0) -> Iterator[AuditLine]:
        """The lines from byte `start` on, oldest first; none when there is no file yet. May raise OSError."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(start)
            for raw in file:
                end = start + len(raw)
                yield AuditLine(start, end, raw.removesuffix(b"\n"), is_whole=raw.endswith(b"\n"))
                start = end

    def last(self) -> Record | None:
        """The newest record, from the file's tail alone. May raise OSError."""
        try:
            file = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            return _last(file)[0]
        finally:
            os.close(file)

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


def chain(record: Mapping[str, Any], last: Mapping[str, Any] | None) -> Record:
    """The record with its number, the hash of the one before and its own."""
    place: Mapping[str, Any] = last["agentgov"]["audit"] if last else {"seq": 0, "hash": GENESIS}
    ours = dict(record.get("agentgov", {}).get("audit", {}))
    audit = {**ours, "seq": place["seq"] + 1, "prev_hash": place["hash"]}
    chained = {**record, "agentgov": {"audit": audit}}
    return {**chained, "agentgov": {"audit": {**audit, "hash": digest(chained)}}}


def digest(record: Mapping[str, Any]) -> str:
    """SHA-256 over the record without its own hash, in one canonical spelling."""
    audit = {key: value for key, value in record["agentgov"]["audit"].items() if key != "hash"}
    canonical = json.dumps(
        {**record, "agentgov": {"audit": audit}}, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    # A record that somebody edited may hold half a surrogate pair; it still has a hash, which is then not its own.
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()


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


def _encoded(record: Record) -> bytes:
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


def _last(file: int) -> tuple[Record | None, bool]:
    """The last whole record, and whether the file ends within a line."""
    size = os.fstat(file).st_size
    reach = _TAIL_BYTES
    while True:
        start = max(0, size - reach)
        tail = os.pread(file, size - start, start)
        is_torn = bool(tail) and not tail.endswith(b"\n")
        lines = tail.split(b"\n")
        # The first piece begins in the middle of a line unless the file begins there.
        for raw in reversed(lines if start == 0 else lines[1:]):
            if (record := parsed(raw)) is not None:
                return record, is_torn
        if start == 0:
            return None, is_torn
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
