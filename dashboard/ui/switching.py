"""Switch and rollback on the page: the buttons, and the dialogs that ask before anything is done.

A dialog is opened by the page and not by the part that refreshes itself, so that a refresh cannot close it. Nothing
here changes a cluster: a confirmed dialog hands a request to the desk, whose worker outlives this session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import streamlit as st

from dashboard.decide.track_pods import foreign_words
from dashboard.model.action import ROLLBACK_REASONS, ActionKind, ActionRequest
from dashboard.model.reason import LONGEST_REASON, SHORTEST_REASON, problem
from dashboard.model.release import TrackStatus
from dashboard.model.unfinished import WayOn
from dashboard.model.verdict import Decision, Result, Verdict
from dashboard.model.view import View
from dashboard.queries.release import ReleaseAnswer, release
from dashboard.ui import session, unfinished, url
from dashboard.ui.action_progress import OWN
from dashboard.ui.format import ago
from dashboard.ui.text import one_line, plain
from dashboard.ui.traffic_change import Shown, effect, forget

SWITCH, ROLLBACK, CONFIRM = "release.switch", "release.rollback", "release.confirm"
TYPED, REASON, BREAK_GLASS = "release.typed", "release.reason", "release.breakglass"
ACCEPTED = "release.accepted"
_OPEN, _SERVICE = "release.open", "release.service"

# What a failing gate suggests as the reason of a rollback; a person may choose another.
_SUGGESTED: Final[Mapping[str, str]] = {
    "errors": "Errors went up",
    "latency": "Answers are slow",
    "violations": "Contracts are violated",
    "restarts": "Errors went up",
    "capacity": "Errors went up",
}


def choice(found: ReleaseAnswer, view: View) -> None:
    """Which governed service the page is about; nothing to choose when there is one."""
    names = found.services.value or ()
    if len(names) > 1:
        shown = found.service.value.name if found.service.value else None
        st.session_state[_SERVICE] = shown
        st.selectbox("Service", names, key=_SERVICE, on_change=lambda: _choose(view))


def _choose(view: View) -> None:
    url.write(replace(view, service=st.session_state[_SERVICE], notes=()))


def left_behind(found: ReleaseAnswer, view: View, running: str) -> None:
    """The action that has not ended, in whatever process, with the ways on from there."""
    way = unfinished.card(found, view, running)
    if way is None or found.unfinished is None:
        return
    # To resume is to begin again, with all checks: the dialog of its kind.
    begins_again = SWITCH if found.unfinished.intent.kind is ActionKind.SWITCH else ROLLBACK
    st.session_state[_OPEN] = begins_again if way is WayOn.RESUME else f"release.{way}"
    st.rerun()


def buttons(found: ReleaseAnswer, busy: bool) -> None:
    """Switch and roll back. A button that cannot be used says why in words below."""
    service = found.service.value
    preview = service.tracks.get(service.preview) if service else None
    label = f"Switch to {preview.track.upper()} {preview.version}" if preview else "Switch"
    back = found.served_before
    back_label = f"Roll back to {back.track.upper()} {back.version}" if back else "Roll back"
    elsewhere = found.unfinished is not None and not found.unfinished.is_left_behind
    closed = "An action is under way." if busy or elsewhere else ""
    no_preview = "There is no preview track to switch to." if service else found.way_back_closed
    problem = f"No switch: {closed_by}." if preview and (closed_by := why_no_switch(preview)) else ""
    moved_by = f"{service.moved_by}." if service and service.moved_by else ""
    no_switch = closed or moved_by or (problem if preview else no_preview)
    no_rollback = closed or moved_by or found.way_back_closed
    with st.grid(2, min_column_width=150, gap="small", key="release-buttons"):
        urgent = found.after is not None and found.after.decision is Decision.NO_GO
        invited = found.after is None and found.before.decision is Decision.GO
        _opener(SWITCH, label, ":material/swap_horiz:", disabled=bool(no_switch), primary=invited)
        _opener(ROLLBACK, back_label, ":material/undo:", disabled=bool(no_rollback), primary=urgent)
    for why_not in dict.fromkeys(filter(None, (no_switch, no_rollback))):
        st.caption(plain(why_not))


def why_no_switch(status: TrackStatus) -> str:
    """Why users cannot be moved to a track, as an action's guard finds it; "" when they can."""
    return status.problem or foreign_words(status.track, status.deployment, status.foreign)


def _opener(key: str, label: str, icon: str, *, disabled: bool, primary: bool) -> None:
    if st.button(
        plain(label),
        icon=icon,
        key=key,
        disabled=disabled,
        type="primary" if primary else "secondary",
        width="stretch",
    ):
        st.session_state[_OPEN] = key
        st.rerun()


