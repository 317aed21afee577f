"""Triage names an action that was left behind, and never says meanwhile that nothing is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.queries.triage import Triage, triage
from dashboard.ui import session
from tests.unit.test_triage import NOW, VIEW, FakeAsk
from tests.unit.test_unfinished import a_lease, a_service, an_intent


def asked(*, leases: tuple[Any, ...] = ()) -> Triage:
    service = a_service(an_intent(started_at=NOW - timedelta(minutes=10)))
    objects = {"services": (service,), "leases": leases}
    return triage(FakeAsk(objects=objects), VIEW, NOW)  # type: ignore[arg-type]


def test_an_action_whose_process_died_stands_at_its_service() -> None:
    [line] = asked(leases=(a_lease(NOW - timedelta(minutes=2)),)).services.value or ()
    assert line.unfinished is not None
    assert line.unfinished.is_left_behind


def test_one_that_is_under_way_is_not_called_left() -> None:
    [line] = asked(leases=(a_lease(NOW),)).services.value or ()
    assert line.unfinished is not None
    assert not line.unfinished.is_left_behind


def test_the_page_says_so_instead_of_that_nothing_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw() -> None:
        from dashboard.ui import triage as pieces
        from tests.unit.test_triage import NOW, VIEW
        from tests.unit.test_triage_unfinished import asked

        found = asked()
        pieces.headline(found, VIEW, NOW)
        pieces.unfinished_actions(found, VIEW)

    monkeypatch.setattr(session, "now", lambda: NOW)
    app = AppTest.from_function(draw, default_timeout=30).run()
    assert not app.exception
    said = " ".join(element.value for element in app.markdown)
    assert "switch left unfinished" in said
    assert "Its process is gone" in said
    assert "No problem found" not in said
