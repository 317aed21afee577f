"""What the release before did on the same track does not count against, or for, the new one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dashboard.decide.verdict import judge
from dashboard.model.release import Track
from dashboard.model.verdict import Decision, GateAnswer, Result
from tests.unit.release_evidence import NOW, counts, evidence, known
from tests.unit.release_trial import trial

BURNT = {"300": 0.004, "1800": 0.12, "3600": 0.10, "21600": 0.07}


def gate(name: str, minutes: float, **changes: Any) -> GateAnswer:
    found = judge(evidence(began=NOW - timedelta(minutes=minutes), **changes))
    return next(answer for answer in found.gates if answer.gate == name)


def burn(**shares: float) -> dict[str, Any]:
    return {
        "burn": known({"agent-success": {**BURNT, **{name.removeprefix("s"): value for name, value in shares.items()}}})
    }


def test_a_budget_that_the_release_before_has_burnt_is_not_held_against_the_new_one() -> None:
    answer = gate("slo", 10, **burn())
    assert answer.result is Result.PASS
    assert "over 6 h includes the release before on green" in answer.reason
    assert judge(evidence(began=NOW - timedelta(minutes=10), **burn())).decision is Decision.GO


@pytest.mark.parametrize(
    ("minutes", "shares", "result"),
    [
        (400, {}, Result.FAIL),  # all of it is its own
        (45, {}, Result.UNKNOWN),  # the short window is
        (10, {"s300": 0.2, "s3600": 0.2}, Result.UNKNOWN),
        (70, {"s300": 0.2, "s3600": 0.2}, Result.FAIL),
        (2, {"s300": 0.2, "s3600": 0.2}, Result.PASS),
    ],
)
def test_only_windows_that_began_after_the_release_did_can_fail_it(
    minutes: float, shares: dict[str, float], result: Result
) -> None:
    assert gate("slo", minutes, **burn(**shares)).result is result


@pytest.mark.parametrize("intervals", [3, 6, 12])
def test_what_runs_cost_is_that_of_this_release(intervals: int) -> None:
    # The release before cost as much as blue does, so the window of five minutes says 1.3 times.
    mixed = {"cost_usd": {Track.BLUE: known(12.0), Track.GREEN: known(15.6)}}
    dear = gate("cost", 3, trial=known(trial(intervals=intervals, runs=500, worse={"cost": 2.0})), **mixed)
    assert dear.result is not Result.PASS
    assert dear.value == pytest.approx(0.04, rel=0.05)
    uncounted = known(replace(trial(), cost=None))
    assert gate("cost", 3, trial=uncounted, **mixed).reason == "the last 5 min include the release before"
    assert gate("cost", 6, trial=uncounted, **mixed).result is Result.PASS


def test_a_young_release_is_held_to_its_limits_by_its_own_events() -> None:
    # The release before failed a tenth of its runs until a minute ago, and the window of five minutes holds them.
    before = counts(runs=3000.0, failed=300.0)
    young = gate("errors", 2, green=before, trial=known(trial(intervals=6)))
    assert young.result is Result.PASS
    assert young.reason.startswith("4 of 600 runs failed since 02:50:00 UTC")
    assert gate("errors", 10, green=before, trial=known(trial(intervals=6))).result is Result.UNKNOWN
    few = gate("errors", 2, trial=known(trial(intervals=2, runs=10)))
    assert few.result is Result.UNKNOWN
    assert few.reason == "fewer than 30 runs on green since 02:50:00 UTC, when counting began"
