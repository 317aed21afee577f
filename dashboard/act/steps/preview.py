"""The preview Service follows: it points at the track that users have left, where its own selector can show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from connectors.errors import Conflict, SourceError
from dashboard.act.run import Run
from dashboard.act.step import Done, Retry, StepResult
from dashboard.decide.traffic_change import preview_change
from dashboard.model import service_annotations
from dashboard.model.release import Track

_TRY_AGAIN = timedelta(milliseconds=300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Points the preview Service at the track `shown`. Taken when users are served: its trouble is only told."""

    shown: Track
    name: str = "preview"
    title: str = "Point the preview Service at the other track"
    patience: timedelta = timedelta(seconds=10)

    def take(self, run: Run) -> StepResult:
        """Patch its selector, unless it is right already, cannot show the track, or the action is no longer ours."""
        name = service_annotations.read_preview_service(run.service)
        if not name:
            return Done("this service has no preview Service")
        try:
            run.preview_left, told = self._move(run, name)
        except Conflict:
            run.preview_left = f"{name} is being changed by somebody else"
            return Retry(_TRY_AGAIN, run.preview_left)
        except SourceError as error:
            run.preview_left, told = f"{name} could not be changed ({error})", ""
        return Done(f"left alone: {run.preview_left}" if run.preview_left else told)

    def _move(self, run: Run, name: str) -> tuple[str, str]:
        """Why it is left alone, and what it shows now."""
        run.read_service()
        if not run.is_ours():
            return "another action took over", ""
        preview = run.read_preview()
        left, patch = preview_change(run.service, preview, run.read_tracks(), self.shown)
        if patch is not None and preview is not None:
            run.send(patch, preview)
        return left, f"{name} selects {self.shown}"
