"""The end of every action, good or bad: the outcome on record, on the Service, as an Event, and the lock given back.

Nothing here can fail an action any more: what could not be done is told beside the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from connectors.errors import Conflict, SourceError
from dashboard.act.audit import NotWrittenError
from dashboard.act.cluster import Object
from dashboard.act.entries import entry
from dashboard.act.lease import LostError
from dashboard.act.run import Run
from dashboard.act.step import Done, StepResult
from dashboard.decide.traffic_change import left_behind_words
from dashboard.model.action import ActionKind, Intent, Outcome

_REASONS: Mapping[tuple[ActionKind, Outcome], str] = {
    (ActionKind.SWITCH, Outcome.SUCCEEDED): "TrackSwitched",
    (ActionKind.SWITCH, Outcome.REFUSED): "TrackSwitchRefused",
    (ActionKind.SWITCH, Outcome.FAILED): "TrackSwitchFailed",
    (ActionKind.ROLLBACK, Outcome.SUCCEEDED): "TrackRolledBack",
    (ActionKind.ROLLBACK, Outcome.REFUSED): "TrackRollbackRefused",
    (ActionKind.ROLLBACK, Outcome.FAILED): "TrackRollbackFailed",
    (ActionKind.FINISH, Outcome.SUCCEEDED): "TrackActionFinished",
    (ActionKind.CLEAR, Outcome.SUCCEEDED): "TrackActionCleared",
}


@dataclass(frozen=True, slots=True)
class Finish:
    """Closes an action that came through."""

    name: str = "finish"
    title: str = "Record the outcome"
    patience: timedelta = timedelta(0)

    def take(self, run: Run) -> StepResult:
        """Look once more where users are, then close: what writes the Service as well may have moved them since."""
        if run.request.kind is not ActionKind.CLEAR:
            users = run.users_now()
            run.moved_on = "" if run.active() is run.request.target else users
        return Done(close(run, *ending(run)))


def ending(run: Run) -> tuple[Outcome, str]:
    """Outcome and sentence of an action whose steps are all done."""
    if not run.moved_on:
        return Outcome.SUCCEEDED, _success(run)
    target = run.request.target
    return Outcome.FAILED, (
        f"Failed: {target} {run.version} served users alone, but then somebody moved them: "
        f"{run.moved_on}. Look for what else writes this Service, such as a GitOps controller."
    )


def _success(run: Run) -> str:
    """The sentence of an action that succeeded."""
    request = run.request
    if request.kind is ActionKind.CLEAR:
        active = run.active() or "no track"
        return f"{request.actor.name} cleared the {_left(run)}: nothing was changed, users are on {active}."
    did = {
        ActionKind.SWITCH: f"switched to {request.target} {run.version}",
        ActionKind.ROLLBACK: f"rolled back to {request.target} {run.version}",
        ActionKind.FINISH: f"finished the {_left(run)}",
    }[request.kind]
    left = f" The preview Service was left alone: {run.preview_left}." if run.preview_left else ""
    words = left_behind_words(run.change)
    whose = f" of {request.service}. {words}." if words else "."
    return f"{request.actor.name} {did}: only {request.target} serves users{whose}{left}"


def _left(run: Run) -> str:
    """The action that was taken over, in words."""
    if run.intent is None:
        return "unfinished action"
    return f"{run.intent.kind} to {run.intent.target} {run.intent.version} of {run.intent.actor}"


def close(run: Run, outcome: Outcome, sentence: str) -> str:
    """Write the outcome everywhere; answers what could not be written, "" when all was."""
    # A refusal is on record as well, also where nothing else was written.
    parts: list[tuple[str, Callable[[], None]]] = [("audit", lambda: _audit(run, outcome, sentence))]
    if run.intent is not None:
        parts.append(("annotation", lambda: _annotate(run, outcome)))
        parts.append(("event", lambda: _event(run, outcome, sentence)))
    told = [f"{name} not written: {problem}" for name, part in parts if (problem := _try(part))]
    return "; ".join(filter(None, (*told, _release_lock(run))))


def leave(run: Run, sentence: str) -> str:
    """Record that this process goes no further and give the lock back; the intent stays open for whoever goes on."""
    problem = _try(lambda: _audit(run, Outcome.FAILED, sentence))
    return "; ".join(filter(None, (f"audit not written: {problem}" if problem else "", _release_lock(run))))


def _release_lock(run: Run) -> str:
    """Give the lock back; answers why it could not be, "" when it was or there is none."""
    lease = run.lease
    if lease is None:
        return ""
    problem = _try(lambda: lease.release(run.now()))
    return f"lock not given back: {problem}" if problem else ""


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
    if run.intent is None or not run.is_ours():
        return
    closed = _closed(run, run.intent, outcome)
    try:
        run.write_intent(closed)
    except Conflict:
        if not run.read_again():
            run.write_intent(closed)


def _closed(run: Run, intent: Intent, outcome: Outcome) -> Intent:
    """The intent with its outcome. One that could not be finished stays open, so that it can be cleared."""
    now, kind = run.now(), run.request.kind
    if kind is ActionKind.FINISH and outcome is not Outcome.SUCCEEDED:
        return intent
    users = run.active()
    return replace(
        intent,
        outcome=Outcome.FAILED if kind is ActionKind.CLEAR else outcome,
        ended_at=now,
        # Whatever the outcome: who is on the target now was moved by this action.
        moved=intent.move(now) if users is intent.target else intent.moved,
    )


def _event(run: Run, outcome: Outcome, sentence: str) -> None:
    run.cluster.create("events", run.request.namespace, event(run, outcome, sentence))


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
