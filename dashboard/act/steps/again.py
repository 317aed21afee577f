"""Version and verdict once more, when all is ready: what was judged is what is switched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dashboard.act.rules import allowed
from dashboard.act.run import Run
from dashboard.act.step import Refused, StepResult
from dashboard.act.target import differs, not_ready


@dataclass(frozen=True, slots=True)
class Again:
    """Reads target and pods and asks for the verdict anew: bringing the target to strength can take minutes."""

    name: str = "again"
    title: str = "Read version and verdict again"
    patience: timedelta = timedelta(seconds=20)

    def take(self, run: Run) -> StepResult:
        """Refuse when the target is not what was judged, or is not allowed any more."""
        target = run.read_tracks().get(run.request.target)
        if (why_not := differs(run, target)) or target is None:
            return Refused(why_not)
        return not_ready(run, target) or allowed(run)
