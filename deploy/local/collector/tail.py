"""Container logs as files: what is new in them, and how far they were shipped.

The place in a file is kept on disk only after what stands before it was acknowledged. So a store that is away costs
time, never a line; what was sent twice after a crash has the same ids and is refused the second time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import orjson

from deploy.local.collector.documents import Document, Origin, line_id, log_document

_READ_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents of one file, and where the next batch of it begins."""

    file: Path
    entries: list[tuple[str, Document]]
    next_offset: int


@dataclass(slots=True)
class Tail:
    """All log files below `root`."""

    root: Path
    environment: str
    checkpoint: Path
    _offsets: dict[str, int] = field(default_factory=dict)
    _saved: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.checkpoint.exists():
            self._offsets = orjson.loads(self.checkpoint.read_bytes())
            self._saved = dict(self._offsets)

    def new(self) -> list[Batch]:
        """One batch of each file that has grown."""
        files = {str(file): file for file in self.root.glob("*_*_*/*/*.log")}
        self._offsets = {name: offset for name, offset in self._offsets.items() if name in files}
        return [batch for file in files.values() if (batch := self._batch(file)) is not None]

    def shipped(self, batch: Batch) -> None:
        """What the batch holds was acknowledged."""
        self._offsets[str(batch.file)] = batch.next_offset

    def save(self) -> None:
        """Writes the places down; a file is seen whole or not at all."""
        if self._offsets != self._saved:
            scratch = self.checkpoint.with_suffix(".new")
            scratch.write_bytes(orjson.dumps(self._offsets))
            scratch.replace(self.checkpoint)
            self._saved = dict(self._offsets)

    def _batch(self, file: Path) -> Batch | None:
        start = self._offsets.get(str(file), 0)
        try:
            size = file.stat().st_size
            if size < start:  # begun anew: it was full
                start = 0
            if size == start:
                return None
            with file.open("rb") as stream:
                stream.seek(start)
                data = stream.read(_READ_BYTES)
        except FileNotFoundError:
            return None
        origin = _origin(file)
        entries: list[tuple[str, Document]] = []
        partial, at, done = b"", start, start
        for line in data.split(b"\n")[:-1]:
            stamp, _, tag, text = (*line.split(b" ", 3), b"", b"", b"")[:4]
            at += len(line) + 1
            partial += text
            if tag == b"F":
                text_whole = partial.decode(errors="replace")
                document = log_document(text_whole, stamp.decode(), origin, self.environment)
                entries.append((line_id(origin, done), document))
                partial, done = b"", at
        # A line in more pieces than one read takes would stay for ever: then it goes as it is.
        if not entries and len(data) >= _READ_BYTES:
            text_cut = partial.decode(errors="replace")
            entries.append((line_id(origin, start), log_document(text_cut, stamp.decode(), origin, self.environment)))
            done = at
        return Batch(file, entries, done) if entries else None


def _origin(file: Path) -> Origin:
    namespace, pod, uid = file.parent.parent.name.split("_", 2)
    return Origin(namespace=namespace, pod=pod, uid=uid, container=file.parent.name, run=int(file.stem))
