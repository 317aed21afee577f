"""A page's filters: each is a word in the URL, so that a link shows the same thing to another person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from dashboard.model.release import Track
from dashboard.model.view import View
from dashboard.ui import url
from dashboard.ui.text import plain

TRACKS = tuple(Track)
_ANY = ""


def choose(view: View, *, nothing: str = "all", **options: Sequence[str]) -> None:
    """One choice for each named filter of the view; what the link asks for is offered even where nothing has it now.

    `nothing` is the word for no choice.
    """
    with st.container(horizontal=True, key="filters", gap="small", vertical_alignment="bottom"):
        for name, values in options.items():
            chosen = getattr(view, name)
            key = f"filter.{name}"
            st.session_state[key] = chosen
            st.selectbox(
                name.capitalize(),
                [_ANY, *sorted({*values, chosen} - {_ANY})],
                format_func=lambda value: plain(value) if value else nothing,
                key=key,
                on_change=_write(name, key),
                width=160,
            )


def _write(name: str, key: str) -> Callable[[], None]:
    def write() -> None:
        url.write(replace(url.read(), **{name: st.session_state[key]}))

    return write
