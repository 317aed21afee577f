"""Acknowledge, silence, extend and end on the page: the dialogs that ask before anything is done, and how it ended.

Nothing here changes Alertmanager: a confirmed dialog hands a request to the desk, which checks it, records it, does it
and reads it back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import streamlit as st

from dashboard.act.muting import Muting
from dashboard.decide.answering import AlertBoard
from dashboard.decide.matchers import MatcherError, read, warnings
from dashboard.decide.muting import matchers_problem, of_others, strangers
from dashboard.decide.wording import said
from dashboard.model.action import Outcome
from dashboard.model.alert import Alert
from dashboard.model.muting import MOST_ACKNOWLEDGED, AlertNamed, MutingKind, MutingRequest, MutingState
from dashboard.model.reason import LONGEST_REASON, problem
from dashboard.model.silence import AlertMatcher, Mute
from dashboard.model.view import View
from dashboard.queries.alerts import alerts, matched
from dashboard.ui import session
from dashboard.ui.alerts import OPEN
from dashboard.ui.format import clock, span
from dashboard.ui.lead import fact, facts
from dashboard.ui.text import encodable, plain

DONE: Final = "alerts.done"
SPAN, REASON, MATCHERS, ACCEPT, CONFIRM = (
    f"alerts.{name}" for name in ("span", "reason", "matchers", "accept", "confirm")
)
_SPANS: Final[Mapping[str, timedelta]] = {
    "30 min": timedelta(minutes=30),
    "1 h": timedelta(hours=1),
    "4 h": timedelta(hours=4),
    "24 h": timedelta(days=1),
    "3 days": timedelta(days=3),
}
_TITLES: Final = {
    "acknowledge": ("Acknowledge", ":material/front_hand:"),
    "silence": ("Silence", ":material/notifications_off:"),
    "extend": ("Extend", ":material/more_time:"),
    "expire": ("End", ":material/notifications_active:"),
}
_MOST_SHOWN: Final = 8
_SHOWN_FOR: Final = timedelta(minutes=2)
_NOTHING: Final[tuple[MutingState | None, datetime]] = (None, datetime.min.replace(tzinfo=UTC))
_WHAT_IT_STOPS: Final = (
    "Meanwhile Alertmanager tells nobody of it, so the next tier of the ladder is not told either. A paging service "
    "that has the alert already goes on by its own rules until it is answered there. It ends with the alert."
)
_ICONS: Final = {
    Outcome.SUCCEEDED: ":material/check_circle:",
    Outcome.REFUSED: ":material/block:",
    Outcome.FAILED: ":material/error:",
    Outcome.RUNNING: ":material/progress_activity:",
}


def outcome() -> None:
    """How the last act of this session ended, for a while."""
    state, at = st.session_state.get(DONE, _NOTHING)
    if state is None or session.now() - at > _SHOWN_FOR:
        return
    words = f"{_ICONS[state.outcome]} {plain(state.sentence, limit=600)}"
    read_back = "; ".join(f"{plain(name)}: {plain(value)}" for name, value in state.facts.items() if name != "silences")
    with st.container(border=True, key="alerts-done", gap="xxsmall"):
        st.markdown(words)
        if read_back:
            st.caption(f"Read back: {read_back}.")


def dialog_if_asked(view: View) -> None:
    """Open the dialog of the button that was pressed."""
    what, ids = st.session_state.pop(OPEN, ("", ()))
    if what not in _TITLES:
        return
    for key in (SPAN, REASON, MATCHERS, ACCEPT):
        st.session_state.pop(key, None)
    title, icon = _TITLES[what]
    st.dialog(title, icon=icon, width="medium")(lambda: _ask(what, ids, view))()


def _ask(what: str, ids: tuple[str, ...], view: View) -> None:
    desk = session.actions(view).muting
    if desk is None:
        st.error("The settings name no Alertmanager.", icon=":material/cloud_off:")
        return
    found = session.answer(alerts, view)
    match what:
        case "acknowledge":
            _acknowledge(_named(found.board.value, ids), desk, view)
        case "silence":
            _silence(_named(found.board.value, ids), desk, view)
        case _:
            mute = next((one for one in found.mutes.value or () if one.id in ids), None)
            if mute is None:
                st.error("The silence has ended, or Alertmanager does not answer.", icon=":material/cloud_off:")
            elif what == "extend":
                _extend(mute, desk, view)
            else:
                _expire(mute, desk, view)


def _named(board: AlertBoard | None, ids: tuple[str, ...]) -> tuple[Alert, ...]:
    return tuple(alert for alert in board.needing if alert.fingerprint in ids) if board else ()


def _acknowledge(named: Sequence[Alert], desk: Muting, view: View) -> None:
    if not named:
        st.info("Nothing of this waits any more: it has ended, or somebody was quicker.", icon=":material/task_alt:")
        return
    if len(named) > MOST_ACKNOWLEDGED:
        st.caption(f"The first {MOST_ACKNOWLEDGED} of {len(named):,}; for all of them make a silence.")
        named = named[:MOST_ACKNOWLEDGED]
    st.html(facts(fact(one.name, said(one), tone="warn") for one in named[:_MOST_SHOWN]))
    if len(named) > _MOST_SHOWN:
        st.caption(f"and {len(named) - _MOST_SHOWN} more")
    chosen = _span(desk.rules.longest_acknowledgement, "1 h")
    reason = _reason("What do you do about it? May stay empty")
    many = "it" if len(named) == 1 else f"{len(named)} alerts"
    if _confirm(f"Acknowledge {many} for {chosen}", ready=bool(chosen)):
        shown = tuple(AlertNamed(labels=one.labels, since=one.starts_at) for one in named)
        _submit(view, MutingKind.ACKNOWLEDGE, chosen, reason, alerts=shown)
    st.caption(_WHAT_IT_STOPS)


def _silence(named: Sequence[Alert], desk: Muting, view: View) -> None:
    st.session_state.setdefault(MATCHERS, _suggested(named, view.ns))
    text = st.text_input(
        'Mute alerts with all of these labels: name="value" with commas between; also !=, =~ and !~',
        key=MATCHERS,
        max_chars=4000,
        autocomplete="off",
        live=True,
    )
    try:
        matchers = read(text or "")
        why_not = matchers_problem(matchers)
    except MatcherError as error:
        matchers, why_not = (), str(error)
    is_accepted = False
    if why_not:
        st.error(f"Not like this: {plain(why_not, limit=400)}.", icon=":material/block:")
    else:
        why_not, is_accepted = _preview(matchers, desk, view)
    chosen = _span(desk.rules.longest_silence, "1 h")
    reason = _reason("Why? At least 10 characters, kept in the audit")
    ready = not why_not and bool(chosen) and not problem(reason)
    if _confirm(f"Silence for {chosen}" if chosen else "Silence", ready=ready):
        _submit(view, MutingKind.SILENCE, chosen, reason, matchers=matchers, accepts_warnings=is_accepted)


def _preview(matchers: tuple[AlertMatcher, ...], desk: Muting, view: View) -> tuple[str, bool]:
    """What it would mute now, as Alertmanager matches it. Answers why it may not be made, and if that was accepted."""
    found = matched(session.ask_for(view), view, matchers)
    every = matched(session.ask_for(view), view, ())
    if found.value is None or every.value is None:
        reason = found.reason or every.reason
        st.error(f"What it would mute is not known: {plain(reason)}", icon=":material/cloud_off:")
        return "what it would mute is not known", False
    if why_not := of_others(found.value, desk.rules):
        st.error(f"Not like this: {plain(why_not)}.", icon=":material/block:")
        return why_not, False
    count = "1 alert" if len(found.value) == 1 else f"{len(found.value):,} alerts"
    st.markdown(f"**It would mute {count} now**" + (":" if found.value else "."))
    if found.value:
        st.html(facts(fact(one.name, said(one), tone="warn") for one in found.value[:_MOST_SHOWN]))
    if len(found.value) > _MOST_SHOWN:
        st.caption(f"and {len(found.value) - _MOST_SHOWN:,} more")
    firing = len(every.value) - len(strangers(every.value, desk.rules))
    told = warnings(matchers, matched=len(found.value), firing=firing)
    if not told:
        return "", False
    st.warning(plain(" ".join(told), limit=500), icon=":material/warning:")
    is_accepted = bool(st.checkbox("I want it all the same", key=f"{ACCEPT}.{hash(told)}"))
    return ("" if is_accepted else "a warning has to be accepted"), is_accepted


def _suggested(named: Sequence[Alert], ns: str) -> str:
    """Conditions that fit all of these alerts and name as much as they share."""
    if not named:
        return f'namespace="{ns}"'
    first, *others = named
    shared = [AlertMatcher(name=n, value=v) for n, v in sorted(first.labels.items()) if _all_have(others, n, v)]
    names = sorted({one.name for one in named})
    if len(names) > 1:
        shared = [AlertMatcher(name="alertname", value="|".join(map(re.escape, names)), is_regex=True), *shared]
    return encodable(", ".join(map(str, shared)))


def _all_have(alerts: Sequence[Alert], name: str, value: str) -> bool:
    return bool(value) and all(one.labels.get(name) == value for one in alerts)


def _extend(mute: Mute, desk: Muting, view: View) -> None:
    _about(mute, view)
    rules = desk.rules
    chosen = _span(rules.longest_acknowledgement if mute.acknowledges else rules.longest_silence, "1 h")
    ends = session.now() + _SPANS[chosen] if chosen else None
    if ends is not None and ends <= mute.ends_at:
        st.caption(":material/info: That is earlier than it ends now.")
    if _confirm(f"Let it end in {chosen}" if chosen else "Extend", ready=ends is not None):
        _submit(view, MutingKind.EXTEND, chosen, "", mute=mute)


def _expire(mute: Mute, desk: Muting, view: View) -> None:
    _about(mute, view)
    st.caption("Alertmanager then tells people again of what still fires.")
    if _confirm("End it now", ready=True):
        _submit(view, MutingKind.EXPIRE, "", "", mute=mute)


def _about(mute: Mute, view: View) -> None:
    kind = "Acknowledgement" if mute.acknowledges else "Silence"
    until = f"until {clock(mute.ends_at, view.tz)}, {span(mute.ends_at - session.now())} left"
    st.html(facts([fact(mute.text, f"{kind} by {mute.by or 'nobody named'} {until}", mute.reason, tone="warn")]))


def _span(longest: timedelta, default: str) -> str:
    choices = [name for name, length in _SPANS.items() if length <= longest] or [next(iter(_SPANS))]
    st.session_state.setdefault(SPAN, default if default in choices else choices[-1])
    return st.pills("For how long?", choices, key=SPAN) or ""


def _reason(label: str) -> str:
    return (st.text_input(label, key=REASON, max_chars=LONGEST_REASON, autocomplete="off", live=True) or "").strip()


def _confirm(label: str, *, ready: bool) -> bool:
    return bool(st.button(label, key=CONFIRM, type="primary", disabled=not ready, width="stretch"))


def _submit(view: View, kind: MutingKind, chosen: str, reason: str, **what: Any) -> None:
    desk = session.actions(view).muting
    if desk is None:
        return
    until = session.now() + _SPANS[chosen] if chosen else None
    request = MutingRequest(kind=kind, namespace=view.ns, actor=session.actor(), reason=reason, until=until, **what)
    with st.spinner("Checked, recorded, done, and read back from Alertmanager"):
        st.session_state[DONE] = (desk.submit(request), session.now())
    session.alerts_changed(view)
    st.rerun()
