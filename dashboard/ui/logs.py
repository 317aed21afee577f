"""The page Logs in pieces: the sentence, the picture, the lines, one line with what is around it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.model.log import LogPage
from dashboard.model.reading import State
from dashboard.model.view import View
from dashboard.queries.log_page import (
    A_PAGE,
    FACETS,
    MOST_PAGES,
    LogsAnswer,
    around,
    level_totals,
    older,
    total,
)
from dashboard.ui import log_facets, log_histogram, session, states, url
from dashboard.ui.format import stamp
from dashboard.ui.lead import lead
from dashboard.ui.links import address
from dashboard.ui.log_lead import answer_in_words, counted
from dashboard.ui.log_lines import rows, whole
from dashboard.ui.page import link
from dashboard.ui.text import plain

_OLDER: Final = "logs.older"


def first(answer: LogsAnswer, view: View) -> None:
    """The sentence, and the bars over time."""
    sentence, tone, detail = answer_in_words(answer, view)
    lead(sentence, tone, detail=detail)
    counts = answer.counts
    if counts is None:
        return
    if counts.value is None:
        if answer.lines is not None and answer.lines.value is not None:
            states.note(counts, "counts")
        return
    states.badge(counts, session.now())
    if counts.state is State.PARTIAL:
        st.caption(plain(counts.reason, limit=500))
    if not total(counts.value):
        return
    bars = log_histogram.bars(counts.value, answer.start, answer.end)

    def to(start: datetime, end: datetime) -> str:
        return address("logs", replace(view, range="", start=start, end=end, line="", tail=""))

    if bars:
        st.html(log_histogram.html(bars, view.tz, to))


def narrowing(answer: LogsAnswer, view: View) -> None:
    """The fields that lines can be narrowed by; beside the lines on a desktop, behind a button on a phone."""
    page = answer.counts.value if answer.counts is not None else None
    if page is None:
        return
    shown = log_facets.facets(page, level_totals(page), view, FACETS)
    with st.container(key="facets-wide"):
        st.html(shown)


def narrowing_on_phone(answer: LogsAnswer, view: View) -> None:
    """The same behind a button, under a thumb."""
    page = answer.counts.value if answer.counts is not None else None
    with st.container(horizontal=True, key="facets-phone", vertical_alignment="center"):
        if page is not None and (total(page) or log_facets.chosen(view)):
            with st.popover("Narrow by", icon=":material/filter_list:", key="facets-open"):
                st.html(log_facets.facets(page, level_totals(page), view, FACETS))
    if chips := log_facets.chosen(view):
        st.html(chips)


def lines(answer: LogsAnswer, view: View) -> None:
    """The newest lines, and more of them on demand."""
    reading = answer.lines
    if reading is None or reading.value is None or not reading.value.entries:
        return
    states.badge(reading, session.now())
    if reading.state is State.PARTIAL:
        st.caption(plain(reading.reason, limit=500))
    st.html(rows(reading.value.entries, view))
    _more(reading.value, view)


def _more(page: LogPage, view: View) -> None:
    """Older lines, page by page. The period then stands still, so that nothing is lost or shown twice."""
    key = (replace(view, notes=()), "older")
    asked = st.session_state.get(_OLDER, (None, 0))
    pages = asked[1] if asked[0] == key else 0
    there_is_more = page.next is not None
    if pages:
        found, there_is_more, why = older(session.ask_for(view), view, session.now(), page, pages)
        st.html(rows(found, view, label="Older lines"))
        if why:
            st.caption(f":material/incomplete_circle: Not all older lines were read: {plain(why, limit=400)}")
    if there_is_more and pages < MOST_PAGES:
        if st.button(f"{A_PAGE} older lines", key="logs.more", icon=":material/expand_more:"):
            _older(pages)
            st.rerun()  # the whole page: its period is another one now
    elif there_is_more:
        st.caption("For older lines choose an earlier period, or export.")


def _older(pages: int) -> None:
    view = url.read()
    if view.range:
        start, end = view.window(session.now())
        view = replace(view, range="", start=start.replace(microsecond=0), end=end.replace(microsecond=0))
        url.write(view)
    st.session_state[_OLDER] = ((replace(view, notes=()), "older"), pages + 1)


def one_line(view: View) -> None:
    """The line that the link names, whole, between those before and after it of its pod and container."""
    closed = replace(view, line="")
    with st.container(border=True, key="log-line", gap="small"):
        link("logs", "Back to all lines", closed, icon=":material/arrow_back:", width="content")
        try:
            found = around(session.ask_for(view), view)
        except ValueError:
            st.warning("The link names no log line.", icon=":material/link_off:")
            return
        if found.value is None:
            states.note(found, "this line")
            return
        states.badge(found, session.now())
        entry = found.value.entry
        st.html(whole(entry, view))
        told = found.value
        near = (*told.before, entry, *told.after)
        of = f"of {plain(entry.pod)}" if entry.pod else f"in {plain(view.ns)}: the line names no pod"
        st.markdown(
            f"**{counted(len(told.before), 'line')} before and {len(told.after)} after it** {of}, within an hour, "
            f"oldest first, around {stamp(entry.at, view.tz)}"
        )
        st.html(rows(near, view, marked=str(entry.document), label="Lines before and after"))
