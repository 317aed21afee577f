"""The health of one pod's containers: main ones, init containers and sidecars that start before them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from dashboard.decide import objects
from dashboard.decide.objects import Object
from dashboard.model.words import Words
from dashboard.model.workload import Container, ContainerKind, Health

# A death within this time is news: the container may die again at once.
DIED_WITHIN = timedelta(minutes=3)
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"

Kinds: TypeAlias = Mapping[str, ContainerKind]

_ORDER = list(Health)
_STATUS_LISTS = {
    "initContainerStatuses": "initContainers",
    "containerStatuses": "containers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerHealth:
    """The health of one container; `trouble` names the container where its pod has several."""

    health: Health
    trouble: str = ""
    since: datetime | None = None
    not_understood: tuple[str, ...] = ()


def kinds(pod: Object) -> Kinds:
    """What each container of the pod is for: main ones first, then those that start before them."""
    spec = objects.part(pod, "spec")
    found = {objects.text(one, "name"): ContainerKind.MAIN for one in objects.parts(spec, "containers")}
    for one in objects.parts(spec, "initContainers"):
        beside = one.get("restartPolicy") == "Always"
        found[objects.text(one, "name")] = ContainerKind.SIDECAR if beside else ContainerKind.INIT
    for one in objects.parts(spec, "ephemeralContainers"):
        found[objects.text(one, "name")] = ContainerKind.EPHEMERAL
    return found


def containers(pod: Object) -> tuple[Container, ...]:
    """All containers whose log can be read, first the one that `kubectl logs` chooses by default."""
    found = kinds(pod)
    wanted = objects.text(objects.annotations_of(pod), DEFAULT_CONTAINER)
    default = wanted if wanted in found else next((n for n, kind in found.items() if kind is ContainerKind.MAIN), "")
    named = [Container(name=name, kind=kind, is_default=name == default) for name, kind in found.items()]
    return tuple(sorted(named, key=lambda one: not one.is_default))


def counted(of: Kinds) -> tuple[str, ...]:
    """The names of the containers that must be ready: main ones, then sidecars."""
    return tuple(name for name, kind in of.items() if kind in (ContainerKind.MAIN, ContainerKind.SIDECAR))


def status_list(pod: Object) -> list[Object]:
    """The states of the containers, init containers included, ephemeral ones (for debugging) not."""
    return [one for name in _STATUS_LISTS for one in objects.parts(pod, "status", name)]


def worst_container(pod: Object, of: Kinds, words: Words) -> ContainerHealth:
    """The worst container; among equals the one that starts first, since it holds up the others."""
    statuses = status_list(pod)
    told = {objects.text(one, "name") for one in statuses}
    found = [_judge(one, of, pod, words) for one in statuses]
    untold = [name for name in counted(of) if name not in told]
    if statuses and untold:
        found.append(ContainerHealth(health=Health.DEGRADED, trouble=f"nothing is reported of {', '.join(untold)}"))
    return min(found, key=lambda one: _ORDER.index(one.health), default=ContainerHealth(health=Health.CHANGING))


def has_done_its_work(status: Object, pod: Object) -> bool:
    """Whether a container ended well and is not to run again: an init container, or one of a pod that runs once."""
    if objects.count(objects.part(status, "state", "terminated"), "exitCode") != 0:
        return False
    kind = kinds(pod).get(objects.text(status, "name"), ContainerKind.MAIN)
    runs_once = objects.text(objects.part(pod, "spec"), "restartPolicy") in ("Never", "OnFailure")
    return kind is ContainerKind.INIT or (kind is ContainerKind.MAIN and runs_once)


def meaning_of(word: str, words: Words) -> Health:
    """The health of something that has not ended and gives this reason; without a reason it is starting."""
    if not word:
        return Health.CHANGING
    meaning = words.reason.meaning(word)
    if meaning is None:
        return Health.UNKNOWN
    # The settings name the meaning.
    return Health.FAILING if meaning == Health.OVER else Health(meaning)


def _judge(status: Object, of: Kinds, pod: Object, words: Words) -> ContainerHealth:
    name = objects.text(status, "name")
    kind = of.get(name, ContainerKind.MAIN)
    state = objects.part(status, "state")
    if isinstance(state.get("waiting"), dict):
        found = _waiting(status, words)
    elif isinstance(state.get("terminated"), dict):
        found = _ended(status, pod)
    else:
        found = _runs(status, kind)
    if not found.trouble or (kind is ContainerKind.MAIN and list(of.values()).count(kind) < 2):
        return found
    what = {ContainerKind.INIT: "init container ", ContainerKind.SIDECAR: "sidecar "}.get(kind, "")
    return ContainerHealth(
        health=found.health,
        trouble=f"{what}{name}: {found.trouble}",
        since=found.since,
        not_understood=found.not_understood,
    )


def _waiting(status: Object, words: Words) -> ContainerHealth:
    waiting = objects.part(status, "state", "waiting")
    word = objects.text(waiting, "reason")
    health = meaning_of(word, words)
    died = death(objects.part(status, "lastState", "terminated"))
    if health is Health.CHANGING:
        return ContainerHealth(health=health, trouble=died and f"{word or 'waiting'}, last: {died}")
    message = objects.text(waiting, "message")
    trouble = f"{word}, last: {died}" if died else word
    if message and not died:  # the message of a back-off only repeats the names
        trouble = f"{word}: {objects.clipped(message)}"
    since = objects.instant(objects.part(status, "lastState", "terminated").get("finishedAt"))
    unknown = (word,) if health is Health.UNKNOWN else ()
    return ContainerHealth(health=health, trouble=trouble, since=since, not_understood=unknown)


def _ended(status: Object, pod: Object) -> ContainerHealth:
    terminated = objects.part(status, "state", "terminated")
    if has_done_its_work(status, pod):
        return ContainerHealth(health=Health.HEALTHY)
    since = objects.instant(terminated.get("finishedAt"))
    return ContainerHealth(health=Health.DEGRADED, trouble=death(terminated) or "ended", since=since)


def _runs(status: Object, kind: ContainerKind) -> ContainerHealth:
    if kind is ContainerKind.INIT:
        runs = isinstance(objects.part(status, "state").get("running"), dict)
        return ContainerHealth(health=Health.CHANGING, trouble="runs" if runs else "")
    if status.get("ready") is True:
        return ContainerHealth(health=Health.HEALTHY)
    return ContainerHealth(health=Health.DEGRADED, trouble=death(objects.part(status, "lastState", "terminated")))


def death(terminated: Object) -> str:
    """How a container ended, such as `OOMKilled (exit 137)`; "" when it did not."""
    if not terminated:
        return ""
    code = objects.count(terminated, "exitCode")
    word = objects.text(terminated, "reason") or ("Completed" if code == 0 else "Error")
    return f"{word} (exit {'?' if code is None else code})"
