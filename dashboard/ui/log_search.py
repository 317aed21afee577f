"""How lines are asked for: the query bar with examples, saved searches, following, and exports."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import streamlit as st
import tomlkit

from dashboard.decide.content import is_content, is_content_event
from dashboard.model.log import LogEntry
from dashboard.model.view import FILTERS, View
from dashboard.queries.log_page import MOST_EXPORTED, export, mistake_in
from dashboard.ui import session, url
from dashboard.ui.code import code
from dashboard.ui.filters import search
from dashboard.ui.links import address
from dashboard.ui.tables import Column, to_csv
from dashboard.ui.text import in_html, plain

_TAIL: Final = "filter.tail"
_EXAMPLES: Final[Mapping[str, str]] = {
    "level:error": "lines that state an error",
    '"connection refused"': "these words in this order",
    "timeout OR refused": "either word; AND and a space mean both",
    "time*": "words that begin so",
    "level:(error OR warning) -retry": "two levels, without a word",
    "tool:* error_type:*": "lines that have both fields",
    "trace_id:* NOT level:debug": "lines of a trace, but not these",
    "process.pid>100": "any field by its full name, and numbers",
}
_OF_A_SEARCH: Final = (
    "q",
    "level",
    "service",
    "track",
    "pod",
    "container",
    "agent",
    "model",
    "tool",
    "contract",
    "logger",
)
_LEFT_OUT: Final = "left out: contents of conversations are not exported"
_COLUMNS: Final[Sequence[Column[LogEntry]]] = (
    Column(name="time", cell=lambda line: line.at),
    Column(name="level", cell=lambda line: line.level or line.severity),
    Column(name="service", cell=lambda line: line.service),
    Column(name="track", cell=lambda line: line.track),
    Column(name="pod", cell=lambda line: line.pod),
    Column(name="message", cell=lambda line: _LEFT_OUT if is_content_event(line.fields) else line.message),
    Column(name="trace", cell=lambda line: line.trace_id),
    Column(name="span", cell=lambda line: line.span_id),
    Column(name="document", cell=lambda line: str(line.document)),
)


def bar(view: View) -> None:
    """The query, and beside it examples, saved searches and the switch that follows new lines."""
    with st.container(horizontal=True, key="log-bar", vertical_alignment="bottom", gap="small"):
        search(view, label="Search the lines", example='level:error "connection refused"')
        with st.popover("Searches", icon=":material/bookmark:", key="log-saved"):
            _searches(view)
        st.session_state[_TAIL] = view.tail == "on"
        st.toggle("Follow", key=_TAIL, on_change=_follow, help="Show new lines as they come.")


def _follow() -> None:
    url.write(replace(url.read(), tail="on" if st.session_state[_TAIL] else "", line=""))


def _searches(view: View) -> None:
    saved = session.settings().environments[view.env].searches
    if saved:
        st.html(f"<h3 class='td-section'>Saved</h3>{_links(dict.fromkeys(saved, ''), saved, view)}")
    queries = {query: urlencode({"q": query}) for query in _EXAMPLES}
    st.html(f"<h3 class='td-section'>Examples</h3>{_links(_EXAMPLES, queries, view)}")
    st.caption("To save this search for everybody, put these lines into the settings file:")
    mine = as_toml(view, {"A name for it": of_view(view)})
    code(mine)
    st.download_button(
        "All searches as TOML",
        as_toml(view, {**saved, "This search": of_view(view)}),
        file_name="searches.toml",
        mime="application/toml",
        icon=":material/download:",
        key="logs.searches",
        on_click="ignore",
    )


def _links(told: Mapping[str, str], searches: Mapping[str, str], view: View) -> str:
    rows = "".join(
        f'<li><a href="{in_html(address("logs", applied(view, searches[name])), limit=8000)}" target="_self">'
        f"<code>{in_html(name)}</code></a> {in_html(more)}</li>"
        for name, more in told.items()
    )
    return f'<ul class="td-searches">{rows}</ul>'


def of_view(view: View) -> str:
    """A view's search as a saved one is written: the query and the filters of its link. Pure."""
    return urlencode({name: value for name in _OF_A_SEARCH if (value := getattr(view, name))})


def applied(view: View, saved: str) -> View:
    """The same place and period with a saved search; what is no filter of this page is passed over. Pure."""
    found: dict[str, Any] = dict.fromkeys((*_OF_A_SEARCH, "line", "trace"), "")
    found |= {name: value for name, value in parse_qsl(saved) if name in _OF_A_SEARCH and name in FILTERS}
    return replace(view, **found)


def as_toml(view: View, searches: Mapping[str, str]) -> str:
    """Saved searches as lines of the settings file. Pure."""
    return tomlkit.dumps({"environments": {view.env: {"searches": dict(searches)}}})


def exports(view: View) -> None:
    """The lines that fit as files; made when they are asked for."""
    if mistake_in(view.q):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="log-exports"):
        for label, name, mime, made, icon in (
            ("CSV", "lines.csv", "text/csv", as_csv, ":material/download:"),
            ("JSON lines", "lines.ndjson", "application/x-ndjson", as_ndjson, ":material/data_object:"),
        ):
            st.download_button(
                label,
                partial(_file, made, view),
                file_name=name,
                mime=mime,
                icon=icon,
                key=f"logs.{name}",
                on_click="ignore",
            )
        st.caption(f"The newest {MOST_EXPORTED:,} lines at most, without the contents of conversations.")


def _file(made: Callable[[Sequence[LogEntry], str], bytes], view: View) -> bytes:
    return made(*export(session.ask_for(view), view, session.now()))


def as_csv(lines: Sequence[LogEntry], lacks: str) -> bytes:
    """The lines for spreadsheets; a last row says what lacks. Pure."""
    made = to_csv(lines, _COLUMNS)
    return made + f'"# incomplete: {lacks.replace(chr(34), chr(39))}"\r\n'.encode("utf-8", "replace") if lacks else made


def as_ndjson(lines: Sequence[LogEntry], lacks: str) -> bytes:
    """The documents as they were written, one a line; a last line says what lacks. Pure."""
    rows = [{**_document(line), "_index": line.index, "_id": line.id} for line in lines]
    told = [{"tealdeck.incomplete": lacks}] if lacks else []
    text = "".join(f"{json.dumps(row, ensure_ascii=False, default=str)}\n" for row in (*rows, *told))
    return text.encode("utf-8", "replace")


def _document(line: LogEntry) -> dict[str, Any]:
    is_message = is_content_event(line.fields)
    return {
        name: _LEFT_OUT if is_content(name) or (is_message and name.startswith(("body", "message"))) else value
        for name, value in line.fields.items()
    }


def hints(told: Sequence[str]) -> None:
    """What was read otherwise than it may be meant."""
    for hint in told:
        st.caption(f":material/lightbulb: {plain(hint)}")
