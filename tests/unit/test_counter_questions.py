"""Counting is cheap while nothing is new and nothing is lost: only then is Prometheus asked the whole question."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connectors.prometheus import Line, Matrix, Point, Vector
from dashboard.catalog import release as catalog
from dashboard.catalog import service
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


def no_whole(query: str) -> Matrix:
    raise AssertionError(query)


def no_instant(query: str) -> Vector:
    raise AssertionError(query)


def test_while_no_series_is_new_the_cheap_question_is_enough() -> None:
    prometheus = Prometheus(lambda query: NOTHING if query.startswith("count by (instance)") else counted(40), no_range)
    answer = ask(prometheus, Instant(catalog.RUNS, VALUES))
    assert [sample.value for sample in answer.value] == [40]
    assert len(prometheus.asked) == 2
    assert "last_over_time" not in prometheus.asked[1]
    assert answer.query == catalog.RUNS.render(VALUES), "what is shown is the whole question"


def test_where_series_are_new_the_whole_question_is_asked_of_their_instances() -> None:
    began = Vector(points=(Point(labels={"instance": "10.0.0.1:9464"}, at=NOW.timestamp(), value=2),))
    prometheus = Prometheus(lambda query: began if query.startswith("count by (instance)") else counted(40), no_range)
    answer = ask(prometheus, Instant(catalog.FAILED, VALUES))
    assert prometheus.asked[1] == catalog.FAILED.at_fresh(VALUES, {"10.0.0.1:9464"})
    assert 'instance=~"10\\\\.0\\\\.0\\\\.1:9464"' in prometheus.asked[1]
    assert answer.query == catalog.FAILED.render(VALUES), "what is shown is the whole question"


def test_where_it_is_not_known_which_series_are_new_the_whole_question_is_asked() -> None:
    unknown: Vector = Vector(points=(), warnings=("a store did not answer",))
    prometheus = Prometheus(lambda query: unknown if query.startswith("count by (instance)") else counted(40), no_range)
    ask(prometheus, Instant(catalog.FAILED, VALUES))
    assert prometheus.asked[1] == catalog.FAILED.render(VALUES)


def test_where_series_are_new_at_more_instances_than_a_pattern_can_hold_all_are_asked() -> None:
    began = Vector(points=tuple(Point(labels={"instance": f"i{n}"}, at=NOW.timestamp(), value=1) for n in range(99)))
    prometheus = Prometheus(lambda query: began if query.startswith("count by (instance)") else counted(40), no_range)
    ask(prometheus, Instant(catalog.FAILED, VALUES))
    assert prometheus.asked[1] == catalog.FAILED.render(VALUES)


def test_a_chart_asks_the_whole_question_only_around_the_time_at_which_a_series_began() -> None:
    asked: list[tuple[str, int, int]] = []

    def line(value: float, start: int, end: int) -> Matrix:
        points = tuple((float(at), value) for at in range(start, end + 1, 15))
        return Matrix(lines=(Line(labels={}, points=points),))

    class Ranges(Prometheus):
        def range(self, query: str, *, start: int, end: int, **_: Any) -> Matrix:
            asked.append((query, start, end))
            if query.startswith("count by (instance)"):
                return Matrix(lines=(Line(labels={"instance": "a"}, points=((end - 120.0, 1), (end - 60.0, 1))),))
            return line(9 if "$recent" in query or "last_over_time" in query else 1, start, end)

    values = {"namespace": "agents", "window": "60s", "scrape_seconds": "15"}
    span = (NOW - timedelta(minutes=15), NOW)
    [found] = ask(Ranges(no_instant, no_whole), Range(service.TRACK_RUNS, values, *span, 15)).value
    assert list(found.values[-9:]) == [9, 9, 9, 9, 9, 1, 1, 1, 1]
    assert set(found.values[:-9]) == {1}
    _, exact, steady = asked
    assert (exact[2] - exact[1], steady[2] - steady[1]) == (60, 900)


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
