"""Agents: how do the agents perform?"""

from __future__ import annotations

import streamlit as st

from dashboard.model.view import View
from dashboard.queries.agents import AgentsAnswer, agent_names, agents
from dashboard.ui import agent_ranks, session
from dashboard.ui import agents as pieces
from dashboard.ui.charts import time_chart
from dashboard.ui.filters import TRACKS, choose
from dashboard.ui.folds import fold
from dashboard.ui.measures import covered, line_name, specs
from dashboard.ui.page import begin, go, live
from dashboard.ui.tiles import tiles


def page() -> None:
    """Draw the page."""
    view = begin("Agents", "How do the agents perform?")
    choose(view, track=TRACKS, agent=agent_names(session.ask_for(view), view, session.now()))

    def draw() -> None:
        _draw(session.answer(agents, view), view)

    live(draw, key="agents.live")
    go("logs", "Their log lines", view, icon=":material/notes:")


def _draw(answer: AgentsAnswer, view: View) -> None:
    agent_ranks.top(answer.ranking, view)
    tiles(specs("agents", answer.measures, pieces.FACES, answer.limits), columns=4, key="agents")
    more = specs("agents", answer.measures, pieces.MORE_FACES, answer.limits)
    fold("More figures", lambda: tiles(more, columns=6, key="agents-more"), key="agents.more")
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
    if answer.own is not None:
        pieces.own(answer.own)
    pieces.details(answer, view)
