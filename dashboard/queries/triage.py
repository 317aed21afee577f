"""What is wrong now: alerts grouped by cause, what is measured before an alert can fire, and the evidence for both.

Two rounds: the first asks what the page always shows; the second, only when something is wrong, asks for the course,
the newest error line and the like of the incidents that are shown first. Triage always speaks of now; the view's
period is what the figures of the services cover.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from dashboard.catalog import triage as own
from dashboard.decide import incidents
from dashboard.decide.alerts import namespace
from dashboard.decide.tracks import find_tracks
from dashboard.model import service_annotations
from dashboard.model.alert import Alert
from dashboard.model.finding import ClusterFinding, FindingKind
from dashboard.model.incident import Incident, IncidentEvidence, Measured, Symptoms
from dashboard.model.reading import Reading, State, beside
from dashboard.model.series import Sample
from dashboard.model.unfinished import Unfinished
from dashboard.model.view import View
from dashboard.model.workload import Pod, Workload
from dashboard.queries import measures
from dashboard.queries.ask import Alerts, Ask, Instant, Objects, Readings, Request
from dashboard.queries.cluster import ClusterState, ask_cluster, cluster_state
from dashboard.queries.incident import MEASURES, Place, by_measure, evidence, line_at, place, value_at
from dashboard.queries.policy import limits_of
from dashboard.queries.unfinished import unfinished_of

_NOT_KNOWN = (State.MISSING, State.STALE, State.PARTIAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What is left of an objective's error budget on a track, and how many times too fast it is spent."""

    slo: str
    service: str
    track: str
    remaining: float | None
    burn_rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLine:
    """One governed service: which track users get, how the two stand, and an action on it that has not ended."""

    name: str
    active: str
    owner: str
    tracks: tuple[Workload, ...]
    unfinished: Unfinished | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """Everything that the page shows. `evidence` is by the incident's key."""

    alerts: Reading[tuple[Alert, ...]]
    incidents: tuple[Incident, ...]
    evidence: Mapping[str, IncidentEvidence]
    services: Reading[tuple[ServiceLine, ...]]
    budgets: Reading[tuple[Budget, ...]]
    pods: Reading[tuple[Pod, ...]]
    findings: Reading[tuple[ClusterFinding, ...]]
    figures: Mapping[Place, Mapping[str, Measured]]
    unknown: Mapping[str, tuple[str, ...]]  # by the reason, which says of whom
    measured: int  # tracks that were measured over the last moments
    has_traffic: bool
    limits: Mapping[str, float]  # by measure: what a track is held against


def triage(ask: Ask, view: View, now: datetime) -> Triage:
    """Ask for the page. Guarantees: nothing is called well that was not answered just now (`unknown` says what)."""
    over = measures.period(view, now)
    limits = limits_of(ask)
    moments = {"namespace": view.ns, "window": f"{window_seconds(ask):.0f}s", "objective": f"{limits.objective_ratio}"}
    readings = ask.gather(_first(view, over, moments))
    cluster = cluster_state(readings, now, ask.environment.words.tables())
    alerts = readings.alerts("alerts")
    ours = [alert for alert in alerts.value or () if namespace(alert.labels) in ("", view.ns)]
    known = incidents.group(ours, ask.environment.words.tables().severity)
    symptoms = _symptoms(readings, window_seconds(ask))
    found = incidents.in_order((*known, *incidents.suspects(symptoms, cluster.pods.value or (), known, limits)))
    services = _services(readings, cluster.workloads, now)
    owners = {line.name: line.owner for line in services.value or ()}
    found = tuple(i if i.owner else replace(i, owner=owners.get(i.service, "")) for i in found)
    return Triage(
        alerts=alerts,
        incidents=found,
        evidence=evidence(ask, now, found, readings, moments, limits),
        services=services,
        budgets=_budgets(readings),
        pods=cluster.pods,
        findings=cluster.findings,
        figures=_figures(readings, services.value or ()),
        unknown=_unknown(readings, cluster),
        measured=len(symptoms),
        has_traffic=any((s.runs_per_second or 0) > 0 for s in symptoms),
        limits=by_measure(limits),
    )


def window_seconds(ask: Ask) -> float:
    """The shortest window that still rests on four scrapes."""
    return max(15.0, 4.0 * ask.environment.prometheus.scrape_interval_seconds)


def _first(view: View, over: measures.Period, moments: Mapping[str, str]) -> dict[str, Request]:
    requests: dict[str, Request] = {
        "alerts": Alerts.of_namespace(view.ns),
        "agents": Instant(own.AGENT_ERROR_RATIO_NOW, moments),
        "contract": Instant(own.CONTRACT_VIOLATED_MOST, moments),
        "budget": Instant(own.BUDGET_REMAINING, moments),
        "burn": Instant(own.BURN_RATE_1H, moments),
        "services": Objects("services", view.ns, f"{service_annotations.GOVERNED}=true"),
        "replicasets": Objects("replicasets", view.ns),
        "leases": Objects("leases", view.ns),
        **ask_cluster(view.ns),
    }
    for name, expression in MEASURES.items():
        requests[f"now.{name}"] = Instant(expression, moments)
        if name != "evaluations":
            requests |= measures.ask_measure(name, expression, {"namespace": view.ns}, over)
    return requests


