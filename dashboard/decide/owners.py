"""From a pod to the workload that controls it in the end: ReplicaSet to Deployment or Rollout, Job to CronJob.

The list of the ReplicaSets or Jobs tells for certain; where it is not there, labels and names do. Pure.

`owner_of` answers for people: the team that owns a Service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dashboard.decide import objects
from dashboard.decide.objects import Object
from dashboard.model.service_annotations import OWNER

# The label with the hash of the template that ends a ReplicaSet's name, and whose ReplicaSet it is.
_HASHES = {"pod-template-hash": "Deployment", "rollouts-pod-template-hash": "Rollout"}


def owner_of(item: Object, owner_labels: Iterable[str]) -> str:
    """The team that owns an object, by its annotation or the first of these labels that it has; "" when none says."""
    said = objects.part(item, "metadata", "annotations").get(OWNER)
    labels = objects.labels(item)
    return str(said or next((labels[name] for name in owner_labels if labels.get(name)), ""))


class Owners:
    """Answers who controls a pod. Jobs stay workloads of their own: their CronJob has no pods to count."""

    def __init__(self, *, replica_sets: Iterable[Object] = (), jobs: Iterable[Object] = ()) -> None:
        self._replica_sets = {objects.name_of(one): objects.controller(one) for one in replica_sets}

    def of(self, pod: Object) -> tuple[str, str]:
        """Kind and name of the workload; empty for a bare pod."""
        kind, name = objects.controller(pod)
        if kind != "ReplicaSet":
            return kind, name
        if name in self._replica_sets:
            above = self._replica_sets[name]
            return above if above[1] else (kind, name)
        return _by_hash(objects.labels(pod), name)


def _by_hash(labels: Mapping[str, str], replica_set: str) -> tuple[str, str]:
    for label, kind in _HASHES.items():
        suffix = f"-{labels.get(label)}"
        if labels.get(label) and replica_set.endswith(suffix):
            return kind, replica_set.removesuffix(suffix)
    return "ReplicaSet", replica_set
