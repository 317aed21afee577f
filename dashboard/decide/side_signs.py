"""What goes wrong beside the runs: cost, CPU, floods of log lines, wrong times, certificates and sources.

Pure: samples, counts and health in, incidents out. Thresholds are wide: a card at night must be worth waking up for.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.decide.policy import Limits
from dashboard.decide.suspects import suspect, where
from dashboard.model.health import SourceHealth
from dashboard.model.incident import CauseFamily, Incident, Symptoms
from dashboard.model.reading import Source, Unit
from dashboard.model.series import Sample
from dashboard.model.words import Severity
from dashboard.model.workload import Pod
from dashboard.model.written import number, rate

LEAST_RUNS = 30.0
# The cost of runs varies widely: only gross growth shows here, the release's gates judge the rest.
LEAST_COST_TIMES, CRITICAL_COST_TIMES = 2.0, 3.0
CPU_TIMES, LEAST_CPU_CORES = 2.0, 0.25
CPU_TIMES_OF_OTHER = 4.0
FLOOD_TIMES, FLOOD_PER_SECOND = 5.0, 100.0
LATE_SECONDS = 30.0
CERTIFICATE_SECONDS = 7 * 86_400.0
# As the prober sees it, one small request after the other. The deck itself asks much at once, so it waits longer.
SLOW_PROBE_SECONDS, SLOW_SOURCE_SECONDS = 0.7, 4.0

Samples = Iterable[Sample]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What one track writes, or everything together (`service` and `track` "").

    Attributes:
        per_second: lines over the newest moments, and over each step of the minutes before, oldest first.
        newest: the time that the newest line bears; None where there is none.
    """

    service: str
    track: str
    per_second: float
    before: Sequence[float]
    newest: datetime | None


def dearer(now: Samples, before: Samples, symptoms: Iterable[Symptoms], limits: Limits) -> Iterator[Incident]:
    """Tracks on which a run costs several times what it cost before, or what it costs on the other track."""
    runs = {(s.service, s.track): (s.runs_per_second or 0.0) * s.window_seconds for s in symptoms}
    costs = {_place(sample): sample.value for sample in now}
    past = {_place(sample): sample.value for sample in before}
    most = max(LEAST_COST_TIMES, limits.cost_ratio)
    for (service, track), cost in sorted(costs.items()):
        if not cost or runs.get((service, track), 0.0) < LEAST_RUNS:
            continue
        then = past.get((service, track))
        others = [c for (s, t), c in costs.items() if s == service and t != track and c]
        known = {"before": then, "on the other track": min(others, default=None)}
        beyond = {who: cost / other for who, other in known.items() if other and cost > most * other}
        if beyond:
            who, times = next(iter(beyond.items()))
            much = f"{number(times, Unit.TIMES).removesuffix(' ×')} times as much as {who}"
            yield suspect(
                CauseFamily.COST,
                f"A run of {where(service, track)} costs {much}",
                service=service,
                track=track,
                severity=Severity.CRITICAL if times >= CRITICAL_COST_TIMES else Severity.WARNING,
                reasons=(f"{number(cost, Unit.USD)} a run now, {number(known[who], Unit.USD)} {who}",),
            )


def burning(used: Samples, requested: Samples, pods: Iterable[Pod], symptoms: Iterable[Symptoms]) -> Iterator[Incident]:
    """Tracks whose pods take far more CPU than they asked for, or for each run far more than the other track."""
    places = {pod.name: (pod.component or pod.workload, pod.track) for pod in pods}
    asked = {sample.labels.get("pod", ""): sample.value for sample in requested}
    cores: dict[tuple[str, str], float] = {}
    requests: dict[tuple[str, str], float | None] = {}
    for sample in used:
        pod = sample.labels.get("pod", "")
        if pod in places and sample.value is not None:
            cores[places[pod]] = cores.get(places[pod], 0.0) + sample.value
            so_far, request = requests.get(places[pod], 0.0), asked.get(pod)
            # Of a pod whose request is not known nobody can say that it takes more.
            requests[places[pod]] = None if so_far is None or request is None else so_far + request
    rates = {(s.service, s.track): s.runs_per_second or 0.0 for s in symptoms}
    by_run = {place: taken / rates[place] for place, taken in cores.items() if rates.get(place, 0.0) > 1.0}
    for (service, track), taken in sorted(cores.items()):
        request, of_run = requests[service, track], by_run.get((service, track))
        others = [one for (s, t), one in by_run.items() if s == service and t != track and one]
        said = ""
        if request and taken > CPU_TIMES * request and taken - request > LEAST_CPU_CORES:
            said = f"it asked for {number(request, Unit.CORES)}"
        elif of_run and others and of_run > CPU_TIMES_OF_OTHER * min(others) and taken > LEAST_CPU_CORES:
            times = number(of_run / min(others), Unit.TIMES).removesuffix(" ×")
            said = f"for each run {times} times what the other track takes"
        if said:
            yield suspect(
                CauseFamily.CPU,
                f"{where(service, track)} takes {number(taken, Unit.CORES)} of CPU: {said}",
                service=service,
                track=track,
                severity=Severity.WARNING,
                reasons=("Other pods on its nodes may get less CPU than they asked for",),
            )


