"""Pieces of the Release page: a gate leads to the charts behind it."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest


def draw_gates() -> None:
    from dashboard.decide.verdict import judge
    from dashboard.model.view import View
    from dashboard.ui import release, session
    from tests.unit.release_evidence import NOW, evidence

    session.set_pages(dict.fromkeys(("agents", "contracts")))  # type: ignore[arg-type]  # only their names are read
    verdict = judge(evidence())
    release.gates(verdict, View(env="local", ns="agents", range="6h", track="green"), NOW)


@pytest.fixture
def gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    st.cache_resource.clear()
    file = tmp_path / "tealdeck.toml"
    file.write_text("[environments.local]")
    monkeypatch.setenv("TEALDECK_SETTINGS", str(file))
    app = AppTest.from_function(draw_gates, default_timeout=30).run()
    assert not app.exception
    return str(app.get("html")[0].proto.body)


def test_a_gate_leads_to_its_charts_of_both_tracks_over_the_same_time(gates: str) -> None:
    errors = next(card for card in gates.split('<div class="td-gate') if "Errors against blue" in card)
    assert '<a href="agents?range=6h" target="_self">charts</a>' in errors


def test_a_gate_without_charts_or_whose_page_is_not_there_leads_nowhere(gates: str) -> None:
    for title in ("Change freeze", "Pods ready on green"):
        card = next(card for card in gates.split('<div class="td-gate') if title in card)
        assert "<a " not in card
