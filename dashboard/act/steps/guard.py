"""Who, may, really: is the request still about the cluster as it is, and is it allowed?

A name is all that is known of who acts until there is a login; the audit says where the name comes from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from dashboard.act.rules import allowed, unfit
from dashboard.act.run import Run
from dashboard.act.step import Done, Refused, StepResult
from dashboard.act.target import future_selector
from dashboard.decide.tracks import TrackDeployment
from dashboard.decide.traffic_change import left_behind_words, needed_pods, traffic_change
from dashboard.model.action import ActionKind, ActionRequest
from dashboard.model.blue_green import moved_by
from dashboard.model.traffic_change import TrafficChange


@dataclass(frozen=True, slots=True)
class Guard:
    """Refuses what must not be begun. Reads only."""

    name: str = "guard"
    title: str = "Check that this may be done"
    patience: timedelta = timedelta(seconds=10)

    def take(self, run: Run) -> StepResult:
        """Hold the request against the cluster, then against the rules of its kind."""
        if why_not := unfit(run.request) or _service_differs(run) or _target_differs(run):
            return Refused(why_not)
        match allowed(run):
            case Done(detail):
                return Done(". ".join(filter(None, (detail, _preview_words(run), left_behind_words(run.change)))))
            case refused:
                return refused


def _service_differs(run: Run) -> str:
    """Why the Service is not as the request says; "" when it is."""
    request = run.request
    service = run.read_service()
    if not run.blue_green.is_governed(service):
        label = run.blue_green.governed_label
        return f"{request.service} is no governed Service: it lacks the label {label}, and the settings do not name it"
    if why_not := moved_by(service):
        return why_not
    active = run.active()
    if active is not request.source:
        return f"users are on {active or 'no track'} now, not on {request.source}"
    return ""


def _target_differs(run: Run) -> str:
    """Why the target is not what the dialog showed; "" when it is, and then the run knows it and the change."""
    request, tracks = run.request, run.read_tracks()
    target = tracks.get(request.target)
    if target is None:
        return f"there is no Deployment of {request.target}"
    if target.problem:
        return target.problem
    if why_not := _not_as_shown(request, target) or _source_in_doubt(run, tracks.get(request.source)):
        return why_not
    preview = run.read_preview()
    planned = traffic_change(
        run.service,
        preview=preview,
        tracks=tracks,
        kind=request.kind,
        target=request.target,
        blue_green=run.blue_green,
        services=run.cluster.list("services", request.namespace).items,
    )
    if request.change is not None and _written(planned) != _written(request.change):
        return "the change differs from the one that was shown: look at it again"
    run.target, run.version, run.change = target, target.version, planned
    run.needed, run.preview_left = needed_pods(tracks, request.target), planned.preview_left
    run.preview_name = preview["metadata"]["name"] if preview else ""
    run.selector = future_selector(run)
    return ""


def _source_in_doubt(run: Run, source: TrackDeployment | None) -> str:
    """Why the track that users leave cannot be measured nor gone back to. A rollback leaves it all the same."""
    if run.request.kind is not ActionKind.SWITCH or source is None or not source.problem:
        return ""
    return f"{source.problem}: how many pods serve users is not known, and there would be no way back"


def _not_as_shown(request: ActionRequest, target: TrackDeployment) -> str:
    if not request.template or request.template == target.template:
        return ""
    shown = request.typed_version.strip() or "another release"
    return (
        f"{request.target} was rolled out again after the dialog opened: {shown} (template {request.template}) was "
        f"shown, it runs {target.version or 'no version'} (template {target.template}) now"
    )


def _written(change: TrafficChange) -> TrafficChange:
    """What has to be exactly as shown. More pods than were shown harm nobody: autoscalers change that number."""
    return replace(change, scale=None)


def _preview_words(run: Run) -> str:
    return f"The preview Service is left alone: {run.preview_left}" if run.preview_left else ""
