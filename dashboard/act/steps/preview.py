"""The preview Service follows: it points at the track that users have left, where its own selector can show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from connectors.errors import Conflict, SourceError
from dashboard.act.run import Run
from dashboard.act.step import Done, Retry, StepResult
from dashboard.decide.traffic_change import preview_change
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
        try:
            run.preview_left, told = self._move(run)
        except Conflict:
            run.preview_left = "the preview Service is being changed by somebody else"
            return Retry(_TRY_AGAIN, run.preview_left)
        except SourceError as error:
            run.preview_left, told = f"the preview Service could not be changed ({error})", ""
        return Done(f"left alone: {run.preview_left}" if run.preview_left else told)

    def _move(self, run: Run) -> tuple[str, str]:
        """Why it is left alone, and what it shows now."""
        run.read_service()
        if not run.is_ours():
            return "another action took over", ""
        if run.active() is not run.request.target:
            return f"somebody moved the users to {run.active() or 'no track'}", ""
        preview, tracks = run.read_preview(), run.read_tracks()
        left, patch = preview_change(run.service, preview, tracks, self.shown, run.blue_green)
        if patch is not None and preview is not None:
            run.send(patch, preview)
        if preview is None:
            return left, "this service has no preview Service"
        return left, f"{preview['metadata']['name']} selects {self.shown}"
