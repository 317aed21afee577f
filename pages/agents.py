"""Agents: how do the agents perform?"""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from dashboard.model.log import LogEntry
from dashboard.model.reading import Unit
from dashboard.model.view import View
from dashboard.queries.agents import AgentsAnswer, agent_names, agents
from dashboard.ui import session, url
from dashboard.ui.charts import time_chart
from dashboard.ui.filters import TRACKS, choose
from dashboard.ui.measures import TileSpec, columns, covered, line_name, specs
from dashboard.ui.page import begin, go, live
from dashboard.ui.spans import ended, trace_link
from dashboard.ui.tables import Column, table
from dashboard.ui.tiles import tiles

_ALL_AGENTS = "all agents: models are not told apart by agent"
_FACES = {
    "run_rate": TileSpec(name="Runs", help="Agent runs that ended, each second."),
    "error_ratio": TileSpec(name="Errors", good="down", help="Runs that ended in an error."),
    "p95": TileSpec(name="Slow runs (p95)", good="down", help="One run in 20 takes longer."),
    "p50": TileSpec(name="Usual run (p50)", good="down", help="Half of the runs take longer."),
    "p99": TileSpec(name="Slowest (p99)", good="down", help="One run in 100 takes longer."),
    "first_token": TileSpec(name="First token (p95)", good="down", note=_ALL_AGENTS),
    "tool_errors": TileSpec(name="Tool errors", good="down", help="Tool calls that ended in an error."),
    "retries": TileSpec(name="Retries", good="down", help="Attempts after the first, each second."),
    "tokens": TileSpec(name="Tokens a second", note=_ALL_AGENTS, help="Read and written by models."),
    "cost_hour": TileSpec(name="Cost an hour", good="down"),
    "cost_run": TileSpec(name="Cost a run", good="down"),
    "active": TileSpec(name="Running now", help="Runs under way at this moment."),
    "queue": TileSpec(name="Waiting now", good="down", help="Tasks in the queue at this moment."),
    "queue_age": TileSpec(name="Oldest waiting", good="down", help="How long the oldest task in the queue has waited."),
}
_AGENT = {
    "runs/s": Unit.PER_SECOND,
    "errors": Unit.RATIO,
    "p95": Unit.SECONDS,
    "p50": Unit.SECONDS,
    "cost/run": Unit.USD,
    "tools/run": Unit.COUNT,
}
_MODEL = {"calls/s": Unit.PER_SECOND, "errors": Unit.RATIO, "p95": Unit.SECONDS, "tokens/s": Unit.TOKENS}
_TOOL = {"calls/s": Unit.PER_SECOND, "errors": Unit.RATIO, "p95": Unit.SECONDS}
_SLOWEST: list[Column[LogEntry]] = [
    Column(name="agent", cell=lambda span: str(span.attributes.get("gen_ai.agent.name", "unknown")), essential=True),
    Column(name="took", cell=lambda span: span.duration_seconds, unit=Unit.SECONDS, essential=True),
    Column(name="track", cell=lambda span: span.track, essential=True),
    Column(name="ended", cell=ended),
    Column(name="time", cell=lambda span: span.at, essential=True),
    Column(name="trace", cell=lambda span: span.trace_id),
]


def page() -> None:
    """Draw the page."""
    view = begin("Agents", "How do the agents perform?")
    choose(view, track=TRACKS, agent=agent_names(session.ask_for(view), view, session.now()))
    go("logs", "Their log lines", view, icon=":material/notes:")

    def draw() -> None:
        _draw(session.answer(agents, view), view)

    live(draw, key="agents.live")


def _draw(answer: AgentsAnswer, view: View) -> None:
    tiles(specs("agents", answer.measures, _FACES, answer.limits), columns=7, key="agents")
    st.caption(covered(answer.period))
    with st.grid(3, min_column_width=300, gap="small", key="agents-charts"):
        for name, title in (
            ("error_ratio", "Errors"),
            ("p95", "Slow runs (p95)"),
            ("run_rate", "Runs each second"),
        ):
            time_chart(
                title,
                answer.lines[name],
                unit=answer.measures[name].unit,
                name=line_name("track"),
                key=f"agents.chart.{name}",
                limit=answer.limits.get(name),
                markers=answer.changes,
                tz=view.tz,
            )
    st.subheader("By agent", anchor=False)
    table(
        answer.agents,
        columns(("agent",), _AGENT),
        key="agents.agents",
        csv_name="agents",
        link=lambda row: "" if row.name in ("", view.agent) else f"agents?{urlencode(url.link(view, agent=row.name))}",
    )
    st.subheader("Errors by type", anchor=False)
    errors = columns(("error", "track"), {"errors/s": Unit.PER_SECOND})
    table(answer.errors, errors, key="agents.errors", csv_name="errors-by-type")
    st.subheader("By model", anchor=False)
    table(answer.models, columns(("model",), _MODEL), key="agents.models", csv_name="models")
    st.subheader("By tool", anchor=False)
    table(answer.tools, columns(("tool",), _TOOL), key="agents.tools", csv_name="tools")
    st.subheader("Slowest runs", anchor=False)
    slowest = answer.slowest.map(lambda found: found.entries or None, empty="no run was recorded in this period")
    table(slowest, _SLOWEST, key="agents.slowest", csv_name="slowest-runs", tz=view.tz, link=trace_link(view))
