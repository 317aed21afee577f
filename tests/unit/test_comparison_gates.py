"""The gates that compare two tracks: what fails them, what passes, what leaves them open, and that the laws hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.decide.comparison_gates import compared
from dashboard.decide.comparison_inputs import Margin
from dashboard.decide.policy import MetricFamily, Policy, default_families
from dashboard.decide.verdict import judge
from dashboard.decide.weighing import weigh
from dashboard.model.reading import Reading, Source, empty, missing
from dashboard.model.release import Track
from dashboard.model.verdict import Decision, GateAnswer, Mode, Result
from dashboard.queries.trial_clock import interval_seconds
from tests.unit.release_evidence import NOW, evidence, known
from tests.unit.release_trial import trial

_RANK = [Decision.NO_GO, Decision.WAIT, Decision.GO]


def answers(given_trial: Any, mode: Mode = Mode.BEFORE) -> dict[str, GateAnswer]:
    reading = given_trial if isinstance(given_trial, Reading) else known(given_trial)
    weighing = weigh(reading.value, Policy(), mode) if reading.value is not None else None
    found = compared(evidence(trial=reading, mode=mode), Policy(), weighing)
    return {answer.gate.removesuffix("_compared"): answer for answer in found}


def test_a_healthy_release_passes_all_with_evidence() -> None:
    for answer in answers(trial(intervals=90)).values():
        assert answer.result is Result.PASS, (answer.gate, answer.reason)


@pytest.mark.parametrize("scrape_interval_seconds", [1, 5, 15, 30, 60, 120])
@pytest.mark.parametrize("intervals", [1, 2, 3, 7, 40])
def test_a_release_is_judged_however_seldom_a_team_scrapes(scrape_interval_seconds: int, intervals: int) -> None:
    given_trial = trial(intervals=intervals, interval_seconds=interval_seconds(scrape_interval_seconds))
    assert answers(given_trial).keys() >= {"errors", "latency"}
    assert judge(evidence(trial=known(given_trial))).decision is not Decision.NO_GO


@pytest.mark.parametrize(
    ("metric", "gate"),
    [
        ("errors", "errors"),
        ("violations", "violations"),
        ("tools", "tools"),
        ("denials", "denials"),
        ("slow_1", "latency"),
    ],
)
def test_threefold_harm_fails_its_own_gate_and_the_verdict(metric: str, gate: str) -> None:
    harmed = trial(intervals=120, worse={metric: 3.0})
    assert answers(harmed)[gate].result is Result.FAIL
    assert answers(harmed)["together"].result is Result.FAIL
    assert judge(evidence(trial=known(harmed))).decision is Decision.NO_GO


def test_the_answer_says_how_many_of_how_many_on_both_tracks() -> None:
    answer = answers(trial(intervals=120, worse={"errors": 5.0}))["errors"]
    assert "of 12,000 runs failed, on blue" in answer.reason
    assert "more than chance explains" in answer.reason


def test_too_little_is_open_and_says_how_long_it_takes() -> None:
    answer = answers(trial(intervals=12, runs=20))["errors"]
    assert answer.result is Result.UNKNOWN
    assert answer.seconds_left is not None
    assert answer.seconds_left > 10


def test_a_time_left_is_not_said_before_a_minute_has_shown_it_to_be_steady() -> None:
    assert answers(trial(intervals=3, runs=20))["errors"].seconds_left is None


@pytest.mark.parametrize(
    ("given_trial", "says"),
    [
        pytest.param(missing("prometheus: down", source=Source.PROMETHEUS), "down", id="no counts"),
        pytest.param(
            empty("nobody knows when", source=Source.KUBERNETES, as_of=NOW), "nobody knows", id="no beginning"
        ),
        pytest.param(trial(intervals=0), "counting begins at", id="warming up"),
        pytest.param(trial(left_out={Track.GREEN: 0.19, Track.BLUE: 0.0}), "19 %", id="one scrape in ten missing"),
        pytest.param(trial(problems={"errors": "green reported no agent runs"}), "green reported", id="one track only"),
    ],
)
def test_what_cannot_be_compared_is_open_and_never_go(given_trial: Any, says: str) -> None:
    answer = answers(given_trial)["errors"]
    assert answer.result is Result.UNKNOWN
    assert says in answer.reason
    reading = given_trial if isinstance(given_trial, Reading) else known(given_trial)
    assert judge(evidence(trial=reading)).decision is Decision.WAIT


def test_a_track_without_traffic_is_never_go() -> None:
    healthy = trial()
    silent = {
        name: replace(columns, candidate=(0,) * len(columns.candidate))
        for name, columns in healthy.total_events.items()
    }
    none_bad = {
        name: replace(columns, candidate=(0,) * len(columns.candidate)) for name, columns in healthy.bad_events.items()
    }
    given_trial = replace(healthy, total_events=silent, bad_events=none_bad)
    assert judge(evidence(trial=known(given_trial))).decision is Decision.WAIT


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.sampled_from(["errors", "violations", "tools", "slow_0", "slow_2"]), st.integers(0, 59))
def test_more_bad_events_on_the_candidate_never_improve_the_verdict(seed: int, metric: str, at: int) -> None:
    before = trial(seed=seed)
    rows = list(before.bad_events[metric].candidate)
    rows[before.history + at] += 30
    after = replace(
        before, bad_events={**before.bad_events, metric: replace(before.bad_events[metric], candidate=tuple(rows))}
    )
    decisions = [judge(evidence(trial=known(each))).decision for each in (before, after)]
    assert _RANK.index(decisions[1]) <= _RANK.index(decisions[0])


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 99),
    st.sampled_from(["runs", "evaluations", "tools", "decisions"]),
    st.sampled_from([1.0, 2.0, 4.0]),
)
def test_removing_a_metric_never_turns_wait_or_no_go_into_go(seed: int, what: str, worse: float) -> None:
    full = trial(seed=seed, intervals=40, worse={"errors": worse, "tools": worse})
    less = replace(full, total_events={name: columns for name, columns in full.total_events.items() if name != what})
    before, after = (judge(evidence(trial=known(each))).decision for each in (full, less))
    assert after is not Decision.GO
    assert before in _RANK


def test_looking_again_changes_nothing() -> None:
    given_evidence = evidence(trial=known(trial(intervals=70, worse={"errors": 1.4})))
    assert judge(given_evidence) == judge(given_evidence)


def test_several_small_harms_fail_together() -> None:
    worse = dict.fromkeys(("errors", "violations", "tools", "denials", "slow_0", "slow_1"), 1.5)
    assert answers(trial(intervals=180, worse=worse))["together"].result is Result.FAIL


def test_after_a_switch_harm_fails_and_the_rest_passes_once_enough_was_seen() -> None:
    harmed = answers(trial(intervals=90, worse={"errors": 30.0}), Mode.AFTER)
    assert (harmed["errors"].result, harmed["errors"].required) == (Result.FAIL, True)
    found = answers(trial(intervals=30), Mode.AFTER)
    assert {answer.result for answer in found.values()} == {Result.PASS}
    assert "a weaker check" in found["errors"].reason


@pytest.mark.parametrize(
    "given_trial", [trial(intervals=0), trial(intervals=1, runs=20), trial(history=0, intervals=9)]
)
def test_after_a_switch_the_decision_waits_until_a_sample_and_a_record_are_there(given_trial: Any) -> None:
    found = answers(given_trial, Mode.AFTER)["errors"]
    assert (found.result, found.required) == (Result.UNKNOWN, True)
    assert judge(evidence(mode=Mode.AFTER, trial=known(given_trial))).decision is Decision.WAIT


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"go": Margin(ratio=1.05)}, "narrower", id="passes what it fails"),
        pytest.param({"weight": 0.9}, "at most 1", id="more than the error budget"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(change: dict[str, Any], says: str) -> None:
    families: dict[str, MetricFamily] = default_families()
    families["errors"] = replace(families["errors"], **change)
    with pytest.raises(ValueError, match=says):
        Policy(families=families)


def test_holding_beyond_certainty_is_refused() -> None:
    with pytest.raises(ValueError, match="hold_evidence"):
        Policy(hold_evidence=150.0)
