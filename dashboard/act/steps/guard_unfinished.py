"""Is the action that was left behind still there, and can it be finished or cleared?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dashboard.act.rules import unfit
from dashboard.act.run import Run
from dashboard.act.step import Done, Refused, StepResult
from dashboard.decide.traffic_change import needed_pods
from dashboard.model import service_annotations
from dashboard.model.action import ActionKind, Intent, Outcome


@dataclass(frozen=True, slots=True)
class GuardUnfinished:
    """Refuses what must not be begun. Reads only; whether a process still works on it is told by the lock."""

    name: str = "guard"
    title: str = "Look at the unfinished action"
    patience: timedelta = timedelta(seconds=10)

    def take(self, run: Run) -> StepResult:
        """Hold the request against the Service as it is now."""
        if why_not := unfit(run.request):
            return Refused(why_not)
        left = service_annotations.read_intent(run.read_service())
        if left is None or left.outcome is not Outcome.RUNNING or left.id != run.request.unfinished:
            return Refused("the unfinished action was ended meanwhile")
        if (left.source, left.target) != (run.request.source, run.request.target):
            return Refused(f"the unfinished action is about moving users to {left.target}")
        run.version = left.version
        if run.request.kind is ActionKind.FINISH and (why_not := _cannot_be_finished(run, left)):
            return Refused(why_not)
        return Done(f"{left.kind} to {left.target} {left.version} by {left.actor}, left at the step {left.step}")


def _cannot_be_finished(run: Run, left: Intent) -> str:
    """Why the users were not moved to what the action was about; "" when they were."""
    active = run.active()
    if active is not left.target:
        return f"users are on {active or 'no track'}, so nothing is left to finish: resume or clear it"
    tracks = run.read_tracks()
    run.target = tracks.get(left.target)
    if run.target is None or run.target.version != left.version:
        runs = run.target.version if run.target else "nothing"
        return f"{left.version} was to be switched to, but {left.target} runs {runs or 'no version'} now: clear it"
    run.needed = needed_pods(tracks, left.target)
    return ""
