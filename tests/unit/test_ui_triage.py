"""The sentence on top of Triage: quiet is said of what was looked at, and beside it what was not."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.model.reading import State
from dashboard.ui import session
from tests.unit.test_triage import NOW


def drawn(monkeypatch: pytest.MonkeyPatch, spoiled: dict[str, str], **green: float) -> str:
    def draw(spoiled: dict[str, str], green: dict[str, float]) -> None:
        from dashboard.model.reading import State
        from dashboard.ui import triage as pieces
        from tests.unit.test_triage import NOW, VIEW, ask_triage
        from tests.unit.test_triage_signs import World

        world = World(green=green)
        world.spoiled = {key: State(state) for key, state in spoiled.items()}
        found = ask_triage(world)
        pieces.headline(found, VIEW, NOW)
        pieces.cards(found, VIEW, NOW)
        pieces.looked_at(found)

    monkeypatch.setattr(session, "now", lambda: NOW)
    monkeypatch.setattr("dashboard.ui.page.go", lambda *args, **more: None)
    app = AppTest.from_function(draw, args=(spoiled, green), default_timeout=30).run()
    assert not app.exception
    return " ".join(element.value for element in (*app.markdown, *app.warning))


def test_quiet_lists_what_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    said = drawn(monkeypatch, {})
    assert "No problem found in what is measured here:** alerts, runs, error ratios" in said
    assert "Not measured here" not in said
    assert "the kill switch" in said


def test_what_is_not_measured_here_is_named_beside_the_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    said = drawn(monkeypatch, {"sign.engaged": State.UNMEASURED})
    assert "No problem found in what is measured here" in said
    assert "Not measured here: the kill switch." in said


def test_what_has_no_data_now_is_named_beside_the_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    said = drawn(monkeypatch, {"sign.oldest": State.EMPTY})
    assert "Without data now: ages of queues." in said


@pytest.mark.parametrize("state", [State.MISSING, State.PARTIAL, State.STALE])
def test_no_quiet_is_said_over_what_was_not_answered(monkeypatch: pytest.MonkeyPatch, state: State) -> None:
    said = drawn(monkeypatch, {"sign.engaged": state})
    assert "Not known whether all is well" in said
    assert "No problem found" not in said


def test_a_card_says_its_cause_and_no_quiet_is_said_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = drawn(monkeypatch, {}, release_kill_switch=1.0, policy_denied=30.0)
    assert "The kill switch is engaged" in said
    assert "decisions a second" in said
    assert "No problem found" not in said
