"""Switch and rollback on the page: the buttons, the dialog that shows the exact change, and the progress of an action.

A dialog is opened by the page and not by the part that refreshes itself, so that a refresh cannot close it. Nothing
here changes a cluster: a confirmed dialog hands a request to the desk, whose worker outlives this session.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import streamlit as st

from dashboard.act.run import service_patch
from dashboard.model.action import (
    ROLLBACK_REASONS,
    SHORTEST_REASON,
    ActionKind,
    ActionRequest,
    ActionState,
    Outcome,
    StepProgress,
    StepState,
)
from dashboard.model.release import GovernedService, Track
from dashboard.model.verdict import Decision, Result, Verdict
from dashboard.model.view import View
from dashboard.queries.release import ReleaseAnswer, release
from dashboard.ui import session, url
from dashboard.ui.format import ago, clock, span
from dashboard.ui.text import plain

SWITCH, ROLLBACK, CONFIRM = "release.switch", "release.rollback", "release.confirm"
TYPED, REASON, BREAK_GLASS = "release.typed", "release.reason", "release.breakglass"
ACCEPTED = "release.accepted"
_OPEN, _SHOWN, _SERVICE = "release.open", "release.shown", "release.service"
_SHOWN_SECONDS = 300

_STEP_ICONS: Final[Mapping[StepState, str]] = {
    StepState.AHEAD: ":material/radio_button_unchecked:",
    StepState.RUNNING: ":material/progress_activity:",
    StepState.DONE: ":material/check_circle:",
    StepState.REFUSED: ":material/block:",
    StepState.FAILED: ":material/cancel:",
}
_OUTCOME_ICONS: Final[Mapping[Outcome, str]] = {
    Outcome.RUNNING: ":material/progress_activity:",
    Outcome.SUCCEEDED: ":material/check_circle:",
    Outcome.REFUSED: ":material/block:",
    Outcome.FAILED: ":material/cancel:",
}
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


def buttons(found: ReleaseAnswer, busy: bool) -> None:
    """Switch and roll back. A button that cannot be used says why in words below."""
    service = found.service.value
    preview = service.tracks.get(service.preview) if service else None
    label = f"Switch to {preview.track.upper()} {preview.version}" if preview else "Switch"
    back = found.served_before
    back_label = f"Roll back to {back.track.upper()} {back.version}" if back else "Roll back"
    closed = "An action is under way." if busy else ""
    no_preview = "There is no preview track to switch to." if service else found.way_back_closed
    no_switch = closed or ("" if preview else no_preview)
    no_rollback = closed or found.way_back_closed
    with st.grid(2, min_column_width=150, gap="small", key="release-buttons"):
        urgent = found.after is not None and found.after.decision is Decision.NO_GO
        invited = found.after is None and found.before.decision is Decision.GO
        _opener(SWITCH, label, ":material/swap_horiz:", disabled=bool(no_switch), primary=invited)
        _opener(ROLLBACK, back_label, ":material/undo:", disabled=bool(no_rollback), primary=urgent)
    for why_not in dict.fromkeys(filter(None, (no_switch, no_rollback))):
        st.caption(plain(why_not))


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
    match st.session_state.pop(_OPEN, ""):
        case "release.switch":
            st.dialog("Switch", icon=":material/swap_horiz:", width="medium")(lambda: _switch(view))()
        case "release.rollback":
            st.dialog("Roll back", icon=":material/undo:", width="medium")(lambda: _rollback(view))()


def _switch(view: View) -> None:
    found = release(session.ask_for(view), view, session.now())
    service = found.service.value
    if service is None:
        st.error(plain(found.service.reason), icon=":material/cloud_off:")
        return
    target = service.preview
    version = service.tracks[target].version if target in service.tracks else ""
    _effect(service, target)
    acceptable = found.before.acceptable_to(session.actor().name)
    _verdict(found.before, is_acceptable=bool(acceptable))
    typed = st.text_input(
        f"Type the version that users will get: {plain(version)}", key=TYPED, autocomplete="off", live=True
    )
    reason, accepted = "", False
    if acceptable:
        titles = ", ".join(gate.title for gate in acceptable)
        # A tick is for what was read: when something else is unknown by now it is asked for anew.
        key = ".".join((ACCEPTED, *sorted(gate.gate for gate in acceptable)))
        accepted = st.checkbox(f"I accept that this stays unknown: {plain(titles, limit=500)}", key=key)
    elif found.before.decision is not Decision.GO:
        reason = st.text_input(
            f"Why against the verdict? At least {SHORTEST_REASON} signs, recorded in the audit",
            key=BREAK_GLASS,
            autocomplete="off",
            live=True,
        )
    is_complete = bool(version) and (typed or "").strip() == version
    is_reasoned = accepted or len((reason or "").strip()) >= SHORTEST_REASON
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
            service,
            ActionKind.SWITCH,
            target,
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
    if st.button(
        f"Move all users back to {back.track.upper()} {plain(back.version)}",
        key=CONFIRM,
        type="primary",
        disabled=reason is None,
        width="stretch",
    ):
        _submit(view, service, ActionKind.ROLLBACK, back.track, reason=reason or "")
    st.caption("A rollback needs no GO. It takes seconds when the old track is warm.")
    _effect(service, back.track)


def _suggested(after: Verdict | None) -> str | None:
    failing = [gate.gate for gate in after.gates if gate.result is Result.FAIL] if after else []
    return next((_SUGGESTED[gate] for gate in failing if gate in _SUGGESTED), None)


def _effect(service: GovernedService, target: Track) -> None:
    """From, to, what it means for users, and the change word for word."""
    old, new = service.tracks.get(target.other), service.tracks.get(target)
    if old is None or new is None:
        return
    leaving, coming = target.other, target
    st.markdown(
        f"**From** :{leaving}[{leaving} {plain(old.version)}] **to** :{coming}[{coming} {plain(new.version)}]. "
        f"New connections of all users of {plain(service.name)} go to {new.ready} ready pods; what is in flight ends "
        f"on {leaving}. The preview Service then shows {leaving}."
    )
    if new.ready < old.desired:
        st.caption(f"Before that, {plain(new.deployment)} is scaled from {new.desired} to {old.desired} pods.")
    with st.expander("The exact change", icon=":material/difference:"):
        st.code(change(service, target), language="json", wrap_lines=True)


def change(service: GovernedService, target: Track) -> str:
    """The merge patches as they are sent; a resourceVersion that is no longer true makes the cluster refuse them."""
    patches = {f"services/{service.name}": service_patch(service.resource_version, {}, target)}
    if service.preview_service and service.preview_resource_version:
        patches[f"services/{service.preview_service}"] = service_patch(
            service.preview_resource_version, {}, target.other
        )
    return json.dumps(patches, indent=1)


def _verdict(verdict: Verdict, *, is_acceptable: bool) -> None:
    said = f"**{verdict.decision}**, judged {ago(verdict.at, session.now())}. {plain(verdict.sentence, limit=500)}"
    if verdict.decision is Decision.GO:
        with st.container(border=True):
            st.markdown(f":material/check_circle: {said}")
    else:
        st.warning(said, icon=":material/front_hand:")
    carries = "a GO not older than 60 s"
    if is_acceptable:
        carries += ", or one that lacks no more than what you accept,"
    st.caption(f"It is judged again when you confirm; only {carries} carries the switch.")


def _submit(
    view: View,
    service: GovernedService,
    kind: ActionKind,
    target: Track,
    *,
    typed_version: str = "",
    reason: str = "",
    break_glass: str = "",
    accepted: tuple[str, ...] = (),
) -> None:
    request = ActionRequest(
        kind=kind,
        namespace=service.namespace,
        service=service.name,
        source=service.active,
        target=target,
        actor=session.actor(),
        typed_version=typed_version,
        reason=reason,
        break_glass=break_glass,
        accepted=accepted,
    )
    st.session_state[_SHOWN] = session.actions(view).submit(request)
    st.rerun()


def progress(view: View) -> None:
    """The action under way, step by step, or the one that has just ended; nothing when there is none."""
    desk = session.actions(view)
    state = desk.current(view.ns, view.service)
    mine = desk.state(st.session_state[_SHOWN]) if _SHOWN in st.session_state else None
    states = [state] if state is not None else []
    if mine is not None and mine.id not in {known.id for known in states}:
        states.append(mine)
    for shown in states:
        if shown.is_running:
            st.fragment(lambda shown=shown: _running(view, shown), run_every=1.0, key=f"release.progress.{shown.id}")()
        elif shown.ended_at and (session.now() - shown.ended_at).total_seconds() < _SHOWN_SECONDS:
            _card(shown, view)


def follow(view: View, drawn: str) -> None:
    """From within the live part: start over when an action has begun elsewhere since the page was drawn."""
    state = session.actions(view).current(view.ns, view.service)
    if state is not None and state.is_running and state.id != drawn:
        st.rerun()


def running_id(view: View) -> str:
    """The id of the action that runs now; "" when none does."""
    state = session.actions(view).current(view.ns, view.service)
    return state.id if state is not None and state.is_running else ""


def _running(view: View, shown: ActionState) -> None:
    now = session.actions(view).state(shown.id) or shown
    _card(now, view)
    if not now.is_running:
        st.rerun()


def _card(state: ActionState, view: View) -> None:
    request = state.request
    with st.container(border=True, key="release-progress", gap="xsmall"):
        st.markdown(
            f"##### {_OUTCOME_ICONS[state.outcome]} {request.kind.capitalize()} to {request.target}: {state.outcome}"
        )
        st.markdown(plain(state.sentence, limit=600))
        # What went well need not push the rollback button off a phone's screen.
        with st.expander("Steps") if state.outcome is Outcome.SUCCEEDED else st.container():
            st.markdown("  \n".join(_line(step) for step in state.steps))
        facts = [f"{plain(name)}: {plain(value, limit=400)}" for name, value in state.facts.items()]
        if facts:
            st.caption("Read back: " + "; ".join(facts))
        ended = f", took {span(state.ended_at - state.started_at)}" if state.ended_at else ""
        st.caption(f"{plain(request.actor.name)}, {clock(state.started_at, view.tz)}{ended}. {plain(request.why)}")


def _line(step: StepProgress) -> str:
    detail = f" :gray[{plain(step.detail)}]" if step.detail else ""
    return f"{_STEP_ICONS[step.state]} {plain(step.title)}{detail}"
