"""What makes a write durable before the engine commits it: append, fsync, replay at start."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from deploy.local.logstore.files import sync_folder

_LOG = logging.getLogger("logstore")


class Translog:
    """Operations as JSON lines, in generations: a new one begins with each commit of the engine, older ones then go."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        found = self._generations()
        self._generation = found[-1] + 1 if found else 1
        self._file = self._open()

    def replay(self) -> Iterator[dict[str, Any]]:
        """What was written and may not be committed.

        A last line that was cut off was never acknowledged. Raises ValueError for any other line that cannot be read:
        what follows it would be lost.
        """
        for generation in self._generations():
            *lines, torn = self._path(generation).read_bytes().split(b"\n")
            if torn:
                _LOG.warning("translog line cut off generation=%d bytes=%d", generation, len(torn))
            for number, line in enumerate(lines, 1):
                try:
                    yield orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise ValueError(f"{self._path(generation)} is damaged in line {number}: {error}") from error

    def append(self, operations: Sequence[bytes]) -> None:
        """Returns when they are on disk. Raises OSError; then nothing of it is."""
        data = memoryview(b"".join(operation + b"\n" for operation in operations))
        end = self._file.tell()
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:])
            os.fdatasync(self._file.fileno())
        except OSError:
            self._file.truncate(end)
            self._file.seek(end)
            raise

    def roll(self) -> int:
        """Begins a new generation; what is written from now on is not part of the commit that comes."""
        before, self._generation = self._file, self._generation + 1
        try:
            self._file = self._open()
        except OSError:
            self._generation -= 1
            raise
        before.close()
        return self._generation

    def drop_before(self, generation: int) -> None:
        """The engine has committed everything of the older generations."""
        for old in self._generations():
            if old < generation:
                self._path(old).unlink()

    def close(self) -> None:
        self._file.close()

    def _open(self) -> Any:
        file = self._path(self._generation).open("ab", buffering=0)
        sync_folder(self._folder)
        return file

    def _path(self, generation: int) -> Path:
        return self._folder / f"{generation:012d}.log"

    def _generations(self) -> list[int]:
        return sorted(int(path.stem) for path in self._folder.glob("*.log"))
