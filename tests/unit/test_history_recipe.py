"""The past as a recipe: its rhythm, its releases and incidents, and that what is derived from it agrees."""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from deploy.local.configuration import MONITORING
from deploy.local.history import blocks, documents, profile
from deploy.local.history.derived import quantile
from deploy.local.history.recipe import DAY, ERROR_TYPES, HOUR, MINUTE, Array, Past
from deploy.local.history.runs import runs
from deploy.local.history.series import Line
from deploy.local.workload.agents import AGENTS, DELEGATES
from deploy.local.workload.faults import Behaviour
from deploy.local.workload.planning import plan_run

ANCHOR = int(datetime(2026, 3, 13, tzinfo=UTC).timestamp())  # a Friday
PAST = Past(seed=1, anchor=ANCHOR)
TIMES: Array = np.arange(ANCHOR - 14 * DAY, ANCHOR + 6 * HOUR, MINUTE, dtype=float)
ERRORS, VIOLATIONS = PAST.incidents


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return blocks.all_lines(PAST, TIMES)


def of(lines: list[Line], name: str, **labels: str) -> Array:
    """The one series with this name and these labels."""
    [found] = [one for one in lines if one.name == name and labels.items() <= one.labels.items()]
    return found.values


def at(seconds: float) -> int:
    return int((seconds - TIMES[0]) // MINUTE)


def users(times: Array) -> Array:
    found = sum(
        np.where(PAST.is_active(t, times), PAST.runs(t, a, times), 0) for t in ("blue", "green") for a in AGENTS
    )
    return np.asarray(found)


def test_users_are_many_in_the_afternoon_few_at_night_and_fewer_at_the_weekend() -> None:
    by_hour = {hour: users(TIMES)[hour == TIMES % DAY // HOUR].mean() for hour in (2, 14)}
    assert by_hour[14] > 3 * by_hour[2]
    saturday, friday = (users(TIMES[(day - 1) * 1440 : day * 1440]).mean() for day in (9, 8))
    assert saturday < 0.6 * friday


def test_the_same_seed_and_day_give_the_same_past_and_another_seed_other_noise() -> None:
    other = Past(seed=2, anchor=ANCHOR)
    agent = next(iter(AGENTS))
    mine, again, else_ = (past.runs("blue", agent, TIMES) for past in (PAST, Past(seed=1, anchor=ANCHOR), other))
    assert np.array_equal(mine, again)
    assert not np.array_equal(mine, else_)
    assert other.incidents == PAST.incidents


def test_a_past_that_ends_later_the_same_day_is_the_same_up_to_then() -> None:
    longer = np.arange(TIMES[0], ANCHOR + 12 * HOUR, MINUTE, dtype=float)
    agent = next(iter(AGENTS))
    assert np.array_equal(PAST.runs("green", agent, longer)[: TIMES.size], PAST.runs("green", agent, TIMES))


def test_users_are_on_one_track_and_the_present_begins_where_the_manifests_do() -> None:
    assert np.array_equal(PAST.is_active("blue", TIMES), ~PAST.is_active("green", TIMES))
    assert PAST.is_active("blue", TIMES)[-1]
    assert (PAST.version("blue", TIMES[-1]), PAST.version("green", TIMES[-1])) == ("1.7.4", "1.8.0")
    assert len(PAST.deployments) == len({(one.track, one.version) for one in PAST.deployments})


def test_what_runs_fail_of_is_what_the_workload_fails_of() -> None:
    dice = random.Random(1)  # noqa: S311 - dice, no secret
    failing = Behaviour(error_probability=1.0)
    assert {plan_run(a, dice, failing).error_type for a in AGENTS.values() for _ in range(50)} == set(ERROR_TYPES)


def test_the_error_burst_shows_in_one_agent_its_alert_and_nowhere_else(lines: list[Line]) -> None:
    [sick] = ERRORS.agents
    ratio = of(lines, "service_track:gen_ai_invoke_agent_errors:ratio_rate1m", track="green")
    inside, hour_before = at(ERRORS.start) + 10, at(ERRORS.start) - 60
    assert ratio[inside] > 0.05 > 5 * ratio[hour_before]
    name = "agent:gen_ai_invoke_agent_failures:rate5m"
    by_agent = {a: of(lines, name, track="green", gen_ai_agent_name=a, error_type="tool_failed") for a in AGENTS}
    assert by_agent[sick][inside] > 20 * max(values[inside] for a, values in by_agent.items() if a != sick)
    fired = of(lines, "ALERTS", alertname="AgentErrorRatioHigh")
    assert np.flatnonzero(~np.isnan(fired)).tolist() == list(range(at(ERRORS.start), at(ERRORS.end)))


def test_the_wave_of_violations_shows_in_contracts_latency_burn_and_the_release_around_it(lines: list[Line]) -> None:
    inside, before = at(VIOLATIONS.start) + 10, at(VIOLATIONS.start) - 60
    violated = of(lines, "service_track:agentgov_contract_violations:ratio_rate1m", track="green")
    p95 = of(lines, "service_track:gen_ai_invoke_agent_duration_seconds:p95_1m", track="green")
    burn = of(lines, "slo:agentgov_sli_errors:ratio_rate1h", track="green", slo="contract-compliance")
    budget = of(lines, "slo:agentgov_error_budget_remaining:ratio", track="green", slo="contract-compliance")
    assert violated[inside] > 0.03 > 100 * violated[before]
    assert p95[inside] > 3 > 3 * p95[before]
    assert burn[at(VIOLATIONS.end)] > 0.01 > burn[before]
    assert budget[at(VIOLATIONS.end)] < budget[before]
    for alert in ("ContractViolationRatioHigh", "AgentLatencyHigh"):
        assert of(lines, "ALERTS", alertname=alert)[inside] == 1
    switched = of(lines, "agentgov_release_last_switch_timestamp_seconds")
    assert switched[before] < VIOLATIONS.start - 300 < switched[inside] <= VIOLATIONS.start
    assert of(lines, "version:agentgov_agent_info:max", gen_ai_agent_version="1.7.9")[inside] == 1


def test_every_recording_rule_has_a_past_except_for_what_nobody_measures_here(lines: list[Line]) -> None:
    names = {line.name for line in lines} - {"ALERTS", "agentgov_release_last_switch_timestamp_seconds"}
    rules = (MONITORING / "prometheus" / "rules").glob("*.yaml")
    recorded = set(re.findall(r"record: (\S+)", "".join(file.read_text() for file in rules)))
    # Rates of a made-up past are whole: nothing is missing from them that a rule would have to add.
    helping = ("cpu_cfs", "first_increments", "target:watched")
    assert names == {name for name in recorded if not any(part in name for part in helping)}


def test_the_parts_of_a_sum_add_up_to_it(lines: list[Line]) -> None:
    for track in ("blue", "green"):
        mine = {name: [o.values for o in lines if o.name == name and o.labels["track"] == track] for name in (
            "agent:gen_ai_invoke_agent_runs:rate5m", "service_track:gen_ai_invoke_agent_runs:rate1m")}  # fmt: skip
        parts, [whole] = mine.values()
        assert np.allclose(sum(parts), whole)
    pods = np.nansum([o.values for o in lines if o.name == "pod:container_cpu_usage:rate5m"], axis=0)
    assert np.allclose(pods, of(lines, "namespace:container_cpu_usage:rate5m"))


def test_logs_of_an_hour_follow_the_rates_of_that_hour(lines: list[Line]) -> None:
    """Within and before the last incident, violations and failures are as many as the counters grew."""
    for start in (VIOLATIONS.start - HOUR, VIOLATIONS.start):
        end = start + 40 * MINUTE
        drawn = list(runs(PAST, start, end))
        hour = slice(at(start), at(end))
        for name, counted in (
            ("agent:gen_ai_invoke_agent_failures:rate5m", sum(bool(run.error_type) for run in drawn)),
            ("agent:agentgov_contract_violations:rate5m", sum(len(run.violated) for run in drawn)),
        ):
            grew = MINUTE * sum(np.nansum(one.values[hour]) for one in lines if one.name == name)
            assert counted == pytest.approx(grew, rel=0.25, abs=8)


def test_an_incident_leaves_error_lines_of_one_pattern_with_slow_traces_that_can_be_opened() -> None:
    found = [
        e for run in runs(PAST, VIOLATIONS.start, VIOLATIONS.start + 5 * MINUTE) for e in documents.entries(PAST, run)
    ]
    assert len({(stream, name) for stream, name, _ in found}) == len(found)
    logs = [document for stream, _, document in found if stream == documents.LOGS]
    spans = [document for stream, _, document in found if stream == documents.TRACES]
    errors = Counter(d["body"]["text"] for d in logs if d["severity_text"] == "ERROR")
    assert {text for text, _ in errors.most_common(2)} == {
        "contract data-privacy violated: no-personal-data-in-output",
        "contract data-privacy violated: output-was-scanned",
    }
    by_id = {span["span_id"]: span for span in spans}
    said = [d for d in logs if d.get("trace_id") and d["resource"]["attributes"]["tealdeck.track"] == "green"]
    assert said
    assert all(by_id[d["span_id"]]["name"].startswith("invoke_agent") for d in said)
    assert all(span.get("parent_span_id", span["span_id"]) in by_id for span in spans)
    seconds = [s["duration"] / 1e9 for s in spans if s["name"].startswith("invoke_agent")
               and s["resource"]["attributes"]["service.version"] == "1.7.9"]  # fmt: skip
    assert np.median(seconds) > 3 * profile.run_seconds(next(iter(AGENTS.values())), 1.0)


def test_agents_that_are_handed_a_part_have_a_past_of_their_own_under_whoever_asks(lines: list[Line]) -> None:
    counted = {one.labels["gen_ai_agent_name"] for one in lines if one.name == "agent:gen_ai_invoke_agent_runs:rate5m"}
    assert counted == AGENTS.keys() | DELEGATES.keys()
    found = [entry for run in runs(PAST, ANCHOR, ANCHOR + HOUR) for entry in documents.entries(PAST, run)]
    spans = {span["span_id"]: span for stream, _, span in found if stream == documents.TRACES}
    parts = [span for span in spans.values() if "agentgov.delegated_by" in span["attributes"]]
    assert {span["attributes"]["gen_ai.agent.name"] for span in parts} == DELEGATES.keys()
    for span in parts:
        above, within = (
            spans[span["parent_span_id"]],
            [one for one in spans.values() if one.get("parent_span_id") == span["span_id"]],
        )
        assert above["name"] == f"invoke_agent {span['attributes']['agentgov.delegated_by']}"
        assert {one["attributes"]["gen_ai.operation.name"] for one in within} == {"chat", "execute_tool"}
        assert above["attributes"]["agentgov.agent.cost_usd"] > span["attributes"]["agentgov.agent.cost_usd"]


def test_old_days_are_coarse_and_the_last_ones_fine() -> None:
    written = TIMES[blocks.steps(TIMES, ANCHOR)]
    gaps = np.diff(written)
    assert set(gaps[written[:-1] < ANCHOR - DAY]) == {300}
    assert set(gaps[written[:-1] >= ANCHOR - DAY]) == {60}


def test_a_quantile_is_linear_within_its_bucket() -> None:
    buckets = {1.0: np.array([50.0, 0.0]), 2.0: np.array([100.0, 10.0]), float("inf"): np.array([100.0, 100.0])}
    assert quantile(0.75, buckets).tolist() == [1.5, 2.0]
