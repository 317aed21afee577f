"""From the cluster's raw objects to a governed service with its two tracks. Pure; adds nothing to what it is given."""

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
from dashboard.decide.tracks import TrackDeployment, find_tracks
from dashboard.model.blue_green import OURS, BlueGreen, moved_by
from dashboard.model.release import GovernedService, Track, TrackStatus

Object: TypeAlias = Mapping[str, Any]


def governed_service(
    service: Object,
    *,
    services: Iterable[Object],
    deployments: Iterable[Object],
    pods: Sequence[Object],
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
    return GovernedService(
        namespace=metadata["namespace"],
        name=metadata["name"],
        active=active,
        preview_service=preview["metadata"]["name"] if preview else None,
        owner=owner_of(service, owner_labels),
        moved_by=moved_by(service),
        tracks={
            track: _status(found, of_track(pods, service, track, blue_green), behind)
            for track, found in find_tracks(service, deployments, blue_green).items()
        },
    )


def serving(service: str, slices: Iterable[Object]) -> frozenset[str]:
    """The names of the pods that get the connections of a Service."""
    return receivers(service, slices)


def ended_lately(pods: Iterable[Object], since: datetime) -> int:
    """How many containers ended after `since`; one that is held back from starting again counts as well."""
    return sum(_ended(status, pod, since) for pod in pods for status in status_list(pod))


def of_track(pods: Iterable[Object], service: Object, track: Track, blue_green: BlueGreen = OURS) -> tuple[Object, ...]:
    """The pods of a service's track, ready or not."""
    wanted = blue_green.selector(service, track).items()
    return tuple(pod for pod in pods if wanted <= _labels(pod).items())


def unscraped(pods: Iterable[Object], scraped: Collection[str]) -> tuple[str, ...]:
    """The names of ready pods that no job scrapes; none where sources tell no pod's name, so that nothing is known."""
    ready = (objects.name_of(pod) for pod in pods if _is_ready(pod))
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


def _status(found: TrackDeployment, ours: Sequence[Object], behind: frozenset[str]) -> TrackStatus:
    return TrackStatus(
        track=found.track,
        deployment=found.name,
        version=found.version,
        desired=found.desired,
        ready=sum(_is_ready(pod) for pod in ours),
        restarts=sum(
            objects.count(status, "restartCount") or 0
            for pod in ours
            if not is_over(pod)
            for status in status_list(pod)
        ),
        serving=sum(pod["metadata"]["name"] in behind for pod in ours),
        template=found.template,
        problem=found.problem,
    )


def _is_ready(pod: Object) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _ended(status: Object, pod: Object, since: datetime) -> bool:
    states = ("lastState",) if has_done_its_work(status, pod) else ("state", "lastState")
    ends = (objects.instant(objects.part(status, state, "terminated").get("finishedAt")) for state in states)
    held_back = objects.part(status, "state", "waiting").get("reason") == "CrashLoopBackOff"
    return held_back or any(at >= since for at in ends if at is not None)


def _labels(item: Object) -> Mapping[str, str]:
    found: Mapping[str, str] = item["metadata"].get("labels") or {}
    return found
