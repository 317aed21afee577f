"""Agents: how do the agents perform?"""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from dashboard.model.log import LogEntry
from dashboard.model.reading import Unit
from dashboard.model.view import View
from dashboard.queries.agents import AgentsAnswer, agent_names, agents
from dashboard.ui import session, url
from dashboard.ui.agents import AGENT_UNITS, FACES, MODEL_UNITS, TOOL_UNITS
from dashboard.ui.charts import time_chart
from dashboard.ui.filters import TRACKS, choose
from dashboard.ui.folds import folded_table
from dashboard.ui.lead import section
from dashboard.ui.measures import columns, covered, line_name, specs
from dashboard.ui.page import begin, go, live
from dashboard.ui.spans import ended, trace_link
from dashboard.ui.tables import Column, table
from dashboard.ui.tiles import tiles

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
    tiles(specs("agents", answer.measures, FACES, answer.limits), columns=7, key="agents")
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
    section("By agent")
    table(
        answer.agents,
        columns(("agent",), AGENT_UNITS),
        key="agents.agents",
        csv_name="agents",
        link=lambda row: "" if row.name in ("", view.agent) else f"agents?{urlencode(url.link(view, agent=row.name))}",
    )
    errors = columns(("error", "track"), {"errors/s": Unit.PER_SECOND})
    folded_table("Errors by type", answer.errors, errors, key="agents.errors", csv_name="errors-by-type")
    folded_table("Models", answer.models, columns(("model",), MODEL_UNITS), key="agents.models", csv_name="models")
    folded_table("Tools", answer.tools, columns(("tool",), TOOL_UNITS), key="agents.tools", csv_name="tools")
    slowest = answer.slowest.map(lambda found: found.entries or None, empty="no run was recorded in this period")
    folded_table(
        "Slowest runs",
        slowest,
        _SLOWEST,
        key="agents.slowest",
        csv_name="slowest-runs",
        tz=view.tz,
        link=trace_link(view),
    )
