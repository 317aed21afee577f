"""Version and verdict once more, when all is ready: what was judged is what is switched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dashboard.act.rules import allowed
from dashboard.act.run import Run
from dashboard.act.step import Refused, StepResult
from dashboard.decide.tracks import rolled_on


@dataclass(frozen=True, slots=True)
class Again:
    """Reads the target and asks for the verdict anew: bringing the target to strength can take minutes."""

    name: str = "again"
    title: str = "Read version and verdict again"
    patience: timedelta = timedelta(seconds=20)

    def take(self, run: Run) -> StepResult:
        """Refuse when the target is not what was judged, or is not allowed any more."""
        if why_not := differs(run):
            return Refused(why_not)
        return allowed(run)


def differs(run: Run) -> str:
    """Why the target, read anew, is not what the guard judged, naming both; "" when it is."""
    if run.target is None:
        return "nothing was judged"
    return rolled_on(run.target, run.read_tracks().get(run.request.target))
