"""What a dialog shows as the exact change is what the desk is handed, and what a person can do with a dead action."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.model.action import ActionId, ActionKind, ActionRequest, ActionState
from dashboard.model.release import Track
from dashboard.ui import session, switching, unfinished
from tests.unit.release_stage import StageAsk

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
INTENT = {
    "id": "a1", "kind": "switch", "source": "blue", "target": "green", "version": "1.8.0", "actor": "alice",
    "reason": "", "step": "prepare", "started_at": "2026-03-01T02:50:00+00:00", "outcome": "running",
}  # fmt: skip


@dataclass
class Desk:
    """Keeps what it is handed."""

    asked: list[ActionRequest] = field(default_factory=list)

    def submit(self, request: ActionRequest) -> ActionId:
        self.asked.append(request)
        return ActionId("a2")

    def current(self, namespace: str, service: str) -> ActionState | None:
        return None


@pytest.fixture
def ask() -> StageAsk:
    return StageAsk(NOW)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, ask: StageAsk) -> Desk:
    desk = Desk()
    monkeypatch.setattr(session, "ask_for", lambda view: ask)
    monkeypatch.setattr(session, "now", lambda: NOW)
    monkeypatch.setattr(session, "actions", lambda view: desk)
    return desk


def drawn(script: Any) -> AppTest:
    app = AppTest.from_function(script, default_timeout=30).run()
    assert not app.exception
    return app


def the_switch() -> None:
    from dashboard.model.view import View
    from dashboard.ui import switching

    switching._switch(View(env="local", ns="agents"))


def the_clearing() -> None:
    from dashboard.model.view import View
    from dashboard.ui import unfinished

    unfinished.clear(View(env="local", ns="agents"))


def the_finishing() -> None:
    from dashboard.model.view import View
    from dashboard.ui import unfinished

    unfinished.finish(View(env="local", ns="agents"))


def the_card() -> None:
    import streamlit as st

    from dashboard.model.view import View
    from dashboard.queries.release import release
    from dashboard.ui import session, unfinished

    view = View(env="local", ns="agents")
    pressed = unfinished.card(release(session.ask_for(view), view, session.now()), view, "")
    st.text(f"pressed {pressed}")


def service_of(ask: StageAsk) -> Any:
    return ask.cluster.objects["services", "agent-runtime"]


def leave_behind(ask: StageAsk, *, users: str = "blue", renewed: datetime = NOW - timedelta(minutes=2)) -> None:
    """Alice's switch, whose process died."""
    service_of(ask)["metadata"]["annotations"]["tealdeck.io/action"] = json.dumps(INTENT)
    service_of(ask)["spec"]["selector"]["tealdeck.io/track"] = users
    spec = {"holderIdentity": "alice (switch a1)", "renewTime": renewed.isoformat(), "leaseDurationSeconds": 60}
    ask.cluster.objects["leases", "lock"] = {"metadata": {"name": "tealdeck-agent-runtime"}, "spec": spec}


def words(app: AppTest) -> str:
    return " ".join(element.value for kind in (app.markdown, app.caption, app.error) for element in kind)


def test_the_dialog_shows_every_patch_with_its_annotations_and_hands_over_just_these(desk: Desk) -> None:
    app = drawn(the_switch)
    [shown] = app.code
    app.text_input(key=switching.TYPED).set_value("1.8.0").run()
    app.button(key=switching.CONFIRM).click().run()

    [request] = desk.asked
    assert request.change is not None
    assert json.loads(shown.value) == {patch.path: patch.body for patch in request.change.patches}
    assert list(json.loads(shown.value)) == ["services/agent-runtime", "services/agent-runtime-preview"]
    annotations = json.loads(shown.value)["services/agent-runtime"]["metadata"]["annotations"]
    served = json.loads(annotations["tealdeck.io/served-before"])
    assert served.pop("runs")
    assert served == {"track": "blue", "version": "1.7.4", "pods": 2}


