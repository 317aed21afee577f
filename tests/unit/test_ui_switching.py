"""The dialog of a switch: what somebody may accept as unknown is a tick, for everybody else it takes a reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.act.actor import VARIABLE
from dashboard.model.action import ActionId, ActionRequest
from dashboard.settings.release import ReleaseSettings
from dashboard.ui import session, switching
from tests.unit.release_stage import ENVIRONMENT, StageAsk

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
# Nobody declares there which data the tracks read and write.
RELEASE = ReleaseSettings(required=("schema",), acceptable={"schema": ("alice",)})


@dataclass
class Desk:
    """Keeps what it is handed."""

    asked: list[ActionRequest] = field(default_factory=list)

    def submit(self, request: ActionRequest) -> ActionId:
        self.asked.append(request)
        return ActionId("a1")


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    ask = StageAsk(NOW, environment=ENVIRONMENT.model_copy(update={"release": RELEASE}))
    desk = Desk()
    monkeypatch.setattr(session, "ask_for", lambda view: ask)
    monkeypatch.setattr(session, "now", lambda: NOW)
    monkeypatch.setattr(session, "actions", lambda view: desk)
    return desk


def dialog(monkeypatch: pytest.MonkeyPatch, actor: str) -> AppTest:
    def draw() -> None:
        from dashboard.model.view import View
        from dashboard.ui import switching

        switching._switch(View(env="local", ns="agents"))

    monkeypatch.setenv(VARIABLE, actor)
    app = AppTest.from_function(draw, default_timeout=30).run()
    assert not app.exception
    return app


def test_who_may_accept_ticks_what_stays_unknown_and_that_is_what_the_desk_is_handed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = dialog(monkeypatch, "alice")
    [tick] = app.checkbox
    assert "Data readable both ways" in tick.label
    app.text_input(key=switching.TYPED).set_value("1.8.0").run()
    assert app.button(key=switching.CONFIRM).disabled

    app.checkbox[0].check().run()
    app.button(key=switching.CONFIRM).click().run()

    [request] = desk.asked
    assert (request.actor.name, request.accepted, request.break_glass) == ("alice", ("schema",), "")


def test_a_tick_does_not_hold_for_what_has_become_unknown_since(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    app = dialog(monkeypatch, "alice")
    app.text_input(key=switching.TYPED).set_value("1.8.0").run()
    app.checkbox[0].check().run()
    release = RELEASE.model_copy(
        update={"required": ("schema", "backup"), "acceptable": {"schema": ("alice",), "backup": ("*",)}}
    )
    later = StageAsk(NOW, environment=ENVIRONMENT.model_copy(update={"release": release}))
    monkeypatch.setattr(session, "ask_for", lambda view: later)
    app.run()

    [tick] = app.checkbox
    assert "Verified backup" in tick.label
    assert not tick.value
    assert app.button(key=switching.CONFIRM).disabled


def test_who_may_not_gives_a_reason(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    app = dialog(monkeypatch, "bob")
    assert not app.checkbox
    app.text_input(key=switching.TYPED).set_value("1.8.0").run()
    assert app.button(key=switching.CONFIRM).disabled

    app.text_input(key=switching.BREAK_GLASS).set_value("the old one loses data").run()
    app.button(key=switching.CONFIRM).click().run()

    [request] = desk.asked
    assert (request.accepted, request.break_glass) == ((), "the old one loses data")
