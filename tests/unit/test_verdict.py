"""The fold and its sentence, and the laws that hold for any answers and any evidence."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.verdict import _sentence, by_concern, fold, judge
from dashboard.model.reading import Reading, Source, missing
from dashboard.model.release import Track
from dashboard.model.verdict import Counts, Decision, Evidence, GateAnswer, Mode, Result
from tests.unit.release_evidence import counts, evidence, few, known, service

GONE: Reading[Any] = missing("down", source=Source.PROMETHEUS)
_RANK = [Decision.NO_GO, Decision.WAIT, Decision.GO]


def an_answer(result: Result, required: bool = True) -> GateAnswer:
    return GateAnswer(gate="g", title="G", result=result, reason="because", required=required)


answers = st.lists(st.builds(an_answer, st.sampled_from(Result), st.booleans()), max_size=8)


@pytest.mark.parametrize(
    ("results", "decision"),
    [
        pytest.param([Result.PASS, Result.PASS], Decision.GO, id="all pass"),
        pytest.param([Result.PASS, Result.UNKNOWN], Decision.WAIT, id="one is unknown"),
        pytest.param([Result.PASS, Result.UNKNOWN, Result.FAIL], Decision.NO_GO, id="one fails"),
        pytest.param([], Decision.WAIT, id="nothing was asked"),
    ],
)
def test_fail_beats_unknown_beats_pass(results: list[Result], decision: Decision) -> None:
    assert fold(an_answer(result) for result in results) is decision


@given(answers)
def test_one_more_failing_gate_never_makes_it_better(given_answers: list[GateAnswer]) -> None:
    assert fold([*given_answers, an_answer(Result.FAIL)]) is Decision.NO_GO


@given(answers, st.sampled_from(Result))
def test_one_more_required_gate_never_makes_a_judged_release_better(
    given_answers: list[GateAnswer], result: Result
) -> None:
    before = fold(given_answers)
    if any(answer.required for answer in given_answers):
        assert _RANK.index(fold([*given_answers, an_answer(result)])) <= _RANK.index(before)


@given(answers, st.randoms(use_true_random=False))
def test_the_order_of_gates_does_not_matter(given_answers: list[GateAnswer], dice: Any) -> None:
    shuffled = list(given_answers)
    dice.shuffle(shuffled)
    assert fold(shuffled) is fold(given_answers)


def test_a_healthy_release_is_go_and_says_who_may_take_the_users() -> None:
    verdict = judge(evidence())
    assert verdict.decision is Decision.GO
    assert verdict.sentence == "All 20 gates that decide pass: green 1.8.0 may take the users."
    assert (verdict.version, verdict.weakest) == ("1.8.0", None)


@pytest.mark.parametrize("name", [f.name for f in fields(Counts)])
def test_one_missing_count_of_the_candidate_is_never_go(name: str) -> None:
    assert judge(evidence(green=counts(**{name: GONE}))).decision is not Decision.GO


@pytest.mark.parametrize("name", ["service", "restarts", "targets", "alerts", "under_way", "trial"])
def test_one_missing_input_is_never_go(name: str) -> None:
    assert judge(evidence(**{name: GONE})).decision is not Decision.GO


@given(
    st.sets(st.sampled_from([f.name for f in fields(Counts)]), min_size=1), st.sampled_from(["slow", "fast", "both"])
)
def test_whatever_of_the_candidate_is_missing_is_never_go(names: set[str], window: str) -> None:
    gone = dict.fromkeys(names, GONE)
    complete = evidence()
    slow = {**complete.slow, Track.GREEN: counts(**gone)} if window != "fast" else complete.slow
    fast = {**complete.fast, Track.GREEN: few(**gone)} if window != "slow" else complete.fast
    assert judge(replace(complete, slow=slow, fast=fast)).decision is not Decision.GO


def test_with_everything_missing_the_verdict_waits_and_says_why() -> None:
    nothing = Counts(runs=GONE, failed=GONE, evaluations=GONE, violations=GONE, p95_seconds=GONE)
    verdict = judge(
        evidence(
            green=nothing,
            blue=nothing,
            green_fast=nothing,
            service=GONE,
            restarts=GONE,
            targets=GONE,
            alerts=GONE,
            trial=GONE,
        )
    )
    assert verdict.decision is Decision.WAIT
    assert "down" in verdict.sentence


def test_wait_does_not_say_that_nothing_fails_beside_a_failing_gate_that_does_not_decide() -> None:
    waiting, given_evidence = an_answer(Result.UNKNOWN), evidence()
    for aside, said in ((Result.FAIL, "No gate that decides fails"), (Result.PASS, "No gate fails")):
        answers = [an_answer(aside, required=False), waiting]
        assert _sentence(Decision.WAIT, answers, given_evidence, "2").startswith(f"{said}, but 1 gate needs an answer")


def test_wait_says_how_long_at_the_present_traffic() -> None:
    given_evidence: Evidence = evidence(
        green=counts(runs=10.0, failed=0.0, evaluations=3000.0), green_fast=few(runs=20.0, evaluations=450.0)
    )
    verdict = judge(given_evidence)
    assert verdict.decision is Decision.WAIT
    assert verdict.sentence == "No gate fails. 2 gates need more evidence: about 45 s at 0.444 runs a second."
    assert verdict.weakest is not None
    assert verdict.weakest.gate == "errors"


def test_no_go_names_the_gate_and_how_many_more_fail() -> None:
    verdict = judge(evidence(kill_switch=known(("global",)), restarts=known(1)))
    assert verdict.sentence == "Restarts on green: 1 container ended in the last 5 min. 1 more gate fails."


def test_after_a_switch_the_users_are_what_it_is_about() -> None:
    after = evidence(mode=Mode.AFTER, under_way=known("a switch by bob"))
    assert judge(after).sentence == "All 17 gates that decide pass: green 1.8.0 may keep the users."
    bad_events = judge(evidence(mode=Mode.AFTER, service=known(service(green={"ready": 0}))))
    assert bad_events.sentence.endswith("Roll back.")


def test_concern_sorts_fail_then_the_least_known_then_pass() -> None:
    nearly = replace(an_answer(Result.UNKNOWN), sample=29, needed=30, gate="nearly")
    nothing = replace(an_answer(Result.UNKNOWN), gate="nothing")
    order = by_concern([an_answer(Result.PASS), nearly, nothing, an_answer(Result.FAIL)])
    assert [answer.result for answer in order] == [Result.FAIL, Result.UNKNOWN, Result.UNKNOWN, Result.PASS]
    assert order[1] is nothing
