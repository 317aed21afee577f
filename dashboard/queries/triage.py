"""What is wrong now: alerts grouped by cause, what is measured before an alert can fire, and the evidence for both.

Two rounds: the first asks what the page always shows; the second, only when something is wrong, asks for the course,
the newest error line and the like of the incidents that are shown first. Triage always speaks of now; the view's
period is what the figures of the services cover.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from dashboard.catalog import service as catalog
from dashboard.catalog import triage as own
from dashboard.decide import incidents, workloads
from dashboard.model.alert import Alert
from dashboard.model.incident import Change, Family, Incident, Standing, Symptoms
from dashboard.model.log import LogEntry, LogPage
from dashboard.model.reading import Reading, State
from dashboard.model.release import Track
from dashboard.model.series import Sample, Series
from dashboard.model.view import View
from dashboard.model.workload import Pod, Workload
from dashboard.queries import measures
from dashboard.queries.ask import Alerts, Answers, Ask, Cluster, Instant, Logs, Range, Request

COURSE = timedelta(minutes=15)
MOST_EVIDENCE = 4
_MEASURES = {
    "runs": catalog.TRACK_RUNS,
    "errors": catalog.TRACK_ERROR_RATIO,
    "p95": catalog.TRACK_P95,
    "evaluations": catalog.TRACK_EVALUATIONS,
    "violations": catalog.TRACK_VIOLATION_RATIO,
}
OF_FAMILY = {Family.ERRORS: "errors", Family.CONTRACTS: "violations", Family.LATENCY: "p95"}
_LIMIT_BY_AGENT = 0.05

Place = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measure of one track: now, one period before, and its course."""

    value: Reading[float]
    previous: Reading[float] | None
    course: Reading[tuple[Series, ...]]


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
    """One governed service: which track users get, and how the two stand."""

    name: str
    active: str
    owner: str
    tracks: tuple[Workload, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What proves and narrows one incident. `pair` holds the sick track first, then the other one."""

    measure: str
    pair: tuple[tuple[str, Measured], ...]
    log: Reading[LogEntry] | None
    contract: str
    agents: tuple[str, ...]
    change: Change | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """Everything that the page shows. `evidence` is by the incident's key."""

    alerts: Reading[tuple[Alert, ...]]
    incidents: tuple[Incident, ...]
    evidence: Mapping[str, Evidence]
    services: Reading[tuple[ServiceLine, ...]]
    budgets: Reading[tuple[Budget, ...]]
    pods: Reading[tuple[Pod, ...]]
    figures: Mapping[Place, Mapping[str, Measured]]
    unknown: tuple[str, ...]
    measured: int  # tracks that were measured over the last moments
    has_traffic: bool


def triage(ask: Ask, view: View, now: datetime) -> Triage:
    """Ask for the page. Guarantees: nothing is called well that was not answered just now (`unknown` says what)."""
    over = measures.period(view, now)
    moments = {"namespace": view.ns, "window": f"{window_seconds(ask):.0f}s"}
    answers = ask.gather(_first(view, over, moments))
    pods = answers.objects("pods").map(workloads.pods)
    alerts = answers.alerts("alerts")
    known = incidents.group(alerts.value or ())
    symptoms = _symptoms(answers, window_seconds(ask))
    found = incidents.in_order((*known, *incidents.suspects(symptoms, pods.value or (), known)))
    if view.service:
        found = tuple(incident for incident in found if incident.service in ("", view.service))
    services = _services(answers, pods)
    owners = {line.name: line.owner for line in services.value or ()}
    found = tuple(i if i.owner else replace(i, owner=owners.get(i.service, "")) for i in found)
    return Triage(
        alerts=alerts,
        incidents=found,
        evidence=_evidence(ask, view, now, found, answers, moments),
        services=services,
        budgets=_budgets(answers),
        pods=pods,
        figures=_figures(answers, services.value or ()),
        unknown=_unknown(answers),
        measured=len(symptoms),
        has_traffic=any((s.runs_per_second or 0) > 0 for s in symptoms),
    )


def window_seconds(ask: Ask) -> float:
    """The shortest window that still rests on four scrapes."""
    return max(30.0, 4.0 * ask.environment.prometheus.scrape_interval_seconds)


def _first(view: View, over: measures.Period, moments: Mapping[str, str]) -> dict[str, Request]:
    requests: dict[str, Request] = {
        # The namespace is checked to be a DNS label, so it cannot leave the matcher; alerts without one concern all.
        "alerts": Alerts(filters=(f'namespace=~"{view.ns}|"',)),
        "agents": Instant(own.AGENT_ERROR_RATIO_NOW, moments),
        "contract": Instant(own.CONTRACT_VIOLATED_MOST, moments),
        "budget": Instant(own.BUDGET_REMAINING, {"namespace": view.ns}),
        "burn": Instant(own.BURN_RATE_1H, {"namespace": view.ns}),
        "services": Cluster("services", view.ns, "tealdeck.io/governed=true"),
        "deployments": Cluster("deployments", view.ns),
        "replicasets": Cluster("replicasets", view.ns),
        "pods": Cluster("pods", view.ns),
    }
    for name, expression in _MEASURES.items():
        requests[f"now.{name}"] = Instant(expression, moments)
        if name != "evaluations":
            requests |= measures.ask_measure(name, expression, {"namespace": view.ns}, over)
    return requests


def _symptoms(answers: Answers, seconds: float) -> tuple[Symptoms, ...]:
    """What is measured now, by track. A stale answer proves nothing about now and is left out."""
    values: dict[Place, dict[str, float | None]] = {}
    for name in _MEASURES:
        reading = answers.samples(f"now.{name}")
        for sample in (reading.value or ()) if reading.state is not State.STALE else ():
            values.setdefault(_place(sample.labels), {})[name] = sample.value
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


def _figures(answers: Answers, services: Iterable[ServiceLine]) -> dict[Place, dict[str, Measured]]:
    """The measures of each active track over the view's period, with their reasons where there is no value."""
    return {
        place: {
            name: Measured(
                value=answers.samples(name).map(_value_at(place), empty="no traffic"),
                previous=answers.samples(f"{name}.previous").map(_value_at(place), empty="no traffic then"),
                course=answers.series(f"{name}.course").map(_line_at(place), empty="no traffic"),
            )
            for name in ("errors", "p95", "violations", "runs")
        }
        for place in ((line.name, line.active) for line in services)
    }


def _evidence(
    ask: Ask,
    view: View,
    now: datetime,
    found: tuple[Incident, ...],
    answers: Answers,
    moments: Mapping[str, str],
) -> dict[str, Evidence]:
    """The second round, for what stands on top of the page."""
    shown = [incident for incident in found if incident.standing is not Standing.SUPPRESSED][:MOST_EVIDENCE]
    if not shown:
        return {}
    end = now - timedelta(seconds=now.timestamp() % 5)
    requests: dict[str, Request] = {
        f"course.{name}": Range(_MEASURES[name], moments, end - COURSE, end)
        for name in {OF_FAMILY[i.family] for i in shown if i.family in OF_FAMILY}
    }
    for incident in shown:
        if incident.service:
            filters: dict[str, str | tuple[str, ...]] = {
                "service": incident.service,
                "track": incident.track,
                "severity": ("ERROR", "FATAL"),
            }
            requests[f"log.{incident.key}"] = Logs(
                stream="logs", start=end - COURSE, end=end + timedelta(seconds=5), filters=filters, size=1
            )
    more = ask.gather(requests)
    changes = _changes(answers)
    return {incident.key: _evidence_of(incident, answers, more, requests, changes, now) for incident in shown}


def _evidence_of(
    incident: Incident,
    answers: Answers,
    more: Answers,
    requests: Mapping[str, Request],
    changes: tuple[Change, ...],
    now: datetime,
) -> Evidence:
    measure = OF_FAMILY.get(incident.family, "")
    log_key = f"log.{incident.key}"
    return Evidence(
        measure=measure,
        pair=tuple(_pair(incident, measure, answers, more)) if measure else (),
        log=more.logs(log_key).map(_newest, empty="no error line in the last 15 minutes")
        if log_key in requests
        else None,
        contract=_contract(answers, incident) if incident.family is Family.CONTRACTS else "",
        agents=_sick_agents(answers, incident) if incident.family is Family.ERRORS else (),
        change=incidents.change_before(incident, changes, now),
    )


def _pair(incident: Incident, measure: str, answers: Answers, more: Answers) -> Iterable[tuple[str, Measured]]:
    tracks = [incident.track] if incident.track else [""]
    if incident.track in tuple(Track):
        tracks.append(Track(incident.track).other.value)
    for track in tracks:
        place = (incident.service, track)
        yield (
            track,
            Measured(
                value=answers.samples(f"now.{measure}").map(_value_at(place), empty="no traffic"),
                previous=None,
                course=more.series(f"course.{measure}").map(_line_at(place), empty="no traffic"),
            ),
        )


def _contract(answers: Answers, incident: Incident) -> str:
    samples = answers.samples("contract").value or ()
    mine = [s for s in samples if _place(s.labels) == (incident.service, incident.track)]
    worst = max(mine, key=lambda s: s.value or 0.0, default=None)
    return worst.labels.get("contract", "") if worst else ""


def _sick_agents(answers: Answers, incident: Incident) -> tuple[str, ...]:
    samples = answers.samples("agents").value or ()
    shares = {
        s.labels.get("gen_ai_agent_name", ""): s.value
        for s in samples
        if _place(s.labels) == (incident.service, incident.track)
    }
    return incidents.only_where(shares, _LIMIT_BY_AGENT)


def _budgets(answers: Answers) -> Reading[tuple[Budget, ...]]:
    burns = {_objective(s.labels): s.value for s in answers.samples("burn").value or ()}

    def joined(samples: tuple[Sample, ...]) -> tuple[Budget, ...]:
        found = [
            Budget(slo=slo, service=service, track=track, remaining=s.value, burn_rate=burns.get((slo, service, track)))
            for s in samples
            for slo, service, track in (_objective(s.labels),)
        ]
        return tuple(sorted(found, key=lambda b: (b.service, b.slo, b.track)))

    return answers.samples("budget").map(joined)


def _services(answers: Answers, pods: Reading[tuple[Pod, ...]]) -> Reading[tuple[ServiceLine, ...]]:
    deployments = answers.objects("deployments").map(lambda found: workloads.workloads(found, pods.value or ()))

    def lines(services: tuple[Mapping[str, Any], ...]) -> tuple[ServiceLine, ...]:
        return tuple(sorted((_line(s, deployments.value or ()) for s in services), key=lambda line: line.name))

    return answers.objects("services").map(lines)


def _line(service: Mapping[str, Any], deployments: Iterable[Workload]) -> ServiceLine:
    metadata, selector = service["metadata"], service.get("spec", {}).get("selector", {})
    component = selector.get("app.kubernetes.io/name", metadata["name"])
    tracks = sorted((w for w in deployments if w.component == component and w.track), key=lambda w: w.track)
    return ServiceLine(
        name=metadata["name"],
        active=selector.get("tealdeck.io/track", ""),
        owner=metadata.get("annotations", {}).get("tealdeck.io/owner", ""),
        tracks=tuple(tracks),
    )


def _changes(answers: Answers) -> tuple[Change, ...]:
    """New versions, as the cluster remembers them: each ReplicaSet was a change of its Deployment's pods."""
    found = []
    for replica_set in answers.objects("replicasets").value or ():
        labels = replica_set["metadata"].get("labels", {})
        track, version = labels.get("tealdeck.io/track", ""), labels.get("app.kubernetes.io/version", "")
        service = labels.get("app.kubernetes.io/name", "")
        at = datetime.fromisoformat(replica_set["metadata"]["creationTimestamp"])
        found.append(Change(at=at, what=f"{track} {version} was deployed".strip(), service=service, track=track))
    return tuple(found)


def _unknown(answers: Answers) -> tuple[str, ...]:
    """What is not known now: without these, nobody may say that nothing is wrong."""
    asked: dict[str, Reading[Any]] = {
        "alerts": answers.alerts("alerts"),
        "error ratios": answers.samples("now.errors"),
        "latency": answers.samples("now.p95"),
        "contract violations": answers.samples("now.violations"),
        "pods": answers.objects("pods"),
    }
    return tuple(what for what, reading in asked.items() if reading.state in (State.MISSING, State.STALE))


def _newest(page: LogPage) -> LogEntry | None:
    return page.entries[0] if page.entries else None


def _place(labels: Mapping[str, str]) -> Place:
    return labels.get("service_name", ""), labels.get("track", "")


def _objective(labels: Mapping[str, str]) -> tuple[str, str, str]:
    return labels.get("slo", ""), *_place(labels)


def _value_at(place: Place) -> Callable[[tuple[Sample, ...]], float | None]:
    def value(samples: tuple[Sample, ...]) -> float | None:
        return next((s.value for s in samples if _place(s.labels) == place), None)

    return value


def _line_at(place: Place) -> Callable[[tuple[Series, ...]], tuple[Series, ...] | None]:
    def line(series: tuple[Series, ...]) -> tuple[Series, ...] | None:
        return tuple(s for s in series if _place(s.labels) == place) or None

    return line
