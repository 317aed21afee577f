"""An action without an outcome: who works on it, or what is true now and how a person goes on from there."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboard.model.action import ActionKind, ActionRequest
from dashboard.model.release import GovernedService, Track
from dashboard.model.unfinished import Unfinished, WayOn
from dashboard.model.view import View
from dashboard.queries.release import ReleaseAnswer, release
from dashboard.ui import session
from dashboard.ui.action_progress import OWN
from dashboard.ui.format import ago, clock
from dashboard.ui.text import plain

CONFIRM = "release.unfinished.confirm"
_ICONS: Final = {
    WayOn.RESUME: ":material/replay:",
    WayOn.FINISH: ":material/task_alt:",
    WayOn.CLEAR: ":material/delete:",
}


def sentence(found: Unfinished, view: View) -> str:
    """What was begun, by whom, and whether somebody still works on it."""
    intent = found.intent
    begun = (
        f"{plain(intent.actor)} began a {intent.kind} to {intent.target} {plain(intent.version)} "
        f"{ago(intent.started_at, session.now())}; its last step was {plain(intent.step)}."
    )
    if found.doubt:
        return f"{begun} It is not known whether its process still runs: {plain(found.doubt)}."
    if found.is_left_behind:
        return f"{begun} Its process is gone. It blocks nobody."
    return f"{begun} It is locked by {plain(found.holder)} until {clock(found.held_until, view.tz)} if not renewed."


def card(found: ReleaseAnswer, view: View, running: str) -> WayOn | None:
    """Draw the unfinished action, unless it is `running` in this process. Answers the button that was pressed."""
    left, service = found.unfinished, found.service.value
    if left is None or service is None or left.intent.id == running:
        return None
    with st.container(border=True, key="release-unfinished", gap="xsmall"):
        title = "Left unfinished" if left.is_left_behind else "Under way elsewhere"
        st.markdown(f"## :material/running_with_errors: {title}: {left.intent.kind} to {left.intent.target}")
        st.markdown(sentence(left, view))
        st.markdown(f"True now: {_truth(found, service, left)}")
        if not left.ways_on:
            return None
        with st.grid(len(left.ways_on), min_column_width=140, gap="small", key="release-ways-on"):
            pressed = [way for way in left.ways_on if _button(way, left)]
    return next(iter(pressed), None)


def _button(way: WayOn, left: Unfinished) -> bool:
    label = {
        WayOn.RESUME: f"Resume the {left.intent.kind}",
        WayOn.FINISH: f"Finish the {left.intent.kind}",
        WayOn.CLEAR: "Clear it",
    }[way]
    return st.button(label, icon=_ICONS[way], key=f"release.{way}", width="stretch")


def _truth(found: ReleaseAnswer, service: GovernedService, left: Unfinished) -> str:
    users = f"users are on {_track(service, left.users)}" if left.users else "the selector names no track"
    target = service.tracks.get(left.intent.target)
    ready = f"{target.ready} of {target.desired} pods of {target.track} are ready" if target else ""
    shows = f"the preview Service shows {found.preview_shows}" if found.preview_shows else ""
    return "; ".join(filter(None, (users, ready, shows))) + "."


def _track(service: GovernedService, track: Track) -> str:
    status = service.tracks.get(track)
    return f"{track} {plain(status.version)} ({status.serving} pods serve)" if status else str(track)


def finish(view: View) -> None:
    """The dialog that finishes what a dead process left behind."""
    _confirm(view, ActionKind.FINISH, WayOn.FINISH)


def clear(view: View) -> None:
    """The dialog that gives up what a dead process left behind."""
    _confirm(view, ActionKind.CLEAR, WayOn.CLEAR)


def _confirm(view: View, kind: ActionKind, way: WayOn) -> None:
    found = release(session.ask_for(view), view, session.now())
    left, service = found.unfinished, found.service.value
    if left is None or service is None or way not in left.ways_on:
        st.error("It has ended, or somebody has taken it over.", icon=":material/block:")
        return
    st.markdown(sentence(left, view))
    st.markdown(f"True now: {_truth(found, service, left)}")
    st.markdown(_does(kind, left))
    label = f"{kind.capitalize()} the {left.intent.kind} to {left.intent.target.upper()} {plain(left.intent.version)}"
    if st.button(label, key=CONFIRM, type="primary", width="stretch"):
        _submit(view, service, kind, left)


def _does(kind: ActionKind, left: Unfinished) -> str:
    if kind is ActionKind.CLEAR:
        return "Nothing is moved. The audit then says that the action was given up, and by whom."
    return (
        f"It is read back that only {left.intent.target} serves, the preview Service is pointed at "
        f"{left.intent.source}, and the outcome is recorded."
    )


def _submit(view: View, service: GovernedService, kind: ActionKind, left: Unfinished) -> None:
    request = ActionRequest(
        kind=kind,
        namespace=service.namespace,
        service=service.name,
        source=left.intent.source,
        target=left.intent.target,
        actor=session.actor(),
        unfinished=left.intent.id,
    )
    st.session_state[OWN] = session.actions(view).submit(request)
    st.rerun()
