"""A page's filters: each is a word in the URL, so that a link shows the same thing to another person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard.model.release import Track
from dashboard.model.view import View
from dashboard.ui import url
from dashboard.ui.text import one_line

TRACKS = tuple(Track)
_ANY = ""


def choose(
    view: View,
    *,
    nothing: str = "all",
    key: str = "filters",
    clears: Sequence[str] = (),
    words: Mapping[str, str] | None = None,
    **options: Sequence[str],
) -> None:
    """One choice for each named filter of the view; what the link asks for is offered even where nothing has it now.

    Args:
        nothing: the word for no choice.
        key: of the row of choices, where a page has more than one.
        clears: filters that mean something only with what was chosen before, such as a pod's container.
        words: what to show in place of a value.
    """
    shown = words or {}
    with st.container(horizontal=True, key=key, gap="small", vertical_alignment="bottom"):
        for name, values in options.items():
            chosen = getattr(view, name)
            widget = f"filter.{name}"
            st.session_state[widget] = chosen
            st.selectbox(
                name.capitalize(),
                [_ANY, *sorted({*values, chosen} - {_ANY})],
                # Choices are no Markdown: they are shown as they are.
                format_func=lambda value: one_line(shown.get(value, value)) if value else nothing,
                key=widget,
                on_change=_write(name, widget, clears),
                width=160,
            )


def search(view: View, *, label: str, example: str, name: str = "q", key: str = "filters.search") -> None:
    """A line of free text; it is in the URL once it is entered."""
    widget = f"filter.{name}"
    st.session_state[widget] = getattr(view, name)
    with st.container(key=key):
        st.text_input(
            label, key=widget, placeholder=example, max_chars=url.longest(name), on_change=_write(name, widget, ())
        )


def _write(name: str, widget: str, clears: Sequence[str]) -> Callable[[], None]:
    def write() -> None:
        changed: dict[str, Any] = {**dict.fromkeys(clears, _ANY), name: st.session_state[widget]}
        url.write(replace(url.read(), **changed))

    return write
