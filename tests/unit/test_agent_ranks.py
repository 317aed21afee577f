"""The ranking of agents: most harm first, an unknown figure is no figure of 0, and few failures are no judgement."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.agent_ranks import conditions, ranked
from dashboard.model.agent import BEYOND, Concern, RankedAgent
from dashboard.model.figures import FigureRow

HOUR = 3600.0
FIGURES = ("runs/s", "errors", "p50", "p95", "cost/run")
SOME = st.none() | st.floats(min_value=0, max_value=1)


def row(name: str, runs: float | None = 1.0, errors: float | None = 0.0, **more: float | None) -> FigureRow:
    known = {"p50": 0.5, "p95": 1.0, "cost/run": 0.01, **more}
    return FigureRow(labels=(name,), figures={"runs/s": runs, "errors": errors, **known})


def on(name: str, track: str, errors: float | None) -> FigureRow:
    return FigureRow(labels=(name, track), figures={"runs/s": 1.0, "errors": errors})


def order(*rows: FigureRow, **more: object) -> tuple[RankedAgent, ...]:
    return ranked(rows, seconds=HOUR, error_limit=0.02, p95_limit=3.0, least_failed=5, **more)  # type: ignore[arg-type]


def names(*rows: FigureRow) -> list[str]:
    return [one.name for one in order(*rows)]


def test_of_two_that_fail_the_one_with_more_failed_runs_comes_first() -> None:
    assert names(row("rare", 0.01, 0.5), row("busy", 10, 0.1)) == ["busy", "rare"]


def test_runs_that_are_too_slow_harm_as_failed_ones_do() -> None:
    slow, failing = order(row("failing", 1, 0.04), row("slow", 1, 0.0, p50=4.0, p95=9.0))
    assert (slow.name, slow.slow, slow.concern) == ("slow", 1800.0, Concern.SLOW)
    assert failing.failed == 144.0


def test_only_one_run_in_20_is_known_to_be_slow_where_the_usual_run_is_not() -> None:
    assert order(row("a", 1, 0.0, p50=1.0, p95=9.0))[0].slow == 180.0


def test_of_two_that_harm_nobody_the_dearer_one_comes_first() -> None:
    assert names(row("cheap"), row("dear", **{"cost/run": 3.0})) == ["dear", "cheap"]


def test_a_share_of_few_failures_is_not_trusted_and_not_well() -> None:
    assert order(row("young", 3 / HOUR, 2 / 3))[0].concern is Concern.FEW


def test_an_agent_whose_failures_are_not_known_stands_between_those_beyond_limits_and_those_within() -> None:
    found = order(row("well"), row("lost", 1, None), row("sick", 1, 0.5))
    assert [one.concern for one in found] == [Concern.FAILING, Concern.UNKNOWN, Concern.WELL]
    assert found[1].failed is None


def test_no_run_is_idle_and_not_well() -> None:
    assert order(row("idle", 0.0, None, p50=None, p95=None))[0].concern is Concern.IDLE


def test_an_agent_that_fails_on_one_track_alone_says_on_which() -> None:
    blue, green = on("a", "blue", 0.0), on("a", "green", 0.2)
    assert order(row("a", 1, 0.1), by_track=(blue, green))[0].worse_on == "green"
    assert order(row("a", 1, 0.1), by_track=(on("a", "blue", 0.1), green))[0].worse_on == ""
    assert order(row("a", 1, 0.1), by_track=(on("a", "blue", None), green))[0].worse_on == ""


def test_a_quarantined_agent_without_a_run_is_shown() -> None:
    found = order(row("well"), states=[("gone", "blue", "quarantined"), ("rest", "blue", "running")])
    assert [(one.name, one.concern) for one in found] == [
        ("gone", Concern.CONDITION),
        ("well", Concern.WELL),
        ("rest", Concern.IDLE),
    ]


def test_the_worst_state_is_said_and_where() -> None:
    said = conditions([("a", "blue", "running"), ("a", "green", "degraded"), ("b", "blue", "stopped")])
    assert said == {"a": "degraded on green", "b": "stopped"}


def test_a_state_that_nobody_understands_is_shown_and_the_agent_is_not_well() -> None:
    found = order(row("a"), states=[("a", "blue", "running"), ("a", "green", "paused")])[0]
    assert (found.condition, found.concern) == ("paused on green", Concern.UNKNOWN)


@given(st.lists(st.tuples(SOME, SOME, SOME, SOME, SOME), max_size=12), st.integers(0, 11), st.sampled_from(FIGURES))
def test_no_lost_figure_makes_an_agent_well(figures: list[tuple[float | None, ...]], place: int, lost: str) -> None:
    rows = [
        FigureRow(labels=(f"agent-{i}",), figures=dict(zip(FIGURES, each, strict=True)))
        for i, each in enumerate(figures)
    ]
    before = {one.name: one.concern for one in order(*rows)}
    if place < len(rows) and lost != "cost/run":
        rows[place] = FigureRow(labels=rows[place].labels, figures={**rows[place].figures, lost: None})
    for one in order(*rows):
        assert one.concern is not Concern.WELL or before[one.name] in (Concern.WELL, *BEYOND)
        assert (
            one.concern is not Concern.WELL or one.name != f"agent-{place}" or lost not in ("runs/s", "errors", "p95")
        )


@given(st.lists(st.tuples(SOME, SOME, SOME, SOME, SOME), max_size=12))
def test_agents_beyond_their_limits_come_first_and_by_harm(figures: list[tuple[float | None, ...]]) -> None:
    rows = [
        FigureRow(labels=(str(i),), figures=dict(zip(FIGURES, each, strict=True))) for i, each in enumerate(figures)
    ]
    found = order(*rows)
    beyond = [one for one in found if one.concern in BEYOND]
    assert list(found[: len(beyond)]) == beyond
    assert [one.harmed for one in beyond] == sorted((one.harmed for one in beyond), reverse=True)
