"""From alerts and from what is measured now to incidents, in the order in which a person should look at them.

Pure. One cause (family, service, track) is one incident: a fault fires several rules, and five cards for it would hide
the second fault. The order depends on the incidents alone, so cards do not jump.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from dashboard.decide import suspects, wording
from dashboard.decide.alerts import place, said_severity, severity
from dashboard.decide.families import family, is_burn, is_ours
from dashboard.model.alert import Alert
from dashboard.model.blue_green import OURS, BlueGreen
from dashboard.model.incident import CauseFamily, Change, Incident, Standing, cause_key
from dashboard.model.words import SEVERITIES, Severity, Vocabulary

RESPONSE_TARGET = timedelta(minutes=5)


def group(
    alerts: Iterable[Alert],
    words: Vocabulary[Severity] = SEVERITIES,
    addresses: Mapping[str, str] | None = None,
    owner_labels: Sequence[str] = ("owner", "team"),
    tracks: BlueGreen = OURS,
    known: Collection[str] = (),
) -> tuple[Incident, ...]:
    """One incident for each cause, in the order of the page. A suppressed alert never hides an active one.

    An alert about the whole service joins the incident of its kind on a track, if exactly one track has one.

    Args:
        addresses: names of pods by their addresses.
        owner_labels: the labels that name an alert's owner, the first wins.
        tracks: what tracks are called where the alerts come from.
        known: the services and workloads that are there; see `decide/alerts.place`.
    """
    causes: dict[tuple[str, ...], list[Alert]] = {}
    for alert in alerts:
        service, track = place(alert.placing, tracks, known)
        kind = family(alert)
        causes.setdefault((_standing(alert), kind, _cause(alert), service, track), []).append(alert)
    for key in [key for key in causes if key[3] and not key[4]]:
        of_tracks = [other for other in causes if other[:4] == key[:4] and other[4]]
        if len(of_tracks) == 1:
            causes[of_tracks[0]] += causes.pop(key)
    return in_order(
        _incident(members, key[3], key[4], words, addresses or {}, owner_labels) for key, members in causes.items()
    )


def runbook_of(alerts: Iterable[Alert]) -> str:
    """The name of a runbook of ours, or the address of a team's own; "" when no alert names one."""
    named = (one.annotations.get("runbook") or one.annotations.get("runbook_url", "") for one in alerts)
    return next(filter(None, named), "")


def joined(known: Iterable[Incident], found: Iterable[Incident]) -> tuple[Incident, ...]:
    """`known`, which alerts tell, with what was `found` besides: a fact about a known cause becomes one of its reasons.

    A silenced alert also silences a symptom of the same measure. A fact with a reason of its own still gets a card: the
    person who silenced the alert did not know it.
    """
    incidents = list(known)
    for one in found:
        same = [i for i, other in enumerate(incidents) if _is_same(other, one)]
        awake = [i for i in same if incidents[i].standing is not Standing.SUPPRESSED]
        if awake:
            incidents[awake[0]] = _with(incidents[awake[0]], one)
        elif not same or one.reasons:
            incidents.append(one)
    return in_order(incidents)


