"""Raw API objects into a governed service with its two tracks. Pure; reads nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from dashboard.decide import objects, rollouts
from dashboard.decide.blue_green import preview_service
from dashboard.decide.containers import has_done_its_work, status_list
from dashboard.decide.endpoints import receivers
from dashboard.decide.owners import owner_of
from dashboard.decide.pods import is_over
from dashboard.decide.readiness import rolling
from dashboard.decide.track_pods import TrackPods, earlier_words, pods_by_track
from dashboard.decide.tracks import TrackDeployment, find_tracks, not_what_served
from dashboard.model import service_annotations
from dashboard.model.blue_green import OURS, BlueGreen, is_of_rollout, moved_by
from dashboard.model.release import GovernedService, TrackStatus

Object: TypeAlias = Mapping[str, Any]

# Exit codes of a stop on request: a clean exit, SIGINT, SIGKILL after the grace period, SIGTERM.
_EXITS_OF_A_STOP = (0, 130, 137, 143)


def governed_service(
    service: Object,
    *,
    services: Iterable[Object],
    deployments: Iterable[Object],
    replica_sets: Iterable[Object],
    pods: Iterable[Object],
    slices: Iterable[Object],
    blue_green: BlueGreen = OURS,
    owner_labels: Sequence[str] = (),
) -> GovernedService | None:
    """The service with what stands behind it; None when its selector names no track.

    `deployments` can be tracks: of a Rollout they are its ReplicaSets. `blue_green` has the two values of this Service.
    """
    active = blue_green.active(service)
    if active is None:
        return None
    metadata = service["metadata"]
    preview = preview_service(service, services, blue_green)
    behind = serving(metadata["name"], slices)
    served = service_annotations.read_served_before(service)
    tracks = find_tracks(service, deployments, blue_green)
    found_pods = pods_by_track(service, tracks, replica_sets=replica_sets, pods=pods, blue_green=blue_green)
    return GovernedService(
        namespace=metadata["namespace"],
        name=metadata["name"],
        active=active,
        preview_service=preview["metadata"]["name"] if preview else None,
        owner=owner_of(service, owner_labels),
        moved_by=moved_by(service),
        track_label=blue_green.track_label,
        tracks={
            track: _status(
                found,
                found_pods[track],
                behind,
                blue_green.value(track),
                # Of a Rollout the tracks are ReplicaSets, whose template never changes.
                rolling="" if is_of_rollout(service) else rolling(found.deployment),
                not_served=not_what_served(served, found) if served and served.track is track else "",
            )
            for track, found in tracks.items()
        },
    )


def serving(service: str, slices: Iterable[Object]) -> frozenset[str]:
    """The names of the pods that get the connections of a Service."""
    return receivers(service, slices)


def ended_lately(pods: Iterable[Object], since: datetime) -> int:
    """How many containers ended after `since`; one that is held back from starting again counts as well.

    An end without a time counts unless something else shows that it was earlier. A failed pod that tells nothing of its
    containers counts as one. What a pod ends because it is deleted does not count.
    """
    return sum(_ends(pod, since) for pod in pods)


def undated_ends(pods: Iterable[Object]) -> tuple[str, ...]:
    """The names of failed pods that tell nothing of their containers and not when they ended, as some evicted ones."""
    return tuple(objects.name_of(pod) for pod in pods if _tells_nothing(pod) and _pod_ended(pod) is None)


def unscraped(ready: Iterable[str], scraped: Collection[str]) -> tuple[str, ...]:
    """The names of ready pods that no job scrapes; empty where no target has a pod label: then it is not known."""
    return tuple(sorted(set(ready) - set(scraped))) if scraped else ()


def release_began(
    deployment: str, deployments: Sequence[Object], replicasets: Iterable[Object], pods: Iterable[Object] = ()
) -> tuple[datetime | None, str]:
    """When what a Deployment runs now was rolled out, and what the names of its pods begin with.

    An undo is a rollout. Without a ReplicaSet it is the Deployment's own beginning, and so it is of the ReplicaSet of a
    Rollout. None when neither is known.
    """
    sets, pods = tuple(replicasets), tuple(pods)
    found = rollouts.latest(deployment, sets, deployments, pods)
    if found is not None:
        return found.at, f"{objects.name_of(found.replica_set)}-"
    created = next((objects.created_at(item) for item in deployments if objects.name_of(item) == deployment), None)
    if not any(objects.name_of(item) == deployment for item in sets):
        return created, ""
    # Rollouts takes an old ReplicaSet up again when it undoes: its oldest pod tells since when.
    pods_began = [objects.created_at(pod) for pod in pods if objects.name_of(pod).startswith(f"{deployment}-")]
    oldest = min((at for at in pods_began if at is not None), default=None)
    return max((at for at in (created, oldest) if at is not None), default=None), f"{deployment}-"


def _status(
    found: TrackDeployment, pods: TrackPods, behind: frozenset[str], value: str, *, rolling: str, not_served: str
) -> TrackStatus:
    return TrackStatus(
        track=found.track,
        deployment=found.name,
        version=found.version,
        desired=found.desired,
        ready=len(pods.ready),
        restarts=sum(
            objects.count(status, "restartCount") or 0
            for pod in pods.release
            if not is_over(pod)
            for status in status_list(pod)
        ),
        serving=len(pods.labelled & behind),
        template=found.template,
        problem=found.problem,
        rolling=rolling or earlier_words(found.name, pods.earlier),
        foreign=tuple(sorted(pods.foreign)),
        ready_earlier=len(pods.ready_earlier),
        not_served=not_served,
        value=value,
    )


def _ends(pod: Object, since: datetime) -> int:
    if _tells_nothing(pod):
        return int(_may_be_after(since, _pod_ended(pod)))
    return sum(_ended(status, pod, since) for status in status_list(pod))


def _tells_nothing(pod: Object) -> bool:
    """Whether a pod has failed and says nothing of its containers."""
    return not status_list(pod) and objects.text(objects.part(pod, "status"), "phase") == "Failed"


def _ended(status: Object, pod: Object, since: datetime) -> bool:
    held_back = objects.part(status, "state", "waiting").get("reason") == "CrashLoopBackOff"
    before, now = objects.part(status, "lastState", "terminated"), objects.part(status, "state", "terminated")
    # The previous container ended before this one began.
    next_began = objects.part(status, "state", "running").get("startedAt") or now.get("startedAt")
    died_before = before and _may_be_after(
        since, objects.instant(before.get("finishedAt")), objects.instant(next_began)
    )
    if not now or has_done_its_work(status, pod) or _was_asked(now, pod):
        return bool(held_back or died_before)
    return bool(died_before) or _may_be_after(since, objects.instant(now.get("finishedAt")), _pod_ended(pod))


def _may_be_after(since: datetime, *times: datetime | None) -> bool:
    """Whether the first of the times that is known is not before `since`; True where none is known."""
    return next((at >= since for at in times if at is not None), True)


def _pod_ended(pod: Object) -> datetime | None:
    """The last change of a pod's conditions: the end of a pod that has ended. None where it tells none."""
    return max((one.since for one in objects.conditions(pod).values() if one.since is not None), default=None)


def _was_asked(terminated: Object, pod: Object) -> bool:
    """Whether a container ended because its pod is deleted: well, or by the signals that the kubelet sends."""
    asked = objects.part(pod, "metadata").get("deletionTimestamp") and terminated.get("reason") != "OOMKilled"
    return bool(asked) and objects.count(terminated, "exitCode") in _EXITS_OF_A_STOP
