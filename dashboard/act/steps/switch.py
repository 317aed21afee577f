"""The switch itself: the selector of the active Service, and the way of taking it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dashboard.act.rules import aged
from dashboard.act.run import Run
from dashboard.act.step import Done, Failed, Refused, StepResult
from dashboard.act.target import differs, not_ready
from dashboard.decide.traffic_change import served_note
from dashboard.model import service_annotations
from dashboard.model.action import ActionKind


@dataclass(frozen=True, slots=True)
class Switch:
    """Moves the users to the target, and notes in the same write which track they came from."""

    name: str = "switch"
    title: str = "Point the Service at the target"
    patience: timedelta = timedelta(seconds=15)

    def take(self, run: Run) -> StepResult:
        """Send the patch that was shown. After a conflict all is read and checked again: no write is ever forced."""
        request = run.request
        run.read_service()
        active = run.active()
        if not run.is_ours():
            return Failed("another action took over this Service")
        if active is request.target:
            return Done(f"users are on {request.target}")
        if active is not request.source:
            return Failed(f"somebody moved the users to {active or 'no track'} meanwhile")
        if run.lease is not None:
            run.lease.renew(run.now())
        # The last look before users move: what it reads is what was judged and prepared, or nothing is written.
        target = run.read_tracks().get(request.target)
        if (why_not := differs(run, target) or _verdict_aged(run)) or target is None:
            return Refused(why_not)
        return not_ready(run, target) or self._write(run)

    def _write(self, run: Run) -> StepResult:
        if run.change is None:
            return Failed("nothing was planned")
        if not run.moved:
            # Remembered before the write: its answer may be lost while the write is not.
            annotations = run.service["metadata"].get("annotations") or {}
            run.served_before = annotations.get(service_annotations.SERVED_BEFORE)
            run.moved = True
        run.write_service(_with_note_of_now(run, run.change.service.body))
        return Done(f"selector is {run.blue_green.says(run.request.target)}")


@dataclass(frozen=True, slots=True)
class SwitchBack:
    """Takes the switch back, if it happened and the Service is still ours."""

    name: str = "switch-back"
    title: str = "Point the Service back"
    patience: timedelta = timedelta(seconds=30)

    def take(self, run: Run) -> StepResult:
        """Restore the selector and the note on the former track."""
        request = run.request
        run.read_service()
        active = run.active()
        if not run.is_ours():
            return Failed("left as it is, since another action took over this Service")
        if active is request.target:
            run.write_service(
                {
                    "metadata": {"annotations": {service_annotations.SERVED_BEFORE: run.served_before}},
                    **run.blue_green.patch(request.source),
                }
            )
        elif active is not request.source:
            return Failed(f"left as it is, since somebody moved the users to {active or 'no track'}")
        return Done(f"selector is {run.blue_green.says(request.source)} again")


def _with_note_of_now(run: Run, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The patch that was shown, whose note on the way back names what users are on at this moment.

    The track that they leave may have been rolled out since: a note on what ran before would close the way back.
    """
    request = run.request
    note = {service_annotations.SERVED_BEFORE: served_note(run.read_tracks(), request.kind, request.target)}
    return {**body, "metadata": {"annotations": note}}


def _verdict_aged(run: Run) -> str:
    """Why the verdict no longer carries the switch; what is done against it does not rest on it."""
    if run.request.kind is not ActionKind.SWITCH or run.request.break_glass:
        return ""
    return aged(run)