def test_a_click_sends_what_the_person_saw_and_not_what_has_become_of_it_since(desk: Desk, ask: StageAsk) -> None:
    app = drawn(the_switch)
    app.text_input(key=switching.TYPED).set_value("1.8.0").run()
    blue = ask.cluster.objects["deployments", "agent-runtime-blue"]
    blue["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/version"] = "1.7.5"
    green = ask.cluster.objects["deployments", "agent-runtime-green"]
    green["spec"]["template"]["spec"] = {"containers": [{"image": "agent:other"}]}
    for item in (blue, green):
        ask.cluster.put("deployments", item)  # their pods are those of the new templates already
    app.button(key=switching.CONFIRM).click().run()

    [request] = desk.asked
    assert request.change is not None
    assert "1.7.4" in json.dumps(request.change.service.body)
    now = ask.cluster.objects["deployments", "agent-runtime-green"]["spec"]["template"]
    assert "spec" in now
    assert request.template not in ("", _template_now(ask))


def _template_now(ask: StageAsk) -> str:
    from dashboard.decide.tracks import find_tracks

    deployments = [item for (kind, _), item in ask.cluster.objects.items() if kind == "deployments"]
    return find_tracks(service_of(ask), deployments)[Track.GREEN].template


def test_a_preview_that_is_left_alone_is_said_in_the_dialog_and_not_part_of_the_change(
    desk: Desk, ask: StageAsk
) -> None:
    ask.cluster.objects["services", "agent-runtime-preview"]["spec"]["selector"]["app"] = "another"
    app = drawn(the_switch)
    assert "The preview Service is left alone" in words(app)
    assert "app&#61;another" in words(app)
    assert list(json.loads(app.code[0].value)) == ["services/agent-runtime"]


def test_a_track_that_no_service_can_select_closes_the_switch_with_the_reason(desk: Desk, ask: StageAsk) -> None:
    green = ask.cluster.objects["deployments", "agent-runtime-green"]
    green["spec"]["template"]["metadata"] = {"labels": {"app.kubernetes.io/name": "agent-runtime"}}

    def the_buttons() -> None:
        from dashboard.model.view import View
        from dashboard.queries.release import release
        from dashboard.ui import session, switching

        view = View(env="local", ns="agents")
        switching.buttons(release(session.ask_for(view), view, session.now()), busy=False)

    app = drawn(the_buttons)
    assert app.button(key=switching.SWITCH).disabled
    assert "lack the labels" in words(app)


def test_who_was_left_behind_is_shown_with_what_is_true_now_and_the_ways_on(desk: Desk, ask: StageAsk) -> None:
    leave_behind(ask)
    app = drawn(the_card)
    assert "Its process is gone" in words(app)
    assert "users are on blue 1&#46;7&#46;4 (2 pods serve); 2 of 2 pods of green are ready" in words(app)
    assert [button.label for button in app.button] == ["Resume the switch", "Clear it"]
    app.button[0].click().run()
    assert app.text[0].value == "pressed resume"


def test_who_is_still_at_work_elsewhere_is_named_and_nothing_is_offered(desk: Desk, ask: StageAsk) -> None:
    leave_behind(ask, renewed=NOW - timedelta(seconds=10))
    app = drawn(the_card)
    assert "Under way elsewhere" in words(app)
    assert "locked by alice" in words(app)
    assert not app.button


@pytest.mark.parametrize(
    ("script", "users", "kind"),
    [(the_clearing, "blue", ActionKind.CLEAR), (the_finishing, "green", ActionKind.FINISH)],
)
def test_a_confirmed_way_on_names_the_action_that_was_left_behind(
    desk: Desk, ask: StageAsk, script: Any, users: str, kind: ActionKind
) -> None:
    leave_behind(ask, users=users)
    drawn(script).button(key=unfinished.CONFIRM).click().run()
    [request] = desk.asked
    assert (request.kind, request.unfinished, request.source, request.target) == (kind, "a1", Track.BLUE, Track.GREEN)


def test_a_way_on_that_is_closed_by_now_is_not_offered(desk: Desk, ask: StageAsk) -> None:
    leave_behind(ask, users="blue")
    app = drawn(the_finishing)
    assert not app.button
    assert "somebody has taken it over" in words(app)
