"""Ships audit records to the audit data stream, behind the actions and never in their way.

The file is the truth; beside it stands the number of the last record that arrived. A record's id is its place and hash,
and the stream only creates: shipping one twice, after a crash or from two processes, changes nothing.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from connectors.errors import Conflict, SourceError
from dashboard.act.audit import AuditFile, Record

# Creates one document under an id; raises Conflict when it is there, another SourceError when it could not.
Ship: TypeAlias = Callable[[str, Mapping[str, Any]], None]

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
log = logging.getLogger("tealdeck.audit")


class Outbox:
    """One background thread that ships what the file has and the stream has not."""

    def __init__(self, audit: AuditFile, ship: Ship) -> None:
        self._audit = audit
        self._ship = ship
        self._mark = audit.path.with_name(audit.path.name + ".shipped")
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="audit outbox", daemon=True)
        audit.on_append(self._wake.set)

    def start(self) -> None:
        """Begin with what an earlier process left."""
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is not shipped stays for the next one."""
        self._stopped.set()
        self._wake.set()
        self._thread.join(timeout=5)

    def ship_all(self) -> None:
        """Ship everything that is not marked as shipped, in order. Raises the SourceError that stopped it."""
        done = self._shipped()
        for record in self._audit.records():
            place = record["agentgov"]["audit"]
            if place["seq"] <= done:
                continue
            try:
                self._ship(document_id(record), record)
            except Conflict:
                log.info("audit record was there already seq=%s", place["seq"])
            self._note(place["seq"])

    def _work(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._stopped.is_set():
                return
            try:
                self.ship_all()
                pause = FIRST_PAUSE_SECONDS
            except (SourceError, OSError) as error:
                log.warning("audit not shipped, next try in %.0f s: %s", pause, error)
                self._stopped.wait(pause)
                self._wake.set()
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)

    def _shipped(self) -> int:
        try:
            return int(self._mark.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0

    def _note(self, seq: int) -> None:
        fresh = Path(f"{self._mark}.{os.getpid()}")
        fresh.write_text(str(seq), encoding="ascii")
        fresh.replace(self._mark)


def document_id(record: Record) -> str:
    """The id under which a record is created: its place, and its hash, so that a fork shows as two documents."""
    audit = record["agentgov"]["audit"]
    return f"{audit['seq']}-{audit['hash'][:16]}"
