"""A metric is read as its targets declare it, not as its name promises: counts are counters, seconds are seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.prometheus import Metadata, Point, Vector
from dashboard.catalog import agents, business
from dashboard.catalog.expression import Expression
from dashboard.catalog.selectors import falls
from dashboard.decide import measured_as
from dashboard.model.concepts import CONCEPTS
from dashboard.model.mapping import Mapping, MetricNames
from dashboard.model.metric_units import UNIT_NOT_KNOWN
from dashboard.model.reading import Reading, State, Unit
from dashboard.model.telemetry import Described, Fit, MetricFacts, Telemetry
from dashboard.queries.ask import Instant
from dashboard.queries.doctor import check
from dashboard.settings import Settings
from tests.unit.asking import NOW, FakePrometheus, World
from tests.unit.promql import answers

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
        # OpenTelemetry's default row, which its SDKs give to instruments in seconds as well.
        ((0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000), UNIT_NOT_KNOWN),
        ((1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000), UNIT_NOT_KNOWN),
        ((10, 50, 100, 250, 500, 1000), UNIT_NOT_KNOWN),
        ((5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000), UNIT_NOT_KNOWN),
        # Minutes, milliseconds and microseconds.
        ((0.5, 1, 2, 5, 10, 15, 30), UNIT_NOT_KNOWN),
        ((1, 5, 15, 30, 60, 120, 240), UNIT_NOT_KNOWN),
        ((0.1, 5, 15, 50, 100, 200, 300, 400, 500), UNIT_NOT_KNOWN),
        ((0.01, 0.05, 0.1, 0.5, 1, 5, 10, 50, 100, 500), UNIT_NOT_KNOWN),
        ((100, 1000, 10000, 100000, 1000000), UNIT_NOT_KNOWN),
        ((100, 500, 1000, 5000, 10000, 30000, 60000, 300000, 900000), "ms"),
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
        (Described(about="Seconds that a turn takes"), "s"),
        (Described(about="Latency [in microseconds], by agent"), "us"),
        (Described(about="Agent run latency, sampled every 100 milliseconds"), UNIT_NOT_KNOWN),
        (Described(about="Duration of a turn. Turns over 30 minutes are aborted"), UNIT_NOT_KNOWN),
        (Described(about="Time of a turn (buckets follow the 1 second SLO)."), UNIT_NOT_KNOWN),
        (Described(about="How long runs take. One observation a minute is dropped."), UNIT_NOT_KNOWN),
        (Described(about="Time in a turn that ended within minutes"), UNIT_NOT_KNOWN),
        (Described(unit="fortnights", about="Latency in ms"), UNIT_NOT_KNOWN),
        (Described(unit="h"), "h"),
    ],
)
def test_a_declaration_tells_the_unit(described: Described, unit: str) -> None:
    assert measured_as.unit(CONCEPT["agent_runs"], MetricNames(series="bot_turn"), described, ()) == unit


@pytest.mark.parametrize(
    ("about", "unit"),
    [
        ("Latency, sampled every 100 milliseconds", "s"),
        ("Latency. Turns over 30 minutes are aborted", "s"),
        ("Latency in ms", UNIT_NOT_KNOWN),
        ("Latency in minutes", UNIT_NOT_KNOWN),
        ("Latency in seconds", "s"),
    ],
)
def test_a_help_text_that_the_bounds_contradict_tells_nothing(about: str, unit: str) -> None:
    bounds = (0.05, 0.1, 0.5, 1, 5, 10, 60)

    assert (
        measured_as.unit(CONCEPT["agent_runs"], MetricNames(series="bot_turn"), Described(about=about), bounds) == unit
    )


@pytest.mark.parametrize(("value", "unit"), [(1.7e9, "s"), (1.7e12, "ms"), (1.7e15, "us"), (40.0, UNIT_NOT_KNOWN)])
def test_a_time_of_day_tells_its_unit(value: float, unit: str) -> None:
    metric = MetricNames(series="last_check")

    assert measured_as.unit(CONCEPT["contract_evaluated_at"], metric, Described(), (value,)) == unit


@given(st.lists(st.floats(min_value=1e-4, max_value=1e6), max_size=20))
def test_no_row_of_bounds_is_read_in_two_units(bounds: list[float]) -> None:
    shuffled = list(reversed(bounds))
    runs, metric = CONCEPT["agent_runs"], MetricNames(series="bot_turn")

    assert measured_as.unit(runs, metric, Described(), bounds) == measured_as.unit(runs, metric, Described(), shuffled)


@pytest.mark.parametrize("bounds", [("1", "10", "100", "+Inf"), ("0", "5", "25", "250", "2500", "10000", "+Inf")])
def test_a_duration_whose_unit_nothing_tells_is_no_number_and_its_runs_still_count(bounds: tuple[str, ...]) -> None:
    prometheus = FakePrometheus()
    prometheus.bounds = bounds
    metrics = {"agent_runs": "bot_turn"}

    slow, rate = asked(prometheus, metrics, agents.P95), asked(prometheus, metrics)

    assert slow.state is State.MISSING
    assert slow.reason.startswith("unit not known")
    assert "metrics.agent_runs.unit" in slow.reason
    assert rate.value


def test_bounds_in_milliseconds_make_a_quantile_in_seconds() -> None:
    prometheus = FakePrometheus()
    prometheus.bounds = ("250", "1000", "10000", "60000", "600000", "+Inf")
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


# A count that no target declares: the way its values move tells.

PLACE = 'namespace="agents",instance="a:1",job="agents"'
SCRAPES = 60  # one a minute, for an hour


def series(*values: float) -> list[tuple[str, str]]:
    row = " ".join(f"{value:g}" for value in (*values, *[values[-1]] * (SCRAPES + 1 - len(values))))
    return [(f"bot_runs_total{{{PLACE}}}", row)]


def counter(restarts: int, per_minute: int = 5) -> list[tuple[str, str]]:
    life = SCRAPES // (restarts + 1)
    return series(*(per_minute * (minute % life) for minute in range(SCRAPES)))


@pytest.mark.parametrize(
    ("moves", "is_count"),
    [
        pytest.param(counter(0), True, id="a counter that grows"),
        pytest.param(counter(3), True, id="a counter whose process began anew three times"),
        pytest.param(counter(16), True, id="a counter in a crash loop"),
        pytest.param(series(*[7] * 60), True, id="a counter that stands still"),
        pytest.param(series(*(5 + at % 4 for at in range(60))), False, id="a gauge that goes up and down"),
        pytest.param(series(*(200 - 3 * at for at in range(60))), False, id="a gauge that only falls"),
        pytest.param(series(*(at % 2 for at in range(60))), False, id="a gauge of 0 and 1"),
    ],
)
def test_a_gauge_that_nothing_declares_is_told_by_its_falls(
    tmp_path: Path, moves: list[tuple[str, str]], is_count: bool
) -> None:
    asked = Expression(name="falls", promql=falls(["bot_runs_total", "gone_total"]), unit=Unit.COUNT, blind="-")
    found = answers(tmp_path, asked, {}, moves, "60m", interval="1m")
    mapping = Mapping(metrics={"agent_runs": MetricNames(count="bot_runs_total")})
    by_metric = {dict(labels)["metric"]: value for labels, value in found.items()}

    why = measured_as.moving(mapping, by_metric)
    assert (not why) is is_count
    assert all("metrics.agent_runs needs a counter" in said for said in why.values())


def test_only_what_is_named_as_a_count_and_not_declared_is_looked_at() -> None:
    mapping = Mapping(
        metrics={
            "agent_runs": MetricNames(series="bot_turn", bad_series="bot_failed_total"),
            "queue_depth": MetricNames(series="tasks_queued"),
            "cost": MetricNames(series="spend_total"),
        }
    )
    described = {"bot_turn": Described(kind="histogram"), "spend_total": Described(kind="unknown")}

    assert measured_as.undeclared(mapping, described) == ("bot_failed_total", "spend_total")


def test_a_count_that_moves_like_a_gauge_gives_no_rate() -> None:
    prometheus = FakePrometheus()
    prometheus.answer = Vector(points=(Point(labels={"metric": "bot_runs_total"}, at=NOW.timestamp(), value=9.0),))

    found = asked(prometheus, {"agent_runs": {"count": "bot_runs_total"}})

    assert found.state is State.MISSING
    assert "goes up and down" in found.reason


# Money.


@pytest.mark.parametrize(
    ("series_name", "described", "unit"),
    [
        ("agent_spend_total", Described(), UNIT_NOT_KNOWN),
        ("agent_spend_eur_total", Described(about="What runs cost, in euros"), UNIT_NOT_KNOWN),
        ("agent_spend_total", Described(about="What runs cost in dollars."), "USD"),
        ("agent_spend_total", Described(unit="cents"), "cent"),
    ],
)
def test_money_of_which_nothing_says_the_unit_is_not_taken_for_dollars(
    series_name: str, described: Described, unit: str
) -> None:
    metric = MetricNames(series=series_name)

    assert [concept.key for concept, _ in measured_as.unsaid_units(Mapping(metrics={"cost": metric}))] == ["cost"]
    assert measured_as.unit(CONCEPT["cost"], metric, described, ()) == unit


@pytest.mark.parametrize("key", ["cost", "task_value", "budget"])
def test_money_without_a_unit_is_no_number_and_the_setting_is_named(key: str) -> None:
    prometheus = FakePrometheus()
    prometheus.ever = (*prometheus.ever, "agent_money_total")
    entry = {"cost": business.COST, "task_value": business.VALUE, "budget": business.BUDGET}[key]

    found = asked(prometheus, {key: "agent_money_total"}, entry)
    stated = asked(prometheus, {key: {"series": "agent_money_total", "unit": "cent"}}, entry)

    assert (found.state, found.reason.startswith("unit not known")) == (State.MISSING, True)
    assert f'metrics.{key}.unit = "USD" or "cent"' in found.reason
    assert stated.value
