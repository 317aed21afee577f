"""Colours that pieces draw themselves, and the few CSS rules that Streamlit's own theme cannot say.

The theme proper is `.streamlit/config.toml`; the values here repeat its tracks and states for charts and sparklines.
CSS is scoped to `.st-key-...` classes of our own pieces, or to `td-` classes of our own HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import streamlit as st

LIGHT: Final[Mapping[str, str]] = {
    "blue": "#1D4ED8",
    "green": "#15803D",
    "brand": "#0F766E",
    "sick": "#B42318",
    "warn": "#B45309",
    "grey": "#566664",
    "text": "#11201E",
    "line": "#D5DEDC",
    "paper": "#FFFFFF",
    "quiet": "#F1F5F4",
    "on-brand": "#FFFFFF",
}
DARK: Final[Mapping[str, str]] = {
    "blue": "#7CA8FF",
    "green": "#4ADE80",
    "brand": "#2DD4BF",
    "sick": "#F97066",
    "warn": "#FDA94B",
    "grey": "#93A5A2",
    "text": "#E6EFED",
    "line": "#2B3A38",
    "paper": "#0E1716",
    "quiet": "#172322",
    "on-brand": "#0E1716",
}
# Lines that are no track: none of these may be taken for blue or green, nor for a state.
OTHERS_LIGHT: Final = ("#0F766E", "#7C3AED", "#A16207", "#BE185D", "#566664", "#0E7490", "#6D28D9", "#854D0E")
OTHERS_DARK: Final = ("#2DD4BF", "#C4B5FD", "#FACC6B", "#F9A8D4", "#93A5A2", "#67E8F9", "#A78BFA", "#FDE68A")

ICON: Final = str(Path(__file__).parent / "icon.svg")
_RULES: Final = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def is_dark() -> bool:
    """Whether this session's browser shows the dark theme."""
    return st.context.theme.type == "dark"


def colours() -> Mapping[str, str]:
    """The colours of this session's theme."""
    return DARK if is_dark() else LIGHT


def others() -> tuple[str, ...]:
    """Line colours for what is no track, in this session's theme."""
    return OTHERS_DARK if is_dark() else OTHERS_LIGHT


def style() -> None:
    """Put the CSS of our own pieces on the page; once a run."""
    values = "".join(f"--td-{name}:{value};" for name, value in colours().items())
    st.html(f"<style>:root{{{values}}}{_RULES}</style>")
