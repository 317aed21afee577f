"""A trace in one sentence, what it cost, who called whom, which ways runs took, and how two differ."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.agent_graph import MOST_ACTORS, AgentGraph, agent_graph
from dashboard.decide.critical_path import critical_path
from dashboard.decide.run_paths import folded, run_loops, run_paths, steps
from dashboard.decide.trace_comparison import Parting, compared, parting
from dashboard.decide.trace_story import cause, cost_usd, own_seconds, sentence, tokens
from dashboard.model.trace import Span, SpanRole, SpanTree
from dashboard.model.words import SpanOutcome
from tests.unit.trace_spans import span, spans, tree

FAILED, WELL = SpanOutcome.FAILED, SpanOutcome.SUCCEEDED
AGENT, MODEL, TOOL = SpanRole.AGENT, SpanRole.MODEL, SpanRole.TOOL


def said(*several: Span) -> str:
    found = tree(*several)
    return sentence(found, critical_path(found))


def agent(identity: str, start: float, seconds: float, parent: str = "", **more: object) -> Span:
    return span(identity, start, seconds, parent, role=AGENT, agent=identity, **more)


def test_a_failed_run_says_how_long_it_took_what_failed_first_and_where_the_time_went() -> None:
    assert (
        said(
            agent("planner", 0, 10, outcome=FAILED),
            span("chat", 0, 7.1, "planner", role=MODEL, model="gpt-5"),
            span("execute_tool search", 7.5, 2, "planner", role=TOOL, tool="search", outcome=FAILED, error="timeout"),
        )
        == "10 s, failed: tool search timed out after 2 s; 71 % of the time on model calls"
    )


@pytest.mark.parametrize(
    ("several", "words"),
    [
        pytest.param((agent("a", 0, 1, outcome=WELL),), "1 s, ended well", id="well"),
        pytest.param((agent("a", 0, 1),), "does not say how it ended", id="says nothing"),
        pytest.param(
            (agent("a", 0, 1, outcome=None, outcome_word="weird"),), "not understood, “weird”", id="an unknown word"
        ),
        pytest.param(
            (agent("a", 0, 1, outcome=WELL), span("b", 0, 1, "a", outcome=FAILED, error="io")),
            "ended well although 1 span failed: b failed with io",
            id="a failure on the way",
        ),
        pytest.param((span("b", 0, 1, "gone"),), "1 s so far as is recorded, not known to have ended", id="no root"),
        pytest.param(
            (span("b", 0, 1, "gone", outcome=FAILED),), "own span is not recorded; 1 span failed", id="no root, failed"
        ),
        pytest.param((agent("a", 0, -3),), "Of unknown length", id="a negative length"),
    ],
)
def test_no_run_is_said_to_be_well_that_did_not_say_so(several: tuple[Span, ...], words: str) -> None:
    assert words in said(*several)
    assert ("ended well" in said(*several)) == (several[0].outcome is WELL)


def test_the_cause_is_the_deepest_failure_that_ended_first() -> None:
    found = tree(
        agent("a", 0, 9, outcome=FAILED),
        span("late", 5, 1, "a", outcome=FAILED),
        span("early", 1, 3, "a", outcome=FAILED),
        span("deep", 1, 2, "early", outcome=FAILED),
    )
    first = cause(found)
    assert first is not None
    assert first.span.name == "deep"
    assert cause(tree(agent("a", 0, 9, outcome=WELL))) is None


def test_costs_and_tokens_are_counted_once_where_an_agent_repeats_those_of_its_calls() -> None:
    found = tree(
        agent("a", 0, 9, cost_usd=0.5, tokens=150),
        span("m1", 1, 1, "a", cost_usd=0.2, tokens=100),
        span("m2", 2, 1, "a", cost_usd=0.3, tokens=50),
        agent("b", 3, 1, "a", cost_usd=0.1),
    )
    assert cost_usd(found) == pytest.approx(0.6)
    assert tokens(found) == 150
    assert cost_usd(tree(agent("a", 0, 9))) is None


def test_own_time_is_what_no_child_ran_meanwhile() -> None:
    found = tree(agent("a", 0, 10), span("x", 1, 4, "a"), span("y", 3, 4, "a"), span("z", 9, 5, "a"))
    assert own_seconds(found)[0] == pytest.approx(3)


@given(spans)
def test_any_trace_can_be_told(several: list[Span]) -> None:
    found = tree(*several)
    assert sentence(found, critical_path(found))
    assert all(0 <= own <= node.seconds + 1e-6 for own, node in zip(own_seconds(found), found.nodes, strict=True))


def multi() -> list[Span]:
    return [
        span("process", 0, 20, service="gateway"),
        agent("planner", 1, 18, "process"),
        span("c1", 1, 2, "planner", role=MODEL, model="gpt-5"),
        agent("writer", 4, 9, "planner"),
        span("c2", 5, 2, "writer", role=MODEL, model="gpt-5"),
        span("t1", 7, 2, "writer", role=TOOL, tool="search", outcome=FAILED),
        agent("planner again", 10, 2, "writer", name="x"),
    ]


def edges(found: AgentGraph) -> set[tuple[str, str, int, int]]:
    return {(found.actors[c.caller].name, found.actors[c.callee].name, c.calls, c.failed) for c in found.calls}


def test_the_graph_joins_agents_with_whom_they_called() -> None:
    found = agent_graph(tree(*multi()))
    assert edges(found) == {
        ("planner", "gpt-5", 1, 0),
        ("planner", "writer", 1, 0),
        ("writer", "gpt-5", 1, 0),
        ("writer", "search", 1, 1),
        ("writer", "planner again", 1, 0),
    }
    assert [(one.name, one.layer) for one in found.actors] == [
        ("planner", 0),
        ("gpt-5", 1),
        ("writer", 1),
        ("search", 2),
        ("planner again", 2),
    ]


def test_where_nothing_is_an_agent_the_services_are_the_actors() -> None:
    found = agent_graph(tree(span("a", 0, 3, service="web"), span("b", 1, 1, "a", service="db")))
    assert edges(found) == {("web", "db", 1, 0)}


def test_agents_that_call_each_other_in_a_circle_have_their_places() -> None:
    found = agent_graph(tree(agent("a", 0, 9), agent("b", 1, 8, "a"), span("a2", 2, 3, "b", role=AGENT, agent="a")))
    assert edges(found) == {("a", "b", 1, 0), ("b", "a", 1, 0)}
    assert [(one.name, one.calls) for one in found.actors] == [("a", 2), ("b", 1)]


def test_a_graph_of_very_many_actors_is_cut_and_says_so() -> None:
    several = [agent("root", 0, 99), *(span(f"t{i}", i, 1, "root", role=TOOL, tool=f"tool {i}") for i in range(80))]
    found = agent_graph(tree(*several))
    assert (len(found.actors), found.left_out) == (MOST_ACTORS, 81 - MOST_ACTORS)


@given(spans, st.randoms(use_true_random=False))
def test_the_same_run_has_the_same_layout(several: list[Span], dice: random.Random) -> None:
    found = agent_graph(tree(*several))
    assert len({(one.layer, one.slot) for one in found.actors}) == len(found.actors)
    dice.shuffle(several)
    assert agent_graph(tree(*several)) == found


def turns(times: int, trace: str, *, outcome: SpanOutcome = WELL, seconds: float = 10) -> SpanTree:
    several = [agent("planner", 0, seconds, outcome=outcome, trace_id=trace)]
    for turn in range(times):
        several += [
            span(f"m{turn}", turn, 0.5, "planner", role=MODEL, model="gpt-5", trace_id=trace),
            span(f"t{turn}", turn + 0.5, 0.5, "planner", role=TOOL, tool="search", trace_id=trace),
        ]
    return tree(*several)


def test_runs_that_only_differ_in_how_often_took_one_way() -> None:
    ways = run_paths([turns(1, "a"), turns(4, "b", outcome=FAILED, seconds=30), tree(agent("planner", 0, 1))])
    assert [(way.steps, way.runs, way.failed, way.slowest) for way in ways] == [
        (("planner", "gpt-5", "search"), 2, 1, "b"),
        (("planner",), 1, 0, "t1"),
    ]
    assert ways[0].share_ratio == pytest.approx(2 / 3)
    assert ways[0].median_seconds == 20


def test_loops_name_the_steps_how_often_at_most_and_the_run() -> None:
    loops = run_loops([turns(1, "a"), turns(4, "b"), turns(12, "c")])
    assert [(loop.steps, loop.runs, loop.most, loop.worst) for loop in loops] == [(("gpt-5", "search"), 2, 12, "c")]


def test_no_runs_have_no_ways() -> None:
    assert run_paths(()) == ()
    assert folded(()) == ()


def test_two_runs_part_at_the_first_step_that_differs() -> None:
    assert parting(turns(1, "a"), turns(2, "b")) == Parting(after="search", first="", second="gpt-5")
    assert parting(turns(2, "a"), turns(2, "b")) is None
    assert steps(turns(1, "a")) == ("planner", "gpt-5", "search")


def test_compared_steps_are_summed_by_place_and_the_largest_difference_is_first() -> None:
    found = compared(turns(1, "a"), turns(4, "b", seconds=4))
    assert {(one.place[-1], one.first.calls, one.second.calls) for one in found} == {
        ("planner", 1, 1),
        ("gpt-5", 1, 4),
        ("search", 1, 4),
    }
    assert found[0].place == ("planner",)
    assert found[0].longer_seconds == pytest.approx(-9)


@given(spans, spans)
def test_what_is_longer_in_one_is_shorter_in_the_other(several: list[Span], others: list[Span]) -> None:
    there = {one.place: one.longer_seconds for one in compared(tree(*several), tree(*others))}
    back = {one.place: -one.longer_seconds for one in compared(tree(*others), tree(*several))}
    assert there == back
    assert all(one.longer_seconds == 0 for one in compared(tree(*several), tree(*several)))
