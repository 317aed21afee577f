"""What makes a write durable before the engine commits it: append, fsync, replay at start."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson


class Translog:
    """Operations as JSON lines, in generations: a new one begins with each commit of the engine, older ones then go."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        found = self._generations()
        self._generation = found[-1] + 1 if found else 1
        self._file = self._open()

    def replay(self) -> Iterator[dict[str, Any]]:
        """What was written and may not be committed. A last line that was cut off was never acknowledged."""
        for generation in self._generations():
            for line in self._path(generation).read_bytes().split(b"\n"):
                with contextlib.suppress(orjson.JSONDecodeError):
                    yield orjson.loads(line)

    def append(self, operations: list[dict[str, Any]]) -> None:
        """Returns when they are on disk. Raises OSError; then nothing of it is."""
        data = b"".join(orjson.dumps(operation) + b"\n" for operation in operations)
        end = self._file.tell()
        try:
            self._file.write(data)
            os.fsync(self._file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(end)
                self._file.seek(end)
            raise

    def roll(self) -> int:
        """Begins a new generation; what is written from now on is not part of the commit that comes."""
        self._file.close()
        self._generation += 1
        self._file = self._open()
        return self._generation

    def drop_before(self, generation: int) -> None:
        """The engine has committed everything of the older generations."""
        for old in self._generations():
            if old < generation:
                self._path(old).unlink()

    def close(self) -> None:
        self._file.close()

    def _open(self) -> Any:
        return self._path(self._generation).open("ab", buffering=0)

    def _path(self, generation: int) -> Path:
        return self._folder / f"{generation:012d}.log"

    def _generations(self) -> list[int]:
        return sorted(int(path.stem) for path in self._folder.glob("*.log"))
