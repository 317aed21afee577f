"""Runs count when they end: where they take minutes, quick failures must not stop a release, nor hanging runs pass."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dashboard.decide import latency
from dashboard.decide.policy import Policy
from dashboard.decide.runs_active import runs_active
from dashboard.decide.trial_tables import RUNS_ACTIVE
from dashboard.decide.verdict import judge
from dashboard.decide.weighing import weigh
from dashboard.model.trial import Trial
from dashboard.model.verdict import Decision, Mode, Result
from tests.unit import simulated_runs as simulated
from tests.unit.release_evidence import evidence, known
from tests.unit.release_trial import trial as short_runs
from tests.unit.simulated_runs import Kind


def is_stopped(trial: Trial, mode: Mode) -> bool:
    return weigh(trial, Policy(), mode).most >= 100


@pytest.mark.parametrize(
    ("per_second", "kind", "mode"),
    [
        (12.0, Kind(median=120.0, failing=0.01), Mode.BEFORE),
        (12.0, Kind(median=120.0, failing=0.01), Mode.AFTER),
        (25.0, Kind(median=300.0, failing=0.005), Mode.BEFORE),
        (5.0, Kind(median=45.0, failing=0.02), Mode.BEFORE),
    ],
)
def test_a_healthy_release_is_not_stopped_because_its_failures_are_quicker_than_its_runs(
    per_second: float, kind: Kind, mode: Mode
) -> None:
    def stopped(warm_up: float | None) -> int:
        return sum(
            is_stopped(
                simulated.trial(
                    seed, per_second=per_second, baseline=kind, candidate=kind, intervals=60, warm_up=warm_up
                ),
                mode,
            )
            for seed in range(3)
        )

    assert stopped(None) == 0
    if kind.median >= 300:
        assert stopped(60.0) >= 2, "the world is one in which a minute is too short"


def test_a_slower_release_does_not_pass_by_the_runs_that_ended_first() -> None:
    slow = Kind(median=120.0)
    for seed in range(4):
        found = simulated.trial(
            seed, per_second=12.0, baseline=Kind(median=60.0), candidate=slow, intervals=60, warm_up=None
        )
        latencies = [one for one in weigh(found, Policy(), Mode.BEFORE).metrics if one.metric.family == "latency"]
        assert latencies
        assert not all(one.is_proven for one in latencies)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.9])
@pytest.mark.parametrize("intervals", [6, 12, 24])
def test_a_release_that_hangs_a_part_of_its_runs_waits_for_their_end(share: float, intervals: int) -> None:
    hanging = Kind(median=2.0, failing=share, fails_after=300.0, is_time_out=True)
    found = simulated.trial(
        3, per_second=12.0, baseline=Kind(median=2.0, failing=0.004, fails_after=3.0), candidate=hanging,
        intervals=intervals,
    )  # fmt: skip
    answer = runs_active(evidence(trial=known(found)), Policy())
    assert answer.result is Result.UNKNOWN
    assert "how the others end is not known yet" in answer.reason
    usual = short_runs(intervals=60)
    assert judge(evidence(trial=known(usual))).decision is not Decision.WAIT
    # All else alike, only the runs under way hold it.
    more = replace(usual.active, candidate=tuple(20 * rows for rows in usual.active.candidate))  # type: ignore[type-var, union-attr]
    held = judge(evidence(trial=known(replace(usual, active=more))))
    assert (held.decision, [gate.gate for gate in held.open]) == (Decision.WAIT, [RUNS_ACTIVE])


@pytest.mark.parametrize("per_second", [0.5, 5.0, 50.0])
@pytest.mark.parametrize("median", [2.0, 60.0])
def test_a_healthy_release_has_no_more_runs_under_way_than_usual(per_second: float, median: float) -> None:
    kind = Kind(median=median, failing=0.01)
    for seed in range(4):
        found = simulated.trial(seed, per_second=per_second, baseline=kind, candidate=kind, intervals=40)
        answer = runs_active(evidence(trial=known(found)), Policy())
        assert answer.result is Result.PASS, answer.reason


def test_what_cannot_tell_the_runs_under_way_is_said() -> None:
    def answer(**changes: Any) -> tuple[Result, str, Decision, bool]:
        verdict = judge(evidence(trial=known(replace(short_runs(), **changes))))
        gate = next(gate for gate in verdict.gates if gate.gate == RUNS_ACTIVE)
        return gate.result, gate.reason, verdict.decision, "Runs under way" in verdict.sentence

    reason = "agentgov_agent_runs_active was never measured"
    never = answer(active=None, unmeasured={RUNS_ACTIVE: reason})
    assert never == (Result.UNKNOWN, f"not measured here: {reason}", Decision.GO, True)
    silent = answer(active=None)
    assert silent[:3] == (Result.UNKNOWN, "green or blue reports no runs under way", Decision.WAIT)


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        ({1.0: 99.0, 2.0: 100.0, math.inf: 100.0}, 1.0),
        ({1.0: 50.0, 2.0: 100.0, math.inf: 100.0}, 1.98),
        ({math.inf: 100.0}, None),
        ({1.0: 0.0, math.inf: 0.0}, None),
    ],
)
def test_a_quantile_lies_between_its_bounds(within: dict[float, float], expected: float | None) -> None:
    assert latency.quantile(within, 0.99) == (None if expected is None else pytest.approx(expected))


def test_a_quantile_beyond_the_last_bound_follows_the_fall_before_it() -> None:
    # A tenth as many are slower than ten times as long.
    assert latency.quantile({1.0: 0.0, 10.0: 900.0, math.inf: 1000.0}, 0.99) == pytest.approx(100.0)
    takes = np.random.default_rng(1).lognormal(math.log(60.0), 0.5, 100_000)
    told = {bound: float((takes <= bound).sum()) for bound in (30.0, 60.0, 120.0)} | {math.inf: 100_000.0}
    assert 150 < (latency.quantile(told, 0.99) or 0) < 300
