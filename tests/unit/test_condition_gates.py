"""The gates beside the comparison: what fails them, what passes, what leaves them open, and which of them decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dashboard.decide.policy import Freeze, Limits, Policy
from dashboard.decide.verdict import judge
from dashboard.model.conditions import Declared, ErrorLines, ErrorPattern, Schema
from dashboard.model.reading import Source, missing
from dashboard.model.release import Track
from dashboard.model.verdict import Decision, GateAnswer, Mode, Result
from tests.unit.release_evidence import NOW, counts, evidence, few, known
from tests.unit.release_trial import trial

GONE = missing("connection refused", source=Source.PROMETHEUS)
few_runs = {"green": counts(runs=20.0), "trial": known(trial(intervals=1, runs=20))}
BOTH_READ_5 = dict.fromkeys(Track, Schema(writes=5, reads_from=4, reads_to=5))

WHOLE = {"agent-success": {"300": 0.0, "1800": 0.0, "3600": 0.0, "21600": 0.0}}


def declared(**changes: Any) -> Any:
    return known(Declared(**{"freeze": "", "backup_verified_at": None, "schemas": {}, **changes}), Source.KUBERNETES)


# Cost that is not counted since the beginning.
UNCOUNTED = known(replace(trial(), cost=None))


def lines(*found: tuple[str, int, int], is_whole: bool = True, **more: Any) -> Any:
    patterns = tuple(ErrorPattern(template=name, candidate=ours, other=theirs) for name, ours, theirs in found)
    return known(ErrorLines(patterns=patterns, is_whole=is_whole, **more), Source.ELASTICSEARCH)


def burn(short: float, long: float) -> Any:
    return known({"agent-success": {"300": short, "1800": short, "3600": long, "21600": long}})


def costs(blue: float, green: float) -> dict[str, Any]:
    return {"cost_usd": {Track.BLUE: known(blue), Track.GREEN: known(green)}}


def answer(gate: str, limits: Limits | None = None, **changes: Any) -> GateAnswer:
    found = judge(evidence(**changes), Policy(limits=limits or Limits()))
    return next(each for each in found.gates if each.gate == gate)


@pytest.mark.parametrize(
    ("gate", "changes", "result", "says"),
    [
        pytest.param("slo", {}, Result.PASS, "no budget", id="budgets last"),
        pytest.param("slo", {"burn": burn(0.3, 0.2)}, Result.FAIL, "agent-success burns", id="burning"),
        pytest.param("slo", {"burn": burn(0.0, 0.2)}, Result.PASS, "no budget", id="burnt and over"),
        pytest.param("slo", {"burn": burn(0.3, 0.01)}, Result.PASS, "no budget", id="just a moment"),
        pytest.param("slo", {"burn": burn(0.09, 0.09)}, Result.FAIL, "9 times too fast, over 6 h", id="slowly burning"),
        pytest.param("slo", {"burn": burn(0.3, 0.2), **few_runs}, Result.UNKNOWN, "chance", id="burning by few runs"),
        pytest.param("slo", {"burn": known({})}, Result.UNKNOWN, "recorded", id="no rules"),
        pytest.param("slo", {"burn": burn(-1e-6, -1e-6)}, Result.PASS, "no budget", id="a hair below nothing"),
        pytest.param("slo", {"burn": burn(1.000001, 1.000001)}, Result.FAIL, "burns", id="a hair above all"),
        pytest.param("slo", {"burn": burn(float("nan"), 0.0)}, Result.UNKNOWN, "agent-success", id="no number"),
        pytest.param(
            "slo",
            {"burn": known({**WHOLE, "contracts": {"300": 0.0, "3600": None}})},
            Result.UNKNOWN,
            "the burn rate of contracts",
            id="one of two objectives is half recorded",
        ),
        pytest.param(
            "slo", {"burn": known({**WHOLE, "a": {}})}, Result.UNKNOWN, "the burn rate of a ", id="one is not at all"
        ),
        pytest.param(
            "slo",
            {"burn": known({"a": {}, "agent-success": dict.fromkeys(WHOLE["agent-success"], 0.3)})},
            Result.FAIL,
            "agent-success burns",
            id="one burns and another is not recorded",
        ),
        pytest.param(
            "slo",
            {"burn": known({"agent-success": {"300": 0.0, "3600": 0.0}})},
            Result.UNKNOWN,
            "every window",
            id="only the short windows are recorded",
        ),
        pytest.param("slo", {"burn": GONE}, Result.UNKNOWN, "connection refused", id="nobody answers for budgets"),
        pytest.param("kill_switch", {}, Result.PASS, "not engaged", id="agents may run"),
        pytest.param(
            "kill_switch", {"kill_switch": known(("global",))}, Result.FAIL, "global", id="agents are stopped"
        ),
        pytest.param("kill_switch", {"kill_switch": GONE}, Result.UNKNOWN, "refused", id="nobody knows the switch"),
        pytest.param("cost", {}, Result.PASS, "times as much", id="as dear"),
        pytest.param(
            "cost",
            {**costs(12.0, 24.0), "trial": UNCOUNTED},
            Result.UNKNOWN,
            "2 times",
            id="twice as dear lately, and not counted",
        ),
        pytest.param(
            "cost",
            {**costs(12.0, 12.0), "trial": known(trial(intervals=3, worse={"cost": 2.0}))},
            Result.UNKNOWN,
            "1.89 times",
            id="twice as dear for half a minute, after a release that was not",
        ),
        pytest.param(
            "cost",
            {**costs(12.0, 24.0), "trial": known(trial(worse={"cost": 2.0}))},
            Result.FAIL,
            "more than chance explains",
            id="twice as dear since the beginning",
        ),
        pytest.param(
            "cost", {"cost_usd": {Track.BLUE: known(1.0), Track.GREEN: GONE}}, Result.UNKNOWN, "", id="no cost"
        ),
        pytest.param(
            "cost",
            {**costs(0.0, 1.0), "trial": UNCOUNTED},
            Result.UNKNOWN,
            "cost nothing",
            id="the other track costs nothing",
        ),
        pytest.param("patterns", {}, Result.PASS, "no error line", id="no errors at all"),
        pytest.param("patterns", {"error_lines": lines(("timeout", 9, 4))}, Result.PASS, "9 error", id="known errors"),
        pytest.param("patterns", {"error_lines": lines(("oops", 4, 0))}, Result.PASS, "4 error", id="too few to tell"),
        pytest.param(
            "patterns",
            {"error_lines": lines(*((f"oops {kind}", 4, 0) for kind in "abcdefghij"))},
            Result.UNKNOWN,
            "40 are of 10 kinds not seen on blue, too few of each",
            id="many new kinds with few lines of each",
        ),
        pytest.param(
            "patterns",
            {"error_lines": lines(("timeout", 90, 4), *((kind, 1, 0) for kind in "abcdefghij"))},
            Result.PASS,
            "100 error lines: 10 are of 10 kinds not seen",
            id="a tail of rare kinds",
        ),
        pytest.param(
            "patterns",
            {"error_lines": lines(("oops", 2, 0), is_candidate_whole=False)},
            Result.UNKNOWN,
            "2 are of 1 kind not seen on blue",
            id="few of a new kind among those that were read",
        ),
        pytest.param(
            "patterns",
            {"error_lines": lines(("oops", 9, 0), ("ouch", 8, 0))},
            Result.FAIL,
            "9 times “oops” and 1 more kinds, never on blue",
            id="new errors",
        ),
        pytest.param(
            "patterns",
            {"error_lines": lines(("oops", 9, 0), is_whole=False)},
            Result.UNKNOWN,
            "may not be new",
            id="new by what was read",
        ),
        pytest.param("patterns", {"error_lines": GONE}, Result.UNKNOWN, "refused", id="no log"),
        pytest.param(
            "patterns", {"error_lines": lines(without_text=40)}, Result.UNKNOWN, "40 of 40", id="lines without a text"
        ),
        pytest.param(
            "patterns",
            {"error_lines": lines(("timeout", 9, 4), is_candidate_whole=False)},
            Result.UNKNOWN,
            "only the newest 9",
            id="not all of its own lines were read",
        ),
        pytest.param(
            "patterns",
            {"error_lines": lines(("oops", 9, 0), is_candidate_whole=False)},
            Result.FAIL,
            "9 times",
            id="a new kind among those that were read",
        ),
        pytest.param("freeze", {}, Result.PASS, "no freeze", id="no freeze"),
        pytest.param(
            "freeze", {"declared": declared(freeze="audit")}, Result.FAIL, "audit", id="frozen on the Service"
        ),
        pytest.param("freeze", {"declared": GONE}, Result.UNKNOWN, "refused", id="cluster away"),
        pytest.param("schema", {}, Result.UNKNOWN, "green does not declare", id="schemas undeclared"),
        pytest.param("schema", {"declared": declared(schemas=BOTH_READ_5)}, Result.PASS, "both read 5", id="same data"),
        pytest.param(
            "schema",
            {"declared": declared(schemas={**BOTH_READ_5, Track.GREEN: Schema(writes=6, reads_from=5, reads_to=6)})},
            Result.FAIL,
            "blue could not read the 6",
            id="no way back",
        ),
        pytest.param(
            "schema",
            {"declared": declared(schemas={**BOTH_READ_5, Track.GREEN: Schema(writes=6, reads_from=6, reads_to=6)})},
            Result.FAIL,
            "not the 5 in use",
            id="no way forward",
        ),
        pytest.param("backup", {}, Result.UNKNOWN, "no verified backup", id="no backup"),
        pytest.param(
            "backup",
            {"declared": declared(backup_verified_at=NOW - timedelta(hours=3))},
            Result.PASS,
            "3 h ago",
            id="a backup of today",
        ),
        pytest.param(
            "backup",
            {"declared": declared(backup_verified_at=NOW + timedelta(hours=3))},
            Result.UNKNOWN,
            "3 h in the future",
            id="a backup of a later day",
        ),
        pytest.param(
            "backup",
            {"declared": declared(backup_verified_at=NOW + timedelta(seconds=2))},
            Result.PASS,
            "last verified 0 s ago",
            id="a backup by a clock that is a little fast",
        ),
        pytest.param(
            "backup",
            {"declared": declared(backup_verified_at=NOW - timedelta(hours=30))},
            Result.FAIL,
            "1 d 6 h ago, the limit is 1 d",
            id="a backup of yesterday",
        ),
    ],
)
def test_each_gate_answers(gate: str, changes: dict[str, Any], result: Result, says: str) -> None:
    found = answer(gate, **changes)
    assert (found.gate, found.result) == (gate, result), found.reason
    assert says in found.reason


def test_a_window_of_a_freeze_holds_until_its_end() -> None:
    def at(begins: int, ends: int) -> GateAnswer:
        window = Freeze(begins=NOW + timedelta(hours=begins), ends=NOW + timedelta(hours=ends), reason="the year's end")
        return answer("freeze", Limits(freezes=(window,)))

    assert at(-1, 1).result is Result.FAIL
    assert "until 2026-03-01 04:00 UTC: the year's end" in at(-1, 1).reason
    assert (at(-2, 0).result, at(1, 2).result) == (Result.PASS, Result.PASS)


def test_a_dear_release_with_few_runs_is_open_and_a_cheap_one_says_how_long_it_takes() -> None:
    dear = answer("cost", green=counts(runs=100.0), **costs(12.0, 4.0), trial=UNCOUNTED)
    assert (dear.result, "chance" in dear.reason) == (Result.UNKNOWN, True)
    new = answer("cost", green=counts(runs=20.0), green_fast=few(runs=20.0), trial=UNCOUNTED)
    assert new.seconds_left == pytest.approx(22.5)
    assert answer("cost", green=counts(runs=20.0), green_fast=few(runs=9.0), trial=UNCOUNTED).seconds_left is None


def test_what_has_to_be_declared_decides_only_where_it_is_asked_for() -> None:
    undeclared = evidence(error_lines=lines(("oops", 9, 0)))
    assert judge(undeclared).decision is Decision.GO
    assert judge(undeclared, Policy(required=("schema",))).decision is Decision.WAIT
    assert judge(undeclared, Policy(required=("patterns",))).decision is Decision.NO_GO
    assert judge(evidence(kill_switch=GONE)).decision is Decision.WAIT
    assert judge(evidence(kill_switch=GONE), Policy(advisory=("kill_switch",))).decision is Decision.GO


@pytest.mark.parametrize("found", [(), (("oops", 9, 0),), (("timeout", 9, 4),)])
def test_the_gate_of_error_lines_says_that_it_is_a_count_and_no_statistical_test(found: Any) -> None:
    answer = next(gate for gate in judge(evidence(error_lines=lines(*found))).gates if gate.gate == "patterns")
    assert "not a statistical test" in answer.detail


def test_what_is_unknown_may_be_accepted_by_whom_the_policy_names_but_harm_by_nobody() -> None:
    policy = Policy(acceptable={"kill_switch": ("alice",), "schema": ("*",)}, required=("schema",))
    waits = judge(evidence(kill_switch=GONE), policy)
    assert {gate.gate for gate in waits.acceptable_to("alice")} == {"kill_switch", "schema"}
    assert waits.acceptable_to("bob") == ()
    harmful = judge(evidence(kill_switch=known(("global",))), policy)
    assert (harmful.decision, harmful.acceptable_to("alice")) == (Decision.NO_GO, ())


def test_after_a_switch_nobody_asks_for_a_freeze_and_burning_still_fails() -> None:
    frozen = evidence(mode=Mode.AFTER, declared=declared(freeze="audit"), burn=burn(0.3, 0.2))
    failing = {gate.gate for gate in judge(frozen).gates if gate.result is Result.FAIL}
    assert failing == {"slo"}
