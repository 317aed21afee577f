"""Fixed limits: what fails is evidence beyond chance, what is above its limit by chance stays open, few are too few."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.decide.verdict import judge
from dashboard.model.reading import Reading, Source, empty, missing
from dashboard.model.release import Track
from dashboard.model.trial import Trial
from dashboard.model.verdict import Decision, Evidence, GateAnswer, Mode, Result
from tests.unit.release_evidence import NOW, counts, evidence, few, known
from tests.unit.release_trial import trial

FAIL, UNKNOWN, PASS = Result.FAIL, Result.UNKNOWN, Result.PASS
GONE: Reading[Any] = missing("prometheus: no answer within 2 s", source=Source.PROMETHEUS)
NO_TRAFFIC: Reading[Any] = empty("no traffic on green", source=Source.PROMETHEUS, as_of=NOW)


def ask(gate: str, given_evidence: Evidence) -> GateAnswer:
    return next(answer for answer in judge(given_evidence).gates if answer.gate == gate)


def bad(metric: str, times: float, **changes: Any) -> Reading[Trial]:
    return known(trial(worse={metric: times}, **changes))


@pytest.mark.parametrize(
    ("changes", "result", "says"),
    [
        pytest.param({"trial": bad("errors", 12.0)}, FAIL, "more than 2 %, beyond chance", id="far over the limit"),
        pytest.param({"green": counts(failed=30.0)}, UNKNOWN, "chance may explain it", id="over it for five minutes"),
        pytest.param({"green": counts(runs=40.0, failed=3.0)}, UNKNOWN, "chance may explain", id="a high share of few"),
        pytest.param({"green": counts(runs=12.0, failed=0.0)}, UNKNOWN, "12 of the 30 runs needed", id="small sample"),
        pytest.param({"green": counts(runs=0.0, failed=0.0)}, UNKNOWN, "no runs on green", id="no runs at all"),
        pytest.param(
            {"green": counts(runs=NO_TRAFFIC, failed=NO_TRAFFIC)}, UNKNOWN, "no runs on green", id="no series"
        ),
        pytest.param({"green": counts(runs=GONE, failed=GONE)}, UNKNOWN, "no answer within 2 s", id="no prometheus"),
        pytest.param({"green": counts(failed=GONE)}, UNKNOWN, "", id="only the failed runs are missing"),
        pytest.param({"green": counts(failed=0.0)}, PASS, "0 of 1,000 runs failed", id="nothing failed"),
        pytest.param({"green": counts(failed=30.0), "trial": GONE}, UNKNOWN, "", id="nothing is known since it began"),
    ],
)
def test_errors(changes: dict[str, Any], result: Result, says: str) -> None:
    answer = ask("errors", evidence(**changes))
    assert (answer.result, says in answer.reason) == (result, True), answer.reason


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("gate", "green"),
    [
        pytest.param("errors", counts(failed=30.0), id="errors"),
        pytest.param("violations", counts(violations=400.0), id="violations"),
        pytest.param("latency", counts(p95_seconds=3.4), id="slow runs"),
        pytest.param("latency", counts(), id="nothing above a limit"),
    ],
)
def test_before_counting_begins_a_gate_says_when_it_does_and_not_that_chance_may_explain_it(
    gate: str, green: Any, mode: Mode
) -> None:
    answer = ask(gate, evidence(green=green, mode=mode, trial=known(trial(intervals=0))))
    if mode is Mode.BEFORE:
        assert "counting begins at 02:50:00 UTC" in answer.reason
    assert "chance" not in answer.reason


def test_a_cost_before_counting_begins_says_when_it_does() -> None:
    costs = {"cost_usd": {Track.BLUE: known(1.0), Track.GREEN: known(50.0)}}
    assert "counting begins at" in ask("cost", evidence(**costs, trial=known(trial(intervals=0)))).reason


def test_slow_runs_that_no_bucket_counts_say_which_bound_is_missing() -> None:
    whole = trial()
    blind = replace(
        whole, bad_events={n: c for n, c in whole.bad_events.items() if n != "over_limit"}, over_seconds=None
    )
    answer = ask("latency", evidence(trial=known(blind)))
    assert answer.result is UNKNOWN
    assert answer.reason == "runs over 3 s cannot be counted: no bucket bound at or above it on both tracks"


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        pytest.param({"trial": bad("over_limit", 15.0)}, FAIL, id="far over the limit"),
        pytest.param({"green": counts(p95_seconds=3.4)}, UNKNOWN, id="over it for five minutes"),
        pytest.param({"green": counts(p95_seconds=NO_TRAFFIC)}, UNKNOWN, id="no value"),
        pytest.param({"green": counts(runs=20.0)}, UNKNOWN, id="a small sample"),
        pytest.param({"green_fast": few(p95_seconds=6.0)}, PASS, id="slow in the last seconds"),
    ],
)
def test_latency(changes: dict[str, Any], result: Result) -> None:
    assert ask("latency", evidence(**changes)).result is result


def test_violations_count_against_evaluations() -> None:
    assert ask("violations", evidence(trial=bad("violations", 60.0))).result is FAIL
    assert ask("violations", evidence(green=counts(evaluations=20.0, violations=0.0))).result is UNKNOWN


def test_gross_harm_shows_within_half_a_minute_although_the_long_window_is_still_good() -> None:
    given_evidence = evidence(trial=bad("errors", 25.0, intervals=3, runs=250), green=counts(failed=9.0))
    assert ask("errors", given_evidence).result is FAIL


def test_both_tracks_far_above_the_limit_fail_although_none_is_worse() -> None:
    both = trial(intervals=30)
    tenth = tuple(total // 10 for total in both.total_events["runs"].candidate)
    columns = type(both.bad_events["errors"])(candidate=tenth, first=tenth, second=tenth)
    given_trial = type(both)(
        **{name: getattr(both, name) for name in both.__slots__ if name != "bad_events"},
        bad_events={**both.bad_events, "errors": columns},
    )
    verdict = judge(evidence(trial=known(given_trial)))
    by_gate = {answer.gate: answer for answer in verdict.gates}
    assert (verdict.decision, by_gate["errors"].result) == (Decision.NO_GO, FAIL)
    assert by_gate["errors_compared"].result is UNKNOWN
    assert "blue itself is above the limit" in by_gate["errors_compared"].reason


def test_the_time_left_follows_from_the_present_traffic_and_is_not_said_of_a_handful() -> None:
    given_evidence = evidence(green=counts(runs=10.0, failed=0.0), green_fast=few(runs=30.0))
    answer = ask("errors", given_evidence)
    assert answer.seconds_left == pytest.approx(20 / 30 * 45)
    assert answer.progress == pytest.approx(1 / 3)
    assert ask("errors", evidence(green=counts(runs=10.0), green_fast=few(runs=9.0))).seconds_left is None


@pytest.mark.parametrize("gate", ["errors", "violations", "latency"])
def test_after_a_switch_only_what_was_seen_since_is_a_sample(gate: str) -> None:
    before = evidence(mode=Mode.AFTER, trial=known(trial(intervals=1, runs=5)))
    assert (ask(gate, before).result, judge(before).decision) == (UNKNOWN, Decision.WAIT)
    assert ask(gate, evidence(mode=Mode.AFTER)).result is PASS


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.sampled_from(["errors", "violations", "over_limit"]), st.sampled_from([1.0, 3.0, 6.0]))
def test_what_is_missing_never_turns_into_go(seed: int, metric: str, times: float) -> None:
    full = trial(seed=seed, worse={metric: times})
    less = type(full)(
        **{name: getattr(full, name) for name in full.__slots__ if name != "bad_events"},
        bad_events={name: columns for name, columns in full.bad_events.items() if name != metric},
    )
    before, after = (judge(evidence(trial=known(each))).decision for each in (full, less))
    assert after is not Decision.GO or before is Decision.GO


def test_the_figure_of_a_failing_gate_is_that_of_its_sentence() -> None:
    answer = ask("errors", evidence(trial=bad("errors", 12.0)))
    failed, runs = (int(word.replace(",", "")) for word in re.findall(r"[\d,]+", answer.reason)[:2])
    assert (answer.value, answer.sample) == (failed / runs, runs)