def dialog_if_asked(view: View) -> None:
    """Open the dialog of the button that was pressed."""
    opened = st.session_state.pop(_OPEN, "")
    if opened:
        forget()
    match opened:
        case "release.switch":
            st.dialog("Switch", icon=":material/swap_horiz:", width="medium")(lambda: _switch(view))()
        case "release.rollback":
            st.dialog("Roll back", icon=":material/undo:", width="medium")(lambda: _rollback(view))()
        case "release.finish":
            st.dialog("Finish", icon=":material/task_alt:", width="medium")(lambda: unfinished.finish(view))()
        case "release.clear":
            st.dialog("Clear", icon=":material/delete:", width="medium")(lambda: unfinished.clear(view))()


def _switch(view: View) -> None:
    found = release(session.ask_for(view), view, session.now())
    service = found.service.value
    if service is None or service.preview not in service.tracks:
        st.error(plain(found.service.reason or "there is no preview track"), icon=":material/cloud_off:")
        return
    target = service.preview
    version = service.tracks[target].version
    shown = effect(found, ActionKind.SWITCH, service, target)
    acceptable = found.before.acceptable_to(session.actor().name)
    _verdict(found.before, is_acceptable=bool(acceptable))
    st.markdown(f"To confirm, type the version that users will get: **{plain(version)}**")
    typed = st.text_input(
        "Version", key=TYPED, autocomplete="off", live=True, placeholder=one_line(version), label_visibility="collapsed"
    )
    reason, accepted = "", False
    if acceptable:
        titles = ", ".join(gate.title for gate in acceptable)
        # A tick is for what was read: when something else is unknown by now it is asked for anew.
        key = ".".join((ACCEPTED, *sorted(gate.gate for gate in acceptable)))
        # The titles of gates are our own words, so they may stand in a label.
        accepted = st.checkbox(f"I accept that this stays unknown: {titles}", key=key)
    elif found.before.decision is not Decision.GO:
        reason = st.text_input(
            f"Why do you act against the verdict? At least {SHORTEST_REASON} characters, kept in the audit",
            key=BREAK_GLASS,
            max_chars=LONGEST_REASON,
            autocomplete="off",
            live=True,
        )
    is_complete = bool(version) and (typed or "").strip() == version
    is_reasoned = accepted or not problem(reason or "")
    is_complete = is_complete and (found.before.decision is Decision.GO or is_reasoned)
    if st.button(
        f"Move all users to {target.upper()} {plain(version)}",
        key=CONFIRM,
        type="primary",
        disabled=not is_complete,
        width="stretch",
    ):
        _submit(
            view,
            shown,
            ActionKind.SWITCH,
            typed_version=(typed or "").strip(),
            break_glass=(reason or "").strip(),
            accepted=tuple(gate.gate for gate in acceptable) if accepted else (),
        )


def _rollback(view: View) -> None:
    found = release(session.ask_for(view), view, session.now())
    service, back = found.service.value, found.served_before
    if service is None or back is None or found.way_back_closed:
        st.error(plain(found.way_back_closed or found.service.reason), icon=":material/block:")
        return
    st.session_state.setdefault(REASON, _suggested(found.after))
    reason = st.pills("Why?", ROLLBACK_REASONS, key=REASON)
    above = st.container()
    shown = effect(found, ActionKind.ROLLBACK, service, back.track)
    with above:
        confirmed = st.button(
            f"Move all users back to {back.track.upper()} {plain(back.version)}",
            key=CONFIRM,
            type="primary",
            disabled=reason is None,
            width="stretch",
        )
        st.caption("A rollback needs no GO. It takes seconds while the old track is running.")
    if confirmed:
        _submit(view, shown, ActionKind.ROLLBACK, reason=reason or "")


def _suggested(after: Verdict | None) -> str | None:
    failing = [gate.gate for gate in after.gates if gate.result is Result.FAIL] if after else []
    return next((_SUGGESTED[gate] for gate in failing if gate in _SUGGESTED), None)


def _verdict(verdict: Verdict, *, is_acceptable: bool) -> None:
    said = f"**{verdict.decision}**, judged {ago(verdict.at, session.now())}. {plain(verdict.sentence, limit=500)}"
    if verdict.decision is Decision.GO:
        with st.container(border=True):
            st.markdown(f":material/check_circle: {said}")
    else:
        st.warning(said, icon=":material/front_hand:")
    carries = "a GO that is at most 60 s old"
    if is_acceptable:
        carries += ", or by one in which only what you accept is missing"
    st.caption(
        "Version and verdict are read again when you confirm, and once more just before users are moved. Users are "
        f"moved only by {carries}."
    )


def _submit(
    view: View,
    shown: Shown,
    kind: ActionKind,
    *,
    typed_version: str = "",
    reason: str = "",
    break_glass: str = "",
    accepted: tuple[str, ...] = (),
) -> None:
    request = ActionRequest(
        kind=kind,
        namespace=shown.service.namespace,
        service=shown.service.name,
        source=shown.service.active,
        target=shown.target,
        actor=session.actor(),
        typed_version=typed_version,
        reason=reason,
        break_glass=break_glass,
        accepted=accepted,
        template=shown.template,
        change=shown.change,
    )
    st.session_state[OWN] = session.actions(view).submit(request)
    st.rerun()
