"""Kubernetes Events, in both versions of their API. Pure: API objects in, model types out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from dashboard.decide import objects
from dashboard.decide.objects import Object
from dashboard.model.workload import ClusterEvent

RECENT = timedelta(minutes=30)  # events that go on are written again, at longer and longer intervals

_TELLING = ("Failed", "Unhealthy", "NetworkNotReady")
_NEVER = datetime.min.replace(tzinfo=UTC)


def events(found: Iterable[Object]) -> tuple[ClusterEvent, ...]:
    """Events: warnings first, each kind newest first."""
    told = map(_event, found)
    return tuple(sorted(told, key=lambda event: (event.warning, event.at or _NEVER), reverse=True))


def last_warnings(found: Iterable[Object], now: datetime) -> dict[tuple[str, str], str]:
    """The newest warning of each object by kind and name, of those that say why something cannot be done.

    The kubelet and the controllers report some faults by events alone: a refusal by a quota, a volume that cannot be
    mounted, a failing probe. Only events of the last minutes count, since an event does not say when its cause ends.
    """
    newest: dict[tuple[str, str], ClusterEvent] = {}
    for event in map(_event, found):
        telling = event.warning and event.reason.startswith(_TELLING)
        if telling and event.at is not None and now - event.at <= RECENT:
            known = newest.get((event.kind, event.name))
            if known is None or known.at is None or known.at < event.at:
                newest[event.kind, event.name] = event
    return {key: f"{event.reason}: {objects.clipped(event.message)}" for key, event in newest.items()}


def _event(event: Object) -> ClusterEvent:
    about = objects.part(event, "involvedObject") or objects.part(event, "regarding")
    series = objects.part(event, "series")
    counts = (objects.count(series, "count"), objects.count(event, "count"), objects.count(event, "deprecatedCount"))
    return ClusterEvent(
        at=_newest(event, series),
        kind=objects.text(about, "kind"),
        name=objects.text(about, "name"),
        reason=objects.text(event, "reason"),
        message=objects.text(event, "message") or objects.text(event, "note"),
        warning=objects.text(event, "type") == "Warning",
        count=next(filter(None, counts), 1),
    )


def _newest(event: Object, series: Object) -> datetime | None:
    """When it last happened."""
    last = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("deprecatedLastTimestamp"),
        event.get("eventTime"),
        event.get("firstTimestamp"),
        objects.part(event, "metadata").get("creationTimestamp"),
    )
    return next((at for at in map(objects.instant, last) if at is not None), None)
