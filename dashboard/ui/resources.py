"""The pieces that only the Resources page has: its tiles, its columns and the log of one pod."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import streamlit as st

from dashboard.model.reading import Reading, Unit
from dashboard.model.view import View
from dashboard.model.workload import ClusterEvent, Health, Limit, Pod, Workload
from dashboard.queries.resources import ResourcesAnswer
from dashboard.ui import session, states
from dashboard.ui.measures import TileSpec, specs
from dashboard.ui.tables import Column
from dashboard.ui.tiles import Tile

_LINES = 300
_SIGNS = {
    Health.FAILING: "✖ failing",
    Health.DEGRADED: "▲ degraded",
    Health.CHANGING: "↻ changing",
    Health.HEALTHY: "✔ healthy",
    Health.IDLE: "○ idle",
}
_FACES = {
    "cpu": TileSpec(name="CPU used"),
    "cpu_requested": TileSpec(name="CPU asked for", help="The sum of the containers' requests."),
    "memory": TileSpec(name="Memory used", good="down"),
    "memory_limit": TileSpec(name="Memory limit", help="The sum of the containers' limits."),
    "restarts": TileSpec(name="Restarts", good="down", note="whole period", help="Containers that died and came back."),
    "oom": TileSpec(name="Out of memory", good="down", note="whole period", help="Containers killed for their memory."),
    "throttled": TileSpec(
        name="CPU throttled", good="down", limit=0.25, help="CPU periods in which a limit held a container."
    ),
    "nodes": TileSpec(name="Nodes ready", good="up"),
}


def resource_tiles(answer: ResourcesAnswer) -> list[Tile]:
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
            help="Pods that wait in back-off, failed, or run without being ready.",
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
        *specs("resources", answer.measures, _FACES),
    ]


WORKLOADS: list[Column[Workload]] = [
    Column(name="workload", cell=lambda found: found.name, essential=True),
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
LIMITS: list[Column[Limit]] = [
    Column(name="name", cell=lambda found: found.name, essential=True),
    Column(name="kind", cell=lambda found: found.kind, essential=True),
    Column(name="now", cell=lambda found: found.now, essential=True),
    Column(name="allowed", cell=lambda found: found.allowed, essential=True),
    Column(name="state", cell=lambda found: "▲ at its limit" if found.at_limit else "✔ room left", essential=True),
]
EVENTS: list[Column[ClusterEvent]] = [
    Column(name="reason", cell=lambda found: found.reason, essential=True),
    Column(name="type", cell=lambda found: "▲ warning" if found.warning else "normal", essential=True),
    Column(name="about", cell=lambda found: f"{found.kind} {found.name}", essential=True),
    Column(name="message", cell=lambda found: found.message, essential=True),
    Column(name="times", cell=lambda found: float(found.count), unit=Unit.COUNT),
    Column(name="last", cell=lambda found: found.at, essential=True),
]


class ReadLog(Protocol):
    """Answers with the newest lines of the pod that was chosen."""

    def __call__(self, *, previous: bool, lines: int) -> Reading[str]: ...


def pod_line(labels: Mapping[str, str]) -> str:
    """A pod's line in a legend: its workload and its own last word, without the template's hash between them.

    `agent-runtime-blue-a2c82377b2-d87ft` is `agent-runtime-blue d87ft`.
    """
    *workload, _, own = labels.get("pod", "unknown").rsplit("-", 2)
    return f"{workload[0]} {own}" if workload else labels.get("pod", "unknown")


def log(view: View, read: ReadLog) -> None:
    """The newest lines of the view's pod, of this run or of the one before its last restart."""
    previous = st.toggle(
        "The run before its last restart", key="resources.log.previous", help="What a crashed container said last."
    )
    reading = read(previous=previous, lines=_LINES)
    if reading.value is None:
        states.note(reading, view.pod)
        return
    states.badge(reading, session.now())
    st.caption(f"The newest {_LINES} lines at most. Reload the page for newer ones.")
    st.code(reading.value or "The container has written nothing yet.", language=None, height=360, wrap_lines=True)
    st.download_button(
        "Log", data=reading.value, file_name=f"{view.pod}.log", icon=":material/download:", key="resources.log.file"
    )
