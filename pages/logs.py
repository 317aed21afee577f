"""Logs: what happened?"""

from __future__ import annotations

import streamlit as st

from dashboard.model.view import View
from dashboard.queries.log_page import LogsAnswer, log_lines
from dashboard.ui import log_search, session
from dashboard.ui.log_kinds import kinds
from dashboard.ui.log_tail import follow
from dashboard.ui.logs import first, lines, narrowing, narrowing_on_phone, one_line
from dashboard.ui.page import begin, live


def page() -> None:
    """Draw the page."""
    view = begin("Logs", "What happened?")
    log_search.bar(view)
    if view.line:
        one_line(view)
    live(lambda: _draw(session.answer(log_lines, view), view), key="logs.live")
    if view.tail:
        follow(view)
    log_search.exports(view)


def _draw(answer: LogsAnswer, view: View) -> None:
    log_search.hints(answer.hints)
    first(answer, view)
    if view.tail:
        return
    narrowing_on_phone(answer, view)
    beside, aside = st.columns([4, 1], gap="medium")
    with beside:
        if answer.kinds is not None:
            kinds(answer.kinds, view)
        lines(answer, view)
    with aside:
        narrowing(answer, view)
