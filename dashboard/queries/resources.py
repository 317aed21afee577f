"""What the Resources page shows: the health of workloads, and their usage against requests and limits.

Desired and ready pods come from the cluster, usage from Prometheus. Without Prometheus the page lacks usage, without
the API server the list of pods; neither outage takes both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from dashboard.catalog import resources as catalog
from dashboard.catalog.expression import Expression
from dashboard.decide import workloads as decide
from dashboard.decide.containers import containers
from dashboard.model.figures import Measure
from dashboard.model.finding import ClusterFinding
from dashboard.model.reading import Reading, Source, State, beside, combine, missing
from dashboard.model.series import Sample, Series
from dashboard.model.view import Marker, View
from dashboard.model.workload import SICK, ClusterEvent, Container, Health, Limit, Node, Pod, Workload
from dashboard.queries.ask import Ask
from dashboard.queries.cluster import ask_cluster, cluster_state, gathered, partly, totals
from dashboard.queries.measures import Period, ask_changes, ask_measure, changes, measure, period
from dashboard.queries.readings import Readings
from dashboard.queries.request import Instant, Objects, PodLog, Range, Request

MEASURES: Mapping[str, Expression] = {
    "cpu": catalog.CPU,
    "cpu_requested": catalog.CPU_REQUESTED,
    "memory": catalog.MEMORY,
    "memory_limit": catalog.MEMORY_LIMIT,
    "throttled": catalog.THROTTLED,
    "restarts": catalog.RESTARTS,
    "oom": catalog.OUT_OF_MEMORY,
    "nodes": catalog.NODES_READY,
}
_BY_POD = {
    "cpu_cores": catalog.CPU_BY_POD,
    "cpu_request_cores": catalog.CPU_REQUESTED_BY_POD,
    "memory_bytes": catalog.MEMORY_BY_POD,
    "memory_limit_bytes": catalog.MEMORY_LIMIT_BY_POD,
}
_USES = {
    "cpu_cores": "CPU",
    "cpu_request_cores": "CPU requested",
    "memory_bytes": "memory",
    "memory_limit_bytes": "memory limit",
}
_LINES = {"cpu": catalog.CPU_BY_POD, "memory": catalog.MEMORY_BY_POD}
_LIMITS = ("horizontalpodautoscalers", "poddisruptionbudgets", "resourcequotas")
_EVENTS = 100


T = TypeVar("T")
_NO_WORKLOAD = "no workload is listed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesAnswer:
    """All readings of the page. `pods` have their use beside them where Prometheus knows it."""

    period: Period
    measures: Mapping[str, Measure]
    desired: Reading[float]
    ready: Reading[float]
    in_trouble: Reading[float]
    warnings: Reading[float]
    workloads: Reading[tuple[Workload, ...]]
    pods: Reading[tuple[Pod, ...]]
    nodes: Reading[tuple[Node, ...]]
    findings: Reading[tuple[ClusterFinding, ...]]
    events: Reading[tuple[ClusterEvent, ...]]
    limits: Reading[tuple[Limit, ...]]
    cpu: Reading[tuple[Series, ...]]
    memory: Reading[tuple[Series, ...]]
    changes: tuple[Marker, ...]


def resources(ask: Ask, view: View, now: datetime) -> ResourcesAnswer:
    """Everything that the page shows, asked at once."""
    over = period(view, now)
    values = {**over.values, "namespace": view.ns}
    figure = {**values, "window": over.length}
    line = {**values, "window": over.course_window}
    at = None if over.live else over.end
    requests: dict[str, Request] = {kind: Objects(kind, view.ns) for kind in ("events", *_LIMITS)}
    requests |= ask_cluster(view.ns) | ask_changes(view.ns)
    for name, expression in MEASURES.items():
        requests |= ask_measure(name, expression, values, over)
    requests |= {f"pod.{name}": Instant(expression, figure, at) for name, expression in _BY_POD.items()}
    requests |= {f"line.{name}": Range(expression, line, over.start, over.end) for name, expression in _LINES.items()}
    answers = ask.gather(requests)

    use = {name: _by_pod(answers.samples(f"pod.{name}")) for name in _BY_POD}
    state = cluster_state(answers, now, ask.environment.words.tables(), ask.environment.blue_green.known)
    events = answers.objects("events").map(
        lambda found: tuple(event for event in decide.events(found) if _within(event, over))
    )
    # No workload is no count of 0: there may be some of a kind that is not listed.
    counts = combine(state.workloads, state.pods).map(
        lambda both: totals(*both) if both[0] else None, empty=_NO_WORKLOAD
    )
    return ResourcesAnswer(
        period=over,
        measures={name: _said(name, measure(answers, name, expression)) for name, expression in MEASURES.items()},
        desired=_of_all(counts.map(lambda found: float(found[0]))),
        ready=_of_all(counts.map(lambda found: float(found[1]))),
        in_trouble=_in_trouble(state.pods),
        warnings=events.map(lambda found: float(sum(event.warning for event in found))),
        workloads=state.workloads.map(lambda found: found or None, empty=_NO_WORKLOAD),
        pods=beside(
            _of_all(state.pods.map(lambda found: _with_use(found, use))),
            {_USES[name]: answers.samples(f"pod.{name}") for name in _BY_POD},
        ),
        nodes=_of_all(state.nodes),
        findings=_of_all(state.findings),
        events=events.map(lambda found: found[:_EVENTS] or None, empty="no event in this period"),
        limits=_limits(answers),
        cpu=answers.series("line.cpu"),
        memory=answers.series("line.memory"),
        changes=changes(answers, ask.environment.blue_green.known),
    )


def pod_names(ask: Ask, view: View) -> tuple[str, ...]:
    """The pods there are now; empty when the cluster does not answer."""
    found = ask.gather({"pods": Objects("pods", view.ns)}).objects("pods")
    return tuple(sorted(str(pod["metadata"]["name"]) for pod in found.value or ()))


def pod_containers(ask: Ask, view: View) -> tuple[Container, ...]:
    """The containers of the view's pod, the default one first; empty when the pod is not there."""
    found = ask.gather({"pods": Objects("pods", view.ns)}).objects("pods").value or ()
    return next((containers(pod) for pod in found if pod["metadata"]["name"] == view.pod), ())