def flooding(found: Iterable[Lines], by_pod: Mapping[str, float], pods: Iterable[Pod]) -> Iterator[Incident]:
    """Who floods the logs: compared with their own past, and with other pods.

    Args:
        by_pod: lines a second of the pods that write most.
    """
    told = set()
    for lines in found:
        usual = statistics.quantiles(lines.before, n=4)[0] if len(lines.before) > 1 else None
        if usual is None or lines.per_second < max(FLOOD_PER_SECOND, FLOOD_TIMES * usual):
            continue
        if lines.service or lines.track:
            told.add(lines.track)
            yield _flood(lines.service, lines.track, lines.per_second, f"{number(usual, Unit.PER_SECOND)} before")
    places = {pod.name: (pod.component or pod.workload, pod.track) for pod in pods}
    middle = statistics.median(by_pod.values()) if len(by_pod) > 2 else None
    loud: dict[tuple[str, str], float] = {}
    for pod, per_second in by_pod.items():
        if middle is not None and per_second > max(FLOOD_PER_SECOND, 2 * FLOOD_TIMES * middle):
            place = places.get(pod, (pod, ""))
            loud[place] = loud.get(place, 0.0) + per_second
    for (service, track), per_second in sorted(loud.items()):
        if track not in told:
            yield _flood(service, track, per_second, f"other pods {number(middle, Unit.PER_SECOND)} each")


def misdated(found: Iterable[Lines], symptoms: Iterable[Symptoms], now: datetime) -> Iterator[Incident]:
    """Tracks that run although their newest line is old or in the future: a wrong clock, or lines that do not arrive.

    None where all lines are late: then the pipeline into the log store is slow, not a clock wrong.
    """
    tracks = [lines for lines in found if lines.newest is not None]
    behind = {(x.service, x.track): (now - x.newest).total_seconds() for x in tracks if x.newest}
    running = {(s.service, s.track) for s in symptoms if (s.runs_per_second or 0.0) > 1.0}
    somebody_is_punctual = any(abs(seconds) < LATE_SECONDS for seconds in behind.values())
    for (service, track), seconds in sorted(behind.items()):
        is_off = seconds < -LATE_SECONDS or (seconds > LATE_SECONDS and (service, track) in running)
        if not is_off or not somebody_is_punctual:
            continue
        far = number(abs(seconds), Unit.SECONDS)
        late = f"the newest log line of {where(service, track)} is dated {far} {'ago' if seconds > 0 else 'ahead'}"
        yield suspect(
            CauseFamily.LOGS,
            late[0].upper() + late[1:] + ", although runs end there",
            service=service,
            track=track,
            severity=Severity.WARNING,
            reasons=(
                "Its clock is wrong, or its lines do not arrive: searches of the last minutes miss what it writes",
            ),
        )


def expiring(seconds_left: Samples) -> Iterator[Incident]:
    """Certificates that end within days."""
    for sample in sorted(seconds_left, key=lambda one: one.labels.get("instance", "")):
        left, of = sample.value, sample.labels.get("instance", "")
        if left is None or left > CERTIFICATE_SECONDS:
            continue
        ends = f"ends in {number(left, Unit.SECONDS)}" if left > 0 else "has ended"
        yield suspect(
            CauseFamily.BLIND,
            f"The certificate of {of or 'a source'} {ends}",
            subject=f"certificate {of}",
            severity=Severity.WARNING if left > 0 else Severity.CRITICAL,
            reasons=("After that, nothing that checks certificates can reach it, the deck included",),
        )


def ailing(
    sources: Iterable[SourceHealth], probes: Samples, awaited: Mapping[Source, Sequence[str]]
) -> Iterator[Incident]:
    """Sources that do not answer, or answer late: what they alone know is not known meanwhile.

    Args:
        probes: how long the prober waited for each source, in seconds.
        awaited: what is not known until a source answers.
    """
    waited = {sample.labels.get("instance", ""): sample.value or 0.0 for sample in probes}
    for one in sources:
        name = one.source.value.capitalize()
        probed, own = waited.get(one.source.value, 0.0), one.latency_seconds or 0.0
        if one.reachable is False:
            yield suspect(
                CauseFamily.BLIND,
                f"{name} does not answer",
                subject=f"source {one.source}",
                reasons=(one.reason, f"Not known until it answers: {_listed(awaited.get(one.source, ()))}"),
            )
        elif one.reachable and (probed >= SLOW_PROBE_SECONDS or own >= SLOW_SOURCE_SECONDS):
            late = probed if probed >= SLOW_PROBE_SECONDS else own
            yield suspect(
                CauseFamily.BLIND,
                f"{name} answers slowly: {number(late, Unit.SECONDS)}",
                subject=f"source {one.source}",
                severity=Severity.WARNING,
                reasons=("Pages are slow to draw. What does not arrive in time is left out, and the page names it",),
            )


def _listed(awaited: Sequence[str]) -> str:
    return ", ".join(awaited) or "what only it tells"


def _flood(service: str, track: str, per_second: float, beside: str) -> Incident:
    return suspect(
        CauseFamily.LOGS,
        f"{where(service, track)} writes {rate(per_second, 'log lines')}",
        service=service,
        track=track,
        severity=Severity.WARNING,
        reasons=(f"{beside}: this flood hides all other lines and fills the log store",),
    )


def _place(sample: Sample) -> tuple[str, str]:
    return sample.labels.get("service_name", ""), sample.labels.get("track", "")
