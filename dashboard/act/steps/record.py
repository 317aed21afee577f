"""The audit entry on which everything rests: on disk before anything changes for users."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dashboard.act.audit import NotWrittenError
from dashboard.act.entries import entry
from dashboard.act.run import Run
from dashboard.act.step import Done, Refused, StepResult


@dataclass(frozen=True, slots=True)
class Record:
    """Writes the audit record "begun", with the verdict that the guard went by."""

    name: str = "record"
    title: str = "Write the audit entry"
    patience: timedelta = timedelta(0)

    def take(self, run: Run) -> StepResult:
        """Append and fsync."""
        try:
            written = run.audit.append(entry(run, "begun"))
        except NotWrittenError as error:
            return Refused(f"the audit cannot be written, so nothing is done: {error}")
        return Done(f"record {written['agentgov']['audit']['seq']}")
