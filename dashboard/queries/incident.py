"""What proves and narrows an incident: its course on both tracks, the newest error line, the change before it.

Asked only when something is wrong, and only for what stands on top of the page: the more is broken, the less may
Triage itself ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from dashboard.catalog import service as catalog
from dashboard.decide import changes, incidents
from dashboard.decide.policy import Limits
from dashboard.model.incident import CauseFamily, Change, Incident, IncidentEvidence, Measured, Standing
from dashboard.model.log import LogEntry, LogPage
from dashboard.model.release import Track
from dashboard.model.series import Sample, Series
from dashboard.model.words import LogLevel
from dashboard.queries.ask import Ask, Logs, Range, Readings, Request
from dashboard.queries.log_places import places

COURSE = timedelta(minutes=15)
MOST = 4
MEASURES = {
    "runs": catalog.TRACK_RUNS,
    "errors": catalog.TRACK_ERROR_RATIO,
    "p95": catalog.TRACK_P95,
    "evaluations": catalog.TRACK_EVALUATIONS,
    "violations": catalog.TRACK_VIOLATION_RATIO,
}
_OF_FAMILY = {CauseFamily.ERRORS: "errors", CauseFamily.CONTRACTS: "violations", CauseFamily.LATENCY: "p95"}

Place = tuple[str, str]


def evidence(
    ask: Ask,
    now: datetime,
    found: tuple[Incident, ...],
    readings: Readings,
    moments: Mapping[str, str],
    limits: Limits,
) -> dict[str, IncidentEvidence]:
    """The second round, for what stands on top of the page."""
    shown = [incident for incident in found if incident.standing is not Standing.SUPPRESSED][:MOST]
    if not shown:
        return {}
    end = now - timedelta(seconds=now.timestamp() % 5)
    requests: dict[str, Request] = {
        f"course.{name}": Range(MEASURES[name], moments, end - COURSE, end)
        for name in {_OF_FAMILY[i.family] for i in shown if i.family in _OF_FAMILY}
    }
    where = places(readings.objects("services").value or (), readings.objects("cluster.deployments").value or ())
    for incident in shown:
        if incident.service:
            filters: dict[str, str | tuple[str, ...]] = {
                "service": incident.service,
                "track": incident.track,
                "level": LogLevel.ERROR,
            }
            requests[f"log.{incident.key}"] = Logs(
                stream="logs",
                namespace=moments["namespace"],
                start=end - COURSE,
                end=end + timedelta(seconds=5),
                filters=filters,
                size=1,
                places=where,
            )
    more = ask.gather(requests)
    changed = changes.changes(
        services=readings.objects("services").value or (),
        replica_sets=readings.objects("replicasets").value or (),
        deployments=readings.objects("cluster.deployments").value or (),
        pods=readings.objects("cluster.pods").value or (),
    )
    return {incident.key: _evidence_of(incident, readings, more, requests, changed, now, limits) for incident in shown}


def _evidence_of(
    incident: Incident,
    readings: Readings,
    more: Readings,
    requests: Mapping[str, Request],
    changed: tuple[Change, ...],
    now: datetime,
    limits: Limits,
) -> IncidentEvidence:
    measure = _OF_FAMILY.get(incident.family, "")
    log_key = f"log.{incident.key}"
    return IncidentEvidence(
        measure=measure,
        limit=by_measure(limits).get(measure),
        pair=tuple(_pair(incident, measure, readings, more)) if measure else (),
        log=more.logs(log_key).map(_newest, empty="no error line in the last 15 minutes")
        if log_key in requests
        else None,
        contract=_contract(readings, incident) if incident.family is CauseFamily.CONTRACTS else "",
        agents=_sick_agents(readings, incident, limits) if incident.family is CauseFamily.ERRORS else (),
        change=incidents.change_before(incident, changed, now),
    )


def by_measure(limits: Limits) -> Mapping[str, float]:
    """What the measures of a track are held against."""
    return {"errors": limits.error_ratio, "violations": limits.violation_ratio, "p95": limits.p95_seconds}


def _pair(incident: Incident, measure: str, readings: Readings, more: Readings) -> Iterable[tuple[str, Measured]]:
    tracks = [incident.track] if incident.track else [""]
    if incident.track in tuple(Track):
        tracks.append(Track(incident.track).other.value)
    for track in tracks:
        at = (incident.service, track)
        yield (
            track,
            Measured(
                value=readings.samples(f"now.{measure}").map(value_at(at), empty="no traffic"),
                previous=None,
                course=more.series(f"course.{measure}").map(line_at(at), empty="no traffic"),
            ),
        )


def _contract(readings: Readings, incident: Incident) -> str:
    samples = readings.samples("contract").value or ()
    mine = [s for s in samples if place(s.labels) == (incident.service, incident.track)]
    worst = max(mine, key=lambda s: s.value or 0.0, default=None)
    return worst.labels.get("contract", "") if worst else ""


def _sick_agents(readings: Readings, incident: Incident, limits: Limits) -> tuple[str, ...]:
    samples = readings.samples("agents").value or ()
    shares = {
        s.labels.get("gen_ai_agent_name", ""): s.value
        for s in samples
        if place(s.labels) == (incident.service, incident.track)
    }
    return incidents.only_where(shares, limits.error_ratio)


def _newest(page: LogPage) -> LogEntry | None:
    return page.entries[0] if page.entries else None


def place(labels: Mapping[str, str]) -> Place:
    return labels.get("service_name", ""), labels.get("track", "")


def value_at(wanted: Place) -> Callable[[tuple[Sample, ...]], float | None]:
    def value(samples: tuple[Sample, ...]) -> float | None:
        return next((s.value for s in samples if place(s.labels) == wanted), None)

    return value


def line_at(wanted: Place) -> Callable[[tuple[Series, ...]], tuple[Series, ...] | None]:
    def line(series: tuple[Series, ...]) -> tuple[Series, ...] | None:
        return tuple(s for s in series if place(s.labels) == wanted) or None

    return line
