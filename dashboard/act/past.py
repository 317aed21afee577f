"""The finished actions of one environment, from its audit file. A refresh reads only what was appended since the last.

The first look reads the whole file once and parses only lines that can hold a finished action. Each record that is
shown is held against its hash and the record before it, once; `verify.py` does so for the whole file.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass, replace

from dashboard.act.audit import AuditFile, AuditLine
from dashboard.act.entries import finished, target
from dashboard.act.verify import misfit
from dashboard.model.action import HistoryEntry

# For each service; older ones are in the audit file and the log store.
KEPT = 200
# In every record of a finished action, however it is spelled otherwise.
_MARK = b'"finished"'


@dataclass(slots=True)
class _PastEntry:
    """An action that was found; `line` is None once the record there was held against the chain."""

    entry: HistoryEntry
    line: AuditLine | None


class AuditPast:
    """Follows one audit file. Safe for threads; one for all viewers."""

    def __init__(self, audit: AuditFile) -> None:
        self._audit = audit
        self._lock = threading.Lock()
        self._file: tuple[int, int] | None = None
        self._read_up_to = 0
        self._changed_at = 0
        self._found: dict[str, deque[_PastEntry]] = defaultdict(lambda: deque(maxlen=KEPT))

    def of(self, namespace: str, service: str) -> tuple[HistoryEntry, ...]:
        """The newest KEPT finished actions on one service, newest first.

        Where the file cannot be read now, what was known before stands.
        """
        with self._lock, suppress(OSError):
            self._catch_up()
        with self._lock:
            found = tuple(kept.entry for kept in self._found.get(target(namespace, service), ()))
        # Of two that ended at the same moment the later one in the file is the newer.
        return tuple(sorted(found, key=lambda entry: entry.at))[::-1]

    def _catch_up(self) -> None:
        try:
            with self._audit.path.open("rb") as opened:
                status = os.fstat(opened.fileno())
        except FileNotFoundError:
            self._start_over(None)
            return
        file = (status.st_dev, status.st_ino)
        # Whoever only appends makes the file longer: one that changed without growing was edited.
        was_edited = status.st_size == self._read_up_to and status.st_mtime_ns != self._changed_at
        if file != self._file or status.st_size < self._read_up_to or was_edited:
            self._start_over(file)
        if status.st_size > self._read_up_to:
            self._read_on()
        self._changed_at = status.st_mtime_ns
        self._check()

    def _start_over(self, file: tuple[int, int] | None) -> None:
        self._file, self._read_up_to = file, 0
        self._found.clear()

    def _read_on(self) -> None:
        for line in self._audit.lines(self._read_up_to):
            if not line.is_whole:
                return
            self._read_up_to = line.end
            if _MARK in line.raw and (record := line.record) is not None:
                self._keep(line, finished(record, self._audit.environment))

    def _keep(self, line: AuditLine, found: tuple[str, HistoryEntry] | None) -> None:
        if found is not None:
            about, entry = found
            self._found[about].append(_PastEntry(entry, line))

    def _check(self) -> None:
        """Hold what is kept and was not looked at yet against the chain."""
        for kept in self._found.values():
            for found in kept:
                if (line := found.line) is not None:
                    found.entry = replace(found.entry, misfit=misfit(line, self._audit.before(line.start)))
                    found.line = None
