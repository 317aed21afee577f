"""The Alerts page: who is told, who has answered, what is muted and by whom, and whether notifications arrive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dashboard.catalog.alerts import NOTIFICATIONS_FAILED, NOTIFICATIONS_SENT
from dashboard.decide.alerts import namespace
from dashboard.decide.answering import AlertBoard, ResponseTimes, board, response_times, touches
from dashboard.decide.blue_green import of_service
from dashboard.decide.routing import Route
from dashboard.model.alert import Alert, GroupedAlerts
from dashboard.model.blue_green import BlueGreen, selector_of
from dashboard.model.own_labels import namespace_labels
from dashboard.model.reading import Reading, beside
from dashboard.model.series import Sample
from dashboard.model.silence import AlertMatcher, Mute
from dashboard.model.view import View
from dashboard.queries.ask import AlertGroups, Alerts, Ask, Instant, Objects, Readings, Routes, Silences

# How far back notifications are counted: whether they arrive is a question about now.
DELIVERY = timedelta(hours=1)
# What a rule's job may be named after.
_NAMED = ("services", "deployments")
_OF_TRACKS = (*_NAMED, "replicasets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Notifications by one way (`pagerduty`, `slack` ...) over the last hour. `receiver` is "" where not told apart.

    A count is None where it is not known: no figure of that way, or none that is a number.
    """

    integration: str
    receiver: str
    sent: float | None
    failed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsAnswer:
    """Everything that the page shows. `mutes` are silences that can concern the namespace, the next to end first.

    `active` is the track that users get, by governed service.
    """

    board: Reading[AlertBoard]
    mutes: Reading[tuple[Mute, ...]]
    routes: Reading[Route]
    deliveries: Reading[tuple[Delivery, ...]]
    times: Reading[ResponseTimes]
    active: Mapping[str, str]


def alerts(ask: Ask, view: View, now: datetime) -> AlertsAnswer:
    """Ask for the page. Alerts, silences and routes are those of now; times to acknowledge are of the view's period."""
    window = {"window": f"{DELIVERY.total_seconds():.0f}s"}
    readings = ask.gather(
        {
            "groups": AlertGroups.of_namespace(view.ns, namespace_labels(ask.environment.alert_labels)),
            **{kind: Objects(kind, view.ns) for kind in _OF_TRACKS},
            "silences": Silences(),
            "routes": Routes(),
            "sent": Instant(NOTIFICATIONS_SENT, window),
            "failed": Instant(NOTIFICATIONS_FAILED, window),
        }
    )
    silences, routes = readings.silences("silences"), readings.routes("routes")
    known = silences.value or ()
    ours = readings.groups("groups").map(lambda found: _of(found, view.ns))
    words, tracks = ask.environment.words.tables().severity, ask.environment.blue_green.known
    names = frozenset(one["metadata"]["name"] for kind in _NAMED for one in readings.objects(kind).value or ())
    found = ours.map(lambda groups: board(groups, known, routes.value, words, tracks, names))
    mutes = silences.map(lambda several: tuple(one for one in several if touches(one, view.ns)))
    start, end = view.window(now)
    sent, failed = readings.samples("sent"), readings.samples("failed")
    return AlertsAnswer(
        board=beside(found, {"silences": silences}),
        mutes=mutes.map(lambda several: tuple(sorted(several, key=lambda one: (one.ends_at, one.id)))),
        routes=routes,
        deliveries=beside(sent.map(lambda counted: deliveries(counted, failed.value or ())), {"failures": failed}),
        times=mutes.map(lambda several: response_times(several, start, end)),
        active=_active(readings, ask.environment.blue_green.known),
    )


def _active(readings: Readings, known: BlueGreen) -> dict[str, str]:
    services, deployments, replicasets = (readings.objects(kind).value or () for kind in _OF_TRACKS)

    def track(service: Mapping[str, Any]) -> str:
        values = of_service(known, service, services=services, deployments=deployments, replicasets=replicasets)
        return values.track_shown(selector_of(service))

    return {one["metadata"]["name"]: track(one) for one in services if known.is_governed(one)}


def matched(ask: Ask, view: View, matchers: tuple[AlertMatcher, ...]) -> Reading[tuple[Alert, ...]]:
    """The alerts that a silence with these matchers would mute now, of any namespace, as Alertmanager matches them."""
    return ask.gather({"matched": Alerts(filters=tuple(map(str, matchers)))}).alerts("matched")


def _of(groups: tuple[GroupedAlerts, ...], ns: str) -> tuple[GroupedAlerts, ...]:
    """The groups with the alerts of this namespace alone; the filter of the question also lets others through."""
    kept = (
        GroupedAlerts(
            labels=group.labels,
            receiver=group.receiver,
            alerts=tuple(alert for alert in group.alerts if namespace(alert.placing) in ("", ns)),
        )
        for group in groups
    )
    return tuple(group for group in kept if group.alerts)


def deliveries(sent: tuple[Sample, ...], failed: tuple[Sample, ...]) -> tuple[Delivery, ...]:
    """Sent and failed notifications by way. Those that fail come first, then those of which that is not known. Pure.

    A way that surely sent nothing is left out.
    """
    tried, lost = ({_way(sample): sample.value for sample in counted} for counted in (sent, failed))
    found = [
        Delivery(integration=way[0], receiver=way[1], sent=tried.get(way), failed=lost.get(way))
        for way in {**tried, **lost}
        if tried.get(way) != 0 or lost.get(way)
    ]
    return tuple(sorted(found, key=_most_urgent))


def _most_urgent(one: Delivery) -> tuple[float, bool, str, str]:
    return -(one.failed or 0.0), one.failed is not None, one.integration, one.receiver


def _way(sample: Sample) -> tuple[str, str]:
    return sample.labels.get("integration", ""), sample.labels.get("receiver_name", "")
