"""Desired and running pods of each kind of workload, in one form. Pure: API objects in.

A number that the API leaves out is 0, except where a kind defaults to something else; what a controller has not yet
looked at is told by `is_seen`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from dashboard.decide import objects
from dashboard.decide.objects import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """Why a rollout is stuck. `is_certain`: the controller has given up, so it is not excused as recent."""

    words: str
    since: datetime | None
    is_certain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """One workload's pods in numbers.

    Attributes:
        is_seen: whether its controller has looked at the last change.
        is_rolled_out: whether all pods that should be are of the newest template.
        held: why it rests on purpose, such as paused; "" when it does not.
        lacks_since: since when too few pods are available; None when the cluster does not say.
        is_over: it has done what it was made for.
    """

    kind: str
    desired: int
    ready: int
    available: int
    updated: int
    is_seen: bool
    is_rolled_out: bool
    stuck: Stuck | None = None
    held: str = ""
    lacks_since: datetime | None = None
    is_over: bool = False
    not_understood: tuple[str, ...] = ()


Reader: TypeAlias = Callable[[Iterable[Object]], Iterator[tuple[Object, Replicas]]]


def _each(read: Callable[[Object], Replicas]) -> Reader:
    return lambda items: ((item, read(item)) for item in items)


def _deployment(item: Object) -> Replicas:
    spec, status = objects.part(item, "spec"), objects.part(item, "status")
    desired, updated = _or(objects.count(spec, "replicas"), 1), _number(status, "updatedReplicas")
    # Old pods that are left beside the new ones still serve, and may be all that is available.
    done = updated >= desired and _number(status, "replicas") <= updated
    return Replicas(
        kind="Deployment",
        desired=desired,
        ready=_number(status, "readyReplicas"),
        available=_number(status, "availableReplicas"),
        updated=updated,
        is_seen=_is_seen(item),
        is_rolled_out=done,
        stuck=_stuck(item),
        held=_paused(updated, desired) if spec.get("paused") is True and updated < desired else "",
        lacks_since=_unavailable_since(item),
    )


def _stateful_set(item: Object) -> Replicas:
    spec, status = objects.part(item, "spec"), objects.part(item, "status")
    desired, updated = _or(objects.count(spec, "replicas"), 1), _number(status, "updatedReplicas")
    strategy = objects.part(spec, "updateStrategy")
    partition = _number(objects.part(strategy, "rollingUpdate"), "partition")
    revision = objects.text(status, "updateRevision")
    ready = _number(status, "readyReplicas")
    return Replicas(
        kind="StatefulSet",
        desired=desired,
        ready=ready,
        available=_or(objects.count(status, "availableReplicas"), ready),  # older clusters leave it out
        updated=updated,
        is_seen=_is_seen(item),
        is_rolled_out=strategy.get("type") == "OnDelete"
        or updated >= max(0, desired - partition)
        or (bool(revision) and revision == status.get("currentRevision")),
    )


def _daemon_set(item: Object) -> Replicas:
    status = objects.part(item, "status")
    desired, updated = _number(status, "desiredNumberScheduled"), _number(status, "updatedNumberScheduled")
    waits_for_a_person = objects.part(item, "spec", "updateStrategy").get("type") == "OnDelete"
    return Replicas(
        kind="DaemonSet",
        desired=desired,
        ready=_number(status, "numberReady"),
        available=_number(status, "numberAvailable"),
        updated=updated,
        is_seen=_is_seen(item),
        is_rolled_out=waits_for_a_person or updated >= desired,
    )


def _replica_sets(items: Iterable[Object]) -> Iterator[tuple[Object, Replicas]]:
    """Those that nobody controls: the others are a Deployment's or Rollout's way to its pods."""
    for item in items:
        if objects.controller(item)[1]:
            continue
        status = objects.part(item, "status")
        desired = _or(objects.count(objects.part(item, "spec"), "replicas"), 1)
        yield (
            item,
            Replicas(
                kind="ReplicaSet",
                desired=desired,
                ready=_number(status, "readyReplicas"),
                available=_number(status, "availableReplicas"),
                updated=_number(status, "replicas"),
                is_seen=_is_seen(item),
                is_rolled_out=True,  # a change of its template is not rolled out at all
                stuck=_stuck(item),
            ),
        )


# What Argo Rollouts writes into `status.phase`.
_ROLLOUT_PHASES = ("", "Healthy", "Progressing", "Paused", "Degraded")


def _rollout(item: Object) -> Replicas:
    spec, status = objects.part(item, "spec"), objects.part(item, "status")
    phase, message = objects.text(status, "phase"), objects.clipped(objects.text(status, "message"))
    desired, updated = _or(objects.count(spec, "replicas"), 1), _number(status, "updatedReplicas")
    return Replicas(
        kind="Rollout",
        desired=desired,
        ready=_number(status, "readyReplicas"),
        available=_number(status, "availableReplicas"),
        updated=updated,
        is_seen=_is_seen(item),
        is_rolled_out=phase == "Healthy" if phase else updated >= desired,
        stuck=_stuck_rollout(item, phase, message),
        held=f"paused: {message or _pause_reasons(status)}" if phase == "Paused" else "",
        lacks_since=_unavailable_since(item),
        not_understood=() if phase in _ROLLOUT_PHASES else (phase,),
    )


def _stuck_rollout(item: Object, phase: str, message: str) -> Stuck | None:
    found = objects.conditions(item)
    invalid = found.get("InvalidSpec")
    if invalid is not None and invalid.status == "True":
        return Stuck(words=_words("InvalidSpec", invalid.message), since=invalid.since, is_certain=True)
    if objects.part(item, "status").get("abort") is True or phase == "Degraded":
        progress = found.get("Progressing")
        words = message or (_words(progress.reason, progress.message) if progress else "") or "its rollout is degraded"
        return Stuck(words=words, since=progress.since if progress else None, is_certain=True)
    return _stuck(item)


def _pause_reasons(status: Object) -> str:
    found = [objects.text(one, "reason") for one in objects.parts(status, "pauseConditions")]
    return ", ".join(filter(None, found)) or "it waits to be promoted"


def _jobs(items: Iterable[Object]) -> Iterator[tuple[Object, Replicas]]:
    found = list(items)
    mended = _mended(found)
    for item in found:
        yield item, _job(item, is_mended=objects.name_of(item) in mended)


def _job(item: Object, *, is_mended: bool) -> Replicas:
    status = objects.part(item, "status")
    conditions = objects.conditions(item)
    failed = next((conditions[n] for n in ("Failed", "FailureTarget") if _is_true(item, n)), None)
    suspended = objects.part(item, "spec").get("suspend") is True
    over = _is_true(item, "Complete") or (failed is not None and is_mended)
    active = _number(status, "active")
    ready = _or(objects.count(status, "ready"), active)  # older clusters leave it out
    lost = _number(status, "failed")
    held = "suspended" if suspended else f"{lost} of its pods failed so far" if lost and not over else ""
    stuck = None
    if failed is not None and not over:
        stuck = Stuck(words=_words(failed.reason or "Failed", failed.message), since=failed.since, is_certain=True)
    return Replicas(
        kind="Job",
        desired=0 if over or failed is not None or suspended else _pods_wanted(item),
        ready=0 if over else ready,
        available=0 if over else ready,
        updated=active,
        is_seen=True,
        is_rolled_out=True,
        stuck=stuck,
        held="" if over and failed is None else "it failed; a later run succeeded" if over else held,
        is_over=over,
    )


def _pods_wanted(job: Object) -> int:
    """How many pods it should run now: no more than there is left to do."""
    spec, status = objects.part(job, "spec"), objects.part(job, "status")
    parallel = _or(objects.count(spec, "parallelism"), 1)
    wanted, done = objects.count(spec, "completions"), _number(status, "succeeded")
    if wanted is None:  # a work queue: once one pod has succeeded no other is started
        return _number(status, "active") if done else parallel
    return min(parallel, max(0, wanted - done))


def _mended(jobs: list[Object]) -> frozenset[str]:
    """The Jobs of a CronJob after which another one succeeded: nobody has to mend them any more."""
    good: dict[str, datetime] = {}
    for job in jobs:
        kind, owner = objects.controller(job)
        at = objects.created_at(job)
        if kind == "CronJob" and at is not None and _is_true(job, "Complete"):
            good[owner] = max(at, good.get(owner, at))
    return frozenset(
        objects.name_of(job)
        for job in jobs
        if (at := objects.created_at(job)) is not None
        and (owner := objects.controller(job)[1]) in good
        and at < good[owner]
    )


READERS: Mapping[str, Reader] = {
    "deployments": _each(_deployment),
    "statefulsets": _each(_stateful_set),
    "daemonsets": _each(_daemon_set),
    "replicasets": _replica_sets,
    "rollouts": _each(_rollout),
    "jobs": _jobs,
}


def _stuck(item: Object) -> Stuck | None:
    """The failure that its controller reports; the cause before its consequence."""
    found = objects.conditions(item)
    failure, progress = found.get("ReplicaFailure"), found.get("Progressing")
    said = []
    if failure is not None and failure.status == "True":
        said.append((_words(failure.reason or "ReplicaFailure", failure.message), failure.since, False))
    if progress is not None and progress.status == "False":
        said.append((_words(progress.reason or "not progressing", progress.message), progress.since, True))
    if not said:
        return None
    return Stuck(
        words="; ".join(words for words, _, _ in said),
        since=min((since for _, since, _ in said if since is not None), default=None),
        is_certain=any(certain for _, _, certain in said),
    )


def _unavailable_since(item: Object) -> datetime | None:
    available = objects.conditions(item).get("Available")
    return available.since if available is not None and available.status == "False" else None


def _is_seen(item: Object) -> bool:
    """Whether the controller has looked at the last change; Rollouts write their generation as text."""
    generation = objects.count(objects.part(item, "metadata"), "generation")
    observed = objects.part(item, "status").get("observedGeneration")
    number = objects.count(objects.part(item, "status"), "observedGeneration")
    if generation is None or (observed is not None and number is None):  # a generation that is no number says nothing
        return True
    return (number or 0) >= generation


def _is_true(item: Object, kind: str) -> bool:
    found = objects.conditions(item).get(kind)
    return found is not None and found.status == "True"


def _paused(updated: int, desired: int) -> str:
    return f"paused: {updated} of {desired} pods have the newest template"


def _words(reason: str, message: str) -> str:
    return f"{reason}: {objects.clipped(message)}" if message else reason


def _number(item: Object, name: str) -> int:
    return objects.count(item, name) or 0


def _or(found: int | None, otherwise: int) -> int:
    return otherwise if found is None else found
