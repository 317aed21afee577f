"""Which pods that carry a track's labels belong to the release that was judged. Pure.

Labels alone do not tell: another workload, an earlier ReplicaSet and a bare pod may carry the same. A pod belongs to
the release when its controller is the ReplicaSet that the Deployment made from its present template.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from dashboard.decide import objects
from dashboard.decide.pods import is_over
from dashboard.decide.tracks import TrackDeployment, fingerprint

Object: TypeAlias = Mapping[str, Any]

_HASH = "pod-template-hash"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPods:
    """The names of a track's pods. Pods that have ended or are terminating are in `labelled` only.

    `ready` are ready pods of the release. `earlier` are pods of the same Deployment from another template, `foreign`
    those that the Deployment did not make.
    """

    labelled: frozenset[str]
    ready: frozenset[str]
    earlier: frozenset[str]
    foreign: frozenset[str]


def track_pods(track: TrackDeployment, replica_sets: Iterable[Object], labelled: Iterable[Object]) -> TrackPods:
    """Sort the pods that carry a track's labels by what they belong to."""
    pods = tuple(labelled)
    made = [one for one in replica_sets if _is_controlled(one, "Deployment", track.deployment)]
    current = [one for one in made if _template(one) == track.template]
    living = {objects.name_of(pod): pod for pod in pods if _lives(pod)}
    ours = {name: pod for name, pod in living.items() if any(_is_controlled(pod, "ReplicaSet", one) for one in made)}
    mine = {name: pod for name, pod in ours.items() if any(_is_controlled(pod, "ReplicaSet", one) for one in current)}
    return TrackPods(
        labelled=frozenset(objects.name_of(pod) for pod in pods),
        ready=frozenset(name for name, pod in mine.items() if _is_ready(pod)),
        earlier=frozenset(ours.keys() - mine.keys()),
        foreign=frozenset(living.keys() - ours.keys()),
    )


def foreign_words(track: TrackDeployment, found: TrackPods) -> str:
    """Why users would also reach pods that nobody judged; "" when all pods of the track are its Deployment's."""
    if not found.foreign:
        return ""
    names = ", ".join(sorted(found.foreign))
    return f"{names} carries the labels of {track.track}, but does not belong to {track.name}: users would reach it too"


def _template(replica_set: Object) -> str:
    """The fingerprint of the template as the Deployment has it: without the label that tells ReplicaSets apart."""
    template = objects.part(replica_set, "spec", "template")
    metadata = objects.part(template, "metadata")
    labels = {key: value for key, value in objects.labels(template).items() if key != _HASH}
    return fingerprint({**template, "metadata": {**metadata, "labels": labels}})


def _is_controlled(item: Object, kind: str, owner: Object) -> bool:
    """Whether `owner` controls the object. Its uid decides: an object made again under the same name is another."""
    uid = objects.text(objects.part(owner, "metadata"), "uid")
    return any(
        (one.get("kind"), one.get("name"), objects.text(one, "uid")) == (kind, objects.name_of(owner), uid)
        for one in _controllers(item)
    )


def _controllers(item: Object) -> Iterator[Object]:
    return (one for one in objects.parts(item, "metadata", "ownerReferences") if one.get("controller") is True)


def _lives(pod: Object) -> bool:
    return not objects.part(pod, "metadata").get("deletionTimestamp") and not is_over(pod)


def _is_ready(pod: Object) -> bool:
    found = objects.condition(pod, "Ready")
    return found is not None and found.status == "True"
