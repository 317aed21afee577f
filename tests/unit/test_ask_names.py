"""In which names a metric is asked for: those that Prometheus has, looked up once for all viewers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dashboard.catalog.expression import Expression, renamed
from dashboard.model.reading import State, Unit
from dashboard.queries.ask import Instant
from tests.unit.asking import NOW, REFUSED, UP, World, environment
from tests.waiting import eventually

RENAMED = Expression(
    name="renamed",
    promql="rate(old_count{}[1m])",
    unit=Unit.COUNT,
    blind="nothing",
    aliases=(renamed("rate(old_count{}[1m])", "old", "new"),),
)


@pytest.fixture
def world() -> Iterator[World]:
    world = World(environment())
    yield world
    world.prometheus.open.set()
    world.ask.close()
    world.cluster.ended.set()


def test_a_question_is_asked_in_the_words_that_prometheus_has(world: World):
    world.prometheus.names = ("new_count",)

    answers = world.ask.gather({"x": Instant(RENAMED), "y": Instant(UP, {"service": "a"})})

    assert answers.scalar("x").query == "rate(new_count{}[1m])"


def test_the_names_are_asked_once_for_all_and_only_when_it_matters(world: World):
    world.scalar()
    assert world.prometheus.asked_names == 0

    for _ in range(3):
        world.ask.gather({"x": Instant(RENAMED), "y": Instant(RENAMED, at=NOW)})

    assert world.prometheus.asked_names == 1


def test_while_the_names_are_not_known_the_standard_ones_are_asked(world: World):
    world.prometheus.names = REFUSED

    assert world.ask.gather({"x": Instant(RENAMED)}).scalar("x").query == "rate(old_count{}[1m])"


COSTS = Expression(name="costs", promql='costs{service_name="a"}', unit=Unit.COUNT, blind="nothing")


def test_a_metric_that_was_never_there_is_not_measured_and_is_found_soon_after_it_begins(world: World):
    first = world.ask.gather({"x": Instant(COSTS)}).samples("x")
    world.prometheus.ever = (*world.prometheus.ever, "costs")
    world.clock.move(6)

    assert first.state is State.UNMEASURED
    eventually(lambda: world.ask.gather({"x": Instant(COSTS)}).samples("x").state is State.FRESH, "it is found", 10)


def test_what_a_source_with_another_clock_does_not_name_may_be_measured(world: World):
    world.prometheus.clock.ahead_seconds = 3600.0

    found = world.ask.gather({"x": Instant(COSTS)}).samples("x")

    assert found.state is State.PARTIAL
    assert "1 h ahead" in found.reason
