"""Which acknowledgements outlive their alert: one that stays would hide the next alert of the same kind. Pure.

An alert counts as over only when it was missing at every look for a while: an Alertmanager that has just started knows
none until Prometheus sends them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from dashboard.decide.alerts import namespace
from dashboard.decide.answering import is_in_force
from dashboard.decide.matchers import fit
from dashboard.model.alert import Alert
from dashboard.model.silence import Mute

MISSING_FOR = timedelta(minutes=3)


class Over:
    """Remembers since when the alert of an acknowledgement is missing, from look to look."""

    def __init__(self) -> None:
        self._since: dict[str, datetime] = {}

    def ended(
        self, mutes: Sequence[Mute], alerts: Sequence[Alert], namespaces: Sequence[str], now: datetime
    ) -> tuple[Mute, ...]:
        """The acknowledgements of alerts in these namespaces (or in none) whose alerts are over.

        Args:
            alerts: all that fire now, of all namespaces; silenced ones too.
        """
        firing = {frozenset(alert.labels.items()) for alert in alerts}
        missing = [
            one
            for one in mutes
            if one.acknowledges
            and is_in_force(one, now)
            and _is_ours(one, namespaces)
            and not _fires(one, alerts, firing)
        ]
        self._since = {one.id: self._since.get(one.id, now) for one in missing}
        return tuple(one for one in missing if now - self._since[one.id] >= MISSING_FOR)


def _is_ours(mute: Mute, namespaces: Sequence[str]) -> bool:
    return namespace({one.name: one.value for one in mute.matchers}) in ("", *namespaces)


def _fires(mute: Mute, alerts: Sequence[Alert], firing: set[frozenset[tuple[str, str]]]) -> bool:
    exact = frozenset((one.name, one.value) for one in mute.matchers)
    return exact in firing or any(fit(mute.matchers, alert.labels) for alert in alerts)
