"""Words of outcomes are looked for over the whole period that a question counts, not over the last hour alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.prometheus import Line, Matrix, Point, Vector
from dashboard.catalog import agents
from dashboard.catalog.bad_events import looked_over, of_concept
from dashboard.catalog.escaping import seconds
from dashboard.model.concepts import CONCEPTS
from dashboard.model.mapping import OURS, Mapping, MetricNames
from dashboard.model.reading import Reading, State
from dashboard.queries.ask import Instant, Range
from dashboard.settings import Settings
from tests.unit.asking import NOW, FakePrometheus, World

RUNS = next(concept for concept in CONCEPTS if concept.key == "agent_runs")
TOLD = of_concept(RUNS, "agents", Mapping(metrics={"agent_runs": MetricNames(count="runs", bad='status="error"')}))[0]
VALUES = {"namespace": "agents", "service": "s", "track": "", "agent": "", "span": ""}
LABELS = {"service_name": "s", "track": "blue"}


class SaidHoursAgo(FakePrometheus):
    """A service whose runs ended with a word that nobody knows, and which has said only good words since."""

    def __init__(self) -> None:
        super().__init__()
        self.ever = (*self.ever, "runs")

    def instant(self, query: str, *, at: Any, timeout_seconds: float) -> Any:
        if not query.startswith("sum without"):
            return Vector(points=(Point(labels=LABELS, at=NOW.timestamp(), value=0.0),))
        words = ["ok", "error"] if "[1h])" in query else ["ok", "error", "kaputt"]
        points = [Point(labels={**LABELS, "status": word}, at=NOW.timestamp(), value=5.0) for word in words]
        return Vector(points=tuple(points))

    def range(self, query: str, *, start: int, end: int, step_seconds: int, timeout_seconds: float) -> Any:
        return Matrix(lines=(Line(labels=LABELS, points=((float(end), 0.0),)),))


def asked(request: Instant | Range) -> Reading[Any]:
    names = {"namespaces": ["agents"], "metrics": {"agent_runs": {"count": "runs", "bad": 'status="error"'}}}
    sources = {"prometheus": {"url": "http://127.0.0.1:1"}}
    environment = Settings.model_validate({"environments": {"x": names | sources}}).environments["x"]
    world = World(environment, prometheus=SaidHoursAgo())
    try:
        found = world.ask.gather({"x": request})
        return found.samples("x") if isinstance(request, Instant) else found.series("x")
    finally:
        world.ask.close()


@pytest.mark.parametrize("window", ["2h", "6h", "1d"])
def test_a_count_over_hours_is_no_zero_after_a_word_of_hours_ago_that_nobody_knows(window: str) -> None:
    found = asked(Instant(agents.ERROR_RATIO, {**VALUES, "window": window}))

    assert found.state is State.MISSING
    assert "kaputt" in found.reason


@pytest.mark.parametrize("hours", [3, 24, 24 * 9])
def test_a_chart_over_hours_says_the_same(hours: int) -> None:
    start = NOW - timedelta(hours=hours)

    found = asked(Range(agents.ERROR_RATIO, {**VALUES, "window": "5m"}, start, NOW))

    assert "kaputt" in found.reason


def test_a_count_over_the_last_minutes_is_judged_by_the_words_of_the_last_hour() -> None:
    found = asked(Instant(agents.ERROR_RATIO, {**VALUES, "window": "5m"}))

    assert (found.state, found.reason) == (State.FRESH, "")


@given(st.floats(min_value=0, max_value=14 * 86400))
def test_words_are_looked_for_over_no_less_than_what_is_counted(period: float) -> None:
    query = looked_over(TOLD, period)
    over = query.rpartition("[")[2].partition("]")[0].partition(":")[0]

    assert seconds(over) >= period
    assert looked_over(of_concept(RUNS, "agents", OURS)[0], period).count(f"[{over}") == 1
