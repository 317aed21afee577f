"""Enough ready pods on the target before users go there: scaled up if needed, and waited for.

What was scaled up stays so when the action fails later: taking pods away is never urgent and can hurt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from dashboard.act.run import Run
from dashboard.act.step import Done, Failed, Refused, Retry, StepResult
from dashboard.act.target import judged, not_ready
from dashboard.decide.tracks import TrackDeployment, rolled_on
from dashboard.decide.traffic_change import needed_pods
from dashboard.model import service_annotations
from dashboard.model.action import ActionKind
from dashboard.model.traffic_change import Patch
from dashboard.model.written import span

_LOOK_AGAIN = timedelta(seconds=1)
_FULL_STRENGTH_WITHIN = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class Prepare:
    """Brings the target to as many ready pods as the source asks for, all of the release that was judged."""

    name: str = "prepare"
    title: str = "Bring the target to full strength"
    patience: timedelta = timedelta(seconds=120)

    def take(self, run: Run) -> StepResult:
        """Scale up where needed, then look until the pods are ready."""
        tracks = run.read_tracks()
        target = tracks.get(run.request.target)
        if run.target is None or target is None:
            return Failed(f"there is no Deployment of {run.request.target}")
        if why_not := rolled_on(run.target, target):
            return Refused(why_not)
        _need(run, needed_pods(tracks, run.request.target))
        if target.desired < run.needed:
            return _scale_up(run, target)
        if lacks := not_ready(run, target):
            return _with_fewer(run, target) or lacks
        return Done(f"{run.needed} pods of {target.name} are ready")


def _with_fewer(run: Run, target: TrackDeployment) -> Done | None:
    """A rollback goes on with as many pods as served before, when the full strength did not come in time.

    The release that users leave may have been scaled up far, by its own fault, beyond what the cluster can start twice.
    """
    if run.request.kind is not ActionKind.ROLLBACK:
        return None
    run.full_until = run.full_until or run.now() + _FULL_STRENGTH_WITHIN
    served = service_annotations.read_served_before(run.service)
    if served is None or not served.pods or served.pods >= run.needed or run.now() < run.full_until:
        return None
    wanted, run.needed = run.needed, served.pods
    if not_ready(run, target):
        run.needed = wanted
        return None
    _note_need(run)
    return Done(
        f"{served.pods} pods of {target.name} are ready, as many as served before; {wanted} did not start within "
        f"{span(_FULL_STRENGTH_WITHIN)}"
    )


def _need(run: Run, pods: int) -> None:
    """Need more pods when the other track was scaled up; the intent names the number at its next write."""
    run.needed = max(run.needed, pods)
    _note_need(run)


def _note_need(run: Run) -> None:
    if run.intent is not None:
        run.intent = replace(run.intent, judged=judged(run))


def _scale_up(run: Run, target: TrackDeployment) -> Retry:
    body = {"spec": {"replicas": run.needed}}
    run.send(Patch(kind="deployments", name=target.name, subresource="scale", body=body), target.deployment)
    return Retry(_LOOK_AGAIN, f"{target.name} scaled from {target.desired} to {run.needed} pods")
