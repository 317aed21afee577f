"""The health of pods, worst first, with the reason. Pure: API objects in, model types out.

The phase alone misleads: a pod whose container dies every minute is Running, one that waits for its init container is
Pending like one that has just begun, and one that was evicted is Failed although nothing is wrong any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.decide import objects
from dashboard.decide.containers import (
    DIED_WITHIN,
    Kinds,
    counted,
    death,
    kinds,
    meaning_of,
    status_list,
    worst_container,
)
from dashboard.decide.lasting import has_lasted, span
from dashboard.decide.objects import Object, StatusCondition
from dashboard.decide.owners import Owners
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.words import WORDS, Words
from dashboard.model.workload import Health, Pod

COMPONENT = "app.kubernetes.io/name"
# An unschedulable pod is degraded after this time. Adding a node takes longer, which is worth knowing.
UNSCHEDULABLE_AFTER = timedelta(seconds=30)
# How long a start may take without a reason: a Deployment's default progressDeadlineSeconds.
SLOW_AFTER = timedelta(minutes=10)
# The same when an event warns of it, as of a volume that cannot be mounted: the first attempts often fail.
WARNED_AFTER = timedelta(minutes=2)
# A pod's deletionTimestamp already has its grace period in it.
OVERDUE_AFTER = timedelta(minutes=1)

_ORDER = list(Health)
# Reasons for which the condition Ready is False that the containers' own states tell better.
_TOLD_BY_CONTAINERS = ("ContainersNotReady", "PodCompleted", "ContainersNotInitialized")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    now: datetime | None
    words: Words
    warnings: Mapping[tuple[str, str], str]
    blue_green: BlueGreen

    def warning(self, pod: Object) -> str:
        return self.warnings.get(("Pod", objects.name_of(pod)), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _PodState:
    health: Health
    trouble: str = ""
    since: datetime | None = None
    not_understood: tuple[str, ...] = ()
    unschedulable: str = ""


def pods(
    found: Iterable[Object],
    *,
    replica_sets: Iterable[Object] = (),
    jobs: Iterable[Object] = (),
    now: datetime | None = None,
    words: Words = WORDS,
    warnings: Mapping[tuple[str, str], str] | None = None,
    blue_green: BlueGreen = OURS,
) -> tuple[Pod, ...]:
    """Pods, worst first, then by name.

    Args:
        replica_sets, jobs: objects that stand between pods and their workloads; without them names tell.
        now: None when the time is not known: then nothing that is stuck is excused as recent.
        warnings: the newest warning about an object, by kind and name: only events report a volume that cannot be
            mounted and a failing probe.
        blue_green: the labels that tell track and version.
    """
    owners = Owners(replica_sets=replica_sets, jobs=jobs)
    look = _Look(now=now, words=words, warnings=warnings or {}, blue_green=blue_green)
    judged = (_pod(one, owners, look) for one in found)
    return tuple(sorted(judged, key=lambda pod: (_ORDER.index(pod.health), pod.name)))


def is_over(pod: Object) -> bool:
    """Whether the pod has ended for good: its containers will not run again."""
    return objects.text(objects.part(pod, "status"), "phase") in ("Succeeded", "Failed")


def _pod(pod: Object, owners: Owners, look: _Look) -> Pod:
    metadata, status = objects.part(pod, "metadata"), objects.part(pod, "status")
    labels = objects.labels(pod)
    statuses = status_list(pod)
    of = kinds(pod)
    judged = _judge(pod, of, look)
    names = counted(of)
    kind, workload = owners.of(pod)
    return Pod(
        name=objects.name_of(pod),
        workload=workload,
        workload_kind=kind,
        component=str(labels.get(COMPONENT) or ""),
        track=look.blue_green.track_shown(labels),
        version=look.blue_green.version(labels),
        phase=objects.text(status, "phase") or "Unknown",
        node=objects.text(objects.part(pod, "spec"), "nodeName"),
        ready=sum(1 for one in statuses if one.get("ready") is True and one.get("name") in names),
        containers=names,
        restarts=sum(objects.count(one, "restartCount") or 0 for one in statuses),
        trouble=judged.trouble,
        since=judged.since,
        not_understood=judged.not_understood,
        unschedulable=judged.unschedulable,
        started_at=objects.instant(status.get("startTime")) or objects.created_at(pod),
        terminating=bool(metadata.get("deletionTimestamp")),
        health=judged.health,
    )


def _judge(pod: Object, of: Kinds, look: _Look) -> _PodState:
    """The first of these that applies; each has its own reason."""
    status = objects.part(pod, "status")
    phase, reason = objects.text(status, "phase"), objects.text(status, "reason")
    if is_over(pod):
        return _over(pod, of, phase, look.words)
    if objects.part(pod, "metadata").get("deletionTimestamp"):
        return _terminating(pod, reason, look.now)
    if reason and (meaning := meaning_of(reason, look.words)) is not Health.CHANGING:
        return _judged_by_word(reason, objects.text(status, "message"), meaning)
    if phase not in ("Pending", "Running"):
        said = f"its phase is {phase}" if phase else "it has no phase yet"
        return _PodState(health=Health.UNKNOWN, trouble=said, not_understood=(phase,) if phase else ())
    scheduled = objects.condition(pod, "PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return _not_scheduled(scheduled, objects.created_at(pod), look)
    return _running(pod, of, phase, look)


def _judged_by_word(word: str, message: str, meaning: Health) -> _PodState:
    trouble = f"{word}: {objects.clipped(message)}" if message else word
    return _PodState(health=meaning, trouble=trouble, not_understood=(word,) if meaning is Health.UNKNOWN else ())


def _over(pod: Object, of: Kinds, phase: str, words: Words) -> _PodState:
    """It has ended: its controller replaces it if needed, so there is nothing to fix here."""
    if phase == "Succeeded":
        return _PodState(health=Health.OVER)
    status = objects.part(pod, "status")
    reason, message = objects.text(status, "reason"), objects.text(status, "message")
    trouble = (f"{reason}: {objects.clipped(message)}" if message else reason) or worst_container(
        pod, of, words
    ).trouble
    # The kubelet names what a node ran out of, which may be any resource: OutOfexample.com/gpu.
    known = not reason or reason.startswith("OutOf") or words.reason.meaning(reason) is not None
    unknown = () if known else (reason,)
    return _PodState(health=Health.OVER, trouble=trouble or "failed", not_understood=unknown)


def _terminating(pod: Object, reason: str, now: datetime | None) -> _PodState:
    metadata = objects.part(pod, "metadata")
    due = objects.instant(metadata.get("deletionTimestamp"))
    if reason in ("NodeLost", "NodeUnreachable"):
        return _PodState(
            health=Health.DEGRADED, trouble=f"{reason}: its node does not answer, so it cannot end", since=due
        )
    if due is None or now is None or now - due <= OVERDUE_AFTER:
        return _PodState(health=Health.CHANGING)
    finalizers = metadata.get("finalizers")
    held = f", held by {', '.join(map(str, finalizers))}" if isinstance(finalizers, list) and finalizers else ""
    return _PodState(
        health=Health.DEGRADED, trouble=objects.clipped(f"Terminating for {span(now - due)} too long{held}"), since=due
    )


def _not_scheduled(scheduled: StatusCondition, created: datetime | None, look: _Look) -> _PodState:
    word = scheduled.reason or "Unschedulable"
    meaning, since = meaning_of(word, look.words), scheduled.since or created
    held_back = meaning is Health.CHANGING  # on purpose, by a gate
    if meaning is Health.FAILING and not has_lasted(since, look.now, UNSCHEDULABLE_AFTER):
        meaning = Health.CHANGING
    message = objects.clipped(scheduled.message)
    return _PodState(
        health=meaning,
        trouble=f"{word}: {message}" if message else word,
        since=since,
        not_understood=(word,) if meaning is Health.UNKNOWN else (),
        unschedulable="" if held_back else message or word,
    )


def _running(pod: Object, of: Kinds, phase: str, look: _Look) -> _PodState:
    worst = worst_container(pod, of, look.words)
    if worst.health in (Health.FAILING, Health.UNKNOWN):
        return _PodState(
            health=worst.health, trouble=worst.trouble, since=worst.since, not_understood=worst.not_understood
        )
    if phase == "Pending":
        return _starting(pod, worst.trouble or look.warning(pod), look)
    if not status_list(pod):
        return _PodState(health=Health.UNKNOWN, trouble="its node reports nothing about its containers")
    ready = objects.condition(pod, "Ready")
    if worst.health is not Health.HEALTHY:  # it runs without all of its containers
        trouble = worst.trouble or look.warning(pod)
        return _PodState(health=Health.DEGRADED, trouble=trouble, since=ready.since if ready else None)
    if ready is None or ready.status == "True" or (ready.reason in _TOLD_BY_CONTAINERS and _is_partly_done(pod, of)):
        return _died_lately(pod, look) or _resizing(pod) or _PodState(health=Health.HEALTHY)
    said = ready.message or ready.reason or "its node may be lost"
    health = Health.DEGRADED if ready.status == "False" else Health.UNKNOWN
    word = f"not ready, although its containers are: {objects.clipped(said)}"
    return _PodState(health=health, trouble=word, since=ready.since)


def _died_lately(pod: Object, look: _Look) -> _PodState | None:
    """A container that died just now and was started again: the pod is ready, and not well yet.

    An exit code of 0 proves nothing: where the kernel killed a child process, the container can end OOMKilled with 0.
    """
    for one in status_list(pod):
        ended = objects.part(one, "lastState", "terminated")
        at = objects.instant(ended.get("finishedAt"))
        is_fresh = at is not None and look.now is not None and look.now - at <= DIED_WITHIN
        if is_fresh and (objects.count(ended, "exitCode") != 0 or ended.get("reason") not in (None, "", "Completed")):
            return _PodState(health=Health.DEGRADED, trouble=f"{death(ended)}, and was started again", since=at)
    return None


def _resizing(pod: Object) -> _PodState | None:
    """Resources that were asked for and that the node has not given, or can never give."""
    pending = objects.condition(pod, "PodResizePending")
    if pending is None or pending.status != "True":
        return None
    word = ": ".join(filter(None, ("PodResizePending", pending.reason, objects.clipped(pending.message))))
    health = Health.DEGRADED if pending.reason == "Infeasible" else Health.CHANGING
    return _PodState(health=health, trouble=word, since=pending.since)


def _is_partly_done(pod: Object, of: Kinds) -> bool:
    """Whether a container has completed while others still run: such a pod never becomes Ready again."""
    names = counted(of)
    return any(one.get("ready") is not True for one in status_list(pod) if one.get("name") in names)


def _starting(pod: Object, trouble: str, look: _Look) -> _PodState:
    began = objects.instant(objects.part(pod, "status").get("startTime")) or objects.created_at(pod)
    limit = WARNED_AFTER if look.warning(pod) else SLOW_AFTER
    if began is None or look.now is None or look.now - began <= limit:
        return _PodState(health=Health.CHANGING, trouble=trouble)
    said = f"starting for {span(look.now - began)}" + (f": {trouble}" if trouble else "")
    return _PodState(health=Health.DEGRADED, trouble=said, since=began)
