"""The switch itself: the selector of the active Service, and the way of taking it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dashboard.act.run import Run, version_of
from dashboard.act.step import Done, Failed, StepResult
from dashboard.act.steps.preview import Preview
from dashboard.act.steps.read_back import ReadBack
from dashboard.model import service_annotations
from dashboard.model.action import ActionKind, ServedBefore


@dataclass(frozen=True, slots=True)
class Switch:
    """Moves the users to the target, and notes in the same write which track they came from."""

    name: str = "switch"
    title: str = "Point the Service at the target"
    patience: timedelta = timedelta(seconds=15)

    def take(self, run: Run) -> StepResult:
        """Patch the selector at the version that was read. After a conflict: read and check again, never force."""
        request = run.request
        active = service_annotations.read_active(run.read_service())
        if not run.is_ours():
            return Failed("another action took over this Service")
        if active is request.target:
            return Done(f"users are on {request.target}")
        if active is not request.source:
            return Failed(f"somebody moved the users to {active or 'no track'} meanwhile")
        if run.lease is not None:
            run.lease.renew(run.now())
        if not run.undo:
            # Remembered before the write: its answer may be lost while the write is not.
            run.served_before = (run.service["metadata"].get("annotations") or {}).get(
                service_annotations.SERVED_BEFORE
            )
            run.undo = (SwitchBack(), Preview(track=request.target), ReadBack(track=request.source))
        run.write_service({service_annotations.SERVED_BEFORE: _served_before(run)}, request.target)
        return Done(f"selector is {service_annotations.TRACK}={request.target}")


@dataclass(frozen=True, slots=True)
class SwitchBack:
    """Takes the switch back, if it happened and the Service is still ours."""

    name: str = "switch-back"
    title: str = "Point the Service back"
    patience: timedelta = timedelta(seconds=30)

    def take(self, run: Run) -> StepResult:
        """Restore the selector and the note on the former track."""
        request = run.request
        active = service_annotations.read_active(run.read_service())
        if not run.is_ours():
            return Failed("left as it is, since another action took over this Service")
        if active is request.target:
            run.write_service({service_annotations.SERVED_BEFORE: run.served_before}, request.source)
        elif active is not request.source:
            return Failed(f"left as it is, since somebody moved the users to {active or 'no track'}")
        return Done(f"selector is {service_annotations.TRACK}={request.source} again")


def _served_before(run: Run) -> str | None:
    """The note on the track that users leave. None, which removes it, after a rollback: it is not gone back to."""
    if run.request.kind is ActionKind.ROLLBACK:
        return None
    leaving = run.deployment(run.request.source)
    version = version_of(leaving) if leaving else ""
    return service_annotations.write_served_before(
        ServedBefore(track=run.request.source, version=version, since=run.now())
    )
