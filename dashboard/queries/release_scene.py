"""The cluster's side of a release: one governed service, the objects behind it, and its recent actions.

Nothing here reads metrics: the tracks found here decide which metrics to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dashboard.decide import governed
from dashboard.decide.blue_green import of_service, preview_service, workloads_of
from dashboard.decide.lacks import why_not_governed
from dashboard.decide.track_pods import TrackPods, pods_by_track
from dashboard.decide.tracks import find_tracks, not_what_served
from dashboard.decide.traffic_change import traffic_change
from dashboard.model import service_annotations
from dashboard.model.action import ActionKind, Move, ServedBefore
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.reading import Reading, Source, State, missing
from dashboard.model.release import GovernedService, Track
from dashboard.model.traffic_change import TrafficChange
from dashboard.model.unfinished import Unfinished
from dashboard.model.written import duration
from dashboard.queries.ask import Ask, Objects
from dashboard.queries.unfinished import unfinished_of

_EMPTY: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The cluster's side: one governed service and what stands behind it. `raw` is empty when it is not known.

    `deployments` are what can be its tracks, so the ReplicaSets of a Rollout as well; `blue_green` has its two values.
    """

    raw: Mapping[str, Any]
    pods: Reading[tuple[Mapping[str, Any], ...]]
    names: Reading[tuple[str, ...]]
    service: Reading[GovernedService]
    services: tuple[Mapping[str, Any], ...] = ()
    deployments: tuple[Mapping[str, Any], ...] = ()
    replicasets: tuple[Mapping[str, Any], ...] = ()
    unfinished: Unfinished | None = None
    blue_green: BlueGreen = OURS

    @property
    def active(self) -> Track:
        """The track that users are on; blue where it is not known, which every gate then says."""
        return self.service.value.active if self.service.value else Track.BLUE


def scene_of(ask: Ask, namespace: str, wanted: str, now: datetime) -> Scene:
    """The governed service of that name, or the first where `wanted` is empty, from copies that are kept up to date."""
    kinds = ("services", "deployments", "replicasets", "pods", "endpointslices", "leases")
    answers = ask.gather({kind: Objects(kind, namespace) for kind in kinds})
    readings = {kind: answers.objects(kind) for kind in kinds}
    services, known = readings["services"], ask.environment.blue_green.known
    candidates = [item for item in services.value or () if known.is_governed(item)]
    candidates.sort(key=lambda item: item["metadata"]["name"])
    raw = next((item for item in candidates if wanted in ("", item["metadata"]["name"])), _EMPTY)

    all_sets, all_deployments = readings["replicasets"].value or (), readings["deployments"].value or ()
    deployments = tuple(workloads_of(raw, all_deployments, all_sets))
    if raw:
        known = of_service(known, raw, services=services.value or (), deployments=all_deployments, replicasets=all_sets)

    def built(_: object) -> GovernedService | None:
        if not raw:
            return None
        return governed.governed_service(
            raw,
            services=services.value or (),
            deployments=deployments,
            replica_sets=all_sets,
            pods=readings["pods"].value or (),
            slices=readings["endpointslices"].value or (),
            blue_green=known,
            owner_labels=ask.environment.owner_labels,
        )

    what = f"the governed service {wanted}" if wanted else "a governed service"
    absent = (raw and why_not_governed(raw, all_deployments, known)) or f"{namespace} does not have {what}"
    # Without Leases the service is known all the same: only who works on an unfinished action is not.
    leases = readings.pop("leases")
    return Scene(
        raw=raw,
        pods=readings["pods"],
        names=services.map(lambda _: tuple(item["metadata"]["name"] for item in candidates)),
        service=_worst(readings.values()).map(built, empty=absent),
        services=services.value or (),
        deployments=deployments,
        replicasets=all_sets,
        unfinished=unfinished_of(raw, leases, now, known) if raw else None,
        blue_green=known,
    )


def began(scene: Scene, candidate: Track) -> tuple[datetime | None, str]:
    """When what runs on the track was rolled out, and what the names of its pods begin with."""
    status = scene.service.value.tracks.get(candidate) if scene.service.value else None
    deployment = status.deployment if status else ""
    return governed.release_began(deployment, scene.deployments, scene.replicasets, scene.pods.value or ())


