"""Pieces of the Alerts page about what is muted: acknowledged, silenced and inhibited alerts, and all silences; and
about those who are told: whether notifications arrive, and how soon people answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.decide.answering import AlertBoard, MutedAlert, ResponseTimes, is_in_force
from dashboard.decide.incidents import RESPONSE_TARGET
from dashboard.decide.routing import Route
from dashboard.decide.wording import said
from dashboard.model.reading import Reading, State
from dashboard.model.silence import Mute
from dashboard.model.view import View
from dashboard.queries.alerts import Delivery
from dashboard.ui import states
from dashboard.ui.alerts import OPEN, rows
from dashboard.ui.format import clock, span, stamp
from dashboard.ui.lead import Tone, fact, facts, section

A_PAGE: Final = 10
_MOST: Final = 20
_PLACE: Final = "alerts.place"


def muted(found: Reading[AlertBoard], view: View, now: datetime) -> None:
    """Alerts of which nobody is told now, folded by why, with their counts."""
    board = found.value
    if board is None:
        return
    if board.acknowledged:
        with st.expander(f"{len(board.acknowledged):,} acknowledged", icon=":material/front_hand:", key="acknowledged"):
            for one in board.acknowledged[:_MOST]:
                _acknowledged(one, view, now)
            _rest(board.acknowledged, "acknowledged", view)
    for name, several, icon in (
        ("silenced", board.silenced, ":material/notifications_off:"),
        ("inhibited", board.inhibited, ":material/call_merge:"),
        ("muted by a time interval", board.scheduled, ":material/schedule:"),
    ):
        if several:
            with st.expander(f"{len(several):,} {name}", icon=icon, key=f"muted-{name.split()[0]}"):
                st.html(facts(_line(one, now) for one in several[:_MOST]))
                _rest(several, name, view)


def _rest(several: Sequence[MutedAlert], name: str, view: View) -> None:
    if len(several) > _MOST:
        rows([one.alert for one in several[_MOST:]], key=f"alerts.{name}.rest", view=view)


def _acknowledged(one: MutedAlert, view: View, now: datetime) -> None:
    mute = next(mute for mute in one.mutes if mute.acknowledges)
    twice = [other.by for other in one.mutes if other.acknowledges and other.id != mute.id]
    also = f" Also by {', '.join(dict.fromkeys(twice))}." if twice else ""
    until = f"by {mute.by or 'nobody named'} until {clock(mute.ends_at, view.tz)}, {span(mute.ends_at - now)} left."
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"mute-{one.alert.fingerprint}"):
        st.html(
            facts([fact(said(one.alert) or one.alert.name, until + also, mute.reason, tone="warn")]), width="stretch"
        )
        _ends(mute, "acknowledged")


def _line(one: MutedAlert, now: datetime) -> str:
    what = said(one.alert) or one.alert.name
    if one.alert.silenced_by:
        told = [f"by {mute.by or 'nobody named'}, {span(mute.ends_at - now)} left: {mute.reason}" for mute in one.mutes]
        return fact(what, "; ".join(told) or "by a silence that is not known", one.alert.name, tone="quiet")
    if one.alert.muted_by and not one.alert.inhibited_by:
        return fact(what, f"in the time interval {', '.join(one.alert.muted_by)}", one.alert.name, tone="quiet")
    return fact(what, f"because {', '.join(one.by) or 'another alert'} fires", one.alert.name, tone="quiet")


def silences(found: Reading[tuple[Mute, ...]], matched: Mapping[str, int], view: View, now: datetime) -> None:
    """The silences in force, the next to end first: owner, reason, remaining time, how many alerts each mutes."""
    section("Silences")
    if found.value is None:
        states.note(found, "Silences")
        return
    states.badge(found, now)
    words = view.q.casefold()
    shown = [
        one
        for one in found.value
        if is_in_force(one, now) and all(w in f"{one.by} {one.comment} {one.text}".casefold() for w in words.split())
    ]
    if st.button("New silence", icon=":material/add:", key="alerts.new"):
        st.session_state[OPEN] = ("silence", ())
        st.rerun()
    if not shown:
        known = "" if found.state is State.FRESH else " among those that are known"
        has = " that has these words" if words else ""
        st.caption(f":material/do_not_disturb_on: No silence{has} is in force{known}.")
        return
    pages = -(-len(shown) // A_PAGE)
    place = st.pagination(pages, key=_PLACE) if pages > 1 else 1
    st.caption(
        f"{len(shown):,} in force" + (f", page {place} of {pages}, the next to end first." if pages > 1 else ".")
    )
    for one in shown[(place - 1) * A_PAGE : place * A_PAGE]:
        _silence(one, matched.get(one.id, 0), view, now)


def _silence(one: Mute, matches: int, view: View, now: datetime) -> None:
    kind = "Acknowledgement" if one.acknowledges else "Silence"
    begins = f"begins {stamp(one.starts_at, view.tz)}, " if one.state == "pending" else ""
    how = f"{kind} by {one.by or 'nobody named'}, {begins}{span(one.ends_at - now)} left, mutes {matches:,} now"
    tone: Tone = "warn" if matches else "quiet"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"silence-{one.id}"):
        st.html(facts([fact(one.text, how, one.reason, tone=tone)]), width="stretch")
        _ends(one, "silences")


def _ends(mute: Mute, place: str) -> None:
    """Extend and end a silence."""
    for what, label in (("extend", "Extend"), ("expire", "End")):
        if st.button(label, key=f"alerts.{what}.{place}.{mute.id}", width="content"):
            st.session_state[OPEN] = (what, (mute.id,))
            st.rerun()


def receivers(deliveries: Reading[tuple[Delivery, ...]], routes: Reading[Route]) -> None:
    """Whether what Alertmanager sent in the last hour arrived."""
    section("Receivers")
    states.note(routes, "Who is told when")
    if deliveries.value is None:
        states.note(deliveries, "Whether notifications arrive")
        return
    states.note(deliveries, "Whether notifications arrive")
    if not deliveries.value and deliveries.state is State.FRESH:
        st.caption(":material/do_not_disturb_on: No notification was sent in the last hour.")
    st.html(facts(_delivery(one) for one in deliveries.value))


def _delivery(one: Delivery) -> str:
    name = f"{one.receiver}, {one.integration}" if one.receiver else one.integration
    sent = "an unknown number" if one.sent is None else f"{one.sent:,.0f}"
    tries = f"{sent} sent in the last hour"
    if one.failed is None:
        return fact(name, f"it is not known how many failed, {tries}", tone="warn")
    if one.failed:
        return fact(name, f"{max(one.failed, 1):,.0f} failed, {tries}", "People may not have been told.", tone="sick")
    return fact(name, f"none failed, {tries}", tone="well")


def times(found: Reading[ResponseTimes], view: View) -> None:
    """How soon alerts of the period were acknowledged, against the target."""
    section("Time to acknowledge")
    target = span(RESPONSE_TARGET)
    if found.value is None:
        states.note(found, "Time to acknowledge")
        return
    taken = found.value.taken
    if not taken:
        known = "" if found.state is State.FRESH else ", as far as is known"
        st.caption(
            f":material/do_not_disturb_on: Nothing was acknowledged in this period{known}. The target is {target}."
        )
        return
    median = found.value.median
    st.markdown(
        f"**{found.value.in_time} of {len(taken)}** acknowledgements came within {target}; half within "
        f"{span(median) if median is not None else ''}, the slowest after {span(taken[-1])}."
    )
    st.caption(
        "Counted from the alert's beginning, as far as Alertmanager still keeps the acknowledgements (5 days as it "
        "comes). Alerts that nobody acknowledged are not in these figures."
    )
    states.note(found, "Time to acknowledge")
