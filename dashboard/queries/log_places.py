"""The service and track of a pod's log lines, from the cluster: for logs that have only the pod's name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dashboard.decide.blue_green import of_service, workloads_of
from dashboard.decide.tracks import find_tracks
from dashboard.model.blue_green import BlueGreen
from dashboard.model.log import LogPlace

Object = Mapping[str, Any]


def places(
    services: Iterable[Object],
    deployments: Sequence[Object],
    replicasets: Sequence[Object],
    blue_green: BlueGreen,
) -> tuple[LogPlace, ...]:
    """A place for every Deployment; those of no track are there since their names may begin like another's.

    The tracks of a Rollout are ReplicaSets, whose pods' names begin with theirs as well.
    """
    found: dict[str, LogPlace] = {}
    for service in services:
        behind = workloads_of(service, deployments, replicasets)
        values = of_service(blue_green, service, deployments=deployments, replicasets=replicasets)
        for track, one in find_tracks(service, behind, values).items():
            found[one.name] = LogPlace(workload=one.name, service=service["metadata"]["name"], track=track.value)
    names = sorted({*found, *(str(item["metadata"]["name"]) for item in deployments)})
    return tuple(found.get(name, LogPlace(workload=name)) for name in names)
