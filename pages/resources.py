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
    pod_line,
    resource_tiles,
)
from dashboard.ui.tables import table
from dashboard.ui.tiles import tiles


def page() -> None:
    """Draw the page."""
    view = begin("Resources", "Is the platform healthy?")

    def draw() -> None:
        _draw(session.answer(resources, view), view)

    live(draw, key="resources.live")
    st.subheader("Pod log", anchor=False)
    ask = session.ask_for(view)
    choose(view, nothing="choose a pod", clears=("container",), pod=pod_names(ask, view))
    if view.pod:
        choose_container(view, pod_containers(ask, view))
        log(view, lambda **how: pod_log(ask, view, **how))


def _draw(answer: ResourcesAnswer, view: View) -> None:
    headline(answer, view)
    tiles(resource_tiles(answer, limits_of(session.ask_for(view))), columns=6, key="resources")
    st.caption(covered(answer.period))
    st.subheader("Workloads", anchor=False)
    table(answer.workloads, WORKLOADS, key="resources.workloads", csv_name="workloads")
    with st.grid(2, min_column_width=300, gap="small", key="resources-charts"):
        for title, series, unit, key in (
            ("CPU by pod", answer.cpu, Unit.CORES, "resources.chart.cpu"),
            ("Memory by pod", answer.memory, Unit.BYTES, "resources.chart.memory"),
        ):
            time_chart(title, series, unit=unit, name=pod_line, key=key, markers=answer.changes, tz=view.tz)
    st.subheader("Pods", anchor=False)
    table(answer.pods, PODS, key="resources.pods", csv_name="pods", tz=view.tz, link=partial(logs_of, view=view))
    st.subheader("Nodes", anchor=False)
    table(answer.nodes, NODES, key="resources.nodes", csv_name="nodes", tz=view.tz)
    st.subheader("Limits", anchor=False)
    table(answer.limits, LIMITS, key="resources.limits", csv_name="limits")
    st.subheader("Events", anchor=False)
    table(answer.events, EVENTS, key="resources.events", csv_name="events", tz=view.tz, most_cards=8)
