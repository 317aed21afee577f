"""Counting is cheap while nothing is new and nothing is lost: only then is Prometheus asked the whole question."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connectors.prometheus import Line, Matrix, Point, Vector
from dashboard.catalog import release as catalog
from dashboard.catalog.expression import Expression
from dashboard.model.reading import Reading, State
from dashboard.queries.request import Instant, Range
from dashboard.queries.source_calls import SourceCalls, Sources
from tests.unit.asking import NOW, environment

VALUES = {"namespace": "agents", "service": "agent-runtime", "window": "20s", "scrape_seconds": "30"}
NOTHING: Vector = Vector(points=())


class Prometheus:
    """Answers each question by `instant` or `range`, and keeps what it was asked."""

    def __init__(self, instant: Callable[[str], Vector], course: Callable[[str], Matrix]) -> None:
        self._instant, self._range = instant, course
        self.asked: list[str] = []

    def instant(self, query: str, **_: Any) -> Vector:
        self.asked.append(query)
        return self._instant(query)

    def range(self, query: str, **_: Any) -> Matrix:
        self.asked.append(query)
        return self._range(query)


def ask(prometheus: Prometheus, request: Instant | Range) -> Reading[Any]:
    nobody = cast(Any, SimpleNamespace())
    sources = Sources(prometheus=cast(Any, prometheus), alertmanager=nobody, elasticsearch=nobody, kubernetes=nobody)
    return SourceCalls(environment(), sources, lambda: NOW).of(request).fetch()


def counted(value: float) -> Vector:
    return Vector(points=(Point(labels={"track": "green"}, at=NOW.timestamp(), value=value),))


def no_range(query: str) -> Matrix:
    raise AssertionError(query)


def no_instant(query: str) -> Vector:
    raise AssertionError(query)


def test_while_no_series_is_new_the_cheap_question_is_enough() -> None:
    prometheus = Prometheus(lambda query: NOTHING if query.startswith("count (") else counted(40), no_range)
    answer = ask(prometheus, Instant(catalog.RUNS, VALUES))
    assert [sample.value for sample in answer.value] == [40]
    assert len(prometheus.asked) == 2
    assert not any("last_over_time" in query for query in prometheus.asked)
    assert answer.query == catalog.RUNS.render(VALUES), "what is shown is the whole question"


@pytest.mark.parametrize(
    "newcomers", [counted(1), Vector(points=(), warnings=("a store did not answer",))], ids=["one is new", "unknown"]
)
def test_where_a_series_is_new_or_that_is_not_known_the_whole_question_is_asked(newcomers: Vector) -> None:
    prometheus = Prometheus(lambda query: newcomers if query.startswith("count (") else counted(40), no_range)
    ask(prometheus, Instant(catalog.FAILED, VALUES))
    assert prometheus.asked[1] == catalog.FAILED.render(VALUES)


def course(*values: float) -> Matrix:
    points = tuple((NOW.timestamp() - 10.0 * (len(values) - index), value) for index, value in enumerate(values))
    return Matrix(lines=(Line(labels={"track": "green", "pod": "g-1"}, points=points),))


def over(minutes: int) -> Range:
    return Range(catalog.RUN_COUNTER, VALUES, NOW - timedelta(minutes=minutes), NOW - timedelta(seconds=10), 10)


def test_counters_that_only_grow_are_asked_once() -> None:
    prometheus = Prometheus(no_instant, lambda query: course(10, 20, 20, 30))
    assert ask(prometheus, over(60)).state is State.FRESH
    assert len(prometheus.asked) == 1
    assert "last_over_time" not in prometheus.asked[0]


def test_where_a_counter_is_lost_what_it_had_is_asked_for() -> None:
    whole = catalog.RUN_COUNTER.render(VALUES)
    prometheus = Prometheus(no_instant, lambda q: course(60, 70, 80, 91) if q == whole else course(60, 70, 30, 91))
    [line] = ask(prometheus, over(60)).value
    assert [value for value in line.values if value is not None] == [60, 70, 80, 91]
    assert prometheus.asked[1:] == [whole]


def test_of_bad_events_that_are_lost_no_fall_tells_so_the_whole_question_is_asked() -> None:
    request = Range(catalog.FAILED_COUNTER, VALUES, NOW - timedelta(hours=1), NOW - timedelta(seconds=10), 10)
    prometheus = Prometheus(no_instant, lambda query: course(1, 2))
    ask(prometheus, request)
    assert prometheus.asked == [catalog.FAILED_COUNTER.render(VALUES)]


@pytest.mark.parametrize("expression", [catalog.RUN_COUNTER, catalog.FAILED_COUNTER])
def test_a_whole_day_is_asked_once_and_cheaply(expression: Expression) -> None:
    prometheus = Prometheus(no_instant, lambda query: course(60, 70, 30, 91))
    ask(prometheus, Range(expression, VALUES, NOW - timedelta(days=1), NOW - timedelta(seconds=10), 10))
    assert len(prometheus.asked) == 1
    assert "last_over_time" not in prometheus.asked[0]
