"""Pieces of the Alerts page: who has to answer and how long is left, and a card for each group of alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import streamlit as st

from dashboard.decide.answering import AlertBoard, WaitingGroup
from dashboard.decide.incidents import RESPONSE_TARGET, runbook_of
from dashboard.decide.routing import Tier, next_tier
from dashboard.decide.runbook_steps import of_group
from dashboard.decide.wording import said
from dashboard.model.alert import Alert
from dashboard.model.incident import Situation
from dashboard.model.reading import Reading, State
from dashboard.model.view import View
from dashboard.model.words import Severity
from dashboard.ui import page, runbook, session, states
from dashboard.ui.format import ago, clock, span
from dashboard.ui.lead import Tone, lead
from dashboard.ui.tables import Column, table
from dashboard.ui.text import in_html, plain

# What a button asked for: opened by the page outside of its live part, so that a refresh cannot close it.
OPEN: Final = "alerts.open"
MOST_CARDS: Final = 8
_MOST_BARS: Final = 5
_MOST_NAMED: Final = 4
_MOST_ROWS: Final = 60
_LEAST_AXIS = 2 * RESPONSE_TARGET


def answer(found: Reading[AlertBoard], now: datetime) -> tuple[str, Tone, str]:
    """Who has to answer, in one sentence; how it is meant; and what else there is. Pure."""
    board = found.value
    if board is None:
        return f"Not known who has to answer: {plain(found.reason)}", "sick", ""
    quiet = _others(board)
    if found.state is State.STALE:
        quiet = f"As of {ago(found.as_of, now)}, for {plain(found.reason)}. {quiet}"
    elif found.state is not State.FRESH:
        quiet = f"In part: {plain(found.reason)}. {quiet}"
    needing = board.needing
    if not needing:
        sentence = "No alert needs a person" + ("" if found.state is State.FRESH else ", as far as is known")
        return sentence, "well" if found.state is State.FRESH else "quiet", quiet
    waited = now - min(alert.starts_at for alert in needing)
    many = (
        f"{len(needing):,} alerts need a person; the oldest has"
        if len(needing) > 1
        else "1 alert needs a person; it has"
    )
    target = span(RESPONSE_TARGET)
    if waited > RESPONSE_TARGET:
        return f"{many} waited {_long(waited)}, longer than the {target} it should", "sick", quiet
    return f"{many} waited {span(waited)} of {target}", "warn", quiet


def _others(board: AlertBoard) -> str:
    counted = {
        "acknowledged": len(board.acknowledged),
        "silenced": len(board.silenced),
        "inhibited": len(board.inhibited),
        "muted by a time interval": len(board.scheduled),
        "for information": len(board.informing),
    }
    told = [f"{count:,} {name}" for name, count in counted.items() if count]
    return f"Besides: {', '.join(told)}." if told else ""


def headline(found: Reading[AlertBoard], now: datetime) -> None:
    """The sentence, and the time left of each group as bars on one scale."""
    lead(*answer(found, now)[:2], detail=answer(found, now)[2])
    if found.value is not None and found.value.waiting:
        st.html(bars(found.value.waiting[:_MOST_BARS], now))


def bars(groups: Sequence[WaitingGroup], now: datetime) -> str:
    """A bar a group: how long it has waited, with marks at the target and where the ladder goes on."""
    waits = [tier.wait for group in groups for tier in group.tiers]
    axis = max((_LEAST_AXIS, *(wait * 1.2 for wait in waits if wait < _LEAST_AXIS * 6)))
    return f'<div class="td-ladders">{"".join(_bar(group, now, axis) for group in groups)}</div>'


def _bar(group: WaitingGroup, now: datetime, axis: timedelta) -> str:
    waited = now - group.since
    tone = "td-sick" if waited > RESPONSE_TARGET else "td-warn"
    marks = f'<s class="td-target" style="left:{RESPONSE_TARGET / axis:.1%}"></s>'
    marks += "".join(f'<s style="left:{min(1.0, tier.wait / axis):.1%}"></s>' for tier in group.tiers if tier.wait)
    words = f"{left(group.since, now)}. {told(group.tiers, group.since, now)}"
    return (
        f'<div class="td-ladder"><b>{in_html(title(group))}</b><span>{in_html(left(group.since, now))}</span>'
        f'<div role="img" aria-label="{in_html(f"{title(group)}: {words}")}">'
        f'<i class="{tone}" style="width:{min(1.0, waited / axis):.1%}"></i>{marks}</div></div>'
    )


def title(group: WaitingGroup) -> str:
    """What a group is about, short."""
    names = list(dict.fromkeys(alert.name for alert in group.alerts))
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    where = " ".join(filter(None, (group.service, group.track)))
    return f"{names[0] or 'an alert without a name'}{more}" + (f", {where}" if where else "")


def left(since: datetime, now: datetime) -> str:
    """How long an answer was waited for, against the target."""
    waited = now - since
    if waited > RESPONSE_TARGET:
        return f"unanswered for {_long(waited)}"
    return f"answer within {span(RESPONSE_TARGET - waited)}"


def _long(waited: timedelta) -> str:
    """Beyond the target seconds say nothing any more."""
    return span(timedelta(minutes=waited // timedelta(minutes=1)))


def told(tiers: Sequence[Tier], since: datetime, now: datetime) -> str:
    """The ladder in words: whose turn it was by Alertmanager's routes, and whose it is next and when."""
    if not tiers:
        return "Who is told is not known: the routes of Alertmanager cannot be read."
    due = [_who(tier) for tier in tiers if tier.at(since) <= now]
    following = next_tier(tuple(tiers), since, now)
    said_due = f"Due to be told by now: {', '.join(due)}. " if due else ""
    if following is None:
        repeat = min(tier.repeat for tier in tiers)
        return f"{said_due}Nobody else is told; they are told again every {span(repeat)}."
    return f"{said_due}Next: {_who(following)} in {span(following.at(since) - now)}, unless somebody acknowledges."


