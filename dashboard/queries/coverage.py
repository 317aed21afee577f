"""What Triage looked at, and how far that can be trusted.

"No problem" holds only for what was answered just now, in full. It is separate from what was never measured here, what
has no data now, and what was not answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dashboard.decide.signs import not_understood
from dashboard.model.finding import FindingKind
from dashboard.model.health import SourceHealth
from dashboard.model.incident import Coverage, Symptoms
from dashboard.model.reading import Reading, Source, State
from dashboard.model.release import Track
from dashboard.model.words import WORDS, Words, shown
from dashboard.model.workload import Workload
from dashboard.queries.cluster import ClusterState
from dashboard.queries.readings import Readings
from dashboard.queries.signs import HELPING, LOOKED_AT, NUMBERS, known_now

_FROM_BEST = (State.FRESH, State.EMPTY, State.UNMEASURED, State.PARTIAL, State.STALE, State.MISSING)
_ANSWERED_NOTHING = (State.EMPTY, State.UNMEASURED)


def coverage(
    readings: Readings,
    cluster: ClusterState,
    governed: Reading[Any],
    tracks: Iterable[tuple[str, Workload]],
    symptoms: Iterable[Symptoms],
    words: Words = WORDS,
    health: Iterable[SourceHealth] = (),
) -> Coverage:
    """Everything that Triage looks at, sorted by how its question was answered.

    Args:
        governed: the governed Services.
        tracks: the governed services' workloads with the name of their service: each should be measured alone.
        health: which sources answer.
    """
    down = {one.source for one in health if one.reachable is False}
    awaited: dict[Source, tuple[str, ...]] = {}
    looked_at: list[str] = []
    unmeasured: dict[str, str] = {}
    silent = _untold_tracks(tracks, symptoms)
    unknown: dict[str, tuple[str, ...]] = {}
    for what, answers in _asked(readings, cluster, governed).items():
        worst = max(answers, key=lambda one: _FROM_BEST.index(one.state))
        match worst.state:
            case State.FRESH:
                looked_at.append(what)
            case State.UNMEASURED:
                unmeasured[what] = worst.reason
            case State.EMPTY:
                silent[what] = worst.reason
            case _:
                unknown[worst.reason] = (*unknown.get(worst.reason, ()), what)
                if worst.source in down:
                    awaited[worst.source] = (*awaited.get(worst.source, ()), what)
        of_services = {service: why for one in answers for service, why in one.unmeasured_of.items()}
        unmeasured |= {f"{what} of {service}": why for service, why in of_services.items()}
    for one in cluster.findings.value or ():
        if one.kind is FindingKind.NOT_UNDERSTOOD:
            unknown[one.headline] = (one.reason,)
    if odd := not_understood(known_now(readings.samples("sign.decisions")), words.decision):
        why = f"{', '.join(map(shown, odd[:3]))} is not understood; set its meaning in words.decision in the settings"
        unknown[why] = ("policy decisions",)
        looked_at = [what for what in looked_at if what != "policy decisions"]
    if numberless := _numberless(readings):
        unknown["no number (NaN)"] = numberless
        looked_at = [what for what in looked_at if what not in numberless]
    return Coverage(looked_at=tuple(looked_at), unmeasured=unmeasured, silent=silent, unknown=unknown, awaited=awaited)


def _numberless(readings: Readings) -> tuple[str, ...]:
    """What a gauge or a count was read for that says no number."""
    return tuple(
        what
        for what, keys in LOOKED_AT.items()
        if any(sample.value is None for key in keys if key in NUMBERS for sample in known_now(readings.samples(key)))
    )


def _asked(readings: Readings, cluster: ClusterState, governed: Reading[Any]) -> dict[str, tuple[Reading[Any], ...]]:
    """Everything that is looked at, with the answers that it rests on: the worst of them decides."""

    def of(*names: str) -> tuple[Reading[Any], ...]:
        return tuple(readings.samples(f"{window}.{name}") for window in ("now", "longer") for name in names)

    signs = {
        what: tuple(map(readings.samples, keys))
        + tuple(one for one in map(readings.samples, HELPING.get(what, ())) if one.state not in _ANSWERED_NOTHING)
        for what, keys in LOOKED_AT.items()
    }
    return {
        "alerts": (readings.alerts("alerts"),),
        "runs": of("runs"),
        "error ratios": of("errors"),
        "latency": of("p95"),
        "contract violations": of("violations", "evaluations"),
        **signs,
        "log lines": (_lines(readings), *(readings.logs(f"lines.{track}") for track in Track)),
        "pods": (cluster.pods,),
        "workloads": (cluster.workloads,),
        "nodes": (cluster.nodes,),
        "governed Services": (governed, readings.objects("cluster.governed")),
        "endpoints": (readings.objects("cluster.endpointslices"),),
    }


def _lines(readings: Readings) -> Reading[Any]:
    """The log lines. None at all within half a minute does not mean quiet: nothing arrives."""
    answer = readings.logs("lines.pods")
    if answer.value is not None and answer.value.lacking:
        return answer.map(lambda page: None, empty=f"no document here carries {', '.join(answer.value.lacking)}")
    return answer.map(lambda page: page if page.total else None, empty="no line within the last 30 s")


def _untold_tracks(tracks: Iterable[tuple[str, Workload]], symptoms: Iterable[Symptoms]) -> dict[str, str]:
    """Tracks with pods but without measured runs, whatever the other track measures."""
    rates = {(s.service, s.track): s.runs_per_second for s in symptoms}
    found = {}
    for service, workload in tracks:
        rate = rates.get((service, workload.track))
        if workload.desired and not rate:
            said = "no data" if rate is None else "no run ended just now"
            found[f"runs of {service} on {workload.track}"] = said
    return found
