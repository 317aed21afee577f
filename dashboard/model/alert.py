"""An alert as Alertmanager holds it now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One firing alert. `suppressed` means that a silence, another alert or a time interval mutes it.

    `silenced_by` are ids of silences, `inhibited_by` fingerprints of alerts, `muted_by` names of time intervals;
    `receivers` are all whom its routes name, told by now or not. `expression` is the rule's PromQL; "" where the alert
    has no link to it. `own` are labels under our names, as the settings read them from the team's labels.
    """

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    state: Literal["active", "suppressed"]
    fingerprint: str
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    muted_by: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    expression: str = ""
    own: Mapping[str, str] = field(default_factory=dict)

    @property
    def placing(self) -> Mapping[str, str]:
        """The labels that say what it is about: its own, and under our names what the settings read from them."""
        return {**self.labels, **self.own}


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedAlerts:
    """The alerts of one notification to one receiver, with the labels that they are grouped by."""

    labels: Mapping[str, str]
    receiver: str
    alerts: tuple[Alert, ...]
