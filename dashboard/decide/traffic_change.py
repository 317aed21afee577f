"""The exact change of a switch or a rollback, from the cluster's objects: the same is shown and sent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from dashboard.decide.blue_green import other_entrances
from dashboard.decide.tracks import TrackDeployment, lacking
from dashboard.model import service_annotations
from dashboard.model.action import ActionKind, ServedBefore
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.release import Track
from dashboard.model.traffic_change import Patch, TrafficChange

Object: TypeAlias = Mapping[str, Any]


def traffic_change(
    service: Object,
    *,
    preview: Object | None,
    tracks: Mapping[Track, TrackDeployment],
    kind: ActionKind,
    target: Track,
    blue_green: BlueGreen = OURS,
    services: Iterable[Object] = (),
) -> TrafficChange:
    """What moving the users of `service` to `target` writes.

    Args:
        preview: its preview Service, where there is one.
        services: all of its namespace.
    """
    left, patch = preview_change(service, preview, tracks, target.other, blue_green)
    return TrafficChange(
        scale=_scale(tracks, target),
        service=Patch(
            kind="services",
            name=service["metadata"]["name"],
            body={
                "metadata": {"annotations": {service_annotations.SERVED_BEFORE: served_note(tracks, kind, target)}},
                **blue_green.patch(target),
            },
        ),
        preview=patch,
        preview_left=left,
        left_behind=other_entrances(service, services, blue_green) if blue_green.active(service) is not target else (),
    )


def needed_pods(tracks: Mapping[Track, TrackDeployment], target: Track) -> int:
    """How many pods the target needs to take over: as many as the other track asks for, at least one."""
    source = tracks.get(target.other)
    return max(1, source.desired if source else 1)


def preview_change(
    service: Object,
    preview: Object | None,
    tracks: Mapping[Track, TrackDeployment],
    shown: Track,
    blue_green: BlueGreen = OURS,
) -> tuple[str, Patch | None]:
    """Why the preview Service is left alone, and the patch that points it at `shown`; "" and None when it does."""
    name = service_annotations.read_preview_service(service) or (preview["metadata"]["name"] if preview else "")
    if not name:
        return "", None
    if why_not := _cannot_show(service, name, preview, tracks.get(shown), shown, blue_green):
        return why_not, None
    if preview is None or blue_green.active(preview) is shown:
        return "", None
    return "", Patch(kind="services", name=name, body=blue_green.patch(shown))


def _cannot_show(
    service: Object,
    name: str,
    preview: Object | None,
    shown: TrackDeployment | None,
    track: Track,
    blue_green: BlueGreen,
) -> str:
    """Why the preview Service would not show the track, whatever its selector said; "" when it would."""
    if name == service["metadata"]["name"]:
        return f"{name} is named as its own preview Service"
    if preview is None:
        return f"there is no Service {name}"
    if blue_green.is_governed(preview):
        return f"{name} has users of its own: it is governed itself"
    if blue_green.active(preview) is None:
        return f"the selector of {name} names no track"
    if shown is None:
        return f"there is no Deployment of {track} that {name} could show"
    if missing := lacking(blue_green.selector(preview, track), shown.deployment):
        return f"{name} also asks for {missing}, which the pods of {shown.name} do not carry"
    return ""


def _scale(tracks: Mapping[Track, TrackDeployment], target: Track) -> Patch | None:
    found, needed = tracks.get(target), needed_pods(tracks, target)
    if found is None or found.desired >= needed:
        return None
    return Patch(kind="deployments", name=found.name, subresource="scale", body={"spec": {"replicas": needed}})


def served_note(tracks: Mapping[Track, TrackDeployment], kind: ActionKind, target: Track) -> str | None:
    """The note on the track that users leave; None, which deletes the note, for a rollback."""
    if kind is ActionKind.ROLLBACK:
        return None
    leaving = tracks.get(target.other)
    served = ServedBefore(
        track=target.other,
        version=leaving.version if leaving else "",
        runs=leaving.runs if leaving else "",
        pods=leaving.desired if leaving else 0,
    )
    return service_annotations.write_served_before(served)


def left_behind_words(change: TrafficChange | None) -> str:
    """Which other Services go on sending their users to the track that is left; "" for none."""
    if change is None or not change.left_behind:
        return ""
    names, many = ", ".join(change.left_behind), len(change.left_behind) > 1
    return f"{names} {'select' if many else 'selects'} the same pods and {'are' if many else 'is'} not moved"
