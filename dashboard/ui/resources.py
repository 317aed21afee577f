"""The pieces that only the Resources page has: its tiles, its columns and the log of one pod."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import streamlit as st

from dashboard.decide.policy import Limits
from dashboard.model.finding import FindingKind
from dashboard.model.reading import Reading, State, Unit
from dashboard.model.view import View
from dashboard.model.workload import SICK, ClusterEvent, Container, Health, Limit, Node, Pod, Workload
from dashboard.queries.resources import ResourcesAnswer
from dashboard.ui import session, states
from dashboard.ui.filters import choose
from dashboard.ui.format import shown
from dashboard.ui.lead import Share, Tone, bar, section
from dashboard.ui.links import address
from dashboard.ui.measures import TileSpec, specs
from dashboard.ui.tables import Column, table
from dashboard.ui.text import one_line, plain
from dashboard.ui.tiles import Tile

_LINES = 300
_MOST_SICK, _MOST_SICK_CARDS = 20, 4
_TONES: Mapping[Health, Tone] = {
    Health.FAILING: "sick",
    Health.DEGRADED: "warn",
    Health.UNKNOWN: "quiet",
    Health.CHANGING: "quiet",
    Health.HEALTHY: "well",
    Health.IDLE: "quiet",
    Health.OVER: "quiet",
}
_MOST_TOLD = 3
_NOTHING_WRITTEN = {True: "The container has written nothing yet.", False: "Nothing was read of what it wrote."}
_SIGNS = {
    Health.FAILING: "✖ failing",
    Health.DEGRADED: "▲ degraded",
    Health.UNKNOWN: "? unknown",
    Health.CHANGING: "↻ changing",
    Health.HEALTHY: "✔ healthy",
    Health.IDLE: "○ idle",
    Health.OVER: "■ over",
}
_LIMIT_SIGNS = {True: "▲ at its limit", None: "? cannot be told", False: "✔ room left"}
_FACES = {
    "cpu": TileSpec(name="CPU used"),
    "cpu_requested": TileSpec(name="CPU asked for", help="The sum of the containers' requests."),
    "memory": TileSpec(name="Memory used", good="down"),
    "memory_limit": TileSpec(name="Memory limit", help="The sum of the containers' limits."),
    "restarts": TileSpec(name="Restarts", good="down", note="whole period", help="Containers that died and came back."),
    "oom": TileSpec(name="Out of memory", good="down", note="whole period", help="Containers killed for their memory."),
    "throttled": TileSpec(
        name="CPU throttled", good="down", help="CPU periods in which a container was held back by its limit."
    ),
    "nodes": TileSpec(name="Nodes ready", good="up"),
}


def _limit_sign(limit: Limit) -> str:
    return "▲ in trouble" if limit.trouble and limit.at_limit is False else _LIMIT_SIGNS[limit.at_limit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The page's answer. `rest` holds outside words: escape it."""

    head: str
    rest: str
    is_well: bool = False
    is_wrong: bool = False


def summary(answer: ResourcesAnswer) -> Summary:
    """What is wrong, else what is not known, else what was looked at and found well."""
    found = answer.findings
    wrong = [one for one in found.value or () if one.kind is not FindingKind.NOT_UNDERSTOOD]
    odd = [one for one in found.value or () if one.kind is FindingKind.NOT_UNDERSTOOD]
    doubts = [f"{one.headline} ({one.reason})" for one in odd[:_MOST_TOLD]]
    if len(odd) > _MOST_TOLD:
        doubts.append(f"{len(odd) - _MOST_TOLD} more")
    if found.state is not State.FRESH:
        doubts.append(found.reason)
    doubt = f" Not known: {'; '.join(doubts)}." if doubts else ""
    if wrong:
        told = [f"{one.headline}{f' ({one.reason})' if one.reason else ''}" for one in wrong[:_MOST_TOLD]]
        more = f"; {len(wrong) - len(told)} more below" if len(wrong) > len(told) else ""
        head = "One thing is wrong." if len(wrong) == 1 else f"{len(wrong)} things are wrong."
        return Summary(head=head, rest=f"{'; '.join(told)}{more}.{doubt}", is_wrong=True)
    if doubts:
        return Summary(head="Not known whether the platform is healthy.", rest=doubt.strip())
    return _well(answer)


