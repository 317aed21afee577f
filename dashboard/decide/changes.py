"""What was changed in the cluster and when: the first question about an incident, and the marks on every time chart.

Pure: raw API objects in, changes out, newest first. New pods are remembered by their ReplicaSet, a switch by the
annotation on its Service; who deletes the one or edits the other takes the memory with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from dashboard.model import service_annotations
from dashboard.model.action import Outcome
from dashboard.model.incident import Change
from dashboard.model.view import Marker

Object: TypeAlias = Mapping[str, Any]

_COMPONENT = "app.kubernetes.io/name"


def changes(*, services: Iterable[Object], replica_sets: Iterable[Object]) -> tuple[Change, ...]:
    """Deployments of new pods and switches of traffic, newest first."""
    found = [*map(_deployed, replica_sets), *filter(None, map(_switched, services))]
    return tuple(sorted(found, key=lambda change: change.at, reverse=True))


def markers(found: Iterable[Change], *, service: str = "") -> tuple[Marker, ...]:
    """The changes as marks for a time chart; of one service where one is named."""
    return tuple(Marker(at=c.at, label=c.what) for c in found if service in ("", c.service))


def _deployed(replica_set: Object) -> Change:
    metadata = replica_set["metadata"]
    labels = metadata.get("labels") or {}
    service, track = labels.get(_COMPONENT, metadata["name"]), labels.get(service_annotations.TRACK, "")
    what = " ".join(filter(None, (track or service, labels.get(service_annotations.VERSION, ""), "deployed")))
    return Change(at=datetime.fromisoformat(metadata["creationTimestamp"]), what=what, service=service, track=track)


def _switched(service: Object) -> Change | None:
    intent = service_annotations.read_intent(service)
    if intent is None or intent.outcome not in (Outcome.RUNNING, Outcome.SUCCEEDED):
        return None
    return Change(
        at=intent.started_at,
        what=f"{intent.kind} to {intent.target} {intent.version} by {intent.actor}",
        service=service["metadata"]["name"],
        track="",  # a switch concerns both tracks: one got the users, the other lost them
    )
