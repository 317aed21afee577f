"""The record of what people did: append-only lines, on disk before anything changes, each with the hash of the last.

One file for all processes of this machine: an exclusive lock covers reading the last line and appending the next, so
the chain cannot fork. Shipping the records to the audit data stream is `outbox.py`'s business.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Record = dict[str, Any]
GENESIS = "0" * 64
_TAIL_BYTES = 1 << 16


class NotWrittenError(Exception):
    """The record is not on disk, so what it records may not happen. `str()` says why."""


class AuditFile:
    """The audit of one environment. Safe for threads and for several processes on one machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._threads = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def append(self, record: Record) -> Record:
        """Write one record and return it with its place in the chain; on return it is on disk.

        Raises:
            NotWrittenError: it is not.
        """
        try:
            with self._threads, self._locked() as file:
                last, torn = _last(file)
                chained = chain(record, last)
                # A line that a crash cut short is ended, and stays for the verification to name.
                text = ("\n" if torn else "") + json.dumps(chained, ensure_ascii=False, sort_keys=True) + "\n"
                _write(file, text.encode())
                os.fsync(file)
        except OSError as error:
            raise NotWrittenError(f"{self.path}: {error.strerror or error}") from error
        for told in self._listeners:
            told()
        return chained

    def records(self) -> Iterator[Record]:
        """All records that can be read, oldest first; nothing when there is no file yet."""
        try:
            with self.path.open(encoding="utf-8") as file:
                for line in file:
                    if (record := _parsed(line)) is not None:
                        yield record
        except FileNotFoundError:
            return

    def on_append(self, told: Callable[[], None]) -> None:
        """Call `told` after each append of this process."""
        self._listeners.append(told)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        is_new = not self.path.exists()
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if is_new:
                _sync_folder(self.path.parent)
            yield file
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
    return hashlib.sha256(canonical.encode()).hexdigest()


def _write(file: int, line: bytes) -> None:
    while line:
        line = line[os.write(file, line) :]


def _last(file: int) -> tuple[Record | None, bool]:
    """The last whole record, and whether the file ends within a line."""
    size = os.fstat(file).st_size
    reach = _TAIL_BYTES
    while True:
        start = max(0, size - reach)
        tail = os.pread(file, size - start, start)
        for line in reversed(tail.decode(errors="replace").splitlines()):
            if (record := _parsed(line)) is not None:
                return record, not tail.endswith(b"\n")
        if start == 0:
            return None, bool(tail) and not tail.endswith(b"\n")
        reach *= 4


def _parsed(line: str) -> Record | None:
    try:
        record = json.loads(line)
        return record if "hash" in record["agentgov"]["audit"] else None
    except (ValueError, KeyError, TypeError):
        return None


def _sync_folder(folder: Path) -> None:
    """A new file is durable only once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
