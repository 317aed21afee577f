"""What Triage looked at and how far that may be believed: what nobody may call well beside what is.

Quiet is what was answered just now, in full. What was never measured here is told apart from what has no data now and
from what was not answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dashboard.model.finding import FindingKind
from dashboard.model.incident import Coverage, Symptoms
from dashboard.model.reading import Reading, State
from dashboard.model.workload import Workload
from dashboard.queries.cluster import ClusterState
from dashboard.queries.readings import Readings
from dashboard.queries.signs import LOOKED_AT


def coverage(
    readings: Readings, cluster: ClusterState, tracks: Iterable[tuple[str, Workload]], symptoms: Iterable[Symptoms]
) -> Coverage:
    """Everything that Triage looks at, sorted by how its question was answered.

    Args:
        tracks: the governed services' workloads with the name of their service: each should be measured alone.
    """
    looked_at: list[str] = []
    unmeasured: dict[str, str] = {}
    silent = _untold_tracks(tracks, symptoms)
    unknown: dict[str, tuple[str, ...]] = {}
    for what, reading in _asked(readings, cluster).items():
        match reading.state:
            case State.FRESH:
                looked_at.append(what)
            case State.UNMEASURED:
                unmeasured[what] = reading.reason
            case State.EMPTY:
                silent[what] = reading.reason
            case _:
                unknown[reading.reason] = (*unknown.get(reading.reason, ()), what)
    for one in cluster.findings.value or ():
        if one.kind is FindingKind.NOT_UNDERSTOOD:
            unknown[one.headline] = (one.reason,)
    return Coverage(looked_at=tuple(looked_at), unmeasured=unmeasured, silent=silent, unknown=unknown)


def _asked(readings: Readings, cluster: ClusterState) -> dict[str, Reading[Any]]:
    return {
        "alerts": readings.alerts("alerts"),
        "runs": readings.samples("now.runs"),
        "error ratios": readings.samples("now.errors"),
        "latency": readings.samples("now.p95"),
        "contract violations": readings.samples("now.violations"),
        **{what: readings.samples(key) for what, key in LOOKED_AT.items()},
        "log lines": _logs(readings),
        "pods": cluster.pods,
        "workloads": cluster.workloads,
        "nodes": cluster.nodes,
        "governed Services": readings.objects("services"),
        "endpoints": readings.objects("cluster.endpointslices"),
    }


def _logs(readings: Readings) -> Reading[Any]:
    """No line at all within half a minute is no quiet: nothing arrives."""
    answer = readings.logs("lines.pods")
    if answer.value is not None and answer.value.lacking:
        return answer.map(lambda page: None, empty=f"no document here carries {', '.join(answer.value.lacking)}")
    return answer.map(lambda page: page if page.total else None, empty="no line within the last 30 s")


def _untold_tracks(tracks: Iterable[tuple[str, Workload]], symptoms: Iterable[Symptoms]) -> dict[str, str]:
    """Tracks with pods of which no run is measured, whatever the other track measures."""
    rates = {(s.service, s.track): s.runs_per_second for s in symptoms}
    found = {}
    for service, workload in tracks:
        rate = rates.get((service, workload.track))
        if workload.desired and not rate:
            said = "no data" if rate is None else "no run ended just now"
            found[f"runs of {service} on {workload.track}"] = said
    return found
