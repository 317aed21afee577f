"""Pieces of the Release page: a gate leads to the charts behind it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.decide.ratio import Ratio
from dashboard.model.release import Track
from dashboard.model.verdict import GateAnswer, Result
from dashboard.model.view import View
from dashboard.ui import gates as gate_cards
from dashboard.ui import ratios, session
from tests.unit.release_evidence import NOW


def draw_gates() -> None:
    from dashboard.decide.verdict import judge
    from dashboard.model.view import View
    from dashboard.ui import gates, session
    from tests.unit.release_evidence import NOW, evidence

    session.set_pages(dict.fromkeys(("agents", "contracts")), groups={})  # type: ignore[arg-type]  # only their names are read
    verdict = judge(evidence())
    gates.gates(verdict, View(env="local", ns="agents", range="6h", track="green"), NOW)


@pytest.fixture
def gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    session.close()
    file = tmp_path / "tealdeck.toml"
    file.write_text("[environments.local]")
    monkeypatch.setenv("TEALDECK_SETTINGS", str(file))
    app = AppTest.from_function(draw_gates, default_timeout=30).run()
    assert not app.exception
    return str(app.get("html")[0].proto.body)


def test_a_gate_leads_to_its_charts_of_both_tracks_over_the_same_time(gates: str) -> None:
    errors = next(card for card in gates.split('<div class="td-gate') if "Errors against blue" in card)
    assert '<a href="agents?range=6h" target="_self">charts</a>' in errors


def test_only_a_gate_that_is_short_of_events_counts_them() -> None:
    gate = GateAnswer(gate="p95", title="Slow runs", result=Result.UNKNOWN, reason="too early to tell", needed=30)
    assert "12 of 30 events" in gate_cards._facts(replace(gate, sample=12), NOW)
    for enough in (30, 1150):
        waits = replace(gate, sample=enough, reason="counting begins at 01:24:30 UTC, after the warm-up")
        assert not [fact for fact in gate_cards._facts(waits, NOW) if "events" in fact]
        assert not gate_cards._strength(waits)


def test_gates_that_wait_for_the_same_share_a_card_and_others_keep_their_own() -> None:
    def waiting(number: int, reason: str, result: Result = Result.UNKNOWN) -> GateAnswer:
        return GateAnswer(gate=f"g{number}", title=f"Gate {number}", result=result, reason=reason)

    warm = [waiting(number, "counting begins after the warm-up") for number in range(3)]
    others = [waiting(3, "too early to tell"), waiting(4, "too early to tell")]
    failing = [waiting(number, "the limit was passed", Result.FAIL) for number in range(5, 8)]
    drawn = gate_cards._cards([*failing, *warm, *others], View(env="local", ns="agents"), NOW)

    cards = drawn.split('<div class="td-gate ')[1:]
    assert len(cards) == len(failing) + 1 + len(others)
    (shared,) = [card for card in cards if "3 gates" in card]
    assert "counting begins after the warm-up" in shared
    assert "Gate 0, Gate 1, Gate 2" in shared


def test_a_gate_without_charts_or_whose_page_is_not_there_leads_nowhere(gates: str) -> None:
    for title in ("Change freeze", "Pods ready on green"):
        card = next(card for card in gates.split('<div class="td-gate') if title in card)
        assert "<a " not in card


@pytest.mark.parametrize(("low", "best"), [(0.0, None), (0.4, 1.0), (2.0, 7.9), (8.2, 11.9), (30.0, 62.0)])
def test_a_bar_and_its_dot_are_within_the_axis_however_gross_the_harm(low: float, best: float | None) -> None:
    ratio = Ratio(metric="errors", family="errors", low=low, best=best, high=None, fail=1.1, go=1.5)
    drawn = ratios.bars([ratio], Track.GREEN)
    start, width = (float(found) for found in re.findall(r"<i [^>]*left:([\d.]+)%;width:([\d.]+)%", drawn)[0])

    assert 0 <= start < start + width == pytest.approx(100)  # the upper bound is not known: the bar goes on to the edge
    dots = [float(found) for found in re.findall(r"<b [^>]*left:([\d.]+)%", drawn)]
    assert len(dots) == (best is not None)
    assert all(0 < dot < 100 for dot in dots)
    assert "fails above 1.1 ×, passes below 1.5 ×" in drawn