def in_order(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """Suppressed last, then users without service first, then by severity, family and name.

    The same alerts always make the same page.
    """
    standings, severities, families = list(Standing), list(Severity), list(CauseFamily)

    def rank(incident: Incident) -> tuple[bool, bool, int, int, int, str]:
        return (
            incident.standing is Standing.SUPPRESSED,
            not incident.is_outage,
            severities.index(incident.severity),
            families.index(incident.family),
            standings.index(incident.standing),
            incident.key,
        )

    return tuple(sorted(incidents, key=rank))


def with_first(found: Iterable[Incident], fingerprint: str) -> tuple[Incident, ...]:
    """The same incidents, that of this alert before the others of its standing."""
    suppressed = Standing.SUPPRESSED
    return tuple(sorted(found, key=lambda one: (one.standing is suppressed, fingerprint not in one.fingerprints)))


def with_outages(found: Iterable[Incident], active: Mapping[str, str]) -> tuple[Incident, ...]:
    """Marks, and puts first, what keeps users from any service: agents stopped, nobody serving, no run that ends.

    Args:
        active: the track that users get, by service. What stands still on the other track stops no user.
    """

    def is_outage(one: Incident) -> bool:
        if one.severity is not Severity.CRITICAL or one.standing is Standing.SUPPRESSED:
            return False
        return one.family in (CauseFamily.STOPPED, CauseFamily.UNSERVED) or (
            one.family is CauseFamily.QUEUE and one.track in ("", active.get(one.service, one.track))
        )

    return in_order(replace(one, is_outage=is_outage(one)) for one in found)


def told_now(incident: Incident, value: float | None, seconds: float) -> Incident:
    """The incident with the figure of now in its headline, as the tile shows it; what it said at its start is a reason.

    An alert's own sentence keeps the figure of the moment it was sent. Args: `value` as measured over `seconds`.
    """
    if value is None:
        return incident
    headline = suspects.measured(incident.family, suspects.where(incident.service, incident.track), value, seconds)
    if incident.standing is Standing.SUSPECT:
        return replace(incident, headline=headline)
    return replace(incident, headline=headline, reasons=(f"At its start: {incident.headline}", *incident.reasons))


def change_before(incident: Incident, changes: Iterable[Change], now: datetime) -> Change | None:
    """The last change of the failing track or its service before the incident began; None without a service."""
    until = incident.since or now
    # An alert starts some time after its cause: a change just before it counts, one long after it does not.
    mine = [c for c in changes if c.at <= until and c.service == incident.service]
    if incident.track:
        mine = [c for c in mine if c.track in ("", incident.track)]
    return max(mine, key=lambda c: c.at, default=None)


def only_where(shares: Mapping[str, float | None], limit: float) -> tuple[str, ...]:
    """The few among many that carry the fault: names beyond `limit` while others are well; none if all are sick."""
    sick = tuple(sorted(name for name, share in shares.items() if share is not None and share > limit))
    # In a short window chance spares some of many: most of them sick points nowhere.
    return sick if 0 < 2 * len(sick) <= len(shares) else ()


def _is_same(known: Incident, found: Incident) -> bool:
    """One cause at one place. What is bound to no service is told apart by its key."""
    if known.family is not found.family or known.family is CauseFamily.OTHER:
        return False
    if not found.service:
        return known.key == found.key
    return known.service == found.service and known.track in ("", found.track)


def _with(known: Incident, found: Incident) -> Incident:
    worst = min(known.severity, found.severity, key=list(Severity).index)
    # The page says itself what is measured now (`told_now`), over the same window as its tiles.
    is_new = found.headline != known.headline and found.window_seconds is None
    headline = (found.headline,) if is_new else ()
    return replace(
        known,
        severity=worst,
        severity_word=known.severity_word if worst is Severity.UNKNOWN else "",
        service=known.service or found.service,
        track=known.track or found.track,
        runbook=known.runbook or found.runbook,
        window_seconds=known.window_seconds or found.window_seconds,
        reasons=tuple(dict.fromkeys((*known.reasons, *headline, *found.reasons))),
    )


def _incident(
    alerts: Sequence[Alert],
    service: str,
    track: str,
    words: Vocabulary[Severity],
    addresses: Mapping[str, str],
    owner_labels: Sequence[str],
) -> Incident:
    levels = list(Severity)

    def rank(one: Alert) -> tuple[bool, bool, int, datetime, str]:
        return (not is_ours(one), is_burn(one), levels.index(severity(one, words)), one.starts_at, one.name)

    ordered = sorted(alerts, key=rank)
    first = ordered[0]
    worst = min(ordered, key=lambda one: levels.index(severity(one, words)))
    kind = family(first)
    standing = _standing(first)
    said = [wording.said(one, addresses) for one in ordered]
    return Incident(
        key=cause_key(standing, kind, _cause(first), service, track),
        family=kind,
        severity=severity(worst, words),
        severity_word=said_severity(worst, words),
        standing=standing,
        headline=said[0],
        since=min(alert.starts_at for alert in alerts),
        service=service,
        track=track,
        owner=next((first.labels[name] for name in owner_labels if first.labels.get(name)), ""),
        runbook=runbook_of(ordered),
        alerts=tuple(sorted({alert.name for alert in alerts})),
        fingerprints=tuple(sorted({alert.fingerprint for alert in alerts})),
        # Budgets say no more of the cause than the alert on the fault itself.
        reasons=tuple(
            dict.fromkeys(s for one, s in zip(ordered, said, strict=True) if s != said[0] and not is_burn(one))
        ),
    )


def _standing(alert: Alert) -> Standing:
    return Standing.SUPPRESSED if alert.state == "suppressed" else Standing.FIRING


def _cause(alert: Alert) -> str:
    """What distinguishes causes of one family: the alert's name where the family is not known."""
    return alert.name if family(alert) is CauseFamily.OTHER else ""
