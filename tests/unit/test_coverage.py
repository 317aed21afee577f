"""What nothing here measures does not hold a release, is listed by a GO, and never passes for measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.policy import Policy
from dashboard.decide.verdict import judge
from dashboard.model.reading import Reading, Source, empty, missing, unmeasured
from dashboard.model.release import Track
from dashboard.model.verdict import Decision, Evidence, Result
from tests.unit.release_evidence import NOW, evidence

NEVER: Reading[Any] = unmeasured("no metric x_total in the last 14 days", source=Source.PROMETHEUS)
GONE: Reading[Any] = empty("no such series", source=Source.PROMETHEUS, as_of=NOW)
DEAD: Reading[Any] = missing("connection refused", source=Source.PROMETHEUS)
RANK = [Decision.NO_GO, Decision.WAIT, Decision.GO]
# What an emitter may lack, and the gates that are then left out.
LACKING = {
    "contracts": {"violations", "violations_compared"},
    "kill_switch": {"kill_switch"},
    "burn": {"slo"},
    "cost_usd": {"cost"},
    "tools": {"tools_compared"},
}


def without(given_evidence: Evidence, what: str, reading: Reading[Any]) -> Evidence:
    """The evidence where one kind of data is `reading`."""
    if what == "contracts":
        windows = {
            name: {
                track: replace(counts, evaluations=reading, violations=reading)
                for track, counts in getattr(given_evidence, name).items()
            }
            for name in ("fast", "slow")
        }
        changed = replace(given_evidence, **windows)
        return _of_trial(changed, "violations", reading)
    if what == "tools":
        return _of_trial(given_evidence, "tools", reading)
    if what == "cost_usd":
        return replace(given_evidence, cost_usd=dict.fromkeys(Track, reading))
    return replace(given_evidence, **{what: reading})


def _of_trial(changed: Evidence, family: str, reading: Reading[Any]) -> Evidence:
    trial = changed.trial.value
    assert trial is not None
    problems = {**trial.problems, family: reading.reason}
    never = {**trial.unmeasured, family: reading.reason} if reading is NEVER else trial.unmeasured
    bad = {name: rows for name, rows in trial.bad_events.items() if name != family}
    found = replace(trial, problems=problems, unmeasured=never, bad_events=bad)
    return replace(changed, trial=replace(changed.trial, value=found))


@pytest.mark.parametrize("what", LACKING)
def test_what_was_never_measured_is_left_out_and_listed(what: str) -> None:
    verdict = judge(without(evidence(), what, NEVER))

    assert verdict.decision is Decision.GO
    assert LACKING[what] <= {gate.gate for gate in verdict.uncovered}
    assert "Not covered, because nothing here measures it" in verdict.sentence
    assert all(gate.result is Result.UNKNOWN and "x_total" in gate.reason for gate in verdict.uncovered)


@pytest.mark.parametrize("what", LACKING)
@pytest.mark.parametrize("reading", [GONE, DEAD], ids=["existed once and is gone", "not answered"])
def test_what_existed_once_holds_the_release(what: str, reading: Reading[Any]) -> None:
    verdict = judge(without(evidence(), what, reading))

    assert verdict.decision is Decision.WAIT
    assert not LACKING[what] & {gate.gate for gate in verdict.uncovered}


def test_a_gate_that_the_settings_require_counts_in_any_case() -> None:
    verdict = judge(without(evidence(), "kill_switch", NEVER), Policy(required=("kill_switch",)))

    assert verdict.decision is Decision.WAIT
    assert not verdict.uncovered


def test_without_any_count_of_runs_nothing_is_go() -> None:
    known = evidence()
    windows = {
        name: {
            track: replace(counts, runs=NEVER, failed=NEVER, p95_seconds=NEVER)
            for track, counts in getattr(known, name).items()
        }
        for name in ("fast", "slow")
    }
    assert judge(replace(known, **windows)).decision is Decision.WAIT


def test_metrics_that_are_pushed_do_not_wait_for_a_scrape() -> None:
    assert judge(evidence(targets=NEVER)).decision is Decision.GO


@given(st.sets(st.sampled_from(sorted(LACKING))), st.sampled_from(sorted(LACKING)), st.sampled_from([GONE, DEAD]))
def test_losing_what_was_there_never_helps(never: set[str], lost: str, reading: Reading[Any]) -> None:
    known = evidence()
    for what in never - {lost}:
        known = without(known, what, NEVER)
    before, after = judge(known), judge(without(known, lost, reading))

    assert RANK.index(after.decision) <= RANK.index(before.decision)
