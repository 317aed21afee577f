"""What a dialog shows of a switch or a rollback: from where to where, what it means for users, and the exact change."""

from __future__ import annotations

import json
from dataclasses import dataclass

import streamlit as st

from dashboard.decide.traffic_change import left_behind_words
from dashboard.model.action import ActionKind
from dashboard.model.release import GovernedService, Track
from dashboard.model.service_annotations import ACTION
from dashboard.model.traffic_change import TrafficChange
from dashboard.queries.release import ReleaseAnswer
from dashboard.ui.text import plain

_SEEN = "release.seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a dialog has shown: from where to where, which release of the target, and the exact change."""

    service: GovernedService
    target: Track
    change: TrafficChange

    @property
    def template(self) -> str:
        """The fingerprint of the pod template that users would get."""
        return self.service.tracks[self.target].template


def effect(found: ReleaseAnswer, kind: ActionKind, service: GovernedService, target: Track) -> Shown:
    """Draw from, to, what it means for users, and the exact change. Answers what the person had before their eyes.

    That is what the last run has drawn: a click runs the dialog again, and the cluster may have changed by then.
    """
    drawn = Shown(service=service, target=target, change=found.changes[kind])
    seen: Shown = st.session_state.get(_SEEN, drawn)
    st.session_state[_SEEN] = drawn
    leaving, coming = target.other, target
    old, new = service.tracks.get(leaving), service.tracks[coming]
    st.markdown(
        f"**From** :{leaving}[{leaving} {plain(old.version if old else '')}] **to** "
        f":{coming}[{coming} {plain(new.version)}]. New connections of all users of {plain(service.name)} go to "
        f"{new.ready} ready pods; requests in flight end on {leaving}. {_preview_words(drawn)}"
    )
    if own := " and ".join(f"{track} is {plain(name)}" for track in Track if (name := service.own_name(track))):
        st.caption(f"In this Service {own}.")
    if drawn.change.scale is not None:
        needed = drawn.change.scale.body["spec"]["replicas"]
        st.caption(f"Before that, {plain(new.deployment)} is scaled from {new.desired} to {needed} pods.")
    if found.unfinished is not None and found.unfinished.is_left_behind:
        intent = found.unfinished.intent
        st.caption(f"It takes over from the unfinished {intent.kind} to {intent.target} by {plain(intent.actor)}.")
    with st.expander("The exact change", icon=":material/difference:"):
        st.code(change_text(drawn.change), language=None, wrap_lines=True)
        st.caption(
            "Merge patches, in this order. Each is sent with the resourceVersion that is read directly before, so that "
            f"it fails if somebody else has changed the object. Around them the annotation {plain(ACTION)} on "
            f"{plain(service.name)} notes who does what, each step and the outcome."
        )
    return seen


def _preview_words(shown: Shown) -> str:
    """What becomes of the preview Service, and which other Services are left behind."""
    other = f" {plain(words)}." if (words := left_behind_words(shown.change)) else ""
    return f"{_of_preview(shown)}{other}"


def _of_preview(shown: Shown) -> str:
    if shown.change.preview_left:
        return f"The preview Service is left alone: {plain(shown.change.preview_left)}."
    name, other = shown.service.preview_service, shown.target.other
    return f"The preview Service {plain(name)} then shows {other}." if name else "There is no preview Service."


def change_text(change: TrafficChange) -> str:
    """The merge patches as they are sent, by what they are sent to."""
    return json.dumps({patch.path: patch.body for patch in change.patches}, indent=1)


def forget() -> None:
    """Before a dialog opens: nothing has been shown yet."""
    st.session_state.pop(_SEEN, None)
