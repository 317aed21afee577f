"""Evidence for an incident: its course on both tracks, the newest error line, the worst trace, the change before it.

Asked only for the incidents at the top of the page: the more is broken, the less load Triage may add.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from dashboard.catalog import service as catalog
from dashboard.catalog import triage as own
from dashboard.decide import changes, incidents, wording
from dashboard.decide.causes import causes_in_turn
from dashboard.decide.policy import Limits
from dashboard.model.bad_events import Place
from dashboard.model.incident import CauseFamily, Change, Incident, IncidentEvidence, Measured, Standing
from dashboard.model.log import LogEntry, LogPage
from dashboard.model.reading import Reading, State, missing
from dashboard.model.release import Track
from dashboard.model.series import Sample, Series
from dashboard.model.words import LogLevel, SpanOutcome
from dashboard.model.workload import Pod
from dashboard.queries import believed
from dashboard.queries.ask import Ask, Logs, Range, Readings, Request
from dashboard.queries.log_places import places

COURSE = timedelta(minutes=15)
MOST = 4
_NO_LINE = "no log line at all in the last 15 minutes, so errors are not known"
# Any cost at all: spans that name none are left out.
LEAST_COST = 1e-9
_OF_A_SPAN = (
    *("time", "message", "status", "error_type", "duration", "trace_id", "span_id"),
    *("service", "track", "pod", "agent"),
)
MEASURES = {
    "runs": catalog.TRACK_RUNS,
    "errors": catalog.TRACK_ERROR_RATIO,
    "p95": catalog.TRACK_P95,
    "evaluations": catalog.TRACK_EVALUATIONS,
    "violations": catalog.TRACK_VIOLATION_RATIO,
}
_OF_FAMILY = {CauseFamily.ERRORS: "errors", CauseFamily.CONTRACTS: "violations", CauseFamily.LATENCY: "p95"}


def evidence(
    ask: Ask,
    now: datetime,
    found: tuple[Incident, ...],
    readings: Readings,
    moments: Mapping[str, str],
    limits: Limits,
    addresses: Mapping[str, str],
    pods: Iterable[Pod],
    windows: Mapping[str, float],
) -> dict[str, IncidentEvidence]:
    """The second round, for what stands on top of the page.

    Args:
        windows: the windows over which the measures of now were asked, in seconds, by the name of the question.
        addresses: names of pods by their addresses.
    """
    shown = [incident for incident in found if incident.standing is not Standing.SUPPRESSED][:MOST]
    if not shown:
        return {}
    end = now - timedelta(seconds=now.timestamp() % 5)
    requests: dict[str, Request] = {
        f"course.{name}": Range(MEASURES[name], moments, end - COURSE, end)
        for name in {_OF_FAMILY[i.family] for i in shown if i.family in _OF_FAMILY}
    }
    blue_green = ask.environment.blue_green.known
    services = [item for item in readings.objects("services").value or () if blue_green.is_governed(item)]
    where = places(
        services,
        readings.objects("cluster.deployments").value or (),
        readings.objects("replicasets").value or (),
        blue_green,
    )
    for incident in shown:
        if incident.service:
            filters: dict[str, str | tuple[str, ...]] = {
                "service": incident.service,
                "track": incident.track,
                "level": LogLevel.ERROR,
            }
            errors = Logs(
                stream="logs",
                namespace=moments["namespace"],
                start=end - COURSE,
                end=end + timedelta(seconds=5),
                filters=filters,
                size=1,
                places=where,
            )
            requests[f"log.{incident.key}"] = errors
            requests[f"any.{incident.key}"] = replace(errors, filters={**filters, "level": ""})
            if (spans := _spans(incident, readings, errors)) is not None:
                requests[f"trace.{incident.key}"] = spans
        if incident.family is CauseFamily.PODS:
            requests["ends"] = Range(own.LAST_ENDS, moments, end - COURSE, end)
    more = ask.gather(requests)
    changed = changes.changes(
        services=services,
        replica_sets=readings.objects("replicasets").value or (),
        deployments=readings.objects("cluster.deployments").value or (),
        pods=readings.objects("cluster.pods").value or (),
        blue_green=blue_green,
    )
    found_pods = tuple(pods)
    return {
        incident.key: replace(
            _evidence_of(incident, readings, more, requests, changed, now, limits, windows),
            log=_line(incident, more, requests, addresses),
            ends=_ends(incident, more, found_pods) if "ends" in requests else (),
            trace=_worst(incident, more, requests),
        )
        for incident in shown
    }


def _line(
    incident: Incident, more: Readings, requests: Mapping[str, Request], addresses: Mapping[str, str]
) -> Reading[LogEntry] | None:
    """The newest error line; for a flood the newest line of any level. "None" is said only where lines arrive."""
    if f"log.{incident.key}" not in requests:
        return None
    every = more.logs(f"any.{incident.key}")
    if incident.family is CauseFamily.LOGS:
        answer = every.map(_newest, empty=_NO_LINE)
    else:
        answer = more.logs(f"log.{incident.key}").map(_newest, empty="no error line in the last 15 minutes")
        if answer.state is State.EMPTY:
            answer = _none_of(answer, every)
    return answer.map(lambda entry: replace(entry, message=wording.named(entry.message, addresses)))


def _spans(incident: Incident, readings: Readings, like: Logs) -> Logs | None:
    """The question for the span that shows the fault best; None where spans say nothing of such a fault."""
    failed: dict[str, str] = {"outcome": SpanOutcome.FAILED}
    contract = _contract(readings, incident)
    match incident.family:
        case CauseFamily.ERRORS:
            wanted, order = {"beginning": "run", **failed}, "duration"
        case CauseFamily.LATENCY:
            wanted, order = {"beginning": "run"}, "duration"
        case CauseFamily.CONTRACTS:
            wanted, order = {"contract": contract, **failed} if contract else failed, "@timestamp"
        case CauseFamily.COST:
            wanted, order = {}, "cost"
        case CauseFamily.REQUESTS:
            wanted, order = failed, "duration"
        case _:
            return None
    return replace(
        like,
        stream="traces",
        filters={"service": incident.service, "track": incident.track, **wanted},
        at_least={"cost": LEAST_COST} if order == "cost" else {},
        sort=order,
        concepts=_OF_A_SPAN,
    )


def _worst(incident: Incident, more: Readings, requests: Mapping[str, Request]) -> Reading[LogEntry] | None:
    if f"trace.{incident.key}" not in requests:
        return None
    return more.logs(f"trace.{incident.key}").map(_newest, empty="no such span was recorded in the last 15 minutes")


def _none_of(answer: Reading[LogEntry], every: Reading[LogPage]) -> Reading[LogEntry]:
    """That there is no error line, as far as that can be said: of what writes no line at all nobody knows."""
    if every.value is None or every.state is not State.FRESH:
        return missing(f"not known: {every.reason}", source=answer.source, query=answer.query)
    if every.value.lacking:
        return answer.said(f"not known: no document here carries {', '.join(every.value.lacking)}")
    return answer if every.value.total else answer.said(_NO_LINE)


def _ends(incident: Incident, more: Readings, pods: Iterable[Pod]) -> tuple[tuple[str, datetime], ...]:
    """The termination reasons of the containers of the incident's pods, where they changed over time."""
    if incident.family is not CauseFamily.PODS:
        return ()
    names = {
        pod.name for pod in pods if (pod.component or pod.workload) == incident.service and pod.track == incident.track
    }
    return causes_in_turn(more.series("ends").value or (), names)


