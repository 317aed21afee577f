"""The progress of an action on the page: step by step while it runs, with its outcome for a while afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from dashboard.model.action import ActionState, Outcome, StepProgress, StepState
from dashboard.model.view import View
from dashboard.ui import session
from dashboard.ui.format import clock, span
from dashboard.ui.text import plain

# The action that this session has asked for last.
OWN = "release.own"
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


def progress(view: View) -> None:
    """The action under way, step by step, or the one that has just ended; nothing when there is none."""
    desk = session.actions(view)
    state = desk.current(view.ns, view.service)
    mine = desk.state(st.session_state[OWN]) if OWN in st.session_state else None
    states = [state] if state is not None else []
    is_here = mine is not None and mine.request.namespace == view.ns
    if mine is not None and is_here and mine.id not in {known.id for known in states}:
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
            f"## {_OUTCOME_ICONS[state.outcome]} {request.kind.capitalize()} of {plain(request.service)} "
            f"to {request.target}: {state.outcome}"
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
