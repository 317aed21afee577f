"""Taking over an action whose process is gone: from here on it is ours, and its own process can do no more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from dashboard.act.fence import fence_preview
from dashboard.act.run import Run
from dashboard.act.step import Done, Refused, StepResult
from dashboard.model import service_annotations
from dashboard.model.action import ActionId, Outcome


@dataclass(frozen=True, slots=True)
class Adopt:
    """Puts our id into the intent that was left behind."""

    name: str = "adopt"
    title: str = "Take over the unfinished action"
    patience: timedelta = timedelta(seconds=10)

    def take(self, run: Run) -> StepResult:
        """Read again, check again, write."""
        run.read_service()
        left = service_annotations.read_intent(run.service)
        if left is None or left.outcome is not Outcome.RUNNING or left.id not in (run.request.unfinished, run.id):
            return Refused("the unfinished action was ended meanwhile")
        if left.id != run.id:
            left = replace(left, id=run.id, superseded=left.id)
        run.write_intent(replace(left, step=self.name))
        fence_preview(run, ActionId(left.superseded))
        return Done(f"it was {left.kind} to {left.target} by {left.actor}")
