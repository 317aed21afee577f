"""Container logs as files: what is new in them, and how far they were shipped.

The offset in a file is saved only after everything before it was acknowledged. So an outage of the store loses no line;
lines sent twice after a crash have the same ids and are refused the second time. A file is identified by its first
line, which has a time: a rotated file keeps its offset under its new name, and a new file starts at 0.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import orjson

from deploy.local.collector.documents import Document, Origin, line_id, log_document

_LOG = logging.getLogger("collector")
_READ_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents of one file, and where the next batch of it begins."""

    file: str
    entries: list[tuple[str, Document]]
    next_offset: int


@dataclass(slots=True)
class Tail:
    """All log files below `root`; `<run>.log.1` is what the writer has set aside of `<run>.log`."""

    root: Path
    environment: str
    checkpoint: Path
    _offsets: dict[str, int] = field(default_factory=dict)
    _saved: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self._offsets = orjson.loads(self.checkpoint.read_bytes())
        except FileNotFoundError:
            return
        except orjson.JSONDecodeError as error:
            _LOG.warning("checkpoint unreadable, all lines are offered again error=%s", error)
        self._saved = dict(self._offsets)

    def new(self) -> list[Batch]:
        """One batch of each file that has grown."""
        batches, seen = [], set()
        for path in sorted(self.root.glob("*_*_*/*/*.log*")):
            try:
                with path.open("rb") as stream:
                    name = _name(path, stream)
                    if name:
                        seen.add(name)
                        batches += self._batches(path, name, stream)
            except FileNotFoundError:
                continue  # gone, or set aside under the other name: the next look finds it
        self._offsets = {name: offset for name, offset in self._offsets.items() if name in seen}
        return batches

    def shipped(self, batch: Batch) -> None:
        """What the batch holds was acknowledged."""
        self._offsets[batch.file] = batch.next_offset

    def save(self) -> None:
        """Writes the places down, whole or not at all. On a full disk the old ones stay: lines are then sent again."""
        if self._offsets == self._saved:
            return
        scratch = self.checkpoint.with_suffix(".new")
        try:
            scratch.write_bytes(orjson.dumps(self._offsets))
            scratch.replace(self.checkpoint)
        except OSError as error:
            _LOG.warning("checkpoint not written error=%s", error)
            return
        self._saved = dict(self._offsets)

    def _batches(self, path: Path, name: str, stream: BinaryIO) -> Iterator[Batch]:
        start = self._offsets.get(name, 0)
        stream.seek(start)
        data = stream.read(_READ_BYTES)
        origin = _origin(path, name)
        entries: list[tuple[str, Document]] = []
        pending: dict[bytes, tuple[int, bytes, bytes]] = {}  # by stdout and stderr: pieces of a line that is not whole
        at = done = start
        for line in data.split(b"\n")[:-1]:
            stamp, output, tag, text = (*line.split(b" ", 3), b"", b"", b"")[:4]
            began, stamped, before = pending.pop(output, (at, stamp, b""))
            at += len(line) + 1
            if tag == b"P":
                pending[output] = (began, stamped, before + text)
            elif tag == b"F":
                entries.append(self._entry(origin, began, stamped, before + text))
            if not pending:
                done = at
        # A line in more pieces than one read takes would stay for ever: then it goes as it is.
        if done == start and len(data) >= _READ_BYTES:
            entries += [self._entry(origin, *piece) for piece in pending.values()]
            done = at if at > start else start + len(data)
        if done > start:
            yield Batch(name, entries, done)

    def _entry(self, origin: Origin, offset: int, stamp: bytes, text: bytes) -> tuple[str, Document]:
        document = log_document(text.decode(errors="replace"), stamp.decode(), origin, self.environment)
        return line_id(origin, offset), document


def _name(path: Path, stream: BinaryIO) -> str:
    """What stays the same of a file when it is set aside: its container's run and its first line. Empty until then."""
    first = stream.readline(_READ_BYTES)
    if not first.endswith(b"\n") and len(first) < _READ_BYTES:
        return ""
    return f"{path.parent}/{path.name.split('.')[0]}/{hashlib.blake2b(first, digest_size=8).hexdigest()}"


def _origin(path: Path, name: str) -> Origin:
    namespace, pod, uid = path.parent.parent.name.split("_", 2)
    run, part = name.rsplit("/", 2)[1:]
    return Origin(namespace=namespace, pod=pod, uid=uid, container=path.parent.name, run=int(run), part=part)
