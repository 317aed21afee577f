"""A verdict can be computed again from its evidence alone, to the same bytes; what is no evidence is refused."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dashboard.decide import archive
from dashboard.decide.policy import Policy
from dashboard.decide.verdict import judge
from dashboard.model.reading import Source, empty, missing
from dashboard.model.verdict import Decision, Evidence, Mode
from tests.unit.release_evidence import NOW, alert, counts, evidence, known, service
from tests.unit.release_trial import trial

STATES: dict[str, tuple[Evidence, Decision]] = {
    "go": (evidence(), Decision.GO),
    "wait": (evidence(trial=known(trial(intervals=2))), Decision.WAIT),
    "no-go by evidence": (evidence(trial=known(trial(intervals=90, worse={"errors": 4.0}))), Decision.NO_GO),
    "no-go by an alert": (evidence(alerts=known((alert(track="green"),))), Decision.NO_GO),
    "a source is missing": (evidence(service=missing("down", source=Source.KUBERNETES)), Decision.WAIT),
    "nothing began": (evidence(trial=empty("nobody knows", source=Source.KUBERNETES, as_of=NOW)), Decision.WAIT),
    "after a switch": (evidence(mode=Mode.AFTER, service=known(service(blue={"ready": 1}))), Decision.NO_GO),
    "odd figures": (evidence(green=counts(failed=1 / 3, p95_seconds=0.1 + 0.2)), Decision.GO),
}


@pytest.mark.parametrize("state", STATES)
def test_a_replay_gives_the_same_verdict_to_the_byte(state: str) -> None:
    given, decision = STATES[state]
    policy = Policy(bake=timedelta(minutes=7), advisory=("denials_compared",), acceptable={"schema": ("*",)})
    verdict = judge(given, policy)
    assert verdict.decision is decision, verdict.sentence
    again = archive.read(archive.write(given, policy))
    assert (again.evidence, again.policy) == (given, policy)
    assert archive.as_json(again.judge()) == archive.as_json(verdict)


def test_the_same_evidence_is_the_same_text() -> None:
    given = evidence()
    assert archive.write(given, Policy()) == archive.write(
        archive.read(archive.write(given, Policy())).evidence, Policy()
    )


def test_the_evidence_of_a_day_stays_under_2_mb() -> None:
    day = evidence(trial=known(trial(intervals=8640, history=360, runs=250)))
    assert len(archive.write(day, Policy()).encode()) < 2_000_000


def test_an_hour_is_judged_within_50_ms_of_computing() -> None:
    hour = evidence(trial=known(trial(intervals=360, history=360, runs=250)))
    judge(hour)
    taken = []
    for _ in range(5):
        began = time.process_time()
        judge(hour)
        taken.append(time.process_time() - began)
    assert min(taken) < 0.05


def changed(change: Any) -> str:
    found = json.loads(archive.write(evidence(), Policy()))
    change(found)
    return json.dumps(found)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("[]", "format None", id="another document"),
        pytest.param("{", "Expecting", id="no JSON"),
        pytest.param(changed(lambda found: found.update(format=99)), "format 99", id="of another format"),
        pytest.param(changed(lambda found: found["evidence"].pop("alerts")), "alerts is missing", id="a part is gone"),
        pytest.param(changed(lambda found: found.update(extra=1)), "extra is unknown", id="a part too many"),
        pytest.param(changed(lambda found: found["policy"].update(alpha="much")), "policy.alpha", id="no number"),
        pytest.param(
            changed(lambda found: found["policy"].update(hold_evidence=500)), "hold_evidence", id="contradictory"
        ),
    ],
)
def test_what_is_no_evidence_is_refused_with_its_reason(text: str, says: str) -> None:
    with pytest.raises(archive.NotEvidenceError, match=says):
        archive.read(text)


def test_a_verdict_does_not_depend_on_the_order_in_which_a_policy_was_written() -> None:
    policy = Policy()
    turned = replace(policy, families=dict(reversed(list(policy.families.items()))))
    assert archive.as_json(judge(evidence(), turned)) == archive.as_json(judge(evidence(), policy))
