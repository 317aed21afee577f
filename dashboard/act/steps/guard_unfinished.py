"""Is the action that was left behind still there, and can it be finished or cleared?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dashboard.act.cluster import selector_text
from dashboard.act.rules import unfit
from dashboard.act.run import Run
from dashboard.act.step import Done, Refused, StepResult
from dashboard.decide.tracks import rolled_on
from dashboard.model import service_annotations
from dashboard.model.action import ActionKind, Intent, Outcome
from dashboard.model.blue_green import selector_of


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
    """Why users are not on exactly what was judged; "" when they are."""
    active = run.active()
    if active is not left.target:
        return f"users are on {active or 'no track'}, so nothing is left to finish: resume or clear it"
    run.target = run.read_tracks().get(left.target)
    if run.target is None or run.target.version != left.version:
        runs = run.target.version if run.target else "nothing"
        return f"{left.version} was to be switched to, but {left.target} runs {runs or 'no version'} now: clear it"
    if left.judged is None:
        return "it does not say what was judged, since an earlier version of the deck began it: clear it"
    run.needed, run.selector = left.judged.pods, left.judged.selector
    if why_not := rolled_on(left.judged, run.target):
        return f"{why_not}: clear it"
    if (selector := selector_text(selector_of(run.service))) != run.selector:
        return f"the Service selects {selector} now, but {run.selector} was judged: clear it"
    if run.target.desired < run.needed:
        return f"{run.target.name} was scaled down to {run.target.desired} pods, but {run.needed} were judged: clear it"
    return ""
