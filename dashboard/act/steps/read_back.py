"""Success is what the cluster says it is: the selector, and the endpoints that really get the connections."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dashboard.act.cluster import selector_text
from dashboard.act.run import Run
from dashboard.act.step import Done, Failed, Retry, StepResult
from dashboard.act.steps.again import differs
from dashboard.decide.endpoints import SERVICE_NAME, receivers
from dashboard.model.release import Track

_LOOK_AGAIN = timedelta(milliseconds=300)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """Looks until only the pods of `track` serve, enough of them, and notes what it saw."""

    track: Track
    name: str = "read-back"
    title: str = "Read back who serves"
    patience: timedelta = timedelta(seconds=30)

    def take(self, run: Run) -> StepResult:
        """Read the Service, its EndpointSlices and the pods of the track."""
        run.read_service()
        active = run.active()
        if active is not self.track:
            return Failed(f"the selector reads {active or 'no track'}, not {self.track}")
        # No precondition covers the Deployment: a rollout at the moment of the write is found here.
        if self.track is run.request.target and (why_not := differs(run)):
            return Failed(why_not)
        serving, pods = _serving(run), _pods(run, self.track)
        strangers, ours = sorted(serving - pods), sorted(serving & pods)
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


def _serving(run: Run) -> frozenset[str]:
    """The names of the pods that get the connections of the active Service."""
    request = run.request
    slices = run.cluster.list("endpointslices", request.namespace, selector_text({SERVICE_NAME: request.service}))
    return receivers(request.service, slices.items)


def _pods(run: Run, track: Track) -> frozenset[str]:
    selector = selector_text(run.blue_green.selector(run.service, track))
    found = run.cluster.list("pods", run.request.namespace, selector).items
    return frozenset(pod["metadata"]["name"] for pod in found)
