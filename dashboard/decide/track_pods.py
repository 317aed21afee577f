"""Which pods that carry a track's labels belong to the release that is judged. The page and the guard ask this alone.

Labels alone do not tell: another workload, an earlier ReplicaSet and a bare pod may carry the same. A pod belongs to
the release when its controller is the ReplicaSet that the Deployment made from its present template. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from dashboard.decide import objects
from dashboard.decide.pods import is_over
from dashboard.decide.tracks import TrackDeployment, fingerprint
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.release import Track

Object: TypeAlias = Mapping[str, Any]
# Kind, name and uid of an owner. The uid decides: an object made again under the same name is another.
_Owner: TypeAlias = tuple[str, str, str]

_HASH = "pod-template-hash"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPods:
    """The pods of a track, by name. Pods that have ended or are terminating are in `labelled` and `release` only.

    `ready` are ready pods of the release. `earlier` are pods of the same Deployment from another template, and
    `ready_earlier` the ready ones among them. `foreign` are those that the Deployment did not make. `release` are all
    pods of the release as API objects.
    """

    labelled: frozenset[str]
    ready: frozenset[str]
    earlier: frozenset[str]
    ready_earlier: frozenset[str]
    foreign: frozenset[str]
    release: tuple[Object, ...]


def pods_by_track(
    service: Object,
    tracks: Mapping[Track, TrackDeployment],
    *,
    replica_sets: Iterable[Object],
    pods: Iterable[Object],
    blue_green: BlueGreen = OURS,
) -> Mapping[Track, TrackPods]:
    """The pods of each track of a Service, out of all ReplicaSets and pods of its namespace."""
    sets, all_pods = tuple(replica_sets), tuple(pods)
    return {
        track: track_pods(found, sets, _labelled(all_pods, blue_green.selector(service, track)))
        for track, found in tracks.items()
    }


def track_pods(track: TrackDeployment, replica_sets: Iterable[Object], labelled: Iterable[Object]) -> TrackPods:
    """Sort the pods that carry a track's labels by what they belong to."""
    pods = tuple(labelled)
    made, current = _replica_sets_of(track, replica_sets)
    living = {objects.name_of(pod): pod for pod in pods if _lives(pod)}
    ours = {name for name, pod in living.items() if _is_controlled(pod, made)}
    release = tuple(pod for pod in pods if _is_controlled(pod, current))
    mine = {objects.name_of(pod) for pod in release} & living.keys()
    ready = {name for name, pod in living.items() if _is_ready(pod)}
    return TrackPods(
        labelled=frozenset(objects.name_of(pod) for pod in pods),
        ready=frozenset(mine & ready),
        earlier=frozenset(ours - mine),
        ready_earlier=frozenset((ours - mine) & ready),
        foreign=frozenset(living.keys() - ours),
        release=release,
    )


def foreign_words(track: Track, deployment: str, foreign: Iterable[str]) -> str:
    """Why users would also reach pods that nobody judged; "" when all pods of the track are its Deployment's."""
    names = sorted(foreign)
    if not names:
        return ""
    carry, belong, them = ("carry", "do", "them") if len(names) > 1 else ("carries", "does", "it")
    return (
        f"{', '.join(names)} {carry} the labels of {track}, but {belong} not belong to {deployment}: "
        f"users on {track} reach {them} too"
    )


def earlier_words(deployment: str, earlier: Iterable[str]) -> str:
    """Why users would also reach the release before; "" when all pods of the Deployment are of its present template."""
    names = ", ".join(sorted(earlier))
    return f"pods of an earlier release of {deployment} are still there: {names}" if names else ""


def _labelled(pods: Iterable[Object], selector: Mapping[str, str]) -> Iterator[Object]:
    return (pod for pod in pods if selector.items() <= objects.labels(pod).items())


def _replica_sets_of(
    track: TrackDeployment, replica_sets: Iterable[Object]
) -> tuple[frozenset[_Owner], frozenset[_Owner]]:
    """The ReplicaSets of a track, and those of its present template. Of a Rollout the track is a ReplicaSet itself."""
    sets = tuple(replica_sets)
    itself = _owner("ReplicaSet", track.deployment)
    if any(_owner("ReplicaSet", one) == itself for one in sets):
        return frozenset((itself,)), frozenset((itself,))
    made = [one for one in sets if _is_controlled(one, {_owner("Deployment", track.deployment)})]
    current = [one for one in made if _template(one) == track.template]
    return (
        frozenset(_owner("ReplicaSet", one) for one in made),
        frozenset(_owner("ReplicaSet", one) for one in current),
    )


def _template(replica_set: Object) -> str:
    """The fingerprint of the template as the Deployment has it: without the label that tells ReplicaSets apart."""
    template = objects.part(replica_set, "spec", "template")
    metadata = objects.part(template, "metadata")
    labels = {key: value for key, value in objects.labels(template).items() if key != _HASH}
    return fingerprint({**template, "metadata": {**metadata, "labels": labels}})


def _owner(kind: str, item: Object) -> _Owner:
    return kind, objects.name_of(item), objects.text(objects.part(item, "metadata"), "uid")


def _is_controlled(item: Object, owners: Collection[_Owner]) -> bool:
    """Whether one of the owners controls the object."""
    return any(
        (one.get("kind"), one.get("name"), objects.text(one, "uid")) in owners
        for one in objects.parts(item, "metadata", "ownerReferences")
        if one.get("controller") is True
    )


def _lives(pod: Object) -> bool:
    return not objects.part(pod, "metadata").get("deletionTimestamp") and not is_over(pod)


def _is_ready(pod: Object) -> bool:
    found = objects.condition(pod, "Ready")
    return found is not None and found.status == "True"