def _who(tier: Tier) -> str:
    return f"{tier.receiver} (at certain times only)" if tier.is_timed else tier.receiver


def groups(found: Reading[AlertBoard], active: Mapping[str, str], view: View, now: datetime) -> None:
    """A card for each group, the most urgent first; what is beyond the first few in a table.

    `active` is the track that users get, by service.
    """
    board = found.value
    if board is None or not board.waiting:
        return
    for group in board.waiting[:MOST_CARDS]:
        _card(group, of_group(group, board.waiting, active), view, now)
    rest = board.waiting[MOST_CARDS:]
    if rest:
        alerts = [alert for group in rest for alert in group.alerts]
        with st.expander(f"{len(rest):,} more groups with {len(alerts):,} alerts", icon=":material/more_horiz:"):
            rows(alerts, key="alerts.rest", view=view)


def rows(alerts: Sequence[Alert], *, key: str, view: View) -> None:
    """Alerts as a table; the first few of very many, and their number."""
    table(
        alerts[:_MOST_ROWS],
        (
            Column[Alert](name="Alert", cell=lambda one: one.name, essential=True),
            Column[Alert](name="Since", cell=lambda one: one.starts_at, essential=True),
            Column[Alert](name="What", cell=said, essential=True),
            Column[Alert](name="Labels", cell=lambda one: _labels(one)),
        ),
        key=key,
        csv_name="alerts",
        tz=view.tz,
    )
    if len(alerts) > _MOST_ROWS:
        st.caption(f"The first {_MOST_ROWS} of {len(alerts):,}.")


def _labels(alert: Alert) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()) if name != "alertname")


def _card(group: WaitingGroup, known: frozenset[Situation], view: View, now: datetime) -> None:
    with st.container(border=True, key=f"incident-alerts-{group.key}", gap="xsmall"):
        with st.container(horizontal=True, gap="xsmall"):
            severity_badge(group.severity, group.severity_word)
            st.badge(f"since {clock(group.since, view.tz, seconds=False)}", color="gray")
            is_late = now - group.since > RESPONSE_TARGET
            icon = ":material/timer_off:" if is_late else ":material/timer:"
            st.badge(left(group.since, now), icon=icon, color="orange" if is_late else "gray")
        st.markdown(f"### {plain(said(group.alerts[0]) or group.alerts[0].name)}")
        if len(group.alerts) > 1:
            others = [plain(one.name) for one in group.alerts[1 : _MOST_NAMED + 1]]
            more = f" and {len(group.alerts) - 1 - _MOST_NAMED:,} more" if len(group.alerts) > _MOST_NAMED + 1 else ""
            st.markdown(f"With it: {', '.join(others)}{more}.")
        st.markdown(plain(told(group.tiers, group.since, now), limit=400))
        with st.grid(4, min_column_width=130, gap="small", vertical_alignment="center", key=f"act-alerts-{group.key}"):
            _opener("acknowledge", "Acknowledge", group, ":material/front_hand:", primary=True)
            _opener("silence", "Silence", group, ":material/notifications_off:")
            page.go("triage", "Incident", view, icon=":material/emergency_home:", alert=group.key)
            runbook.button(
                runbook_of(group.alerts), known, key=f"alerts-{group.key}", why="Fits as far as the firing alerts tell"
            )


def _opener(what: str, label: str, group: WaitingGroup, icon: str, *, primary: bool = False) -> None:
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    if st.button(label, icon=icon, key=f"alerts.{what}.{group.key}", type=kind, width="stretch"):
        st.session_state[OPEN] = (what, tuple(alert.fingerprint for alert in group.alerts))
        st.rerun()


def severity_badge(severity: Severity, word: str) -> None:
    """A severity as icon, word and colour; one that is not understood as it is written."""
    match severity:
        case Severity.CRITICAL:
            st.badge("critical", icon=":material/error:", color="red")
        case Severity.UNKNOWN:
            st.badge(f"severity not understood: {plain(word)}", icon=":material/question_mark:", color="orange")
        case Severity.WARNING:
            st.badge("warning", icon=":material/warning:", color="orange")
        case Severity.INFO:
            st.badge("for information", icon=":material/info:", color="gray")


def informing(found: Reading[AlertBoard], view: View) -> None:
    """Alerts that only inform, folded."""
    alerts = found.value.informing if found.value else ()
    if alerts:
        with st.expander(f"{len(alerts):,} for information", icon=":material/info:"):
            rows(alerts, key="alerts.informing", view=view)


def state(found: Reading[AlertBoard]) -> None:
    """How far the alerts may be believed, where they are not of this moment."""
    if found.value is not None:
        states.badge(found, session.now())
