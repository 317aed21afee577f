"""What tells the two tracks of one Service apart: values that the settings fix, values seen, or Argo's hashes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from dashboard.decide import objects
from dashboard.model.blue_green import (
    ROLLOUT_HASH,
    ROLLOUT_REVISION,
    BlueGreen,
    TrackValues,
    is_of_rollout,
    rollout_of,
    selector_of,
)
from dashboard.model.release import Track
from dashboard.model.service_annotations import read_intent, read_preview_service

Object: TypeAlias = Mapping[str, Any]

# The kinds that `with_seen` reads, in the order of its arguments.
TRACK_OBJECTS = ("services", "deployments", "replicasets")


def of_service(
    known: BlueGreen,
    service: Object,
    *,
    services: Iterable[Object] = (),
    deployments: Iterable[Object] = (),
    replicasets: Iterable[Object] = (),
) -> BlueGreen:
    """The same with the two values of this Service, out of all objects of its namespace."""
    if is_of_rollout(service):
        return _of_rollout(known, service, services, replicasets)
    return known if known.is_fixed else _seen(known, service, deployments)


def with_seen(
    known: BlueGreen,
    services: Sequence[Object],
    deployments: Sequence[Object] = (),
    replicasets: Sequence[Object] = (),
) -> BlueGreen:
    """The same with the values of every governed Service of a namespace, so that they are understood in labels,
    metrics, logs and alerts. Values that are in doubt are left out: they are shown as they are.
    """
    found = []
    for service in services:
        if known.is_governed(service):
            own = of_service(known, service, services=services, deployments=deployments, replicasets=replicasets)
            is_told = (own.track_label, own.blue, own.green) != (known.track_label, known.blue, known.green)
            if own.is_fixed and is_told and not own.doubt:
                name = objects.name_of(service)
                found.append(TrackValues(service=name, label=own.track_label, blue=own.blue, green=own.green))
    return replace(known, seen=tuple(found))


def workloads_of(
    service: Object, deployments: Sequence[Object], replicasets: Sequence[Object] = ()
) -> Sequence[Object]:
    """What can be a track of the Service: Deployments, or the ReplicaSets of a Rollout."""
    return replicasets if is_of_rollout(service) else deployments


def preview_service(service: Object, services: Iterable[Object], known: BlueGreen) -> Object | None:
    """The Service that shows the track which users are not on; None when there is none.

    The annotation names it, whatever it is. Else it has the name of the settings' pattern, or the last action took it
    for the preview, or it is the only Service with the same selector but for the track, which is not the one that users
    are on. A Service that selects the same pods is another entrance of the users, and stays one after the users were
    moved away from it. A Service that ends in a track's value stays on that track.
    """
    others = [item for item in services if objects.name_of(item) != objects.name_of(service)]
    if named := read_preview_service(service):
        return next((item for item in others if objects.name_of(item) == named), None)
    free = [item for item in others if not known.is_governed(item) and _can_follow(item, known)]
    pattern = known.preview_name.replace("{}", objects.name_of(service))
    if found := next((item for item in free if objects.name_of(item) == pattern), None):
        return found
    alike = [item for item in free if _is_alike(item, service, known)]
    last = read_intent(service)
    if last and (found := next((item for item in alike if objects.name_of(item) == last.preview), None)):
        return found
    left_behind = last.left_behind if last else ()
    others = [item for item in alike if known.active(item) != known.active(service)]
    others = [item for item in others if objects.name_of(item) not in left_behind]
    return others[0] if len(others) == 1 else None


def other_entrances(service: Object, services: Iterable[Object], known: BlueGreen) -> tuple[str, ...]:
    """Names of the Services that select the same pods as this one and that nobody moves: their users stay behind."""
    preview = preview_service(service, services := tuple(services), known)
    apart = {objects.name_of(item) for item in (service, preview) if item is not None}
    return tuple(
        sorted(
            objects.name_of(item)
            for item in services
            if objects.name_of(item) not in apart
            and not known.is_governed(item)
            and _is_alike(item, service, known)
            and known.active(item) == known.active(service)
        )
    )


def _is_alike(item: Object, service: Object, known: BlueGreen) -> bool:
    return _apart(item, known) == _apart(service, known) and not _is_fixed(item, known)


def _can_follow(item: Object, known: BlueGreen) -> bool:
    return known.active(item) is not None


def _is_fixed(item: Object, known: BlueGreen) -> bool:
    return any(objects.name_of(item).endswith(f"-{known.value(track)}") for track in Track)


def _apart(service: Object, known: BlueGreen) -> Mapping[str, str]:
    return {key: value for key, value in selector_of(service).items() if key != known.track_label}


def _seen(known: BlueGreen, service: Object, deployments: Iterable[Object]) -> BlueGreen:
    """The alphabetically first value is blue, so that it keeps its track through a switch.

    A value that is the deck's word for a track is that track, whatever the other one is called.
    """
    label, common = known.track_label, _apart(service, known).items()
    running: dict[str, bool] = {}
    for item in deployments:
        labels = _template_labels(item)
        if labels.get(label) and common <= labels.items():
            running[labels[label]] = running.get(labels[label], False) or bool(item["spec"].get("replicas", 1))
    active = selector_of(service).get(label, "")
    values = {value for value, runs in running.items() if runs or len(running) <= 2} | ({active} - {""})
    if values <= set(Track):
        return replace(known, blue=Track.BLUE.value, green=Track.GREEN.value)
    blue, green = (*sorted(values, key=lambda value: (value == Track.GREEN, value != Track.BLUE, value)), "")[:2]
    if len(values) > 2:
        others = [value for value in sorted(values) if value != active]
        doubt = f"{label} has the values {', '.join(sorted(values))}: set blue and green in the settings' blue_green"
        return replace(known, blue=active, green=others[0], doubt=doubt)
    return replace(known, blue=blue, green=green)


def _of_rollout(
    known: BlueGreen, service: Object, services: Iterable[Object], replicasets: Iterable[Object]
) -> BlueGreen:
    """The active hash is blue, the preview's is green: a promotion changes the hashes, not the tracks."""
    active = selector_of(service).get(ROLLOUT_HASH, "")
    hashes = replace(known, track_label=ROLLOUT_HASH, blue=active, green="")
    common = _apart(service, hashes)
    shown = [
        selector_of(item).get(ROLLOUT_HASH, "")
        for item in services
        if rollout_of(item) == rollout_of(service) and _apart(item, hashes) == common
    ]
    tried = [hash_ for hash_ in (*shown, *_running(common, replicasets, active)) if hash_ not in ("", active)]
    return replace(hashes, green=tried[0] if tried else "")


def _running(common: Mapping[str, str], replicasets: Iterable[Object], active: str) -> list[str]:
    """The hashes of the ReplicaSets that want pods, newest first: a Rollout may have no preview Service.

    One of an earlier revision than users have is not tried: it waits to be scaled down after a promotion.
    """
    alike = [item for item in replicasets if common.items() <= _template_labels(item).items()]
    users = max((_revision(item) for item in alike if _template_labels(item).get(ROLLOUT_HASH) == active), default=0)
    mine = [item for item in alike if item["spec"].get("replicas", 1) and not 0 < _revision(item) < users]
    mine.sort(key=lambda item: str(item["metadata"].get("creationTimestamp") or ""), reverse=True)
    return [_template_labels(item).get(ROLLOUT_HASH, "") for item in mine]


def _revision(item: Object) -> int:
    """The number of a Rollout's revision that a ReplicaSet is of; 0 where it does not say."""
    said = str((item["metadata"].get("annotations") or {}).get(ROLLOUT_REVISION) or "")
    return int(said) if said.isdecimal() else 0


def _template_labels(item: Object) -> Mapping[str, str]:
    return objects.labels(objects.part(item, "spec", "template"))
