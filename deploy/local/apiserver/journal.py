"""What survives `kill -9`: an append-only journal of changes beside a snapshot of everything before it.

One line of JSON per change, forced to the disk before anybody is told. A torn last line is an unacknowledged write and
is cut off at start; damage anywhere else is refused. Entries that the snapshot already holds are skipped, so that a
crash between writing the snapshot and emptying the journal does no harm.
"""

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

Json = dict[str, Any]
_HEADER = "tealdeck-apiserver-1"


class DamagedStateError(Exception):
    """The state on disk cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change: the object after it, or for a deletion the last object under its new resourceVersion."""

    version: int
    storage: str
    deleted: bool
    raw: bytes

    def line(self) -> bytes:
        head = orjson.dumps([self.version, self.storage, self.deleted])
        return head[:-1] + b"," + self.raw + b"]\n"


class Journal:
    """The two files of one state folder, taken by one server at a time. Raises OSError.

    Blocking: call `append` and `compact` from a worker thread.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._snapshot = folder / "snapshot.jsonl"
        self._path = folder / "journal.jsonl"
        self._file = self._path.open("ab", buffering=0)
        self._lock()
        self._sync_folder()
        self._length = self._path.stat().st_size

    @property
    def length_bytes(self) -> int:
        return self._length

    def read(self) -> tuple[int, list[Entry], list[Entry]]:
        """The snapshot's version, its objects, and the changes after it. Cuts a torn last line off."""
        version, objects = self._read_snapshot()
        return version, objects, [entry for entry in self._read_journal() if entry.version > version]

    def append(self, entries: Iterable[Entry]) -> None:
        """Make the entries durable, all or none. Raises OSError, and then nothing of them is kept."""
        data = b"".join(entry.line() for entry in entries)
        try:
            self._write(data)
        except OSError:
            # A half-written line in the middle would damage the journal for good once later writes succeed.
            os.ftruncate(self._file.fileno(), self._length)
            raise
        self._length += len(data)

    def compact(self, version: int, objects: Iterable[tuple[str, bytes]]) -> None:
        """Write a snapshot of everything and start an empty journal."""
        draft = self._snapshot.with_suffix(".tmp")
        with draft.open("wb") as out:
            out.write(orjson.dumps([_HEADER, version]) + b"\n")
            out.writelines(Entry(version=0, storage=kind, deleted=False, raw=raw).line() for kind, raw in objects)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(self._snapshot)
        self._sync_folder()
        os.ftruncate(self._file.fileno(), 0)
        self._length = 0

    def close(self) -> None:
        self._file.close()

    def _lock(self) -> None:
        """Two servers over one journal would each overwrite what the other acknowledged. A crash frees the lock."""
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(errno.EBUSY, "another server uses it") from error

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        os.fsync(self._file.fileno())

    def _sync_folder(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _read_snapshot(self) -> tuple[int, list[Entry]]:
        if not self._snapshot.exists():
            return 0, []
        lines = self._snapshot.read_bytes().splitlines()
        try:
            header, version = orjson.loads(lines[0])
        except (IndexError, ValueError) as error:
            raise DamagedStateError(f"{self._snapshot}: no header") from error
        if header != _HEADER:
            raise DamagedStateError(f"{self._snapshot}: written by another version ({header})")
        return version, [_parse(line, f"{self._snapshot}:{number}") for number, line in enumerate(lines[1:], 2)]

    def _read_journal(self) -> Iterator[Entry]:
        data = self._path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.ftruncate(self._file.fileno(), whole)
            self._length = whole
        for number, line in enumerate(data[:whole].splitlines(), 1):
            yield _parse(line, f"{self._path}:{number}")


def _parse(line: bytes, where: str) -> Entry:
    try:
        version, storage, deleted, obj = orjson.loads(line)
    except ValueError as error:
        raise DamagedStateError(f"{where}: not a change") from error
    return Entry(version=version, storage=storage, deleted=deleted, raw=orjson.dumps(obj))
