"""From the cluster's raw objects to a governed service with its two tracks. Pure; adds nothing to what it is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from dashboard.model import service_annotations
from dashboard.model.release import GovernedService, Track, TrackStatus

Object: TypeAlias = Mapping[str, Any]


def governed_service(
    service: Object,
    *,
    services: Iterable[Object],
    deployments: Iterable[Object],
    pods: Sequence[Object],
    slices: Iterable[Object],
) -> GovernedService | None:
    """The service with what stands behind it; None when its selector names no track."""
    active = service_annotations.read_active(service)
    if active is None:
        return None
    metadata = service["metadata"]
    notes = metadata.get("annotations") or {}
    preview_name = notes.get(service_annotations.PREVIEW_SERVICE) or None
    preview = next((other for other in services if other["metadata"]["name"] == preview_name), None)
    behind = serving(metadata["name"], slices)
    return GovernedService(
        namespace=metadata["namespace"],
        name=metadata["name"],
        active=active,
        resource_version=metadata["resourceVersion"],
        preview_service=preview_name if preview else None,
        preview_resource_version=preview["metadata"]["resourceVersion"] if preview else None,
        owner=notes.get(service_annotations.OWNER, ""),
        tracks={
            status.track: status
            for deployment in deployments
            if (status := _track(deployment, service, pods, behind)) is not None
        },
    )


def serving(service: str, slices: Iterable[Object]) -> frozenset[str]:
    """The names of the pods behind the ready endpoints of a Service."""
    return frozenset(
        (endpoint.get("targetRef") or {}).get("name", "")
        for piece in slices
        if (piece["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == service
        for endpoint in piece.get("endpoints") or ()
        # The API leaves `ready` out where it means true.
        if (endpoint.get("conditions") or {}).get("ready") is not False
    )


def ended_lately(pods: Iterable[Object], since: datetime) -> int:
    """How many containers ended after `since`; one that is held back from starting again counts as well."""
    return sum(
        _ended(status, since) for pod in pods for status in (pod.get("status") or {}).get("containerStatuses") or ()
    )


def of_track(pods: Iterable[Object], service: Object, track: Track) -> tuple[Object, ...]:
    """The pods of a service's track, ready or not."""
    wanted = {**(service["spec"].get("selector") or {}), service_annotations.TRACK: track.value}
    return tuple(pod for pod in pods if wanted.items() <= _labels(pod).items())


def release_began(
    deployment: str, deployments: Iterable[Object], replicasets: Iterable[Object]
) -> tuple[datetime | None, str]:
    """When what a Deployment runs now was rolled out, and what the names of its pods begin with.

    That is its newest ReplicaSet; without one it is the Deployment's own beginning. None when neither is known.
    """
    ours = [
        found
        for found in replicasets
        if any(owner.get("name") == deployment for owner in found["metadata"].get("ownerReferences") or ())
    ]
    newest = max(ours, key=_revision, default=None)
    if newest is not None and newest["metadata"].get("creationTimestamp"):
        metadata = newest["metadata"]
        return datetime.fromisoformat(metadata["creationTimestamp"]), f"{metadata['name']}-"
    found = next((item for item in deployments if item["metadata"]["name"] == deployment), None)
    created = found["metadata"].get("creationTimestamp") if found else None
    return (datetime.fromisoformat(created) if created else None), ""


def _revision(replicaset: Object) -> int:
    noted = (replicaset["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision", "0")
    return int(noted) if noted.isdigit() else 0


def _track(deployment: Object, service: Object, pods: Sequence[Object], behind: frozenset[str]) -> TrackStatus | None:
    """The Deployment as a track of the service; None when it is none of its tracks."""
    labels = _labels(deployment["spec"]["template"])
    common = {key: value for key, value in service["spec"]["selector"].items() if key != service_annotations.TRACK}
    if not common.items() <= labels.items() or labels.get(service_annotations.TRACK) not in tuple(Track):
        return None
    track = Track(labels[service_annotations.TRACK])
    ours = of_track(pods, service, track)
    return TrackStatus(
        track=track,
        deployment=deployment["metadata"]["name"],
        version=labels.get(service_annotations.VERSION, ""),
        desired=int(deployment["spec"].get("replicas", 1)),
        ready=sum(_is_ready(pod) for pod in ours),
        restarts=sum(
            int(status.get("restartCount", 0))
            for pod in ours
            for status in (pod.get("status") or {}).get("containerStatuses") or ()
        ),
        serving=sum(pod["metadata"]["name"] in behind for pod in ours),
    )


def _is_ready(pod: Object) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _ended(status: Object, since: datetime) -> bool:
    waiting = (status.get("state") or {}).get("waiting") or {}
    ended = [
        state["terminated"]["finishedAt"]
        for state in (status.get("state") or {}, status.get("lastState") or {})
        if (state.get("terminated") or {}).get("finishedAt")
    ]
    return waiting.get("reason") == "CrashLoopBackOff" or any(datetime.fromisoformat(at) >= since for at in ended)


def _labels(item: Object) -> Mapping[str, str]:
    found: Mapping[str, str] = item["metadata"].get("labels") or {}
    return found
