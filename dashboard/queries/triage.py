"""What is wrong now: alerts grouped by cause, what is measured before an alert can fire, and the evidence for both.

Two rounds: the first asks what the page always shows. The second asks for the course, the newest error line and the
like of the incidents on top, only when something is wrong. Triage always speaks of now; the chosen period is what the
figures of the services cover.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from dashboard.catalog import triage as own
from dashboard.decide import incidents, runbook_steps, suspects, wording
from dashboard.decide.alerts import namespace
from dashboard.decide.blue_green import of_service, workloads_of
from dashboard.decide.owners import owner_of
from dashboard.decide.tracks import find_tracks
from dashboard.model.alert import Alert
from dashboard.model.bad_events import Place
from dashboard.model.blue_green import BlueGreen, rollout_of, selector_of
from dashboard.model.finding import ClusterFinding
from dashboard.model.incident import Coverage, Incident, IncidentEvidence, Measured, Situation, Symptoms
from dashboard.model.own_labels import namespace_labels
from dashboard.model.reading import Reading, State, beside
from dashboard.model.series import Sample
from dashboard.model.unfinished import Unfinished
from dashboard.model.view import View
from dashboard.model.workload import Pod, Workload
from dashboard.queries import believed, measures, signs
from dashboard.queries.ask import Alerts, Ask, Instant, Objects, Readings, Request
from dashboard.queries.cluster import ask_cluster, cluster_state, tracks_seen
from dashboard.queries.coverage import coverage
from dashboard.queries.incident import MEASURES, by_measure, evidence, line_at, place, value_at
from dashboard.queries.policy import limits_of
from dashboard.queries.unfinished import unfinished_of

# Where little runs, four of the shortest windows hold enough to tell.
_LONGER = 4.0


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
    coverage: Coverage
    measured: int  # tracks that were measured over the last moments
    has_traffic: bool
    limits: Mapping[str, float]  # by measure: what a track is held against

    @property
    def unknown(self) -> Mapping[str, tuple[str, ...]]:
        """What is not known now, by the reason, which says of whom."""
        return self.coverage.unknown


def triage(ask: Ask, view: View, now: datetime) -> Triage:
    """Ask for the page. Guarantees: nothing is called well that was not answered just now (`unknown` says what)."""
    over = measures.period(view, now)
    limits = limits_of(ask)
    seconds = window_seconds(ask)
    moments = {"namespace": view.ns, "window": f"{seconds:.0f}s", "objective": f"{limits.objective_ratio}"}
    longer_moments = {**moments, "window": f"{_LONGER * seconds:.0f}s"}
    readings = ask.gather(
        _first(view, over, moments, longer_moments, namespace_labels(ask.environment.alert_labels))
        | signs.ask_signs(view.ns, moments, longer_moments, now)
    )
    words = ask.environment.words.tables()
    cluster = cluster_state(readings, now, words, ask.environment.blue_green.known)
    alerts = readings.alerts("alerts")
    ours = [alert for alert in alerts.value or () if namespace(alert.placing) in ("", view.ns)]
    raw = readings.objects("cluster.pods").value or ()
    addresses = wording.addresses_of(raw)
    tracks = tracks_seen(readings, ask.environment.blue_green.known)
    symptoms, longer = _symptoms(readings, "now", seconds), _symptoms(readings, "longer", _LONGER * seconds)
    names = _names(readings, symptoms)
    known = incidents.group(ours, words.severity, addresses, ask.environment.owner_labels, tracks, names)
    pods = cluster.pods.value or ()
    is_governed = ask.environment.blue_green.known.is_governed
    governed = readings.objects("services").map(
        lambda found: tuple(filter(is_governed, found)) or None, empty="no Service here is governed"
    )
    services = _services(ask, readings, governed, cluster.workloads, now)
    health = ask.health()
    looked_at = coverage(
        readings,
        cluster,
        governed,
        [(line.name, track) for line in services.value or () for track in line.tracks],
        symptoms,
        words,
        health,
    )
    seen = (
        *suspects.of_symptoms((*symptoms, *longer), limits),
        *suspects.of_findings(cluster.findings.value or ()),
        *suspects.of_pods(pods),
        *suspects.of_ends(raw, pods, now),
        *signs.found(
            readings,
            symptoms=symptoms,
            longer=longer,
            pods=pods,
            health=health,
            awaited=looked_at.awaited,
            limits=limits,
            now=now,
        ),
    )
    found = incidents.with_first(_owned(incidents.joined(known, seen), services.value or ()), view.alert)
    windows = {"now": seconds, "longer": _LONGER * seconds}
    proof = evidence(ask, now, found, readings, moments, limits, addresses, pods, windows)
    return Triage(
        alerts=alerts,
        incidents=tuple(_told(one, proof.get(one.key)) for one in found),
        evidence=_situated(found, proof, services.value or ()),
        services=services,
        budgets=_budgets(readings),
        pods=cluster.pods,
        findings=cluster.findings,
        figures=_figures(readings, services.value or ()),
        coverage=looked_at,
        measured=len(symptoms),
        has_traffic=any((s.runs_per_second or 0) > 0 for s in symptoms),
        limits=by_measure(limits),
    )


def _names(readings: Readings, symptoms: Iterable[Symptoms]) -> frozenset[str]:
    """The services and workloads that are there, as the cluster and the measures tell: an alert may name one."""
    listed = ("services", *(f"cluster.{kind}" for kind in ("deployments", "statefulsets", "daemonsets", "rollouts")))
    objects = (item for key in listed for item in readings.objects(key).value or ())
    return frozenset((*(item["metadata"]["name"] for item in objects), *(one.service for one in symptoms)))


def window_seconds(ask: Ask) -> float:
    """The shortest window that still rests on four scrapes."""
    return max(15.0, 4.0 * ask.environment.prometheus.scrape_interval_seconds)


def _owned(found: Iterable[Incident], services: Iterable[ServiceLine]) -> tuple[Incident, ...]:
    lines = {line.name: line for line in services}
    owned = (
        one if one.owner or one.service not in lines else replace(one, owner=lines[one.service].owner) for one in found
    )
    return incidents.with_outages(owned, {name: line.active for name, line in lines.items()})


def _situated(
    found: tuple[Incident, ...], proof: Mapping[str, IncidentEvidence], services: Iterable[ServiceLine]
) -> dict[str, IncidentEvidence]:
    """The evidence with what it tells for the choice between the steps of a runbook."""
    lines = {line.name: line for line in services}

    def known(incident: Incident) -> frozenset[Situation]:
        line = lines.get(incident.service)
        tracks = line.tracks if line else ()
        return runbook_steps.of_incident(incident, proof[incident.key], line.active if line else "", found, tracks)

    return {one.key: replace(proof[one.key], situations=known(one)) for one in found if one.key in proof}


def _told(incident: Incident, proof: IncidentEvidence | None) -> Incident:
    """The incident with the same figure in its headline as in the tile below it."""
    if proof is None or not proof.pair:
        return incident
    now = proof.pair[0][1].value
    is_now = now.state in (State.FRESH, State.PARTIAL)
    return incidents.told_now(incident, now.value if is_now else None, proof.window_seconds)


def _first(
    view: View,
    over: measures.Period,
    moments: Mapping[str, str],
    longer: Mapping[str, str],
    own_labels: Iterable[str],
) -> dict[str, Request]:
    requests: dict[str, Request] = {
        "alerts": Alerts.of_namespace(view.ns, own_labels),
        "agents": Instant(own.AGENT_ERROR_RATIO_NOW, moments),
        "contract": Instant(own.CONTRACT_VIOLATED_MOST, moments),
        "budget": Instant(own.BUDGET_REMAINING, moments),
        "burn": Instant(own.BURN_RATE_1H, moments),
        "services": Objects("services", view.ns),
        "replicasets": Objects("replicasets", view.ns),
        "leases": Objects("leases", view.ns),
        **ask_cluster(view.ns),
    }
    for name, expression in MEASURES.items():
        requests[f"now.{name}"] = Instant(expression, moments)
        requests[f"longer.{name}"] = Instant(expression, longer)
        if name != "evaluations":
            requests |= measures.ask_measure(name, expression, {"namespace": view.ns}, over)
    return requests


def _symptoms(readings: Readings, window: str, seconds: float) -> tuple[Symptoms, ...]:
    """What is measured over a window, by track. A stale answer proves nothing about now and is left out."""
    values: dict[Place, dict[str, float | None]] = {}
    for name in MEASURES:
        for sample in signs.known_now(readings.samples(f"{window}.{name}")):
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
                value=believed.at(readings.samples(name), at, value_at(at), empty="no traffic"),
                previous=believed.at(readings.samples(f"{name}.previous"), at, value_at(at), empty="no traffic then"),
                course=believed.at(readings.series(f"{name}.course"), at, line_at(at), empty="no traffic"),
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

    # Recorded shares know no words but ours: they are worth no more than what is counted now.
    counted = {f"share of {name}": readings.samples(f"now.{name}") for name in ("errors", "violations")}
    return beside(
        readings.samples("budget").map(joined),
        {"burn rate": readings.samples("burn"), **{name: one for name, one in counted.items() if one.doubts}},
    )


def _services(
    ask: Ask,
    readings: Readings,
    governed: Reading[tuple[Mapping[str, Any], ...]],
    workloads: Reading[tuple[Workload, ...]],
    now: datetime,
) -> Reading[tuple[ServiceLine, ...]]:
    deployments = readings.objects("cluster.deployments").value or ()
    replicasets = readings.objects("replicasets").value or ()
    leases, known = readings.objects("leases"), ask.environment.blue_green.known
    services = readings.objects("services").value or ()

    def line(service: Mapping[str, Any]) -> ServiceLine:
        values = of_service(known, service, services=services, deployments=deployments, replicasets=replicasets)
        behind = workloads_of(service, deployments, replicasets)
        return ServiceLine(
            name=service["metadata"]["name"],
            active=values.track_shown(selector_of(service)),
            owner=owner_of(service, ask.environment.owner_labels),
            tracks=_tracks(service, behind, workloads.value or (), values),
            unfinished=unfinished_of(service, leases, now, values),
        )

    def lines(found: tuple[Mapping[str, Any], ...]) -> tuple[ServiceLine, ...]:
        return tuple(sorted(map(line, found), key=lambda line: line.name))

    return beside(governed.map(lines), {"their tracks": workloads})


def _tracks(
    service: Mapping[str, Any],
    deployments: Iterable[Mapping[str, Any]],
    workloads: Iterable[Workload],
    blue_green: BlueGreen,
) -> tuple[Workload, ...]:
    """The workloads behind a service, by track: its Deployments as the Release page finds them, and Rollouts."""
    names = {found.name: str(track) for track, found in find_tracks(service, deployments, blue_green).items()}
    component = (service["spec"].get("selector") or {}).get("app.kubernetes.io/name", service["metadata"]["name"])
    found = [
        replace(workload, track=names.get(workload.name, workload.track))
        for workload in workloads
        if (workload.kind in ("Deployment", "ReplicaSet") and workload.name in names)
        or (workload.kind == "Rollout" and workload.component == component and workload.track)
        or (workload.kind == "Rollout" and workload.name == rollout_of(service))
    ]
    return tuple(sorted(found, key=lambda workload: workload.track))


def _objective(labels: Mapping[str, str]) -> tuple[str, str, str]:
    return labels.get("slo", ""), *place(labels)
