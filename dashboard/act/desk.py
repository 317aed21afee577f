"""What a page talks to: takes requests, runs each in a thread of this process, and tells how they stand.

An action belongs to the process, not to the browser session that asked for it: closing the page does not stop it. Every
viewer sees the same states. Two requests for one service meet at the Lease; the second is told who was first.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dashboard import connections
from dashboard.act.audit import AuditFile
from dashboard.act.cluster import Cluster
from dashboard.act.executor import STOPPING, Executor, Wait, begun
from dashboard.act.muting import Muting
from dashboard.act.outbox import Outbox, Ship
from dashboard.act.past import AuditPast
from dashboard.act.plan import plan, undo_plan
from dashboard.act.run import Clock, Judge, Run
from dashboard.act.steps.finish import close
from dashboard.act.trail import AuditTrail
from dashboard.model.action import ActionId, ActionRequest, ActionState, HistoryEntry, Outcome
from dashboard.model.audit import AuditStatus
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.settings import EnvironmentSettings

_REMEMBERED = 50
# How long an action that was told to leave may take to notice: one call to the cluster.
_LEAVE_SECONDS = 5.0


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


class Desk:
    """The actions of one environment, and the trail of its audit. Safe for threads; one an environment and process.

    `muting` has the acts on alerts; None where the settings name no Alertmanager.
    """

    def __init__(
        self,
        *,
        cluster: Cluster,
        audit: AuditFile,
        judge: Judge,
        outbox: Outbox | None = None,
        now: Clock = utc_now,
        wait: Wait | None = None,
        blue_green: BlueGreen = OURS,
        muting: Muting | None = None,
    ) -> None:
        self._cluster = cluster
        self._audit = audit
        self._outbox = outbox
        self._past = AuditPast(audit)
        self.trail = AuditTrail(audit)
        self.muting = muting
        self._judge = judge
        self._blue_green = blue_green
        self._now = now
        self._is_closed = False
        self._leave = threading.Event()
        self._wait = wait or self._pause
        self._lock = threading.Lock()
        self._states: OrderedDict[ActionId, ActionState] = OrderedDict()
        self._threads: dict[ActionId, threading.Thread] = {}

    def submit(self, request: ActionRequest) -> ActionId:
        """Begin an action and come back at once. Whether it may be done at all is its first step's answer."""
        run = Run(
            id=ActionId(secrets.token_hex(6)),
            request=request,
            cluster=self._cluster,
            audit=self._audit,
            judge=self._judge,
            now=self._now,
            started_at=self._now(),
            environment=self._audit.environment,
            blue_green=self._blue_green,
        )
        steps = plan(request)
        self._told(begun(run, steps))
        executor = Executor(run, steps, undo=undo_plan(request), told=self._told, wait=self._wait, leave=self._leave)
        thread = threading.Thread(target=executor.execute, name=f"action {run.id}", daemon=True)
        with self._lock:
            if not self._is_closed:
                self._threads[run.id] = thread
                thread.start()
                return run.id
        return self._turn_away(run)

    def state(self, action: ActionId) -> ActionState | None:
        """One action; None when this process does not know it (any more)."""
        with self._lock:
            return self._states.get(action)

    def current(self, namespace: str, service: str) -> ActionState | None:
        """The action of this process on a service ("": on any): the one that runs, else the newest."""
        with self._lock:
            ours = [
                state
                for state in self._states.values()
                if state.request.namespace == namespace and service in ("", state.request.service)
            ]
        running = [state for state in ours if state.is_running]
        return next(reversed(running or ours), None)

    def history(self, namespace: str, service: str) -> tuple[HistoryEntry, ...]:
        """The newest finished actions on a service, newest first, from the audit file.

        Where the file cannot be read, `audit_status` says so.
        """
        return self._past.of(namespace, service)

    def audit_status(self) -> AuditStatus:
        """Whether the log store has every record, and whether the audit file can be read and written."""
        status = AuditStatus(file=str(self._audit.path), unwritable=self._audit.why_not_writable())
        try:
            if self._outbox is not None:
                return replace(self._outbox.status(), unwritable=status.unwritable)
            self._audit.last()
        except OSError as error:
            return replace(status, unreadable=error.strerror or str(error))
        return status

    def wait(self, action: ActionId, timeout_seconds: float) -> ActionState | None:
        """Wait until an action has ended or the time is over, and answer how it stands."""
        with self._lock:
            thread = self._threads.get(action)
        if thread is not None:
            thread.join(timeout_seconds)
        return self.state(action)

    def drain(self, seconds: float) -> bool:
        """Begin nothing more, and let what runs end within `seconds`; what cannot is left for a person to go on with.

        Answers whether all has ended. Meant for the end of the process.
        """
        deadline = time.monotonic() + seconds
        if self.muting is not None:
            self.muting.close()
        with self._lock:
            self._is_closed = True
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._leave.set()
        for thread in threads:
            thread.join(_LEAVE_SECONDS)
        return not any(thread.is_alive() for thread in threads)

    def _pause(self, span: timedelta) -> None:
        """Wait between two tries; cut short when the process has no more time."""
        self._leave.wait(span.total_seconds())

    def _turn_away(self, run: Run) -> ActionId:
        """Refuse an action that was asked for when this process was ending already."""
        sentence = f"Refused: {STOPPING}. Ask again in a moment."
        problem = close(run, Outcome.REFUSED, sentence)
        sentence = f"{sentence} ({problem})" if problem else sentence
        self._told(replace(begun(run, ()), outcome=Outcome.REFUSED, sentence=sentence, ended_at=self._now()))
        return run.id

    def _told(self, state: ActionState) -> None:
        with self._lock:
            self._states[state.id] = state
            for old in list(self._states)[:-_REMEMBERED]:
                if not self._states[old].is_running:
                    del self._states[old]
                    self._threads.pop(old, None)


def build_desk(environment: EnvironmentSettings, judge: Judge) -> Desk:
    """The desk of an environment: its cluster, its audit file, and an outbox where there is an Elasticsearch."""
    audit = audit_of(environment)
    outbox = outbox_of(environment, audit)
    if outbox is not None:
        outbox.start()
    return Desk(
        cluster=connections.kubernetes(environment.kubernetes),
        audit=audit,
        judge=judge,
        outbox=outbox,
        blue_green=environment.blue_green.known,
        muting=_muting(environment, audit) if environment.alertmanager.url else None,
    )


def _muting(environment: EnvironmentSettings, audit: AuditFile) -> Muting:
    """Acts on alerts, and what ends acknowledgements of alerts that no longer fire."""
    muting = Muting(
        alertmanager=connections.alertmanager(environment.alertmanager),
        audit=audit,
        rules=environment.muting_rules,
        now=utc_now,
    )
    muting.watch()
    return muting


def audit_of(environment: EnvironmentSettings) -> AuditFile:
    """The audit file of an environment."""
    return AuditFile(Path(environment.audit.file), environment.name)


def outbox_of(environment: EnvironmentSettings, audit: AuditFile) -> Outbox | None:
    """What ships an audit file to the environment's own data stream; None where the settings name no Elasticsearch."""
    return Outbox(audit, _ship(environment)) if environment.elasticsearch.url else None


def _ship(environment: EnvironmentSettings) -> Ship:
    client, stream = connections.elasticsearch(environment.elasticsearch), environment.audit_stream
    return lambda document_id, document: client.create(stream, document_id, document)
