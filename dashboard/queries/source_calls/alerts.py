"""Questions to Alertmanager."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, assert_never

import yaml

from connectors.alertmanager import AlertGroup, Alertmanager, FiringAlert
from dashboard.alerting import alert_of, mute_of
from dashboard.decide.routing import Route, route_of
from dashboard.model.alert import Alert, GroupedAlerts
from dashboard.model.own_labels import OwnLabel
from dashboard.model.reading import Reading, Source, fresh, missing
from dashboard.model.silence import Mute
from dashboard.queries.request import AlertGroups, Alerting, Alerts, Routes, Silences
from dashboard.queries.source_calls.call import INSTANT_SECONDS, SourceCall

# The families of what people change: alerts tell who silenced them.
ALERTING = ("alerts", "alert groups", "silences")


class _UnreadableRoutesError(Exception):
    """Alertmanager answered, but its configuration is not understood."""


def alerting_call(
    request: Alerting,
    alertmanager: Alertmanager,
    *,
    own_labels: Sequence[OwnLabel] = (),
    clock: Callable[[], datetime],
    ttl_seconds: float,
) -> SourceCall:
    """One question to Alertmanager. Alerts and groups fit any set of filters, and each is there once.

    Args:
        own_labels: what carries namespace, service, track and pod on alerts, where the team calls them otherwise.
    """
    key, text, answer = _asked(request, alertmanager, own_labels)

    def fetch() -> Reading[Any]:
        try:
            return fresh(answer(), source=Source.ALERTMANAGER, as_of=clock(), query=text)
        except _UnreadableRoutesError as error:  # its other answers are as good as before
            return missing(str(error), source=Source.ALERTMANAGER, query=text)

    return SourceCall(
        source=Source.ALERTMANAGER,
        key=key,
        family=key[0],
        text=text,
        ttl_seconds=ttl_seconds,
        timeout_seconds=INSTANT_SECONDS,
        fetch=fetch,
    )


def _asked(
    request: Alerting, alertmanager: Alertmanager, own_labels: Sequence[OwnLabel]
) -> tuple[tuple[str, ...], str, Callable[[], Any]]:
    """Under which key the answer is shared, the question as a person may read it, and how it is asked."""
    match request:
        case Alerts():
            key = ("alerts", repr(_sets(request)))
            return key, _text("alerts", request), lambda: _alerts(request, alertmanager, own_labels)
        case AlertGroups():
            key = ("alert groups", repr(_sets(request)))
            return key, _text("alerts/groups", request), lambda: _groups(request, alertmanager, own_labels)
        case Silences():
            return ("silences",), "GET /api/v2/silences", lambda: _silences(alertmanager)
        case Routes():
            return ("routes",), "GET /api/v2/status", lambda: _routes(alertmanager)
        case _:
            assert_never(request)


def _sets(request: Alerts | AlertGroups) -> tuple[tuple[str, ...], ...]:
    return tuple(filter(None, (request.filters, *request.or_filters))) or ((),)


def _text(path: str, request: Alerts | AlertGroups) -> str:
    return " or ".join(" ".join((f"GET /api/v2/{path}", *filters)) for filters in _sets(request))


def _alerts(request: Alerts, alertmanager: Alertmanager, own_labels: Sequence[OwnLabel]) -> tuple[Alert, ...]:
    found = {
        alert.fingerprint: alert
        for filters in _sets(request)
        for alert in alertmanager.alerts(filters, timeout_seconds=INSTANT_SECONDS)
    }
    return tuple(alert_of(one, own_labels) for one in found.values())


def _groups(
    request: AlertGroups, alertmanager: Alertmanager, own_labels: Sequence[OwnLabel]
) -> tuple[GroupedAlerts, ...]:
    found: dict[tuple[str, str], dict[str, FiringAlert]] = {}
    labels: dict[tuple[str, str], AlertGroup] = {}
    for filters in _sets(request):
        for group in alertmanager.groups(filters, timeout_seconds=INSTANT_SECONDS):
            key = (group.receiver, repr(sorted(group.labels.items())))
            labels[key] = group
            found.setdefault(key, {}).update((alert.fingerprint, alert) for alert in group.alerts)
    shared = {one.fingerprint: alert_of(one, own_labels) for alerts in found.values() for one in alerts.values()}
    return tuple(
        GroupedAlerts(
            labels=labels[key].labels, receiver=key[0], alerts=tuple(shared[fingerprint] for fingerprint in alerts)
        )
        for key, alerts in found.items()
    )


def _silences(alertmanager: Alertmanager) -> tuple[Mute, ...]:
    return tuple(map(mute_of, alertmanager.silences(timeout_seconds=INSTANT_SECONDS)))


def _routes(alertmanager: Alertmanager) -> Route:
    try:
        return route_of(yaml.safe_load(alertmanager.setup(timeout_seconds=INSTANT_SECONDS).config))
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _UnreadableRoutesError(f"the routes of Alertmanager cannot be understood: {error}") from error
