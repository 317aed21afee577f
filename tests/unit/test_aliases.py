"""Telemetry of three generations: each question is asked in the words that the backend has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboard.catalog import agents
from dashboard.catalog.expression import Alias, Expression, renamed
from dashboard.model.reading import Unit
from dashboard.queries.sources import missing_from

OLD, NEW = "gen_ai_client_operation_duration_seconds", "gen_ai_client_inference_duration_seconds"
VALUES = {"namespace": "agents", "service": "", "track": "", "agent": "", "window": "1m"}


def test_the_standard_name_is_asked_where_nothing_is_known() -> None:
    assert f"{OLD}_bucket{{" in agents.MODEL_P95.render(VALUES)


def test_the_other_name_is_asked_where_only_that_is_there() -> None:
    asked = agents.MODEL_P95.render(VALUES, {f"{NEW}_count", f"{NEW}_bucket"})

    assert f"{NEW}_bucket{{" in asked
    assert OLD not in asked


def test_the_standard_name_wins_where_both_are_there() -> None:
    assert OLD in agents.MODEL_P95.render(VALUES, {f"{NEW}_count", f"{OLD}_count"})


def test_an_alias_is_asked_over_days_too_since_our_rules_record_the_standard_name() -> None:
    assert NEW in agents.MODEL_P95.render(VALUES | {"span": "7d"}, {f"{NEW}_count"})


def test_tokens_that_are_counted_by_direction_are_added_up() -> None:
    asked = agents.TOKEN_RATE.render(VALUES, {"gen_ai_client_inference_usage_input_tokens_total"})

    assert "input_tokens_total{" in asked
    assert " + sum (" in asked
    assert "increase(gen_ai_client_inference_usage_output_tokens_total{" in asked


@given(st.sets(st.sampled_from([f"{name}_{part}" for name in (OLD, NEW) for part in ("count", "bucket", "sum")])))
def test_whatever_is_there_one_generation_is_asked_and_never_both(names: set[str]) -> None:
    asked = agents.MODEL_ERROR_RATIO.render(VALUES, names)

    assert (OLD in asked) != (NEW in asked)
    assert (NEW in asked) == (f"{NEW}_count" in names and f"{OLD}_count" not in names)


def test_a_renamed_metric_keeps_its_labels_and_its_part() -> None:
    alias = renamed('rate(a_seconds_bucket{x="a_seconds"}[1m])', "a_seconds", "b_seconds")

    assert alias == Alias(
        instead_of="a_seconds_count", metric="b_seconds_count", promql='rate(b_seconds_bucket{x="a_seconds"}[1m])'
    )


def test_a_missing_metric_says_what_nobody_can_see_without_it() -> None:
    known = {name for entry in (agents.P95, agents.RUN_RATE) for name in entry.metrics()}
    blinds = {found.name: found.blinds for found in missing_from(known)}

    assert agents.RUN_RATE.metrics().isdisjoint(blinds)
    assert "how long the oldest task has waited" in blinds["agentgov_agent_queue_oldest_age_seconds"]


def test_a_metric_that_an_alias_stands_in_for_is_not_missing() -> None:
    missing = {found.name for found in missing_from({f"{NEW}_count", f"{NEW}_bucket"})}

    assert not any(name.startswith(OLD) for name in missing)


def test_metrics_are_those_that_are_selected_from() -> None:
    entry = Expression(
        name="x", promql='sum by (a) (rate(b_total{c="d{"}[$window])) / up{}', unit=Unit.RATIO, blind="x"
    )

    assert entry.metrics() == {"b_total", "up"}
