"""Success is what the cluster says it is: the selector, and the endpoints that really get the connections."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dashboard.act.cluster import selector_text
from dashboard.act.run import Run
from dashboard.act.step import Done, Failed, Retry, StepResult
from dashboard.model import service_annotations
from dashboard.model.release import Track

_LOOK_AGAIN = timedelta(milliseconds=300)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """Looks until only the ready pods of `track` serve, enough of them, and notes what it saw."""

    track: Track
    name: str = "read-back"
    title: str = "Read back who serves"
    patience: timedelta = timedelta(seconds=30)

    def take(self, run: Run) -> StepResult:
        """Read the Service, its EndpointSlices and the pods of the track."""
        active = service_annotations.read_active(run.read_service())
        if active is not self.track:
            return Failed(f"the selector reads {active or 'no track'}, not {self.track}")
        serving, pods = _serving(run), _pods(run, self.track)
        strangers = sorted(serving - pods)
        ours = sorted(serving & pods)
        run.facts |= {
            "selector": selector_text(run.service["spec"]["selector"]),
            "endpoints": ", ".join(ours) or "none",
            "resource version": run.service["metadata"]["resourceVersion"],
        }
        if strangers:
            return Retry(_LOOK_AGAIN, f"connections still reach {', '.join(strangers)}")
        needed = max(1, min(run.needed, len(pods)))
        if len(ours) < needed:
            return Retry(_LOOK_AGAIN, f"{len(ours)} of {needed} pods of {self.track} get connections")
        run.serving = self.track
        return Done(f"only {self.track} serves: {', '.join(ours)}")


def _serving(run: Run) -> set[str]:
    """The names of the pods behind the ready endpoints of the active Service."""
    request = run.request
    slices = run.cluster.list(
        "endpointslices", request.namespace, selector_text({"kubernetes.io/service-name": request.service})
    )
    return {
        (endpoint.get("targetRef") or {}).get("name") or ", ".join(endpoint.get("addresses") or ())
        for piece in slices.items
        for endpoint in piece.get("endpoints") or ()
        # The API leaves `ready` out where it means true.
        if (endpoint.get("conditions") or {}).get("ready") is not False
    }


def _pods(run: Run, track: Track) -> set[str]:
    labels = {**run.selector, service_annotations.TRACK: track.value}
    found = run.cluster.list("pods", run.request.namespace, selector_text(labels)).items
    return {pod["metadata"]["name"] for pod in found}
