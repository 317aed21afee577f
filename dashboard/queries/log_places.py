"""Which service and track the lines of a pod are of, by way of the cluster: for logs that carry a pod's name alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dashboard.decide.tracks import find_tracks
from dashboard.model.log import LogPlace

Object = Mapping[str, Any]


def places(services: Iterable[Object], deployments: Sequence[Object]) -> tuple[LogPlace, ...]:
    """A place for every Deployment; those of no track are there since their names may begin like another's."""
    found = {
        deployment.name: LogPlace(workload=deployment.name, service=service["metadata"]["name"], track=track.value)
        for service in services
        for track, deployment in find_tracks(service, deployments).items()
    }
    names = sorted(str(item["metadata"]["name"]) for item in deployments)
    return tuple(found.get(name, LogPlace(workload=name)) for name in names)
