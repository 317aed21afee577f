"""Success is what the cluster says it is: the selector, and the endpoints that really get the connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from dashboard.act.cluster import selector_text
from dashboard.act.run import Run
from dashboard.act.step import Done, Failed, Retry, StepResult
from dashboard.act.target import differs
from dashboard.decide.endpoints import SERVICE_NAME, receivers, receivers_on_every_port
from dashboard.decide.tracks import TrackDeployment
from dashboard.model.action import ActionKind
from dashboard.model.release import Track

_LOOK_AGAIN = timedelta(milliseconds=300)

Names: TypeAlias = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """Looks until only ready pods of the Deployment of `track` serve, enough of them, and notes what it saw."""

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
        if self.track is not run.request.target:
            return self._as_before(run)
        target = run.read_tracks().get(self.track)
        # No precondition covers the Deployment: a rollout at the moment of the write is found here.
        if (why_not := differs(run, target)) or target is None:
            return Failed(why_not)
        return self._as_judged(run, target)

    def _as_judged(self, run: Run, target: TrackDeployment) -> StepResult:
        """Only pods of the release that was judged may serve. Pods of others beside it do not stop a rollback."""
        pods = run.read_pods(target)
        beside = pods.foreign if run.request.kind is ActionKind.ROLLBACK else frozenset()
        return self._answer(run, pods.ready, known=pods.labelled - pods.earlier - pods.foreign | beside, beside=beside)

    def _as_before(self, run: Run) -> StepResult:
        """The action was undone: whatever carries the labels of the track served before as well."""
        selector = selector_text(run.blue_green.selector(run.service, self.track))
        found = run.cluster.list("pods", run.request.namespace, selector).items
        labelled = frozenset(pod["metadata"]["name"] for pod in found)
        run.needed = min(run.needed, len(labelled))
        return self._answer(run, labelled, known=labelled, beside=frozenset())

    def _answer(self, run: Run, counted: Names, *, known: Names, beside: Names) -> StepResult:
        """Wait until no other pods get connections, and enough of `counted` do."""
        slices, needed = _slices(run), max(1, run.needed)
        serving, whole = receivers(run.request.service, slices), receivers_on_every_port(run.service, slices)
        ours, strangers = sorted(serving & counted & whole), sorted(serving - known)
        run.facts |= {
            "selector": selector_text(run.service["spec"]["selector"]),
            "endpoints": ", ".join(ours) or "none",
            "resource version": run.service["metadata"]["resourceVersion"],
        }
        if strangers:
            return Retry(_LOOK_AGAIN, f"connections still reach {', '.join(strangers)}")
        if len(ours) < needed <= len(serving & counted):
            return Retry(
                _LOOK_AGAIN, f"only {len(ours)} of {needed} pods of {self.track} have every port of the Service"
            )
        if len(ours) < needed:
            return Retry(_LOOK_AGAIN, f"{len(ours)} of {needed} pods of {self.track} get connections")
        run.serving = self.track
        others = ", ".join(sorted(serving & beside))
        return Done(
            f"only {self.track} serves: {', '.join(ours)}{f'; of another workload: {others}' if others else ''}"
        )


def _slices(run: Run) -> Sequence[Mapping[str, Any]]:
    """The EndpointSlices of the active Service, read anew."""
    request = run.request
    return run.cluster.list("endpointslices", request.namespace, selector_text({SERVICE_NAME: request.service})).items
