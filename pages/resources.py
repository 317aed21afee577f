"""Resources: is the platform healthy?"""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard.model.reading import Unit
from dashboard.model.view import View
from dashboard.queries.policy import limits_of
from dashboard.queries.resources import ResourcesAnswer, pod_containers, pod_log, pod_names, resources
from dashboard.ui import session
from dashboard.ui.charts import time_chart
from dashboard.ui.filters import choose
from dashboard.ui.folds import folded_table
from dashboard.ui.lead import section
from dashboard.ui.measures import covered
from dashboard.ui.page import begin, live
from dashboard.ui.resources import (
    EVENTS,
    LIMITS,
    NODES,
    PODS,
    WORKLOADS,
    choose_container,
    headline,
    log,
    logs_of,
    picture,
    pod_line,
    resource_tiles,
    troubled,
)
from dashboard.ui.tiles import tiles


def page() -> None:
    """Draw the page."""
    view = begin("Resources", "Is the platform healthy?")

    def draw() -> None:
        _draw(session.answer(resources, view), view)

    live(draw, key="resources.live")
    section("Pod log")
    ask = session.ask_for(view)
    choose(view, nothing="choose a pod", clears=("container",), pod=pod_names(ask, view))
    if view.pod:
        choose_container(view, pod_containers(ask, view))
        log(view, lambda **how: pod_log(ask, view, **how))


def _draw(answer: ResourcesAnswer, view: View) -> None:
    headline(answer)
    picture(answer)
    troubled(answer, view)
    tiles(resource_tiles(answer, limits_of(session.ask_for(view))), columns=6, key="resources")
    st.caption(covered(answer.period))
    with st.grid(2, min_column_width=300, gap="small", key="resources-charts"):
        for title, series, unit, key in (
            ("CPU by pod", answer.cpu, Unit.CORES, "resources.chart.cpu"),
            ("Memory by pod", answer.memory, Unit.BYTES, "resources.chart.memory"),
        ):
            time_chart(title, series, unit=unit, name=pod_line, key=key, markers=answer.changes, tz=view.tz)
    folded_table("Workloads", answer.workloads, WORKLOADS, key="resources.workloads", csv_name="workloads")
    to_logs = partial(logs_of, view=view)
    folded_table("Pods", answer.pods, PODS, key="resources.pods", csv_name="pods", tz=view.tz, link=to_logs)
    folded_table("Nodes", answer.nodes, NODES, key="resources.nodes", csv_name="nodes", tz=view.tz)
    folded_table("Limits and budgets", answer.limits, LIMITS, key="resources.limits", csv_name="limits")
    folded_table(
        "Events",
        answer.events,
        EVENTS,
        key="resources.events",
        csv_name="events",
        tz=view.tz,
        most_cards=8,
        counts=False,
    )
