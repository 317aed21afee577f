"""The request goes on record before the first write of any kind, so that one whose process dies can be found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dashboard.act.audit import NotWrittenError
from dashboard.act.entries import entry
from dashboard.act.run import Run
from dashboard.act.step import Done, Refused, StepResult


@dataclass(frozen=True, slots=True)
class Announce:
    """Writes the audit record "requested". What cannot be recorded is not begun."""

    name: str = "announce"
    title: str = "Record the request"
    patience: timedelta = timedelta(0)

    def take(self, run: Run) -> StepResult:
        """Append and fsync."""
        try:
            run.audit.append(entry(run, "requested"))
        except NotWrittenError as error:
            return Refused(f"the audit cannot be written, so nothing is done: {error}")
        return Done()
