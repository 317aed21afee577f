"""An Alertmanager in memory for the tests of acts on alerts, which can misbehave. As the real one it lets a silence
begin when it takes it, and tells at once who silences an alert.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connectors.alertmanager import FiringAlert, Silence
from connectors.errors import NotFound
from dashboard.alerting import mute_of, silence_of
from dashboard.decide.matchers import fit
from dashboard.model.silence import Mute, exactly
from tests.act.fakes import Clock


class FakeAlertmanager:
    """`before_write` is called with what is about to change and may raise or change things; `hides` silences."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.firing: dict[str, FiringAlert] = {}
        self.kept: dict[str, Silence] = {}
        self.writes: list[str] = []
        self.before_read: Callable[[str], None] = lambda what: None
        self.before_write: Callable[[str], None] = lambda what: None
        self.after_write: Callable[[str], None] = lambda what: None
        self.hides = False

    def fire(self, name: str = "A", *, minutes: float = 2.0, **labels: str) -> dict[str, str]:
        """An alert that has fired for that long; answers its labels."""
        known = {"alertname": name, "severity": "critical", "namespace": "agents", **labels}
        at = self._clock.now() - timedelta(minutes=minutes)
        given: dict[str, Any] = {"annotations": {}, "state": "active", "silenced_by": (), "inhibited_by": ()}
        print_of = "|".join(f"{key}={value}" for key, value in sorted(known.items()))
        self.firing[print_of] = FiringAlert(labels=known, starts_at=at, fingerprint=print_of, **given)
        return known

    def alerts(self, filters: Sequence[str] = ()) -> tuple[FiringAlert, ...]:
        self.before_read("alerts")
        return tuple(self._with_silences(alert) for alert in self.firing.values())

    def silences(self) -> tuple[Silence, ...]:
        self.before_read("silences")
        return () if self.hides else tuple(map(self._now, self.kept.values()))

    def silence(self, silence: Silence) -> str:
        self.before_write("silence")
        made = silence.id or f"s{len(self.kept) + 1}"
        begins = max(silence.starts_at, self._clock.now()) if not silence.id else silence.starts_at
        self.kept[made] = replace(silence, id=made, starts_at=begins, state="active")
        self.writes.append(f"silence {made}")
        self.after_write("silence")
        return made

    def expire(self, silence_id: str) -> None:
        self.before_write("expire")
        if silence_id not in self.kept:
            raise NotFound("alertmanager", "silence not found")
        self.kept[silence_id] = replace(self.kept[silence_id], ends_at=self._clock.now(), state="expired")
        self.writes.append(f"expire {silence_id}")

    def by_somebody(self, labels: Mapping[str, str], comment: str, by: str, until: datetime) -> str:
        """A silence of exactly these labels by somebody else, without a recorded write."""
        made = f"other{len(self.kept) + 1}"
        mute = Mute(
            id=made,
            state="active",
            matchers=exactly(labels),
            starts_at=self._clock.now(),
            ends_at=until,
            by=by,
            comment=comment,
        )
        self.kept[made] = replace(silence_of(mute), state="active")
        return made

    def _now(self, silence: Silence) -> Silence:
        return replace(silence, state="expired") if silence.ends_at <= self._clock.now() else silence

    def _with_silences(self, alert: FiringAlert) -> FiringAlert:
        by = tuple(
            one.id
            for one in map(self._now, self.kept.values())
            if one.state == "active" and fit(mute_of(one).matchers, alert.labels)
        )
        return replace(alert, silenced_by=by, state="suppressed" if by else "active")
