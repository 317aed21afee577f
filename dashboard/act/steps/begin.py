"""The intent, written on the Service before anything is changed: whoever comes after a crash finds it there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dashboard.act.fence import fence_preview
from dashboard.act.run import Run
from dashboard.act.step import Done, Refused, StepResult
from dashboard.act.target import judged
from dashboard.model import service_annotations
from dashboard.model.action import Intent, Outcome


@dataclass(frozen=True, slots=True)
class Begin:
    """Writes the intent if the Service is as the guard saw it."""

    name: str = "begin"
    title: str = "Write the intent on the Service"
    patience: timedelta = timedelta(seconds=10)

    def take(self, run: Run) -> StepResult:
        """Read again, check again, write. A conflict comes back here as a retry: no write is ever forced."""
        request = run.request
        run.read_service()
        active = run.active()
        if active is not request.source:
            return Refused(f"users are on {active or 'no track'} now, not on {request.source}")
        former = service_annotations.read_intent(run.service)
        # We hold the lock, so the process that left an intent without an outcome is gone or too late.
        left = former if former and former.outcome is Outcome.RUNNING and former.id != run.id else None
        run.write_intent(
            Intent(
                id=run.id,
                kind=request.kind,
                source=request.source,
                target=request.target,
                version=run.version,
                actor=request.actor.name,
                reason=request.why,
                step=self.name,
                started_at=run.started_at,
                outcome=Outcome.RUNNING,
                superseded=left.id if left else former.superseded if former and former.id == run.id else "",
                moved=former.moved if former else None,
                judged=judged(run),
                preview=run.preview_name,
                left_behind=_left_behind(run, former),
            )
        )
        if left is None:
            return Done()
        fence_preview(run, left.id)
        return Done(f"takes over from the unfinished action {left.id} by {left.actor}")


def _left_behind(run: Run, former: Intent | None) -> tuple[str, ...]:
    """The entrances that no action moves, those of earlier actions included: they have users of their own."""
    now = run.change.left_behind if run.change else ()
    return tuple(dict.fromkeys((*(former.left_behind if former else ()), *now)))
