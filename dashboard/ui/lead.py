"""The first thing on a page, one sentence that answers its question and one bar that shows it; and facts in lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from dashboard.ui.text import in_html, plain

_LONGEST = 600
Tone = Literal["well", "warn", "sick", "quiet"]
_ICONS = {
    "well": ":material/check_circle:",
    "warn": ":material/warning:",
    "sick": ":material/error:",
    "quiet": ":material/help:",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One part of a bar: what it is, how many of them, and how it is meant."""

    name: str
    count: int
    tone: Tone


def lead(sentence: str, tone: Tone, *, detail: str = "") -> None:
    """The sentence in bold, and what belongs to it. Both are Markdown: escape what came from outside."""
    with st.container(border=True, key="lead", gap="xxsmall"):
        st.markdown(f"{_ICONS[tone]} **{sentence}**")
        if detail:
            st.markdown(detail)


def bar(shares: Sequence[Share], *, label: str) -> None:
    """One bar of several parts, each named in words with its count; parts without a count are left out."""
    there = [share for share in shares if share.count]
    if not there:
        return
    parts = "".join(f'<i class="td-{one.tone}" style="flex-grow:{one.count}"></i>' for one in there)
    words = "".join(f'<li class="td-{one.tone}">{one.count:,} {in_html(one.name)}</li>' for one in there)
    said = ", ".join(f"{one.count} {one.name}" for one in there)
    st.html(
        f'<div class="td-share" role="img" aria-label="{in_html(f"{label}: {said}")}">{parts}</div>'
        f'<ul class="td-legend">{words}</ul>'
    )


def section(title: str) -> None:
    """The heading of a part of the page, one level under the page's own."""
    st.header(plain(title), anchor=False)


def fact(what: str, how: str, more: str = "", *, tone: Tone) -> str:
    """One line of a list of facts: what it is, how it is, and below it what else to know. Outside text is escaped."""
    aside = f"<small>{in_html(more, limit=_LONGEST)}</small>" if more else ""
    return f'<li class="td-{tone}"><b>{in_html(what)}</b> {in_html(how, limit=_LONGEST)}{aside}</li>'


def facts(lines: Iterable[str]) -> str:
    """The lines of `fact` as a list."""
    return f'<ul class="td-facts">{"".join(lines)}</ul>'
