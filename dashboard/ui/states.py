"""How far a value may be believed, in words: badges for readings, notes for what is missing, sources that are down.

A state is always icon and word, never colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, assert_never

import streamlit as st

from dashboard.model.health import SourceHealth, clock_words
from dashboard.model.reading import Reading, Source, State, Unit
from dashboard.ui.format import ago, clock, number
from dashboard.ui.text import plain

StateColour = Literal["red", "orange", "gray", "primary"]

_NOTE_ICONS = {
    State.MISSING: ":material/cloud_off:",
    State.UNMEASURED: ":material/remove:",
    State.EMPTY: ":material/do_not_disturb_on:",
}
SOURCES = {
    Source.PROMETHEUS: "Prometheus (metrics)",
    Source.ALERTMANAGER: "Alertmanager (alerts)",
    Source.ELASTICSEARCH: "Elasticsearch (logs, traces)",
    Source.KUBERNETES: "Kubernetes (cluster)",
}


def word(reading: Reading[Any], now: datetime) -> tuple[str, str, StateColour] | None:
    """Label, icon and colour of a reading's state; None when it is fresh, since that needs no words."""
    match reading.state:
        case State.FRESH:
            return None
        case State.STALE:
            return f"stale, {ago(reading.as_of, now)}", ":material/history:", "orange"
        case State.PARTIAL:
            return "partial", ":material/incomplete_circle:", "orange"
        case State.EMPTY:
            return "no data", ":material/do_not_disturb_on:", "gray"
        case State.UNMEASURED:
            return "not measured here", ":material/remove:", "gray"
        case State.MISSING:
            return "missing", ":material/cloud_off:", "red"
        case _ as other:
            assert_never(other)


def badge(reading: Reading[Any], now: datetime) -> None:
    """The state as a badge, with the reason behind it; nothing when the reading is fresh."""
    if (said := word(reading, now)) is not None:
        label, icon, colour = said
        st.badge(label, icon=icon, color=colour, help=plain(reading.reason) or None)


def note(reading: Reading[Any], what: str = "") -> None:
    """One line on what is missing and why; nothing when the reading is fresh."""
    if reading.state is State.FRESH:
        return
    subject = f"{plain(what)}: " if what else ""
    icon = _NOTE_ICONS.get(reading.state, ":material/history:")
    st.caption(f"{icon} {subject}{plain(reading.reason)}")


def sources(health: Iterable[SourceHealth], now: datetime, tz: str = "UTC") -> None:
    """A line for each source that does not answer or has a different clock: since when, and what that means here."""
    for down in (source for source in health if not source.is_well):
        ahead = down.clock_ahead_seconds
        if down.reachable is not False and ahead is not None:
            st.warning(
                f"**{SOURCES[down.source]} and the deck have different clocks**: {clock_words(ahead)}. Its figures may "
                "be from another time.",
                icon=":material/history_toggle_off:",
            )
            continue
        since = f" since {clock(down.since, tz)} ({ago(down.since, now)})" if down.since else ""
        last = f" Shown as stale: what it last said {ago(down.last_answer, now)}." if down.last_answer else ""
        st.warning(
            f"**{SOURCES[down.source]} does not answer**{since}: {plain(down.reason)}.{last}",
            icon=":material/cloud_off:",
        )


def source_badges(health: Iterable[SourceHealth], now: datetime, tz: str = "UTC", *, key: str = "sources") -> None:
    """Each source: whether it answers, how fast, and when it last did."""
    with st.container(horizontal=True, gap="xsmall", key=key):
        for source in health:
            name = source.source.value.capitalize()
            if source.reachable is None:
                st.badge(f"{name}: {plain(source.reason)}", icon=":material/help:", color="gray")
            elif source.reachable:
                took = "" if source.latency_seconds is None else f" in {number(source.latency_seconds, Unit.SECONDS)}"
                st.badge(f"{name} answers{took}", icon=":material/check_circle:", color="gray")
            else:
                since = f" since {clock(source.since, tz)} ({ago(source.since, now)})" if source.since else ""
                st.badge(f"{name} down{since}", icon=":material/cloud_off:", color="red")


def pulse(health: Iterable[SourceHealth], now: datetime, *, is_live: bool, tz: str = "UTC") -> None:
    """One badge on how current the page is."""
    down = [source for source in health if source.reachable is False]
    at = clock(now, tz)
    if down:
        count = "1 source down" if len(down) == 1 else f"{len(down)} sources down"
        st.badge(f"{count}, {at}", icon=":material/cloud_off:", color="red")
    elif is_live:
        st.badge(f"live, {at}", icon=":material/sensors:", color="primary")
    else:
        st.badge(f"paused, {at}", icon=":material/pause_circle:", color="gray")
