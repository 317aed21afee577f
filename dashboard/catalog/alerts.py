"""Expressions of the Alerts page: whether what Alertmanager sends arrives."""

from __future__ import annotations

from dashboard.catalog.expression import Expression
from dashboard.model.reading import Unit

NOTIFICATIONS_SENT = Expression(
    name="alert_notifications_sent",
    promql='sum by (integration, receiver_name) (increase(alertmanager_notifications_total{integration!=""}[$window]))',
    unit=Unit.COUNT,
    blind="Whether anybody is told of alerts at all.",
)
NOTIFICATIONS_FAILED = Expression(
    name="alert_notifications_failed",
    promql="sum by (integration, receiver_name) "
    '(increase(alertmanager_notifications_failed_total{integration!=""}[$window]))',
    unit=Unit.COUNT,
    blind="Whether notifications of alerts are lost on their way to people.",
)
