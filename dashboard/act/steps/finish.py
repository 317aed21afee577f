"""The end of every action, good or bad: the outcome on record, on the Service, as an Event, and the lock given back.

Nothing here can fail an action any more: what could not be done is told beside the outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from connectors.errors import Conflict, SourceError
from dashboard.act.audit import NotWrittenError
from dashboard.act.cluster import Object
from dashboard.act.entries import entry
from dashboard.act.lease import LostError
from dashboard.act.run import Run
from dashboard.act.step import Done, StepResult
from dashboard.model.action import ActionKind, Outcome

_REASONS = {
    (ActionKind.SWITCH, Outcome.SUCCEEDED): "TrackSwitched",
    (ActionKind.ROLLBACK, Outcome.SUCCEEDED): "TrackRolledBack",
    (ActionKind.SWITCH, Outcome.FAILED): "TrackSwitchFailed",
    (ActionKind.ROLLBACK, Outcome.FAILED): "TrackRollbackFailed",
}


@dataclass(frozen=True, slots=True)
class Finish:
    """Closes an action that succeeded."""

    name: str = "finish"
    title: str = "Record the outcome"
    patience: timedelta = timedelta(0)

    def take(self, run: Run) -> StepResult:
        """Close with what was read back."""
        return Done(close(run, Outcome.SUCCEEDED, success(run)))


def success(run: Run) -> str:
    """The sentence of a finished action."""
    request = run.request
    did = "switched to" if request.kind is ActionKind.SWITCH else "rolled back to"
    return f"{request.actor.name} {did} {request.target} {run.version}: only {request.target} serves users."


def close(run: Run, outcome: Outcome, sentence: str) -> str:
    """Write the outcome everywhere; answers what could not be written, "" when all was."""
    parts: list[tuple[str, Callable[[], None]]] = []
    if run.requested:
        parts.append(("audit", lambda: _audit(run, outcome, sentence)))
    if run.intent is not None:
        parts.append(("annotation", lambda: _annotate(run, outcome)))
        parts.append(("event", lambda: _event(run, outcome, sentence)))
    if run.lease is not None:
        parts.append(("lock", lambda: _release(run)))
    told = [f"{name} not written: {problem}" for name, part in parts if (problem := _try(part))]
    return "; ".join(told)


def _try(part: Callable[[], None]) -> str:
    try:
        part()
    except (SourceError, NotWrittenError, LostError) as error:
        return str(error)
    return ""


def _audit(run: Run, outcome: Outcome, sentence: str) -> None:
    run.audit.append(entry(run, "finished", outcome=outcome, sentence=sentence))


def _annotate(run: Run, outcome: Outcome) -> None:
    """Close the intent, unless another action has put its own there."""
    if run.intent is None:
        return
    closed = replace(run.intent, outcome=outcome, ended_at=run.now())
    try:
        run.write_intent(closed)
    except Conflict:
        if run.read_again():
            return
        run.write_intent(closed)


def _event(run: Run, outcome: Outcome, sentence: str) -> None:
    run.cluster.create("events", run.request.namespace, event(run, outcome, sentence))


def _release(run: Run) -> None:
    if run.lease is not None:
        run.lease.release(run.now())


def event(run: Run, outcome: Outcome, sentence: str) -> Object:
    """What `kubectl describe service` shows of the action."""
    request = run.request
    at = run.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{request.service}.{run.id}", "namespace": request.namespace},
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Service",
            "name": request.service,
            "namespace": request.namespace,
            "uid": run.service["metadata"].get("uid", ""),
        },
        "reason": _REASONS.get((request.kind, outcome), "TrackActionEnded"),
        "message": sentence[:1000],
        "type": "Normal" if outcome is Outcome.SUCCEEDED else "Warning",
        "source": {"component": "tealdeck"},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
