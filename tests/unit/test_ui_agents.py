"""What the Agents page says first: its sentence, its strip and its ranking; names from outside are never markup."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.decide.agent_ranks import ranked as rank
from dashboard.model.agent import RankedAgent
from dashboard.model.figures import FigureRow
from dashboard.model.incident import Change
from dashboard.model.reading import Reading, Source, State, empty, fresh, missing, unmeasured
from dashboard.model.series import Series
from dashboard.model.view import View
from dashboard.queries.agent_ranks import Ranking
from dashboard.ui import theme
from dashboard.ui.agent_ranks import ranked, sentence, strip

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
VIEW = View(env="local", ns="agents")


@pytest.fixture(autouse=True)
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    st.cache_resource.clear()
    file = tmp_path / "tealdeck.toml"
    file.write_text("[environments.local]")
    monkeypatch.setenv("TEALDECK_SETTINGS", str(file))


def reading(value: Any) -> Reading[Any]:
    return fresh(value, source=Source.PROMETHEUS, as_of=NOW)


def row(name: str, errors: float | None = 0.0, p95: float | None = 1.0) -> FigureRow:
    figures = {"runs/s": 1.0, "errors": errors, "p50": 0.5, "p95": p95, "cost/run": 0.01}
    return FigureRow(labels=(name,), figures=figures)


def agents(*rows: FigureRow, **more: Any) -> tuple[RankedAgent, ...]:
    return rank(rows, seconds=3600.0, error_limit=0.02, p95_limit=3.0, least_failed=5, **more)


def ranking(found: Reading[tuple[RankedAgent, ...]], **more: Any) -> Ranking:
    known: dict[str, Any] = {
        "states": reading(()),
        "scores": reading(()),
        "owners": {},
        "lines": empty("none", source=Source.PROMETHEUS, as_of=NOW),
        "deployed": {},
    }
    return Ranking(agents=found, **{**known, **more})


def said(*rows: FigureRow, **more: Any) -> tuple[str, str, str]:
    return sentence(ranking(reading(agents(*rows)), **more))


def test_the_sentence_names_who_is_beyond_its_limits_and_counts_its_runs() -> None:
    head, tone, _ = said(row("planner", 0.12), row("clerk"))
    assert head == "1 of 2 agents is beyond its limits: planner: 432 of 3,600 runs failed (12 %)"
    assert tone == "sick"


def test_all_within_their_limits_is_said_with_what_was_counted() -> None:
    head, tone, _ = said(row("planner"), row("clerk", 0.001))
    assert (head, tone) == ("All 2 agents are within the limits: 4 of 7,200 runs failed (0.05 %)", "well")


@pytest.mark.parametrize("lost", [{"errors": None}, {"p95": None}])
def test_an_agent_that_cannot_be_judged_is_not_well(lost: dict[str, None]) -> None:
    head, tone, _ = said(row("clerk"), row("planner", **lost))
    assert tone == "quiet"
    assert "planner cannot be judged" in head


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (empty("nothing", source=Source.PROMETHEUS, as_of=NOW), "No agent ran in this period"),
        (unmeasured("no such metric", source=Source.PROMETHEUS), "Runs of agents are not measured here"),
        (missing("refused", source=Source.PROMETHEUS), "How the agents perform is not known: refused"),
    ],
    ids=["empty", "not measured", "missing"],
)
def test_without_an_answer_the_sentence_says_why(found: Reading[Any], words: str) -> None:
    assert sentence(ranking(found))[:2] == (words, "quiet")


def test_a_partial_answer_is_no_all_clear() -> None:
    part = Reading(value=agents(row("a")), source=Source.PROMETHEUS, state=State.PARTIAL, as_of=NOW, reason="cut")
    assert sentence(ranking(part))[1:] == ("quiet", "Cut.")


def test_states_that_nobody_measures_are_said() -> None:
    detail = said(row("a"), states=unmeasured("no such metric", source=Source.PROMETHEUS))[2]
    assert detail == "Whether agents are degraded, quarantined or stopped is not measured here."


def test_a_row_leads_to_its_agent_and_says_since_which_release_it_fails_on_one_track() -> None:
    tracks = tuple(
        FigureRow(labels=("planner", track), figures={"runs/s": 0.5, "errors": ratio})
        for track, ratio in (("blue", 0.0), ("green", 0.24))
    )
    change = Change(at=NOW, what="green 1.8.0 deployed", service="agent-runtime", track="green")
    lines = tuple(
        Series(labels={"gen_ai_agent_name": "planner", "track": track}, times=(0.0, 60.0), values=(0.0, last))
        for track, last in (("blue", 0.0), ("green", 0.24))
    )
    found = ranking(
        reading(agents(row("planner", 0.12), by_track=tracks)), deployed={"green": change}, lines=reading(lines)
    )
    html = ranked(found, VIEW, theme.LIGHT)
    assert 'href="agents?' in html
    assert "agent=planner" in html
    assert "failed: blue 0 %, green 24 %, only on green; green 1.8.0 deployed at 2026-03-01 12:00:00 UTC" in html
    assert "blue 0 %, green 24 %" in html.split("<img")[1]


def test_a_name_from_outside_is_never_markup() -> None:
    name = '<img src=x onerror="alert(1)">\u202e'
    html = ranked(ranking(reading(agents(row(name, 0.5)))), VIEW, theme.LIGHT) + strip(agents(row(name), row("b")))
    assert "<img src=x" not in html
    assert "\u202e" not in html


def test_500_agents_are_ranked_and_drawn_in_a_quarter_of_a_second() -> None:
    rows = [row(f"agent-{i:03}", (i % 50) / 100) for i in range(500)]
    tracks = [
        FigureRow(labels=(f"agent-{i:03}", track), figures={"runs/s": 0.5, "errors": 0.1})
        for i in range(500)
        for track in ("blue", "green")
    ]
    start = time.thread_time()
    found = ranking(reading(agents(*rows, by_track=tracks)))
    html = ranked(found, VIEW, theme.LIGHT) + strip(found.agents.value or ())
    assert time.thread_time() - start < 0.25
    assert "488 more" in html
    assert len(html) < 20_000


def test_the_page_draws_one_agent_and_all_of_them() -> None:
    def draw(agent: str) -> None:
        from datetime import UTC, datetime

        import streamlit as st

        from dashboard.model.view import View
        from dashboard.queries.agents import agents
        from dashboard.ui import agent_ranks
        from dashboard.ui import agents as pieces
        from tests.unit.test_lost_inputs import Full

        now = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
        view = View(env="local", ns="agents", service="agent-runtime", agent=agent)
        answer = agents(Full(now), view, now)  # type: ignore[arg-type]
        agent_ranks.top(answer.ranking, view)
        if answer.own is not None:
            pieces.own(answer.own)
        pieces.details(answer, view)
        st.caption("drawn")

    for agent, folded in (("", "All agents: 1"), ("a", "Its contracts: 1")):
        app = AppTest.from_function(draw, args=(agent,), default_timeout=30).run()
        assert not app.exception
        assert folded in [one.label for one in app.expander]
        assert app.caption[-1].value == "drawn"
