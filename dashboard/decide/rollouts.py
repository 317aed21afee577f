"""When a Deployment was rolled out, an undo included. Pure.

Each template has a ReplicaSet, and an undo reuses the old one: with a new revision, but its old creation time. So that
time only dates the first rollout of a template. A later one is dated by the Deployment's Progressing condition and by
the new pods of the ReplicaSet; where neither is known, it came at least after the rollout that it undid.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.decide import objects
from dashboard.decide.objects import Object

_REVISION = "deployment.kubernetes.io/revision"
_HISTORY = "deployment.kubernetes.io/revision-history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One rollout of a Deployment. `is_again`: of a template that had been rolled out before, as an undo is."""

    at: datetime
    replica_set: Object
    is_again: bool = False


def rollouts(
    replica_sets: Iterable[Object], deployments: Iterable[Object] = (), pods: Iterable[Object] = ()
) -> tuple[Rollout, ...]:
    """The rollouts that the cluster remembers: the first of each template, and the last one where it is an undo."""
    known = {objects.name_of(one): one for one in deployments}
    living = tuple(pods)
    of_owner: dict[str, list[Object]] = {}
    for found in replica_sets:
        of_owner.setdefault(_owner(found) or objects.name_of(found), []).append(found)
    return tuple(
        rollout for owner, members in of_owner.items() for rollout in _of_one(members, known.get(owner, {}), living)
    )


def latest(
    deployment: str, replica_sets: Iterable[Object], deployments: Iterable[Object] = (), pods: Iterable[Object] = ()
) -> Rollout | None:
    """How what the Deployment runs now was rolled out; None where no ReplicaSet of it is known."""
    ours = [found for found in replica_sets if _owner(found) == deployment]
    newest = max(ours, key=_order, default=None)
    found = (one for one in rollouts(ours, deployments, pods) if one.replica_set is newest)
    return max(found, key=lambda rollout: rollout.at, default=None)


def _of_one(members: Sequence[Object], deployment: Object, pods: Sequence[Object]) -> Iterator[Rollout]:
    """The undo first: where its time is not known, it was after the rollout that bears the same time."""
    newest = max(members, key=_order)
    undone = [at for one in members if one is not newest and (at := objects.created_at(one)) is not None]
    created = objects.created_at(newest)
    after = max((at for at in (created, *undone) if at is not None), default=None)
    if after is not None and (after != created or objects.annotations_of(newest).get(_HISTORY)):
        told = [at for at in (_progressed(deployment), _first_pod(newest, pods)) if at is not None and at > after]
        yield Rollout(at=min(told, default=after), replica_set=newest, is_again=True)
    for one in members:
        if (at := objects.created_at(one)) is not None:
            yield Rollout(at=at, replica_set=one)


def _progressed(deployment: Object) -> datetime | None:
    """When the last rollout made progress; does not change after its completion until the next one."""
    progress = (one for one in objects.parts(deployment, "status", "conditions") if one.get("type") == "Progressing")
    return next((objects.instant(one.get("lastUpdateTime")) for one in progress), None)


def _first_pod(replica_set: Object, pods: Sequence[Object]) -> datetime | None:
    """When the oldest pod of the ReplicaSet was made: it kept none while another template ran."""
    wanted = ("ReplicaSet", objects.name_of(replica_set))
    made = (objects.created_at(pod) for pod in pods if objects.controller(pod) == wanted)
    return min((at for at in made if at is not None), default=None)


def _owner(replica_set: Object) -> str:
    """The Deployment that the ReplicaSet belongs to; "" where it is on its own."""
    owners = objects.parts(replica_set, "metadata", "ownerReferences")
    return next(
        (objects.text(owner, "name") for owner in owners if owner.get("kind", "Deployment") == "Deployment"), ""
    )


def _order(replica_set: Object) -> tuple[int, float]:
    """By revision; by age where a controller notes none."""
    noted, created = objects.annotations_of(replica_set).get(_REVISION, ""), objects.created_at(replica_set)
    return (int(noted) if noted.isdecimal() else 0), (created.timestamp() if created else 0.0)