def _evidence_of(
    incident: Incident,
    readings: Readings,
    more: Readings,
    requests: Mapping[str, Request],
    changed: tuple[Change, ...],
    now: datetime,
    limits: Limits,
    windows: Mapping[str, float],
) -> IncidentEvidence:
    measure = _OF_FAMILY.get(incident.family, "")
    name, seconds = _window(incident, windows)
    return IncidentEvidence(
        measure=measure,
        limit=by_measure(limits).get(measure),
        window_seconds=seconds,
        pair=tuple(_pair(incident, measure, name, readings, more)) if measure else (),
        log=None,
        contract=_contract(readings, incident) if incident.family is CauseFamily.CONTRACTS else "",
        agents=_sick_agents(readings, incident, limits) if incident.family is CauseFamily.ERRORS else (),
        change=incidents.change_before(incident, changed, now),
    )


def _window(incident: Incident, windows: Mapping[str, float]) -> tuple[str, float]:
    """The window that the figures of now are measured over: the one that showed the fault, else the shortest."""
    shortest = min(windows, key=lambda name: windows[name])
    name = next((name for name, seconds in windows.items() if seconds == incident.window_seconds), shortest)
    return name, windows[name]


def by_measure(limits: Limits) -> Mapping[str, float]:
    """The limits of a track's measures."""
    return {"errors": limits.error_ratio, "violations": limits.violation_ratio, "p95": limits.p95_seconds}


def _pair(
    incident: Incident, measure: str, window: str, readings: Readings, more: Readings
) -> Iterable[tuple[str, Measured]]:
    tracks = [incident.track] if incident.track else [""]
    if incident.track in tuple(Track):
        tracks.append(Track(incident.track).other.value)
    for track in tracks:
        at = (incident.service, track)
        yield (
            track,
            Measured(
                value=believed.at(readings.samples(f"{window}.{measure}"), at, value_at(at), empty="no traffic"),
                previous=None,
                course=believed.at(more.series(f"course.{measure}"), at, line_at(at), empty="no traffic"),
            ),
        )


def _contract(readings: Readings, incident: Incident) -> str:
    samples = readings.samples("contract").value or ()
    mine = [(s.value, s.labels.get("contract", "")) for s in samples if s.value is not None and _is_at(s, incident)]
    return max(mine, default=(0.0, ""))[1]


def _is_at(sample: Sample, incident: Incident) -> bool:
    return place(sample.labels) == (incident.service, incident.track)


def _sick_agents(readings: Readings, incident: Incident, limits: Limits) -> tuple[str, ...]:
    samples = readings.samples("agents").value or ()
    shares = {s.labels.get("gen_ai_agent_name", ""): s.value for s in samples if _is_at(s, incident)}
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
