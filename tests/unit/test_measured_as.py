"""A metric is read as its targets declare it, not as its name promises: counts are counters, seconds are seconds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.prometheus import Metadata, Point, Vector
from dashboard.catalog import agents
from dashboard.decide import measured_as
from dashboard.model.concepts import CONCEPTS
from dashboard.model.mapping import Mapping, MetricNames
from dashboard.model.metric_units import UNIT_NOT_KNOWN
from dashboard.model.reading import Reading, State
from dashboard.model.telemetry import Described, Fit, MetricFacts, Telemetry
from dashboard.queries.ask import Instant
from dashboard.queries.doctor import check
from dashboard.settings import Settings
from tests.unit.asking import NOW, FakePrometheus, World

CONCEPT = {concept.key: concept for concept in CONCEPTS}
VALUES = {"namespace": "agents", "service": "s", "track": "", "agent": "", "window": "5m", "span": ""}


def asked(prometheus: FakePrometheus, metrics: dict[str, Any], entry: Any = agents.RUN_RATE) -> Reading[Any]:
    """What the deck says of an entry where the settings name these metrics."""
    prometheus.ever = (*prometheus.ever, "bot_runs_total", "bot_turn_count", "bot_turn_bucket", "bot_turn_sum")
    names = {"namespaces": ["agents"], "metrics": metrics}
    sources = {"prometheus": {"url": "http://127.0.0.1:1"}}
    environment = Settings.model_validate({"environments": {"x": names | sources}}).environments["x"]
    world = World(environment, prometheus=prometheus)
    try:
        return world.ask.gather({"x": Instant(entry, VALUES)}).samples("x")
    finally:
        world.ask.close()


@pytest.mark.parametrize(
    ("key", "metric", "kind", "fits"),
    [
        ("agent_runs", MetricNames(count="bot_runs_total"), "gauge", False),
        ("agent_runs", MetricNames(count="bot_runs_total"), "counter", True),
        ("agent_runs", MetricNames(count="bot_runs_total"), "unknown", True),
        ("agent_runs", MetricNames(series="bot_turn"), "gaugehistogram", False),
        ("agent_runs", MetricNames(series="bot_turn"), "summary", True),
        ("violations", MetricNames(series="broken_rules_total"), "gauge", False),
        ("cost", MetricNames(series="spend_usd_total"), "gauge", False),
        ("queue_depth", MetricNames(series="tasks_queued"), "gauge", True),
        ("queue_depth", MetricNames(series="tasks_queued_total"), "counter", False),
        ("approvals", MetricNames(series="approvals_asked_total"), "counter", False),
        ("agent_runs", MetricNames(series="bot_turn_seconds", bad_series="bot_failed_total"), "gauge", False),
    ],
)
def test_a_gauge_counts_nothing_and_a_counter_is_no_level(key: str, metric: MetricNames, kind: str, fits: bool) -> None:
    name = metric.bad_series or metric.count or metric.series
    described = {name: Described(kind=kind)}

    found = measured_as.unfit(Mapping(metrics={key: metric}), described)

    assert (not found) is fits
    assert all(f"metrics.{key} needs a" in why for why in found.values())


@pytest.mark.parametrize("declared", ["bot_runs_total", "bot_runs"], ids=["as text", "as OpenMetrics"])
def test_a_gauge_that_is_named_like_a_counter_gives_no_rate(declared: str) -> None:
    prometheus = FakePrometheus()
    prometheus.described = {declared: (Metadata(kind="gauge"),)}

    found = asked(prometheus, {"agent_runs": {"count": "bot_runs_total"}})

    assert found.state is State.MISSING
    assert "bot_runs_total is a gauge" in found.reason


def test_targets_that_disagree_about_the_type_prove_nothing() -> None:
    prometheus = FakePrometheus()
    prometheus.described = {"bot_runs_total": (Metadata(kind="gauge"), Metadata(kind="counter"))}

    assert asked(prometheus, {"agent_runs": {"count": "bot_runs_total"}}).value


@pytest.mark.parametrize(
    ("bounds", "unit"),
    [
        ((0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000), "ms"),
        ((10, 50, 100, 250, 500, 1000), "ms"),
        ((5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000), "ms"),
        ((0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10), "s"),
        ((0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92), "s"),
        ((1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600), "s"),
        ((1, 10, 100), UNIT_NOT_KNOWN),
        ((0.1, 1, 10, 100, 1000, 10000), UNIT_NOT_KNOWN),
        ((1e6, 1e7, 1e8), UNIT_NOT_KNOWN),
        ((), UNIT_NOT_KNOWN),
    ],
)
def test_bounds_of_a_histogram_tell_the_unit_or_nothing(bounds: tuple[float, ...], unit: str) -> None:
    runs = CONCEPT["agent_runs"]
    infinite = (*bounds, float("inf"))

    assert measured_as.unit(runs, MetricNames(series="bot_turn"), Described(), infinite) == unit


@pytest.mark.parametrize(
    ("described", "unit"),
    [
        (Described(unit="milliseconds"), "ms"),
        (Described(unit="ms"), "ms"),
        (Described(about="Duration of a turn in milliseconds."), "ms"),
        (Described(about="How long an agent's turn takes (s)"), "s"),
        (Described(about="Latency in ms"), "ms"),
        (Described(about="The agent's turns; min and max are elsewhere"), UNIT_NOT_KNOWN),
        (Described(about="From milliseconds to seconds"), UNIT_NOT_KNOWN),
    ],
)
def test_a_declaration_tells_the_unit(described: Described, unit: str) -> None:
    assert measured_as.unit(CONCEPT["agent_runs"], MetricNames(series="bot_turn"), described, ()) == unit


@pytest.mark.parametrize(("value", "unit"), [(1.7e9, "s"), (1.7e12, "ms"), (1.7e15, "us"), (40.0, UNIT_NOT_KNOWN)])
def test_a_time_of_day_tells_its_unit(value: float, unit: str) -> None:
    metric = MetricNames(series="last_check")

    assert measured_as.unit(CONCEPT["contract_evaluated_at"], metric, Described(), (value,)) == unit


@given(st.lists(st.floats(min_value=1e-4, max_value=1e6), max_size=20))
def test_no_row_of_bounds_is_read_in_two_units(bounds: list[float]) -> None:
    shuffled = list(reversed(bounds))
    runs, metric = CONCEPT["agent_runs"], MetricNames(series="bot_turn")

    assert measured_as.unit(runs, metric, Described(), bounds) == measured_as.unit(runs, metric, Described(), shuffled)


def test_a_duration_whose_unit_nothing_tells_is_no_number_and_its_runs_still_count() -> None:
    prometheus = FakePrometheus()
    prometheus.bounds = ("1", "10", "100", "+Inf")
    metrics = {"agent_runs": "bot_turn"}

    slow, rate = asked(prometheus, metrics, agents.P95), asked(prometheus, metrics)

    assert slow.state is State.MISSING
    assert slow.reason.startswith("unit not known")
    assert "metrics.agent_runs.unit" in slow.reason
    assert rate.value


def test_bounds_in_milliseconds_make_a_quantile_in_seconds() -> None:
    prometheus = FakePrometheus()
    prometheus.bounds = ("5", "250", "1000", "10000", "+Inf")
    prometheus.answer = Vector(points=(Point(labels={}, at=NOW.timestamp(), value=1.0),))

    asked(prometheus, {"agent_runs": "bot_turn"}, agents.P95)

    assert any("(0.001 * histogram_quantile" in query for query, _ in prometheus.asked)


def test_the_check_of_sources_says_what_cannot_be_read() -> None:
    mapping = Mapping(metrics={"agent_runs": MetricNames(series="bot_turn")})
    labels = {"namespace": "n", "service_name": "s", "track": "blue"}

    def standing(facts: MetricFacts) -> tuple[Fit, str, tuple[str, ...]]:
        telemetry = Telemetry(
            recent=frozenset(("bot_turn_count",)),
            ever=frozenset(("bot_turn_count",)),
            labels={"bot_turn_count": (labels,)},
            facts=facts,
        )
        one = next(one for one in check(mapping, telemetry) if one.key == "agent_runs")
        return one.standing, one.says, one.lines

    fit, says, lines = standing(MetricFacts(units={"agent_runs": UNIT_NOT_KNOWN}))
    assert fit is Fit.UNFIT
    assert "unit not known" in says
    assert "metrics.agent_runs.unit" in lines[0]
    assert standing(MetricFacts(unfit={"bot_turn_sum": "it is a gauge"}))[:2] == (Fit.UNFIT, "it is a gauge")
    assert standing(MetricFacts(units={"agent_runs": "ms"}))[0] is Fit.PRESENT
