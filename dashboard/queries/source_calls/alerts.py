"""Questions to Alertmanager."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from connectors.alertmanager import Alertmanager, FiringAlert
from dashboard.model.alert import Alert
from dashboard.model.reading import Reading, Source, fresh
from dashboard.queries.request import Alerts
from dashboard.queries.source_calls.call import INSTANT_SECONDS, SourceCall


def alerts_call(
    request: Alerts, alertmanager: Alertmanager, *, clock: Callable[[], datetime], ttl_seconds: float
) -> SourceCall:
    """The firing alerts that match either set of filters, each once."""
    sets = tuple(filter(None, (request.filters, request.or_filters))) or ((),)
    text = " or ".join(" ".join(("GET /api/v2/alerts", *filters)) for filters in sets)

    def fetch() -> Reading[tuple[Alert, ...]]:
        found = {
            alert.fingerprint: alert
            for filters in sets
            for alert in alertmanager.alerts(filters, timeout_seconds=INSTANT_SECONDS)
        }
        return fresh(tuple(map(_alert, found.values())), source=Source.ALERTMANAGER, as_of=clock(), query=text)

    return SourceCall(
        source=Source.ALERTMANAGER,
        key=("alerts", request.filters, request.or_filters),
        family="alerts",
        text=text,
        ttl_seconds=ttl_seconds,
        timeout_seconds=INSTANT_SECONDS,
        fetch=fetch,
    )


def _alert(found: FiringAlert) -> Alert:
    return Alert(
        name=found.labels.get("alertname", ""),
        labels=found.labels,
        annotations=found.annotations,
        starts_at=found.starts_at,
        state="suppressed" if found.state == "suppressed" else "active",
        fingerprint=found.fingerprint,
        silenced_by=found.silenced_by,
        expression=rule_of(found.generator_url),
    )


def rule_of(generator_url: str) -> str:
    """The rule's PromQL, or "". Prometheus sends a link to its graph page that has the expression in it."""
    try:
        return next(iter(parse_qs(urlsplit(generator_url).query).get("g0.expr", ())), "")
    except ValueError:  # not a URL
        return ""