def _well(answer: ResourcesAnswer) -> Summary:
    workloads, nodes = answer.workloads.value or (), answer.nodes.value or ()
    living = [one for one in workloads if one.health is not Health.OVER]
    if not living:
        return Summary(head="No workload runs in this namespace.", rest="So there is nothing to judge.")
    changing = sum(one.health is Health.CHANGING for one in living)
    pods = f"{_whole(answer.ready)} of {_whole(answer.desired)} pods ready"
    rest = f"Looked at: {_counted(len(living), 'workload')}, {pods}, {_counted(len(nodes), 'node')}."
    return Summary(
        head=f"Nothing is wrong; {changing} still changing." if changing else "All workloads have their pods.",
        rest=rest,
        is_well=True,
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _whole(reading: Reading[float]) -> str:
    return shown(reading, Unit.COUNT)


def resource_tiles(answer: ResourcesAnswer, limits: Limits) -> list[Tile]:
    """What the cluster says first, then what Prometheus measured."""
    now = "" if answer.period.live else "as of now"  # the cluster remembers no pods of the past
    return [
        Tile(name="Pods ready", value=answer.ready, unit=Unit.COUNT, key="resources-ready", good="up", note=now),
        Tile(name="Pods wanted", value=answer.desired, unit=Unit.COUNT, key="resources-desired", note=now),
        Tile(
            name="Pods in trouble",
            value=answer.in_trouble,
            unit=Unit.COUNT,
            key="resources-trouble",
            good="down",
            limit=0.0,
            note=now,
            help="Pods that cannot start, cannot be scheduled, run without being ready, or do not end.",
        ),
        Tile(
            name="Warnings",
            value=answer.warnings,
            unit=Unit.COUNT,
            key="resources-warnings",
            good="down",
            note="whole period",
            help="Events of type Warning in the namespace.",
        ),
        *specs("resources", answer.measures, _FACES, {"throttled": limits.throttled_ratio}),
    ]


WORKLOADS: list[Column[Workload]] = [
    Column(name="workload", cell=lambda found: found.name, essential=True),
    Column(name="kind", cell=lambda found: found.kind),
    Column(name="health", cell=lambda found: _SIGNS[found.health], essential=True),
    Column(name="ready", cell=lambda found: f"{found.ready} of {found.desired}", essential=True),
    Column(name="version", cell=lambda found: found.version, essential=True),
    Column(name="track", cell=lambda found: found.track),
    Column(name="available", cell=lambda found: float(found.available), unit=Unit.COUNT),
    Column(name="updated", cell=lambda found: float(found.updated), unit=Unit.COUNT),
    Column(name="restarts", cell=lambda found: float(found.restarts), unit=Unit.COUNT, essential=True),
    Column(name="trouble", cell=lambda found: found.trouble, essential=True),
]
PODS: list[Column[Pod]] = [
    Column(name="pod", cell=lambda found: found.name, essential=True),
    Column(name="health", cell=lambda found: _SIGNS[found.health], essential=True),
    Column(name="phase", cell=lambda found: "Terminating" if found.terminating else found.phase),
    Column(name="ready", cell=lambda found: f"{found.ready} of {len(found.containers)}"),
    Column(name="restarts", cell=lambda found: float(found.restarts), unit=Unit.COUNT, essential=True),
    Column(name="trouble", cell=lambda found: found.trouble, essential=True),
    Column(name="CPU", cell=lambda found: found.cpu_cores, unit=Unit.CORES, essential=True),
    Column(name="CPU request", cell=lambda found: found.cpu_request_cores, unit=Unit.CORES),
    Column(name="memory", cell=lambda found: found.memory_bytes, unit=Unit.BYTES, essential=True),
    Column(name="memory limit", cell=lambda found: found.memory_limit_bytes, unit=Unit.BYTES),
    Column(name="track", cell=lambda found: found.track),
    Column(name="version", cell=lambda found: found.version),
    Column(name="node", cell=lambda found: found.node),
    Column(name="since", cell=lambda found: found.started_at),
]
NODES: list[Column[Node]] = [
    Column(name="node", cell=lambda found: found.name, essential=True),
    Column(name="health", cell=lambda found: _SIGNS[found.health], essential=True),
    Column(name="takes pods", cell=lambda found: "yes" if found.takes_pods else "no", essential=True),
    Column(name="trouble", cell=lambda found: found.trouble, essential=True),
    Column(name="since", cell=lambda found: found.since),
    Column(name="kubelet", cell=lambda found: found.version),
]
LIMITS: list[Column[Limit]] = [
    Column(name="name", cell=lambda found: found.name, essential=True),
    Column(name="kind", cell=lambda found: found.kind, essential=True),
    Column(name="now", cell=lambda found: found.now, essential=True),
    Column(name="allowed", cell=lambda found: found.allowed, essential=True),
    Column(name="state", cell=_limit_sign, essential=True),
    Column(name="trouble", cell=lambda found: found.trouble, essential=True),
]
EVENTS: list[Column[ClusterEvent]] = [
    Column(name="reason", cell=lambda found: found.reason, essential=True),
    Column(name="type", cell=lambda found: "▲ warning" if found.warning else "normal", essential=True),
    Column(name="about", cell=lambda found: f"{found.kind} {found.name}", essential=True),
    Column(name="message", cell=lambda found: found.message, essential=True),
    Column(name="times", cell=lambda found: float(found.count), unit=Unit.COUNT),
    Column(name="last", cell=lambda found: found.at, essential=True),
]


def headline(answer: ResourcesAnswer) -> None:
    """The page's answer in one sentence; never that all is well while something is unknown."""
    said = summary(answer)
    if said.is_well:
        with st.container(border=True, key="calm"):
            st.markdown(f":material/check_circle: **{said.head}** {plain(said.rest)}")
    else:
        icon = ":material/error:" if said.is_wrong else ":material/visibility_off:"
        st.warning(f"**{said.head}** {plain(said.rest, limit=700)}", icon=icon)


def picture(answer: ResourcesAnswer) -> None:
    """All workloads as one bar by their health."""
    counts = Counter(one.health for one in answer.workloads.value or ())
    bar([Share(name=str(health), count=counts[health], tone=_TONES[health]) for health in Health], label="Workloads")


def troubled(answer: ResourcesAnswer, view: View) -> None:
    """The pods that are not well, open; what is well is folded below. Each leads to its log lines."""
    sick = tuple(pod for pod in answer.pods.value or () if pod.health in (*SICK, Health.UNKNOWN))
    if sick:
        ordered = sorted(sick, key=lambda pod: (list(Health).index(pod.health), pod.name))
        section("Pods that are not well" if len(sick) > 1 else "The pod that is not well")
        table(
            ordered[:_MOST_SICK],
            PODS,
            key="resources.sick",
            csv_name="pods-not-well",
            tz=view.tz,
            most_cards=_MOST_SICK_CARDS,
            link=partial(logs_of, view=view),
        )
        if len(sick) > _MOST_SICK:
            st.caption(f"The {_MOST_SICK} worst of {len(sick):,}; all pods are below.")


def choose_container(view: View, known: Sequence[Container]) -> None:
    """The container whose log is shown; nothing to choose where the pod has one alone."""
    if len(known) < 2 and not view.container:
        return
    words = {one.name: f"{one.name} ({one.kind})" for one in known}
    default = next((one.name for one in known if one.is_default), "")
    nothing = f"{one_line(default)}, the default one" if default else "the default one"
    choose(view, nothing=nothing, key="filters-container", words=words, container=[one.name for one in known])


class ReadLog(Protocol):
    """Answers with the newest lines of the pod that was chosen."""

    def __call__(self, *, previous: bool, lines: int) -> Reading[str]: ...


def pod_line(labels: Mapping[str, str]) -> str:
    """A pod's line in a legend: its workload and its own last word, without the template's hash between them.

    `agent-runtime-blue-a2c82377b2-d87ft` is `agent-runtime-blue d87ft`.
    """
    name = labels.get("pod", "unknown")
    parts = name.rsplit("-", 2)
    return f"{parts[0]} {parts[2]}" if len(parts) == 3 else name


def logs_of(pod: Pod, view: View) -> str:
    """Where the log lines of a pod are; "" while the deck has no page for them."""
    return address("logs", replace(view, pod=pod.name, container="", line=""))


def log(view: View, read: ReadLog) -> None:
    """The newest lines of the view's pod, of this run or of the one before its last restart."""
    previous = st.toggle(
        "The run before its last restart", key="resources.log.previous", help="What a crashed container said last."
    )
    reading = read(previous=previous, lines=_LINES)
    name = "-".join(filter(None, (view.pod, view.container)))
    if reading.value is None:
        states.note(reading, name)
        return
    states.badge(reading, session.now())
    st.caption(f"The newest {_LINES} lines at most. Reload the page for newer ones.")
    st.code(reading.value or _NOTHING_WRITTEN[reading.state is State.FRESH], language=None, height=360, wrap_lines=True)
    st.download_button(
        "Log", data=reading.value, file_name=f"{name}.log", icon=":material/download:", key="resources.log.file"
    )
