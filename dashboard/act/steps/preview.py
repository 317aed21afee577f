"""The preview Service follows: it points at the track that users are not on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from connectors.errors import Conflict, NotFound, SourceError
from dashboard.act.run import Run, service_patch
from dashboard.act.step import Done, Retry, StepResult
from dashboard.model import service_annotations
from dashboard.model.release import Track

_TRIES_AFTER = timedelta(milliseconds=300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Points the preview Service at `track`. Users are not on it, so its failure is told but undoes nothing."""

    track: Track
    name: str = "preview"
    title: str = "Point the preview Service at the other track"
    patience: timedelta = timedelta(seconds=10)

    def take(self, run: Run) -> StepResult:
        """Patch its selector at the version just read."""
        name = (run.service["metadata"].get("annotations") or {}).get(service_annotations.PREVIEW_SERVICE)
        if not name:
            return Done("this service has no preview Service")
        try:
            preview = run.cluster.get("services", name, run.request.namespace)
            if service_annotations.read_active(preview) is not self.track:
                version = preview["metadata"]["resourceVersion"]
                run.cluster.patch("services", name, run.request.namespace, service_patch(version, {}, self.track))
        except Conflict:
            return Retry(_TRIES_AFTER, f"{name} was just changed by somebody else")
        except NotFound:
            return Done(f"there is no Service {name}")
        except SourceError as error:
            return Done(f"{name} could not be moved and may show {self.track.other}: {error}")
        return Done(f"{name} selects {self.track}")
