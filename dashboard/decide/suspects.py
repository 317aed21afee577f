"""Symptoms measured just now, before any alert: of tracks, pods and the cluster. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import datetime

from dashboard.decide import objects
from dashboard.decide.containers import DIED_WITHIN, death, status_list
from dashboard.decide.objects import Object
from dashboard.decide.policy import Limits
from dashboard.model.finding import ClusterFinding, FindingKind
from dashboard.model.incident import CauseFamily, Incident, Standing, Symptoms, cause_key
from dashboard.model.reading import Unit
from dashboard.model.words import Severity
from dashboard.model.workload import Health, Pod
from dashboard.model.written import duration, number, span

# A few failed runs in a short window are chance: at 3 runs a second, of which 1 in 200 fails anyway, four of them
# within 15 s happen once in some days. More than the limit allows by three deviations is hardly chance either.
_LEAST_EVENTS = 4.0
_DEVIATIONS = 3.0
# The 95th percentile of a handful of runs is just the slowest one.
_LEAST_RUNS = 8.0
RUNBOOKS = {
    CauseFamily.STOPPED: "kill-switch",
    CauseFamily.QUEUE: "queue-stuck",
    CauseFamily.UNSERVED: "service-without-endpoints",
    CauseFamily.REQUESTS: "requests-lost",
    CauseFamily.AUDIT: "audit-unwritable",
    CauseFamily.LOGS: "log-flood",
    CauseFamily.ERRORS: "agent-error-ratio-high",
    CauseFamily.LATENCY: "agent-latency-high",
    CauseFamily.CONTRACTS: "contract-violation-ratio-high",
    CauseFamily.PODS: "pod-crash-looping",
}
_DEFAULT = Limits()


def suspect(
    family: CauseFamily,
    headline: str,
    *,
    service: str = "",
    track: str = "",
    subject: str = "",
    severity: Severity = Severity.CRITICAL,
    reasons: Iterable[str] = (),
    runbook: str = "",
    window_seconds: float | None = None,
) -> Incident:
    """Something that is true now; `subject` tells apart what is bound to no service."""
    return Incident(
        key=cause_key(Standing.SUSPECT, family, service, track, subject),
        family=family,
        severity=severity,
        standing=Standing.SUSPECT,
        headline=headline,
        since=None,
        service=service,
        track=track,
        owner="",
        runbook=runbook or RUNBOOKS.get(family, ""),
        reasons=tuple(filter(None, reasons)),
        window_seconds=window_seconds,
    )


def where(service: str, track: str) -> str:
    """A place as sentences name it."""
    return f"{service} on {track}" if track else service


def of_symptoms(symptoms: Iterable[Symptoms], limits: Limits = _DEFAULT) -> tuple[Incident, ...]:
    """Each track that exceeds a limit, judged by itself, however little traffic it has.

    Symptoms of one track over several windows may be given: the first that shows it counts.
    """
    found: dict[str, Incident] = {}
    for symptom in symptoms:
        for one in _of_track(symptom, limits):
            found.setdefault(one.key, one)
    return tuple(found.values())


def of_pods(pods: Iterable[Pod]) -> Iterator[Incident]:
    """Pods that fail, once for each service and track."""
    places: dict[tuple[str, str], list[Pod]] = {}
    for pod in pods:
        if pod.health is not Health.OVER:
            places.setdefault((pod.component or pod.workload, pod.track), []).append(pod)
    for (service, track), members in sorted(places.items()):
        sick = [pod for pod in members if pod.health is Health.FAILING]
        if not sick:
            continue
        reasons = ", ".join(sorted({pod.trouble for pod in sick if pod.trouble})) or "not working"
        yield suspect(
            CauseFamily.PODS,
            f"{len(sick)} of {len(members)} pods of {where(service, track)} fail: {reasons}",
            service=service,
            track=track,
            severity=Severity.CRITICAL if len(sick) == len(members) else Severity.WARNING,
        )


def of_ends(pod_objects: Iterable[Object], pods: Iterable[Pod], now: datetime) -> Iterator[Incident]:
    """Containers that died just now and were restarted: their pods look running and ready.

    Args:
        pod_objects, pods: the same pods, raw and judged.
    """
    judged = {pod.name: pod for pod in pods if pod.health is not Health.OVER}
    places: dict[tuple[str, str], dict[str, set[str]]] = {}
    for one in pod_objects:
        pod = judged.get(objects.name_of(one))
        if pod is not None and (died := _died(one, now)):
            place = (pod.component or pod.workload, pod.track)
            places.setdefault(place, {})[pod.name] = died
    for (service, track), dead in sorted(places.items()):
        reasons = ", ".join(sorted(set().union(*dead.values())))
        number_of = "1 pod" if len(dead) == 1 else f"{len(dead)} pods"
        yield suspect(
            CauseFamily.PODS,
            f"Containers of {number_of} of {where(service, track)} died and restarted: {reasons}",
            service=service,
            track=track,
            severity=Severity.WARNING,
            reasons=(f"{', '.join(sorted(dead)[:3])}, within the last {span(DIED_WITHIN)}",),
        )


def of_findings(findings: Iterable[ClusterFinding]) -> Iterator[Incident]:
    """Findings of the cluster as incidents. Words that were not understood are none: the headline says so."""
    for one in findings:
        if one.kind is FindingKind.NOT_UNDERSTOOD:
            continue
        unserved = one.kind is FindingKind.NO_ENDPOINTS
        yield suspect(
            CauseFamily.UNSERVED if unserved else CauseFamily.PODS,
            one.headline,
            service=one.service,
            # A Service without endpoints reaches none of its tracks, whichever its selector meant.
            track="" if unserved else one.track,
            subject="" if one.service else one.subject,
            severity=Severity.CRITICAL if one.serves_nobody else Severity.WARNING,
            reasons=(one.reason,),
            runbook="" if unserved else "deployment-below-desired",
        )


def _died(pod: Object, now: datetime) -> set[str]:
    """How containers of a pod ended just now, except with success."""
    found = set()
    for status in status_list(pod):
        ended = objects.part(status, "lastState", "terminated")
        at = objects.instant(ended.get("finishedAt"))
        if at is not None and now - at <= DIED_WITHIN and objects.count(ended, "exitCode") != 0:
            found.add(death(ended))
    return found


def is_beyond(ratio: float, limit: float, per_second: float | None, window_seconds: float) -> bool:
    """Whether a share of events is above its limit by more than chance explains."""
    events = (per_second or 0.0) * window_seconds
    allowed = limit * events
    return ratio * events >= max(_LEAST_EVENTS, allowed + _DEVIATIONS * math.sqrt(allowed))


def _of_track(s: Symptoms, limits: Limits) -> Iterator[Incident]:
    seconds = s.window_seconds
    if s.error_ratio is not None and is_beyond(s.error_ratio, limits.error_ratio, s.runs_per_second, seconds):
        yield _beyond(s, CauseFamily.ERRORS, s.error_ratio)
    if s.violation_ratio is not None and is_beyond(
        s.violation_ratio, limits.violation_ratio, s.evaluations_per_second, seconds
    ):
        yield _beyond(s, CauseFamily.CONTRACTS, s.violation_ratio)
    runs = (s.runs_per_second or 0.0) * seconds
    if s.p95_seconds is not None and s.p95_seconds > limits.p95_seconds and runs >= _LEAST_RUNS:
        yield _beyond(s, CauseFamily.LATENCY, s.p95_seconds)


def _beyond(symptoms: Symptoms, kind: CauseFamily, value: float) -> Incident:
    place, seconds = where(symptoms.service, symptoms.track), symptoms.window_seconds
    return suspect(
        kind,
        measured(kind, place, value, seconds),
        service=symptoms.service,
        track=symptoms.track,
        severity=Severity.WARNING if kind is CauseFamily.LATENCY else Severity.CRITICAL,
        window_seconds=seconds,
    )


def measured(kind: CauseFamily, place: str, value: float, seconds: float) -> str:
    """What a track does now, by the measure of this kind of cause, and over which window it is measured."""
    match kind:
        case CauseFamily.ERRORS:
            does = f"fails {number(value, Unit.RATIO)} of its runs"
        case CauseFamily.CONTRACTS:
            does = f"violates {number(value, Unit.RATIO)} of its contract evaluations"
        case CauseFamily.LATENCY:
            does = f"takes over {number(value, Unit.SECONDS)} for 1 run in 20"
        case _:
            raise ValueError(f"{kind} is not told by a measure")
    return f"{place} {does} now (last {duration(seconds)})"