def _symptoms(readings: Readings, seconds: float) -> tuple[Symptoms, ...]:
    """What is measured now, by track. A stale answer proves nothing about now and is left out."""
    values: dict[Place, dict[str, float | None]] = {}
    for name in MEASURES:
        reading = readings.samples(f"now.{name}")
        for sample in (reading.value or ()) if reading.state is not State.STALE else ():
            values.setdefault(place(sample.labels), {})[name] = sample.value
    return tuple(
        Symptoms(
            service=service,
            track=track,
            window_seconds=seconds,
            runs_per_second=found.get("runs"),
            error_ratio=found.get("errors"),
            p95_seconds=found.get("p95"),
            evaluations_per_second=found.get("evaluations"),
            violation_ratio=found.get("violations"),
        )
        for (service, track), found in sorted(values.items())
    )


def _figures(readings: Readings, services: Iterable[ServiceLine]) -> dict[Place, dict[str, Measured]]:
    """The measures of each active track over the view's period, with their reasons where there is no value."""
    return {
        at: {
            name: Measured(
                value=readings.samples(name).map(value_at(at), empty="no traffic"),
                previous=readings.samples(f"{name}.previous").map(value_at(at), empty="no traffic then"),
                course=readings.series(f"{name}.course").map(line_at(at), empty="no traffic"),
            )
            for name in ("errors", "p95", "violations", "runs")
        }
        for at in ((line.name, line.active) for line in services)
    }


def _budgets(readings: Readings) -> Reading[tuple[Budget, ...]]:
    burns = {_objective(s.labels): s.value for s in readings.samples("burn").value or ()}

    def joined(samples: tuple[Sample, ...]) -> tuple[Budget, ...]:
        found = [
            Budget(slo=slo, service=service, track=track, remaining=s.value, burn_rate=burns.get((slo, service, track)))
            for s in samples
            for slo, service, track in (_objective(s.labels),)
        ]
        return tuple(sorted(found, key=lambda b: (b.service, b.slo, b.track)))

    return beside(readings.samples("budget").map(joined), {"burn rate": readings.samples("burn")})


def _services(
    readings: Readings, workloads: Reading[tuple[Workload, ...]], now: datetime
) -> Reading[tuple[ServiceLine, ...]]:
    deployments = readings.objects("cluster.deployments").value or ()
    leases = readings.objects("leases")

    def line(service: Mapping[str, Any]) -> ServiceLine:
        return ServiceLine(
            name=service["metadata"]["name"],
            active=(service["spec"].get("selector") or {}).get(service_annotations.TRACK, ""),
            owner=(service["metadata"].get("annotations") or {}).get(service_annotations.OWNER, ""),
            tracks=_tracks(service, deployments, workloads.value or ()),
            unfinished=unfinished_of(service, leases, now),
        )

    def lines(services: tuple[Mapping[str, Any], ...]) -> tuple[ServiceLine, ...]:
        return tuple(sorted(map(line, services), key=lambda line: line.name))

    return beside(readings.objects("services").map(lines), {"their tracks": workloads})


def _tracks(
    service: Mapping[str, Any], deployments: Iterable[Mapping[str, Any]], workloads: Iterable[Workload]
) -> tuple[Workload, ...]:
    """The workloads behind a service, by track: its Deployments as the Release page finds them, and Rollouts."""
    names = {found.name: str(track) for track, found in find_tracks(service, deployments).items()}
    component = (service["spec"].get("selector") or {}).get("app.kubernetes.io/name", service["metadata"]["name"])
    found = [
        replace(workload, track=names.get(workload.name, workload.track))
        for workload in workloads
        if (workload.kind == "Deployment" and workload.name in names)
        or (workload.kind == "Rollout" and workload.component == component and workload.track)
    ]
    return tuple(sorted(found, key=lambda workload: workload.track))


def _unknown(readings: Readings, cluster: ClusterState) -> dict[str, tuple[str, ...]]:
    """What is not known now, or not wholly: without these, nobody may say that nothing is wrong."""
    asked: dict[str, Reading[Any]] = {
        "alerts": readings.alerts("alerts"),
        "error ratios": readings.samples("now.errors"),
        "latency": readings.samples("now.p95"),
        "contract violations": readings.samples("now.violations"),
        "pods": cluster.pods,
        "workloads": cluster.workloads,
    }
    found: dict[str, tuple[str, ...]] = {}
    for what, reading in asked.items():
        if reading.state in _NOT_KNOWN:
            found[reading.reason] = (*found.get(reading.reason, ()), what)
    for one in cluster.findings.value or ():
        if one.kind is FindingKind.NOT_UNDERSTOOD:
            found[one.headline] = (one.reason,)
    return found


def _objective(labels: Mapping[str, str]) -> tuple[str, str, str]:
    return labels.get("slo", ""), *place(labels)
