"""Ships audit records to the audit data stream, behind the actions and never in their way.

The file is the truth; beside it stands how far it was shipped (`shipped.py`). A record's id is its number and hash, and
the stream only creates: shipping one twice, after a crash or from two processes, changes nothing. A record that the
store refuses is set aside and offered again later; the rest goes on.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from connectors.errors import BadAnswer, Conflict, Forbidden, Rejected, SourceError, TimedOut, Unauthorized, clipped
from dashboard.act.audit import AuditFile, AuditLine, Record
from dashboard.act.shipped import Progress, SetAside, ShippedFile
from dashboard.model.audit import AuditStatus

# Creates one document under an id; raises Conflict when it is there, another SourceError when it could not.
Ship: TypeAlias = Callable[[str, Mapping[str, Any]], None]

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
# How soon a repaired log store gets what it had refused.
OFFER_AGAIN_SECONDS = 600.0
# Other processes may append to the same file, and die before they ship.
LOOK_SECONDS = 30.0
# How many records a crash may cause to be shipped twice.
NOTED_EVERY = 100
# A store that fails this often on one record and takes the next one fails on that record alone.
TRIES = 3
log = logging.getLogger("tealdeck.audit")


class Outbox:
    """One background thread that ships what the file has and the stream has not.

    Args:
        seconds: counts seconds and never goes back.
    """

    def __init__(self, audit: AuditFile, ship: Ship, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._ship = ship
        self._seconds = seconds
        self._shipped = ShippedFile(audit)
        self._failed: tuple[str, int] = ("", 0)  # the record that failed last, and how often in a row
        self._trouble = ""
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="audit outbox", daemon=True)
        audit.on_append(self._wake.set)

    def start(self) -> None:
        """Begin with what an earlier process left."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is not shipped stays for the next one."""
        self._stopped.set()
        self._wake.set()
        self._thread.join(timeout=5)

    def status(self) -> AuditStatus:
        """How the file and the log store stand to each other. May raise OSError."""
        progress, last = self._shipped.read(), self._audit.last()
        refused = progress.set_aside
        return AuditStatus(
            file=str(self._audit.path),
            waiting=max(0, (last["agentgov"]["audit"]["seq"] if last else 0) - progress.seq),
            refused=len(refused),
            refusal=refused[-1].reason if refused else "",
            trouble=self._trouble,
        )

    def ship_all(self, *, again: bool = True) -> None:
        """Ship everything that was not shipped yet, in order; with `again` what was set aside as well.

        Raises:
            SourceError: the log store takes nothing now.
            OSError: a file cannot be read or written.
        """
        if not self._audit.path.exists():
            return
        with self._shipped.locked():
            before = progress = self._shipped.read()
            try:
                for further in self._go_on(before):
                    progress = further
                    if progress.seq % NOTED_EVERY == 0:
                        self._shipped.write(progress)
                for one in before.set_aside if again else ():
                    progress = self._offer_again(progress, one)
            finally:
                if progress != before:
                    self._shipped.write(progress)

    def _go_on(self, progress: Progress) -> Iterator[Progress]:
        """The progress after each record that follows.

        A record on which the store failed again and again is passed over; it is set aside once the next one arrives.
        """
        suspect: tuple[AuditLine, Record, SourceError] | None = None
        for line in self._audit.lines(progress.end):
            if not line.is_whole:
                break
            if (record := line.record) is None:
                continue
            try:
                refusal = self._offer(record)
            except (BadAnswer, TimedOut) as error:
                if suspect is not None or not self._fails_again(record):
                    raise
                suspect = (line, record, error)
                continue
            if suspect is not None:
                progress = progress.passed(suspect[0], suspect[1], suspect[2].detail)
                suspect = None
            progress = progress.passed(line, record, refusal)
            yield progress
        if suspect is not None:
            raise suspect[2]

    def _offer(self, record: Record) -> str:
        """Ship one record. Answers why the store refuses it; "" when the store has it."""
        place = record["agentgov"]["audit"]
        try:
            self._ship(document_id(record), record)
        except Conflict:
            log.info("audit_record_was_there seq=%s", place["seq"])
        except (Unauthorized, Forbidden):
            raise  # it would refuse every record
        except Rejected as error:
            log.error("audit_record_refused seq=%s reason=%s", place["seq"], error.detail)
            return error.detail
        return ""

    def _offer_again(self, progress: Progress, one: SetAside) -> Progress:
        record = self._shipped.record_at(one.start, one.hash)
        try:
            is_open = record is not None and bool(self._offer(record))
        except (BadAnswer, TimedOut):
            is_open = True
        return progress if is_open else progress.without(one)

    def _fails_again(self, record: Record) -> bool:
        """Whether the store has now failed on this record TRIES times in a row."""
        known, times = self._failed
        times = times + 1 if known == document_id(record) else 1
        self._failed = (document_id(record), times)
        return times >= TRIES

    def _work(self) -> None:
        pause, offered_at = FIRST_PAUSE_SECONDS, -math.inf
        while not self._stopped.is_set():
            self._wake.clear()
            again = self._seconds() - offered_at >= OFFER_AGAIN_SECONDS
            try:
                self.ship_all(again=again)
            except Exception as error:  # noqa: BLE001 - without this thread nothing would ever be shipped again
                self._trouble = clipped(str(error) or type(error).__name__)
                log.warning("audit_not_shipped retry_seconds=%.0f reason=%s", pause, self._trouble)
                self._stopped.wait(pause)
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
                continue
            self._trouble, pause = "", FIRST_PAUSE_SECONDS
            offered_at = self._seconds() if again else offered_at
            self._wake.wait(LOOK_SECONDS)


def document_id(record: Record) -> str:
    """The id under which a record is created: its number, and its hash, so that a fork shows as two documents."""
    audit = record["agentgov"]["audit"]
    return f"{audit['seq']}-{audit['hash'][:16]}"
