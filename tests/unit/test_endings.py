"""How labels say that events ended: by their names or by their values, in whatever words an emitter has."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.catalog.bad_events import bad_events, of_concept
from dashboard.catalog.translation import matchers
from dashboard.decide.bad_events import doubts
from dashboard.decide.endings import Ended, ended
from dashboard.decide.telling import telling
from dashboard.model.bad_events import SeenEvents
from dashboard.model.concepts import CONCEPTS
from dashboard.model.event_matchers import ANY_ERROR
from dashboard.model.mapping import OURS, Label, Mapping, MetricNames
from dashboard.model.series import Sample
from dashboard.model.words import WORDS

_FAILED = (
    "sum by (track) (rate(gen_ai_invoke_agent_duration_seconds_count"
    f'{{namespace="n", service_name="support", gen_ai_operation_name="invoke_agent", {ANY_ERROR}}}[5m]))'
)
CONCEPT = {concept.key: concept for concept in CONCEPTS}
PLACES = [("support", "blue"), ("support", "green")]


def told(*rows: tuple[dict[str, str], float], mapping: Mapping = OURS) -> str:
    """Why failures of a service with these series, on both tracks, may not all be counted."""
    seen = SeenEvents(
        rows=tuple(
            Sample(labels={"service_name": service, "track": track, **labels}, value=value)
            for labels, value in rows
            for service, track in PLACES
        )
    )
    found = [doubts(one, seen, WORDS) for one in bad_events(_FAILED, mapping)]
    return next((why for one in found for why in one.values()), "")


@pytest.mark.parametrize("label", ["ended", "state", "final_state", "disposition", "finish_reason"])
@pytest.mark.parametrize("word", ["err", "timeout", "Cancelled", "kaputt"])
def test_a_label_by_which_some_events_went_well_tells_of_all_of_them(label: str, word: str) -> None:
    assert f"{label}=“{word}”" in told(({label: "ok"}, 900.0), ({label: word}, 100.0))


@pytest.mark.parametrize("word", ["err", "Timeout", "timed_out", "cancelled", "aborted"])
def test_a_plain_word_for_a_failure_is_one_on_any_label(word: str) -> None:
    assert "a failure that is not counted" in told(({"ended": "regular"}, 900.0), ({"ended": word}, 100.0))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"is_success": "true"}, {"is_success": "false"}),
        ({"has_error": "no"}, {"has_error": "yes"}),
        ({"isError": "false"}, {"isError": "true"}),
        ({"exit_code": "0"}, {"exit_code": "137"}),
        ({"grpc_code": "0"}, {"grpc_code": "1"}),
        ({"rpc_grpc_status_code": "0"}, {"rpc_grpc_status_code": "14"}),
        ({"otel_status_code": "1"}, {"otel_status_code": "2"}),
        ({"return_code": "0"}, {"return_code": "1"}),
        ({"returnCode": "0"}, {"returnCode": "-1"}),
        ({"exit": "0"}, {"exit": "1"}),
        ({"tool_exit_status": "0"}, {"tool_exit_status": "2"}),
        ({"rc": "0"}, {"rc": "127"}),
        ({"error_code": "0"}, {"error_code": "429"}),
        ({"exception_status": "200"}, {"exception_status": "429"}),
        ({"timed_out": "false"}, {"timed_out": "true"}),
        ({"wasCancelled": "False"}, {"wasCancelled": "True"}),
        ({"timeout": "0"}, {"timeout": "1"}),
        ({"run_aborted": "no"}, {"run_aborted": "yes"}),
        ({"rate_limited": "false"}, {"rate_limited": "true"}),
        ({"context_length_exceeded": "false"}, {"context_length_exceeded": "true"}),
        ({"passed": "true"}, {"passed": "false"}),
        ({"is_valid": "1"}, {"is_valid": "0"}),
        ({"unsuccessful": "false"}, {"unsuccessful": "true"}),
        ({"not_ok": "false"}, {"not_ok": "true"}),
        ({"no_error": "true"}, {"no_error": "false"}),
        ({"failure_reason": "none"}, {"failure_reason": "out_of_memory"}),
        ({"error_category": "-"}, {"error_category": "rate_limit"}),
        ({"err": "nil"}, {"err": "EOF"}),
        ({"errorType": "None"}, {"errorType": "RateLimitError"}),
        ({"llm_exception_class": "none"}, {"llm_exception_class": "Timeout"}),
        ({"failed_step": "none"}, {"failed_step": "search"}),
        ({"cancel_reason": "none"}, {"cancel_reason": "user"}),
        ({"response_flags": "-"}, {"response_flags": "UF"}),
        ({"finished_reason": "stop"}, {"finished_reason": "abort"}),
        ({"stop_reason": "end_turn"}, {"stop_reason": "refusal"}),
        ({"task_state": "finished"}, {"task_state": "died"}),
    ],
)
def test_a_yes_or_a_number_is_read_as_its_label_means_it(good: dict[str, str], bad: dict[str, str]) -> None:
    (label, value), (_, well) = next(iter(bad.items())), next(iter(good.items()))

    assert told((good, 900.0)) == ""
    assert f"{label}=“{value}”, a failure that is not counted" in told((good, 900.0), (bad, 100.0))
    assert told((bad, 100.0))
    assert ended(label, well, WORDS) is Ended.WELL
    assert ended(label, value, WORDS) is not Ended.WELL


@pytest.mark.parametrize("label", ["code", "status", "result", "task_status", "outcome"])
@pytest.mark.parametrize("number", ["0", "1", "2", "-1", "42"])
def test_a_number_that_means_one_thing_to_one_and_another_to_others_is_not_understood(label: str, number: str) -> None:
    assert ended(label, number, WORDS) is Ended.NOT_UNDERSTOOD
    assert f"{label}=“{number}”, which is not understood" in told(({label: number}, 100.0))
    assert ended(label, number, WORDS.extended({"outcome": {number: "succeeded"}})) is Ended.WELL
    assert ended(label, number, WORDS.extended({"outcome": {number: "failed"}})) is Ended.BADLY


@pytest.mark.parametrize(("bad", "good"), [("1", "0"), ("0", "1")])
def test_of_two_numbers_the_one_is_well_where_the_settings_call_the_other_bad(bad: str, good: str) -> None:
    known = Mapping(metrics={"agent_runs": MetricNames(count="runs_total", bad=f'code="{bad}"')})

    assert told(({"code": good}, 900.0), ({"code": bad}, 9.0), mapping=known) == ""


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "408", "429", "499", "4xx"])
@pytest.mark.parametrize("key", ["model_calls", "tool_calls"])
def test_a_call_that_the_other_side_refused_is_a_failure(key: str, status: str) -> None:
    known = Mapping(metrics={key: MetricNames(count="calls_total", bad='code=~"5.."')})
    (one,) = of_concept(CONCEPT[key], "n", known)
    rows = tuple(
        Sample(labels={"service_name": "s", "track": "blue", "code": code}, value=9.0) for code in ("200", status)
    )
    found = telling(one, SeenEvents(rows=rows), WORDS)

    assert "a failure that is not counted" in found.doubts[0]
    assert found.bad == f'code=~"5..|{status}"'


@pytest.mark.parametrize(
    ("metric", "bad", "doubt"),
    [
        ("http_server_request_duration_seconds", 'status_code=~"5.."', ""),
        ("http_server_request_duration_seconds", 'error_type!=""', ""),
        ("bot_run_seconds", 'status_code=~"5.."', ""),
        ("bot_run_seconds", 'error_type!=""', "status_code=“429”, which is not understood"),
        ("http_client_request_duration_seconds", 'error_type!=""', "status_code=“429”, a failure that is not counted"),
    ],
)
def test_a_status_of_the_client_is_read_by_whose_it_is(metric: str, bad: str, doubt: str) -> None:
    known = Mapping(metrics={"agent_runs": MetricNames(series=metric, bad=bad)})
    why = told(({"status_code": "200"}, 9.0), ({"status_code": "429"}, 900.0), mapping=known)

    assert doubt in why
    assert bool(why) is bool(doubt)


UNTELLING = [
    {"region_name": "eu"}, {"queue": "done"}, {"mode": "abort"}, {"stage": "passed"}, {"cache_status": "hit"},
    {"failure_domain_beta_kubernetes_io_zone": "eu-1a"}, {"error_budget_policy": "strict"}, {"on_error": "continue"},
    {"timeout": "30s"}, {"block_size": "1"}, {"retry_allowed": "false"}, {"streaming_allowed": "false"},
    {"cache_invalid": "true"}, {"failed_over": "true"}, {"exit": "north"}, {"rc": "candidate"}, {"state": "running"},
    {"valid_until": "1"}, {"decision": "allow"}, {"agent_status": "busy"}, {"completed_steps": "0"},
]  # fmt: skip


@pytest.mark.parametrize("labels", UNTELLING, ids=lambda labels: next(iter(labels)))
def test_labels_that_tell_no_outcome_raise_no_doubt(labels: dict[str, str]) -> None:
    assert told((labels, 900.0), ({"mode": "plain"}, 100.0)) == ""


@pytest.mark.parametrize("word", ["timed-out", "a.b", "no(answer)", 'say "no"', "back\\slash"])
def test_the_line_that_mends_it_is_a_matcher_of_just_that_word(word: str) -> None:
    known = Mapping(metrics={"agent_runs": MetricNames(series="my_run_seconds", bad='status="failed"')})
    why = told(({"status": "failed"}, 9.0), ({"status": word}, 100.0), mapping=known)
    (matcher,) = matchers(why.partition("metrics.agent_runs.bad = '")[2].partition("' counts")[0])

    assert matcher.operator == "=~"
    assert "\\-" not in matcher.value


@pytest.mark.parametrize("word", ["none", "None", "OK", "false", "no_error", "0", "Succeeded", "completed"])
@pytest.mark.parametrize("own", ["", 'error_type!=""', 'problem!=""'])
def test_a_word_for_no_error_is_no_failure(word: str, own: str) -> None:
    known = Mapping(metrics={"agent_runs": MetricNames(series="my_run_seconds", bad=own)}) if own else OURS
    (one,) = bad_events(_FAILED, known)
    label = one.conditions[0].label

    assert not one.conditions[0].holds({label: word})
    assert not one.conditions[0].holds({})
    assert one.conditions[0].holds({label: "TimeoutError"})
    assert one.conditions[0].is_any_value
    assert told(({label: word}, 900.0), ({label: "TimeoutError"}, 9.0), mapping=known) == ""


def test_recorded_rules_take_the_same_words_for_no_error() -> None:
    rules = Path("deploy/monitoring/prometheus/rules/recording.yaml").read_text()

    assert rules.count("error_type!") == rules.count(ANY_ERROR) > 0


@pytest.mark.parametrize("values", [{"": ("fine",)}, {"none": ("fine", "regular")}, {"timeout": ("tmo",)}])
def test_a_word_of_the_team_for_no_error_stands_beside_the_usual_ones(values: dict[str, tuple[str, ...]]) -> None:
    known = Mapping(labels={"error": Label(name="result", values=values)})
    (one,) = bad_events(_FAILED, known)
    good = [word for ours, theirs in values.items() if ours != "timeout" for word in theirs]

    assert not any(one.conditions[0].holds({"result": word}) for word in (*good, "none", "OK", ""))
    assert all(one.conditions[0].holds({"result": word}) for word in ("tmo", "err", "Cancelled"))
