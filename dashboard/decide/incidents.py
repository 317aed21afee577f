"""From alerts and short-window readings to incidents in the order a person should look at them.

Pure. Alerts of one cause (service, track, family) are one incident: a fault trips several rules, and five cards for it
hide the second fault. The order depends on nothing but the incidents themselves, so cards do not jump.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from dashboard.decide.alerts import place, said_severity, severity
from dashboard.decide.policy import Limits
from dashboard.model.alert import Alert
from dashboard.model.incident import CauseFamily, Change, Incident, Standing, Symptoms
from dashboard.model.words import SEVERITIES, Severity, Vocabulary
from dashboard.model.workload import Health, Pod

RESPONSE_TARGET = timedelta(minutes=5)

_LEAST_PER_SECOND = 0.5
# A few failed runs in a short window are chance: at 3 runs a second, of which 1 in 200 fails anyway, four of them
# within 15 s happen once in some days. More than the limit allows by three deviations is hardly chance either.
_LEAST_EVENTS = 4.0
_DEVIATIONS = 3.0
_DEFAULT = Limits()

_FAMILIES = {
    "AgentErrorRatioHigh": CauseFamily.ERRORS,
    "AgentLatencyHigh": CauseFamily.LATENCY,
    "ContractViolationRatioHigh": CauseFamily.CONTRACTS,
    "PodCrashLooping": CauseFamily.PODS,
    "DeploymentBelowDesired": CauseFamily.PODS,
    "TargetDown": CauseFamily.BLIND,
}
_RUNBOOKS = {
    CauseFamily.ERRORS: "agent-error-ratio-high",
    CauseFamily.LATENCY: "agent-latency-high",
    CauseFamily.CONTRACTS: "contract-violation-ratio-high",
}


def family(alert: Alert) -> CauseFamily:
    """The kind of cause that an alert points to; a burning budget belongs to what burns it."""
    if alert.name.startswith("ErrorBudgetBurns"):
        return CauseFamily.CONTRACTS if alert.labels.get("slo") == "contract-compliance" else CauseFamily.ERRORS
    return _FAMILIES.get(alert.name, CauseFamily.OTHER)


def group(alerts: Iterable[Alert], words: Vocabulary[Severity] = SEVERITIES) -> tuple[Incident, ...]:
    """One incident for each cause, in the order of the page. What is suppressed never hides what is not."""
    causes: dict[tuple[str, ...], list[Alert]] = {}
    for alert in alerts:
        service, track = place(alert.labels)
        kind = family(alert)
        cause = alert.name if kind is CauseFamily.OTHER else kind.value
        causes.setdefault((alert.state, cause, service, track), []).append(alert)
    return in_order(_incident(members, words) for members in causes.values())


def suspects(
    symptoms: Iterable[Symptoms], pods: Iterable[Pod], known: Sequence[Incident], limits: Limits = _DEFAULT
) -> tuple[Incident, ...]:
    """What breaks a limit right now, or fails in the cluster, and is not told by an alert already."""
    told = {(incident.family, incident.service, incident.track) for incident in known}
    found = [suspect for symptom in symptoms for suspect in _suspects(symptom, limits)]
    found.extend(_failing(pods))
    return in_order(s for s in found if (s.family, s.service, s.track) not in told)


def in_order(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """Suppressed last, critical first, then the family, then by name: the same alerts always make the same page."""
    standings, severities, families = list(Standing), list(Severity), list(CauseFamily)

    def rank(incident: Incident) -> tuple[bool, int, int, int, str]:
        return (
            incident.standing is Standing.SUPPRESSED,
            severities.index(incident.severity),
            standings.index(incident.standing),
            families.index(incident.family),
            incident.key,
        )

    return tuple(sorted(incidents, key=rank))


def change_before(incident: Incident, changes: Iterable[Change], now: datetime) -> Change | None:
    """The last change of the sick track or its service before the incident began; none for what is no service."""
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


def _incident(alerts: Sequence[Alert], words: Vocabulary[Severity]) -> Incident:
    levels = list(Severity)

    def rank(one: Alert) -> tuple[int, bool, datetime, str]:
        return (levels.index(severity(one, words)), _is_burn(one), one.starts_at, one.name)

    ordered = sorted(alerts, key=rank)
    first = ordered[0]
    service, track = place(first.labels)
    kind = family(first)
    standing = Standing.SUPPRESSED if first.state == "suppressed" else Standing.FIRING
    cause = first.name if kind is CauseFamily.OTHER else kind.value
    return Incident(
        key="-".join(filter(None, (standing.value, cause, service, track))).lower(),
        family=kind,
        severity=severity(first, words),
        severity_word=said_severity(first, words),
        standing=standing,
        headline=first.annotations.get("summary") or first.name,
        since=min(alert.starts_at for alert in alerts),
        service=service,
        track=track,
        owner=first.labels.get("owner", ""),
        runbook=first.annotations.get("runbook", ""),
        alerts=tuple(sorted({alert.name for alert in alerts})),
    )


def _is_burn(alert: Alert) -> bool:
    """Burn alerts tell of the budget; the alert on the fault itself makes the better headline."""
    return alert.name.startswith("ErrorBudgetBurns")


def _suspects(s: Symptoms, limits: Limits) -> Iterable[Incident]:
    seconds = s.window_seconds
    if s.error_ratio is not None and _is_beyond(s.error_ratio, limits.error_ratio, s.runs_per_second, seconds):
        yield _suspect(s, CauseFamily.ERRORS, f"fails {s.error_ratio * 100:.0f} % of its runs")
    if s.violation_ratio is not None and _is_beyond(
        s.violation_ratio, limits.violation_ratio, s.evaluations_per_second, seconds
    ):
        yield _suspect(
            s, CauseFamily.CONTRACTS, f"violates {s.violation_ratio * 100:.0f} % of its contract evaluations"
        )
    if (
        s.p95_seconds is not None
        and s.p95_seconds > limits.p95_seconds
        and (s.runs_per_second or 0.0) > _LEAST_PER_SECOND
    ):
        yield _suspect(s, CauseFamily.LATENCY, f"takes over {s.p95_seconds:.1f} s for 1 run in 20")


def _is_beyond(ratio: float, limit: float, per_second: float | None, window_seconds: float) -> bool:
    if per_second is None or per_second <= _LEAST_PER_SECOND:
        return False
    events = per_second * window_seconds
    allowed = limit * events
    return ratio * events >= max(_LEAST_EVENTS, allowed + _DEVIATIONS * math.sqrt(allowed))


def _failing(pods: Iterable[Pod]) -> Iterable[Incident]:
    places: dict[tuple[str, str], list[Pod]] = {}
    for pod in pods:
        if pod.health is Health.OVER:
            continue
        places.setdefault((pod.component or pod.workload, pod.track), []).append(pod)
    for (service, track), members in sorted(places.items()):
        sick = [pod for pod in members if pod.health is Health.FAILING]
        if not sick:
            continue
        reasons = ", ".join(sorted({pod.trouble for pod in sick if pod.trouble})) or "not able to work"
        where = f"{service} on {track}" if track else service
        yield Incident(
            key="-".join(filter(None, ("suspect", CauseFamily.PODS.value, service, track))),
            family=CauseFamily.PODS,
            severity=Severity.CRITICAL if len(sick) == len(members) else Severity.WARNING,
            standing=Standing.SUSPECT,
            headline=f"{len(sick)} of {len(members)} pods of {where} fail: {reasons}",
            since=None,
            service=service,
            track=track,
            owner="",
            runbook="pod-crash-looping",
        )


def _suspect(symptoms: Symptoms, kind: CauseFamily, does: str) -> Incident:
    where = f"{symptoms.service} on {symptoms.track}" if symptoms.track else symptoms.service
    return Incident(
        key="-".join(filter(None, ("suspect", kind.value, symptoms.service, symptoms.track))),
        family=kind,
        severity=Severity.WARNING if kind is CauseFamily.LATENCY else Severity.CRITICAL,
        standing=Standing.SUSPECT,
        headline=f"{where} {does}, measured over the last {symptoms.window_seconds:.0f} s",
        since=None,
        service=symptoms.service,
        track=symptoms.track,
        owner="",
        runbook=_RUNBOOKS[kind],
    )
