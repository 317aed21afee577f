"""Whether the target is still what was judged, and still strong enough to take the users: read anew at each call."""

from __future__ import annotations

from datetime import timedelta

from dashboard.act.cluster import selector_text
from dashboard.act.run import Run
from dashboard.act.step import Refused, Retry
from dashboard.decide.readiness import unready
from dashboard.decide.track_pods import earlier_words, foreign_words
from dashboard.decide.tracks import TrackDeployment, rolled_on
from dashboard.model.action import ActionKind, Judged

_LOOK_AGAIN = timedelta(seconds=1)


def judged(run: Run) -> Judged | None:
    """What the action was allowed for; None before the guard has read it."""
    target = run.target
    if target is None:
        return None
    return Judged(
        track=target.track,
        name=target.name,
        uid=target.uid,
        version=target.version,
        images=target.images,
        template=target.template,
        pods=run.needed,
        selector=run.selector,
    )


def future_selector(run: Run) -> str:
    """What the Service, as last read, selects once users are on the target."""
    return selector_text(run.blue_green.selector(run.service, run.request.target))


def differs(run: Run, target: TrackDeployment | None) -> str:
    """Why Service and target, as just read, are not what the guard judged, naming both; "" when they are."""
    if run.target is None:
        return "nothing was judged"
    if future_selector(run) != run.selector:
        return (
            f"the selector of {run.request.service} was changed: {run.selector} was judged, not {future_selector(run)}"
        )
    return rolled_on(run.target, target)


def not_ready(run: Run, target: TrackDeployment) -> Refused | Retry | None:
    """What the target lacks to take the users; None when all pods that it has to have are its own and ready.

    A rollback is not refused for pods of others: users were served beside them before.
    """
    if target.desired < run.needed:
        return Refused(
            f"{target.name} was scaled down to {target.desired} pods, but {run.needed} are needed to take the users"
        )
    pods = run.read_pods(target)
    if run.request.kind is not ActionKind.ROLLBACK and (
        why_not := foreign_words(target.track, target.name, pods.foreign)
    ):
        return Refused(why_not)
    if waiting_for := unready(target.deployment, run.needed) or earlier_words(target.name, pods.earlier):
        return Retry(_LOOK_AGAIN, waiting_for)
    if len(pods.ready) < run.needed:
        return Retry(_LOOK_AGAIN, f"{len(pods.ready)} of {run.needed} pods of {target.name} are ready")
    return None
