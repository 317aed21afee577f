"""A container's output on disk in the form of the container runtime interface, and back for `kubectl logs`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

_LONGEST_LINE = 16 * 1024
_LARGEST_FILE = 10 * 1024 * 1024
_TAIL_BYTES = 4 * 1024 * 1024
_FOLLOW_SECONDS = 0.25
_KEPT_RUNS = 4  # one is shown, one is `--previous`; the collector may not be through with the others


class LogFile:
    """Takes the output of one run of a container. Bounded: a full file is kept once as `.1` and begun anew."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file: BinaryIO = path.open("ab", buffering=0)

    async def copy(self, stream: asyncio.StreamReader, name: str) -> None:
        """Writes `name` (stdout or stderr) until its end; a line longer than the form allows is split and marked."""
        rest = b""
        while chunk := await stream.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            written = b"".join(self._entries(line, name) for line in lines)
            while len(rest) > _LONGEST_LINE:
                written += _entry(rest[:_LONGEST_LINE], name, b"P")
                rest = rest[_LONGEST_LINE:]
            self._write(written)
        if rest:
            self._write(self._entries(rest, name))

    def close(self) -> None:
        self._file.close()

    def _entries(self, line: bytes, name: str) -> bytes:
        parts = [line[at : at + _LONGEST_LINE] for at in range(0, len(line), _LONGEST_LINE)] or [b""]
        partial = b"".join(_entry(part, name, b"P") for part in parts[:-1])
        return partial + _entry(parts[-1], name, b"F")

    def _write(self, entries: bytes) -> None:
        if not entries:
            return
        if self._file.tell() + len(entries) > _LARGEST_FILE:
            self._file.close()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._file = self._path.open("ab", buffering=0)
        self._file.write(entries)


async def read(
    path: Path,
    *,
    tail_lines: int | None = None,
    since: datetime | None = None,
    timestamps: bool = False,
    follow: bool = False,
) -> AsyncIterator[bytes]:
    """What the container wrote, in chunks of whole lines; with `follow` until the reader goes."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL_BYTES))
        if size > _TAIL_BYTES:
            file.readline()  # the middle of a line
        lines, rest = _whole(file.read())
        found = [line for line in lines if since is None or _time(line) >= since]
        if tail_lines is not None:
            found = found[len(found) - tail_lines :] if tail_lines else []
        yield b"".join(_plain(line, timestamps) for line in found)
        while follow:
            await asyncio.sleep(_FOLLOW_SECONDS)
            lines, rest = _whole(rest + file.read())
            if lines:
                yield b"".join(_plain(line, timestamps) for line in lines)


def runs(folder: Path) -> list[Path]:
    """The log files of a container's runs, oldest first."""
    return sorted(folder.glob("*.log"), key=lambda path: int(path.stem))


def forget_old_runs(folder: Path) -> None:
    """Makes room for the log of another run."""
    for path in runs(folder)[: -(_KEPT_RUNS - 1)]:
        path.unlink()
        path.with_name(f"{path.name}.1").unlink(missing_ok=True)


def _entry(text: bytes, name: str, tag: bytes) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "000Z")
    return b"%s %s %s %s\n" % (now.encode(), name.encode(), tag, text)


def _whole(data: bytes) -> tuple[list[bytes], bytes]:
    *lines, rest = data.split(b"\n")
    return lines, rest


def _plain(line: bytes, timestamps: bool) -> bytes:
    at, _, tag, text = line.split(b" ", 3)
    end = b"\n" if tag == b"F" else b""
    return (at + b" " if timestamps else b"") + text + end


def _time(line: bytes) -> datetime:
    text = line.split(b" ", 1)[0].decode()
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d*Z$", r"\1+00:00", text))
