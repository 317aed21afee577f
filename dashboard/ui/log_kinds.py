"""The kinds of lines, most frequent first, with those that are new since the last release on top."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import streamlit as st

from dashboard.decide.content import is_content_event
from dashboard.decide.new_kinds import words_of
from dashboard.model.log import Pattern
from dashboard.model.view import View
from dashboard.queries.new_kinds import NewKinds, is_whole
from dashboard.ui import session, states
from dashboard.ui.format import stamp
from dashboard.ui.links import address
from dashboard.ui.log_lead import counted, release_name
from dashboard.ui.log_lines import FOLDED, level_sign
from dashboard.ui.text import in_html, plain

_MOST: Final = 12


def kinds(found: NewKinds, view: View) -> None:
    """The list of kinds; says of how many lines, and what "new" rests on."""
    with st.expander("Kinds of lines", expanded=bool(found.new), icon=":material/category:", key="logs.kinds"):
        _listed(found, view)


def _listed(found: NewKinds, view: View) -> None:
    told = found.patterns.value
    if told is None:
        states.note(found.patterns, "kinds")
        return
    states.badge(found.patterns, session.now())
    of = "all" if is_whole(found.patterns) else "the newest"
    sampled = f"{counted(len(told.patterns), 'kind')} among {of} {counted(told.sampled, 'line')}."
    st.caption(f"{sampled} {_basis(found, view)}")
    listed = ordered(found)
    if listed:
        st.html(f'<ol class="td-kinds">{"".join(_row(one, found, view) for one in listed[:_MOST])}</ol>')
    if len(listed) > _MOST:
        st.caption(f"{counted(len(listed) - _MOST, 'rarer kind')} not shown: the query narrows to them.")


def ordered(found: NewKinds) -> list[Pattern]:
    """Each kind once: the new ones, those that may be new, then the others by how frequent they are. Pure."""
    shown = found.patterns.value
    several = (*found.new, *found.unsure, *(shown.patterns if shown is not None else ()))
    listed: dict[str, Pattern] = {}
    for pattern in several:
        listed.setdefault(pattern.template, pattern)
    return list(listed.values())


def _basis(found: NewKinds, view: View) -> str:
    if found.release is None or found.why_not:
        return f"Which of them are new is not known: {plain(found.why_not)}."
    at = stamp(found.release.at, view.tz)
    return f"New: not logged in the 24 hours before {release_name(found)} was deployed ({at})."


def _row(pattern: Pattern, found: NewKinds, view: View) -> str:
    word, tone = level_sign(pattern.last)
    mark = "<em>new</em> " if pattern in found.new else "<em>may be new</em> " if pattern in found.unsure else ""
    query = "" if is_content_event(pattern.last.fields) else words_of(pattern)
    target = in_html(address("logs", replace(view, q=query, line="")), limit=8000) if query else ""
    text = FOLDED if is_content_event(pattern.last.fields) else pattern.template or "(no text)"
    says = f'<span class="td-says" dir="auto">{in_html(text)}</span>'
    says = f'<a href="{target}" target="_self">{says}</a>' if target else says
    seen = f"{pattern.count:,} × {pattern.share_ratio:.0%}, last {stamp(pattern.last.at, view.tz)}"
    return (
        f'<li class="td-{tone}"><b class="td-level">{in_html(word, limit=20)}</b><small>{mark}{seen}</small>{says}</li>'
    )
