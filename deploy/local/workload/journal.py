"""Lines on disk that survive `kill -9`: `append` returns when its line is synced, and many share one sync.

Each process has a file of its own, locked as long as it lives. A file that nobody holds belongs to one that is gone,
and can be taken over by any other.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

SUFFIX = ".journal"
_FULL_BYTES = 8 * 2**20
_IDLE_SECONDS = 0.2
_GATHER_SECONDS = 0.004  # a sync costs more CPU than a task; so those who come together share one

Record = dict[str, Any]


class Journal:
    """One process's file. Raises OSError when it cannot be opened, BlockingIOError when another process holds it."""

    def __init__(self, folder: Path, name: str, compacted: Callable[[], Iterable[Record]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}{SUFFIX}"
        self.file = _locked(self.path)
        self._compacted = compacted
        self._size = self.path.stat().st_size
        self._lines: list[bytes] = []
        self._wake = asyncio.Event()
        self._synced: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def records(self) -> list[Record]:
        """What an earlier life of this process wrote."""
        return list(_records(self.path))

    async def append(self, record: Record) -> None:
        """Returns when the record is on disk. Raises OSError if it cannot be: then it is not there."""
        self.note(record)
        self._wake.set()
        await asyncio.shield(self._synced)

    def note(self, record: Record) -> None:
        """For what may be lost in a crash: it is written with the next record, or soon."""
        if not self._lines:
            asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._wake.set)
        self._lines.append(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))

    async def run(self) -> None:
        """Writes until cancelled, and what is left then; others may take the file over from there."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._wake.wait()
                await asyncio.sleep(_GATHER_SECONDS)
                self._wake.clear()
                if not self._lines:
                    continue
                data, self._lines = b"".join(self._lines), []
                synced, self._synced = self._synced, loop.create_future()
                try:
                    await loop.run_in_executor(None, self._write, data)
                except OSError as error:
                    synced.set_exception(error)
                    synced.exception()  # looked at, should nobody wait
                    continue
                synced.set_result(None)
                if self._size > _FULL_BYTES:
                    self._compact()
        finally:
            self._write(b"".join(self._lines))
            os.close(self.file)

    def _write(self, data: bytes) -> None:
        try:
            os.write(self.file, data)
            os.fdatasync(self.file)
        except OSError:
            os.ftruncate(self.file, self._size)  # half a line would spoil the next one
            raise
        self._size += len(data)

    def _compact(self) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        file = _locked(fresh)
        data = b"".join(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) for record in self._compacted())
        os.write(file, data)
        os.fsync(file)
        fresh.replace(self.path)
        os.close(self.file)
        self.file, self._size = file, len(data)


@contextmanager
def orphans(folder: Path) -> Iterator[list[Record]]:
    """The records of processes that are gone; their files go when the block ends well."""
    held: list[tuple[int, Path]] = []
    try:
        for path in folder.glob(f"*{SUFFIX}"):
            try:
                held.append((_locked(path), path))
            except (BlockingIOError, FileNotFoundError):
                continue  # it lives, or somebody else was quicker
        yield [record for _, path in held for record in _records(path)]
        for _, path in held:
            path.unlink(missing_ok=True)
    finally:
        for file, _ in held:
            os.close(file)


def _locked(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise
    return file


def _records(path: Path) -> Iterator[Record]:
    """Up to the first line that is not whole: the process was killed while it wrote that."""
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError:
            return