def pod_log(ask: Ask, view: View, *, previous: bool, lines: int) -> Reading[str]:
    """The newest `lines` of the view's container, else of the default one of its pod.

    `previous` is its run before the last restart.
    """
    known = pod_containers(ask, view)
    names = [container.name for container in known]
    if view.container and names and view.container not in names:
        reason = f"this pod has no container {view.container}, only {', '.join(names)}"
        return missing(reason, source=Source.KUBERNETES)
    chosen = view.container or (names[0] if names else "")
    request = PodLog(view.ns, view.pod, chosen, tail_lines=lines, previous=previous)
    return ask.gather({"log": request}).text("log")


def _of_all(found: Reading[T]) -> Reading[T]:
    """Objects, or how many; none among a part of them is not none."""
    return found.map(lambda value: value or None) if found.state is State.PARTIAL else found


def _in_trouble(pods: Reading[tuple[Pod, ...]]) -> Reading[float]:
    """How many pods fail or are degraded; partial where the health of others is unknown."""
    sick = pods.map(lambda found: float(sum(pod.health in SICK for pod in found)))
    unknown = sum(pod.health is Health.UNKNOWN for pod in pods.value or ())
    return partly(sick, f"{unknown} more are not known: {_why(pods.value or ())}") if unknown else sick


def _why(pods: tuple[Pod, ...]) -> str:
    return ", ".join(sorted({pod.trouble for pod in pods if pod.health is Health.UNKNOWN}))


def _limits(readings: Readings) -> Reading[tuple[Limit, ...]]:
    """The limits; a kind that is not answered is left out."""
    found = gathered({kind: readings.objects(kind) for kind in _LIMITS})
    return found.map(lambda by_kind: decide.limits(*(by_kind.get(kind, ()) for kind in _LIMITS)))


def _said(name: str, found: Measure) -> Measure:
    """The measure; where there is none, in words that do not speak of traffic."""
    if name != "throttled":
        return found
    return replace(found, value=found.value.said("no container with a CPU limit is measured"))


def _within(event: ClusterEvent, over: Period) -> bool:
    """Whether it happened in the period. One without a time may have happened now."""
    if event.at is None:
        return over.live
    return over.start <= event.at and (over.live or event.at <= over.end)


def _by_pod(reading: Reading[tuple[Sample, ...]]) -> Mapping[str, float | None]:
    return {sample.labels.get("pod", ""): sample.value for sample in reading.value or ()}


def _with_use(pods: tuple[Pod, ...], use: Mapping[str, Mapping[str, float | None]]) -> tuple[Pod, ...]:
    return tuple(
        replace(
            pod,
            cpu_cores=use["cpu_cores"].get(pod.name),
            cpu_request_cores=use["cpu_request_cores"].get(pod.name),
            memory_bytes=use["memory_bytes"].get(pod.name),
            memory_limit_bytes=use["memory_limit_bytes"].get(pod.name),
        )
        for pod in pods
    )
