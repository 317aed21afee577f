"""A metric whose name says its unit is read in that unit, unless the settings say another one."""

from __future__ import annotations

import pytest

from dashboard.catalog import release
from dashboard.catalog.translation import bucket_factor, translate
from dashboard.model.concepts import CONCEPTS
from dashboard.model.mapping import OURS, Mapping, MetricNames
from dashboard.model.metric_units import unit_in_name
from dashboard.model.telemetry import Telemetry
from dashboard.queries.doctor import check

CONCEPT = {concept.key: concept for concept in CONCEPTS}
P95 = 'histogram_quantile(0.95, sum by (le) (rate(gen_ai_invoke_agent_duration_seconds_bucket{namespace="n"}[5m])))'


@pytest.mark.parametrize(
    ("key", "name", "unit"),
    [
        ("agent_runs", "my_run_milliseconds", "ms"),
        ("agent_runs", "bot_turn_millis", "ms"),
        ("agent_runs", "agent_latency_ms", "ms"),
        ("agent_runs", "run_us_total", "us"),
        ("agent_runs", "my_run_seconds", "s"),
        ("agent_runs", "us_east_run_duration", ""),
        ("agent_runs", "ms_orders_run_duration", ""),
        ("agent_runs", "run_duration", ""),
        ("queue_age", "oldest_job_minutes", "min"),
        ("cost", "billing_agent_cents_total", "cent"),
        ("cost", "gen_ai_usage_cost_USD_sum", "USD"),
        ("tokens", "bot_ktokens_total", "thousand"),
        ("contract_evaluations", "checks_ms_total", ""),
        ("agent_runs", "agentDurationMs", "ms"),
        ("agent_runs", "agent_run_hours", "h"),
        ("agent_runs", "agent_5_minutes_latency_ms", "ms"),
        ("agent_runs", "agent_last_minute_latency", ""),
        ("agent_runs", "second_opinion_agent_duration", ""),
        ("agent_runs", "requests_per_second_duration", ""),
        ("agent_runs", "agent_latency_min", ""),
        ("cost", "billing_usd_cents_total", "cent"),
        ("cost", "llm_cost_usd_micros_total", "micro"),
        ("cost", "llm_spend_usd_nanos_total", "nano"),
        ("cost", "cost_usd_milli_total", "milli"),
        ("cost", "spend_microdollar_total", "micro"),
        ("cost", "cost_millicents_total", "millicent"),
        ("cost", "cost_eur_total", ""),
        ("cost", "cost_eur_cents_total", ""),
        ("cost", "llm_price_pence_total", ""),
        ("cost", "spend_usd_eur_total", ""),
        ("tokens", "llm_tokens_thousands_total", "thousand"),
        ("tokens", "tokens_millions_total", "million"),
        ("tokens", "llm_1k_tokens_total", "thousand"),
        ("tokens", "tokens_k_total", "thousand"),
        ("tokens", "kilo_tokens", "thousand"),
        ("tokens", "gen_ai_client_token_usage_token", ""),
    ],
)
def test_a_name_says_its_unit(key: str, name: str, unit: str) -> None:
    assert unit_in_name(name, CONCEPT[key]) == unit


@pytest.mark.parametrize(
    ("name", "unit", "factor"),
    [
        ("my_run_milliseconds", "", 1e-3),
        ("my_run_nanos", "", 1e-9),
        ("my_run_milliseconds", "s", 1.0),
        ("my_run_duration", "ms", 1e-3),
        ("my_run_seconds", "", 1.0),
    ],
)
def test_slow_runs_are_told_in_seconds_whatever_the_metric_is_in(name: str, unit: str, factor: float) -> None:
    mapping = Mapping(metrics={"agent_runs": MetricNames(series=name, unit=unit)})

    assert bucket_factor(P95, mapping) == factor
    assert (f"({factor:g} * histogram_quantile" in translate(P95, mapping)) is (factor != 1.0)


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("billing_agent_cents_total", "0.01"),
        ("billing_usd_cents_total", "0.01"),
        ("llm_cost_usd_micros_total", "1e-06"),
        ("llm_spend_usd_nanos_total", "1e-09"),
        ("cost_usd_milli_total", "0.001"),
    ],
)
def test_what_an_agent_costs_in_parts_of_a_dollar_is_told_in_dollars(name: str, factor: str) -> None:
    mapping = Mapping(metrics={"cost": MetricNames(series=name)})

    assert f"({factor} * " in translate(release.COST_COUNTER.promql, mapping)


@pytest.mark.parametrize(
    ("name", "factor"), [("llm_tokens_thousands_total", "1000"), ("llm_tokens_millions_total", "1e+06")]
)
def test_thousands_of_tokens_are_told_in_tokens(name: str, factor: str) -> None:
    mapping = Mapping(metrics={"tokens": MetricNames(total=name)})
    asked = 'sum(increase(gen_ai_client_token_usage_sum{namespace="n"}[5m]))'

    assert f"({factor} * " in translate(asked, mapping)


def test_the_check_of_sources_says_where_settings_and_name_have_two_units() -> None:
    labels = {"namespace": "n", "service_name": "s", "track": "blue"}
    telemetry = Telemetry(
        recent=frozenset(("my_run_seconds_count",)),
        ever=frozenset(("my_run_seconds_count",)),
        labels={"my_run_seconds_count": (labels,)},
    )

    def said(unit: str) -> str:
        mapping = Mapping(metrics={"agent_runs": MetricNames(series="my_run_seconds", unit=unit)})
        return next(one.says for one in check(mapping, telemetry) if one.key == "agent_runs")

    assert "read in ms" in said("ms")
    assert said("s") == said("") == ""
    assert check(OURS, telemetry)