def pods_of(scene: Scene, track: Track) -> TrackPods | None:
    """The pods of a track, told apart as an action's guard does; None where the track has no Deployment."""
    if not scene.raw:
        return None
    tracks = find_tracks(scene.raw, scene.deployments, scene.blue_green)
    pods = scene.pods.value or ()
    found = pods_by_track(scene.raw, tracks, replica_sets=scene.replicasets, pods=pods, blue_green=scene.blue_green)
    return found.get(track)


def restarts(scene: Scene, candidate: Track, since: datetime) -> Reading[int]:
    """How many containers of the candidate's release ended by themselves after `since`."""
    pods = pods_of(scene, candidate)
    release = pods.release if pods else ()
    undated = governed.undated_ends(release)

    def ended(_: GovernedService) -> int | None:
        found = governed.ended_lately(release, since)
        # Pods that do not say when they failed are no proof of harm, and no proof that there was none.
        return None if pods is None or (undated and found == len(undated)) else found

    return scene.service.map(ended, empty=_undated(undated) if undated else f"{candidate} has no Deployment")


def _undated(pods: tuple[str, ...]) -> str:
    """Why nobody knows whether containers ended lately, and what makes it known."""
    some = ", ".join(pods[:2]) + (" ..." if len(pods) > 2 else "")
    return f"when {some} failed is not known: the pod states no time; deleting it makes this known"


def under_way(found: Unfinished | None, now: datetime) -> str:
    """The action in progress; "" without one. An action that was left behind does not count."""
    if found is None or found.is_left_behind:
        return ""
    intent, doubt = (
        found.intent,
        f"; it is not known whether its process is alive: {found.doubt}" if found.doubt else "",
    )
    since = (now - intent.started_at).total_seconds()
    return (
        f"a {intent.kind} to {intent.target} by {intent.actor}, begun {duration(since)} ago, is at the step "
        f"{intent.step}{doubt}"
    )


def last_move(scene: Scene) -> Move | None:
    """When users were last moved, by whatever action."""
    intent = service_annotations.read_intent(scene.raw)
    return intent.moved if intent else None


def is_new(scene: Scene, now: datetime, bake: timedelta) -> bool:
    """Whether the active track was switched to lately. After a rollback users are on what they were on before."""
    moved = last_move(scene)
    return (
        moved is not None
        and moved.kind is ActionKind.SWITCH
        and moved.track is scene.active
        and now - moved.ended_at < bake
    )


def way_back_closed(scene: Scene, served: ServedBefore | None) -> str:
    """Why there is nothing to roll back to; "" when there is."""
    service = scene.service.value
    if service is None:
        return "The service is not known."
    if served is None:
        return "No switch is in effect, so there is nothing to go back to."
    status = service.tracks.get(served.track)
    if served.track is service.active:
        return f"Users are on {served.track} already."
    if why_not := status.not_served if status else not_what_served(served, None):
        return f"{why_not}: switch to it when it is GO."
    return f"No way back: {status.problem}." if status and status.problem else ""


def changes(scene: Scene) -> Mapping[ActionKind, TrafficChange]:
    """What a switch and a rollback would write now; nothing where the service is not known or another moves it."""
    service = scene.service.value
    if service is None or service.moved_by:
        return {}
    tracks = find_tracks(scene.raw, scene.deployments, scene.blue_green)
    preview = preview_service(scene.raw, scene.services, scene.blue_green)
    return {
        kind: traffic_change(
            scene.raw,
            preview=preview,
            tracks=tracks,
            kind=kind,
            target=service.preview,
            blue_green=scene.blue_green,
            services=scene.services,
        )
        for kind in (ActionKind.SWITCH, ActionKind.ROLLBACK)
    }


def preview_shows(scene: Scene) -> Track | None:
    """The track that the preview Service selects; None when there is none."""
    preview = preview_service(scene.raw, scene.services, scene.blue_green) if scene.raw else None
    return scene.blue_green.active(preview) if preview else None


def _worst(readings: Any) -> Reading[Any]:
    """The reading with the worst state, which anything built from all of them inherits."""
    order = (State.MISSING, State.UNMEASURED, State.EMPTY, State.STALE, State.PARTIAL, State.FRESH)
    found = sorted(readings, key=lambda reading: order.index(reading.state))
    return found[0] if found else missing("nothing was asked", source=Source.KUBERNETES)
