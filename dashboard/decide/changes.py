"""Changes in the cluster and their times: the first question about an incident, and the markers on every time chart.

Pure: raw API objects in, changes out, newest first. Rollouts and undos are read from ReplicaSets, switches from the
annotation on the Service. Deleting the one or editing the other loses the change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from dashboard.decide import objects
from dashboard.decide.blue_green import of_service, with_seen
from dashboard.decide.rollouts import Rollout, rollouts
from dashboard.model import service_annotations
from dashboard.model.action import Outcome
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.incident import Change
from dashboard.model.view import Marker

Object: TypeAlias = Mapping[str, Any]

_COMPONENT = "app.kubernetes.io/name"


def changes(
    *,
    services: Iterable[Object],
    replica_sets: Iterable[Object],
    deployments: Iterable[Object] = (),
    pods: Iterable[Object] = (),
    blue_green: BlueGreen = OURS,
) -> tuple[Change, ...]:
    """Rollouts and switches of traffic, newest first; `deployments` and `pods` tell when an old template came back."""
    sets, known, governed = tuple(replica_sets), tuple(deployments), tuple(services)
    switched = (_switched(one, of_service(blue_green, one, deployments=known, replicasets=sets)) for one in governed)
    seen = with_seen(blue_green, governed, known, sets)
    deployed = (_deployed(rollout, seen) for rollout in rollouts(sets, known, pods))
    found = [*deployed, *filter(None, switched)]
    return tuple(sorted(found, key=lambda change: change.at, reverse=True))


def markers(found: Iterable[Change], *, service: str = "") -> tuple[Marker, ...]:
    """The changes as markers on a time chart; only those of `service` where one is named."""
    return tuple(Marker(at=c.at, label=c.what) for c in found if service in ("", c.service))


def _deployed(rollout: Rollout, blue_green: BlueGreen) -> Change:
    labels = objects.labels(rollout.replica_set)
    service, track = labels.get(_COMPONENT, objects.name_of(rollout.replica_set)), blue_green.track_shown(labels)
    did = "deployed again" if rollout.is_again else "deployed"
    what = " ".join(filter(None, (track or service, blue_green.version(labels), did)))
    return Change(at=rollout.at, what=what, service=service, track=track)


def _switched(service: Object, blue_green: BlueGreen) -> Change | None:
    """The last move of the users; of an unfinished action as soon as the users have moved."""
    intent = service_annotations.read_intent(service)
    if intent is None:
        return None
    is_there = intent.outcome is Outcome.RUNNING and blue_green.active(service) is intent.target
    moved = intent.move(intent.started_at) if is_there else intent.moved
    if moved is None:
        return None
    return Change(
        at=moved.started_at,
        what=f"{moved.kind} to {moved.track} {moved.version} by {moved.actor}",
        service=service["metadata"]["name"],
        track="",  # a switch concerns both tracks: one got the users, the other lost them
    )
