"""Who has to answer which alert: alerts in the groups that Alertmanager tells, what is acknowledged, silenced or
inhibited, and how long people took.

Pure.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.decide.alerts import place, said_severity, severity
from dashboard.decide.incidents import RESPONSE_TARGET
from dashboard.decide.matchers import MatcherError, fits
from dashboard.decide.routing import Route, Tier, ladder
from dashboard.model.alert import Alert, GroupedAlerts
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.silence import AlertMatcher, Mute, exactly
from dashboard.model.words import SEVERITIES, Severity, Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingGroup:
    """Alerts of one notification that nobody has answered, the most urgent first, and the ladder of the first one.

    `severity_word` is the alert's own word where its severity is not understood.
    """

    labels: Mapping[str, str]
    alerts: tuple[Alert, ...]
    severity: Severity
    severity_word: str
    since: datetime
    service: str
    track: str
    tiers: tuple[Tier, ...]

    @property
    def key(self) -> str:
        """The same group at each refresh."""
        return self.alerts[0].fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class MutedAlert:
    """An alert of which nobody is told now: by silences (those that are known), other alerts or time intervals."""

    alert: Alert
    mutes: tuple[Mute, ...] = ()
    by: tuple[str, ...] = ()  # the names of the alerts that inhibit it


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertBoard:
    """All alerts that fire, each in one place."""

    waiting: tuple[WaitingGroup, ...] = ()
    informing: tuple[Alert, ...] = ()
    acknowledged: tuple[MutedAlert, ...] = ()
    silenced: tuple[MutedAlert, ...] = ()
    inhibited: tuple[MutedAlert, ...] = ()
    scheduled: tuple[MutedAlert, ...] = ()  # muted by a time interval of the routes

    @property
    def needing(self) -> tuple[Alert, ...]:
        """The alerts that need a person."""
        return tuple(alert for group in self.waiting for alert in group.alerts)

    @property
    def matched(self) -> Mapping[str, int]:
        """How many alerts each silence mutes now, by its id."""
        found: dict[str, int] = {}
        for muted in (*self.acknowledged, *self.silenced, *self.inhibited, *self.scheduled):
            for silence in muted.alert.silenced_by:
                found[silence] = found.get(silence, 0) + 1
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTimes:
    """How long acknowledgements of a period took, shortest first."""

    taken: tuple[timedelta, ...]

    @property
    def in_time(self) -> int:
        """How many were within the target."""
        return sum(one <= RESPONSE_TARGET for one in self.taken)

    @property
    def median(self) -> timedelta | None:
        """Half of them were as quick as this or quicker; None without any."""
        return statistics.median_low(self.taken) if self.taken else None


def board(
    groups: Sequence[GroupedAlerts],
    mutes: Iterable[Mute],
    root: Route | None,
    words: Vocabulary[Severity] = SEVERITIES,
    tracks: BlueGreen = OURS,
    known_names: Collection[str] = (),
) -> AlertBoard:
    """Every alert of these groups in its one place.

    Args:
        known_names: the services and workloads that are there; see `decide/alerts.place`.
        mutes: the silences, as far as they are known.
        root: Alertmanager's routes; None while they are not known, and no group has a ladder then.
    """
    alerts = {alert.fingerprint: alert for group in groups for alert in group.alerts}
    known, names = {mute.id: mute for mute in mutes}, {key: alert.name for key, alert in alerts.items()}
    found: dict[str, list[MutedAlert]] = {"acknowledged": [], "silenced": [], "inhibited": [], "scheduled": []}
    for alert in alerts.values():
        if alert.state == "suppressed":
            muted = MutedAlert(
                alert=alert,
                mutes=tuple(known[one] for one in alert.silenced_by if one in known),
                by=tuple(dict.fromkeys(names.get(one, "another alert") for one in alert.inhibited_by)),
            )
            found[_kind(muted)].append(muted)
    by_age = {kind: tuple(sorted(several, key=lambda one: one.alert.starts_at)) for kind, several in found.items()}
    return AlertBoard(
        waiting=_waiting(groups, root, words, tracks, known_names),
        informing=tuple(a for a in alerts.values() if a.state == "active" and severity(a, words) is Severity.INFO),
        acknowledged=by_age["acknowledged"],
        silenced=by_age["silenced"],
        inhibited=by_age["inhibited"],
        scheduled=by_age["scheduled"],
    )


def _kind(muted: MutedAlert) -> str:
    if any(one.acknowledges for one in muted.mutes):
        return "acknowledged"
    if muted.alert.silenced_by:
        return "silenced"
    return "scheduled" if muted.alert.muted_by and not muted.alert.inhibited_by else "inhibited"


def _waiting(
    groups: Sequence[GroupedAlerts],
    root: Route | None,
    words: Vocabulary[Severity],
    tracks: BlueGreen,
    known: Collection[str],
) -> tuple[WaitingGroup, ...]:
    """Groups with an alert that needs a person; an alert of several groups is in that of the receiver told first."""
    tiers: dict[str, tuple[Tier, ...]] = {}
    home: dict[str, tuple[int, int]] = {}
    for place_of_group, group in enumerate(groups):
        for alert in group.alerts:
            if alert.state != "active" or severity(alert, words) is Severity.INFO:
                continue
            own = tiers.setdefault(alert.fingerprint, _ladder(root, alert))
            told = next((rank for rank, tier in enumerate(own) if tier.receiver == group.receiver), len(own))
            candidate = (told, place_of_group)
            home[alert.fingerprint] = min(home.get(alert.fingerprint, candidate), candidate)
    ranked = list(Severity)
    found = []
    for place_of_group, group in enumerate(groups):
        members = [alert for alert in group.alerts if home.get(alert.fingerprint, (0, -1))[1] == place_of_group]
        if not members:
            continue
        members.sort(key=lambda one: (ranked.index(severity(one, words)), one.starts_at, one.name, one.fingerprint))
        first = members[0]
        service, track = place(first.placing, tracks, known)
        found.append(
            WaitingGroup(
                labels=group.labels,
                alerts=tuple(members),
                severity=severity(first, words),
                severity_word=said_severity(first, words),
                since=min(one.starts_at for one in members),
                service=service,
                track=track,
                tiers=tiers[first.fingerprint],
            )
        )
    return tuple(sorted(found, key=lambda one: (ranked.index(one.severity), one.since, one.key)))


def _ladder(root: Route | None, alert: Alert) -> tuple[Tier, ...]:
    try:
        return ladder(root, alert.labels) if root is not None else ()
    except MatcherError:  # a route of a version that we do not know
        return ()


def response_times(mutes: Iterable[Mute], start: datetime, end: datetime) -> ResponseTimes:
    """How long people took to acknowledge in a period, from what each acknowledgement says of its alert."""
    taken = [
        max(timedelta(0), mute.starts_at - since)
        for mute in mutes
        if (since := mute.acknowledges) is not None and start <= mute.starts_at <= end
    ]
    return ResponseTimes(taken=tuple(sorted(taken)))


def touches(mute: Mute, namespace: str) -> bool:
    """Whether a silence can mute an alert of this namespace, or one that is bound to none."""
    if any(one.name == "exported_namespace" and one.is_equal and _passes(one, namespace) for one in mute.matchers):
        return True
    own = [one for one in mute.matchers if one.name == "namespace"]
    return any(all(_passes(one, value) for one in own) for value in (namespace, ""))


def _passes(matcher: AlertMatcher, value: str) -> bool:
    try:
        return fits(matcher, {matcher.name: value})
    except MatcherError:
        return True  # not understood: better shown than hidden


def acknowledging(mutes: Iterable[Mute], labels: Mapping[str, str], now: datetime) -> tuple[Mute, ...]:
    """The acknowledgements of exactly this alert that hold now, the earliest first: that one counts."""
    wanted = set(exactly(labels))
    found = [one for one in mutes if one.acknowledges and is_in_force(one, now) and set(one.matchers) == wanted]
    return tuple(sorted(found, key=lambda one: (one.starts_at, one.id)))


def is_in_force(mute: Mute, now: datetime) -> bool:
    """Whether a silence mutes now, or will."""
    return mute.state != "expired" and mute.ends_at > now
