"""Each gate alone: what fails it, what leaves it open, and what it says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dashboard.decide import gates
from dashboard.decide.policy import Limits
from dashboard.model.reading import Reading, Source, State, empty, missing
from dashboard.model.verdict import Evidence, GateAnswer, Mode, Result
from tests.unit.release_evidence import NOW, alert, counts, evidence, known, service

FAIL, UNKNOWN, PASS = Result.FAIL, Result.UNKNOWN, Result.PASS
GONE: Reading[Any] = missing("prometheus: no answer within 2 s", source=Source.PROMETHEUS)
NO_TRAFFIC: Reading[Any] = empty("no traffic on green", source=Source.PROMETHEUS, as_of=NOW)


def ask(gate: gates.Gate, given: Evidence) -> GateAnswer:
    return gate(given, Limits())


@pytest.mark.parametrize("gate", gates.BEFORE, ids=lambda gate: gate.__name__)
def test_a_healthy_release_passes_every_gate(gate: gates.Gate) -> None:
    answer = ask(gate, evidence())
    assert answer.result is PASS, answer.reason
    assert answer.reason


@pytest.mark.parametrize(
    ("tracks", "result"),
    [
        pytest.param({"green": {"ready": 0}}, FAIL, id="none is ready"),
        pytest.param({"green": {"ready": 1}}, FAIL, id="too few to carry all users"),
        pytest.param({"green": {"desired": 1, "ready": 1}}, FAIL, id="as many as wanted but fewer than blue has"),
        pytest.param({"green": {"ready": 3}}, PASS, id="more than needed"),
        pytest.param({"blue": {"desired": 0, "ready": 0}, "green": {"ready": 0}}, FAIL, id="nothing is never enough"),
    ],
)
def test_capacity(tracks: dict[str, Any], result: Result) -> None:
    assert ask(gates.capacity, evidence(service=known(service(**tracks)))).result is result


def test_a_container_that_ended_lately_fails() -> None:
    answer = ask(gates.restarts, evidence(restarts=known(1)))
    assert answer.result is FAIL
    assert answer.reason == "1 container ended in the last 5 min"


@pytest.mark.parametrize(
    ("labels", "result"),
    [
        pytest.param({"track": "green"}, FAIL, id="on the candidate"),
        pytest.param({"track": "blue"}, PASS, id="on the other track"),
        pytest.param({}, FAIL, id="on the service without a track"),
        pytest.param({"track": "green", "severity": "warning"}, PASS, id="a warning"),
        pytest.param({"service_name": "", "pod": "agent-runtime-green-7d-x"}, FAIL, id="on a pod of the candidate"),
        pytest.param({"service_name": "", "pod": "gateway-7d-x"}, PASS, id="on another pod"),
        pytest.param({"namespace": "other", "track": "green"}, PASS, id="in another namespace"),
    ],
)
def test_alerts(labels: dict[str, str], result: Result) -> None:
    assert ask(gates.alerts, evidence(alerts=known((alert(**labels),)))).result is result


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"alerts": missing("down", source=Source.ALERTMANAGER)}, id="alertmanager is down"),
        pytest.param({"green": counts(runs=GONE)}, id="prometheus is down"),
        pytest.param({"targets": known(1.0)}, id="one pod is not scraped"),
        pytest.param({"at": NOW + timedelta(seconds=61)}, id="everything is a minute old"),
        pytest.param({"at": NOW - timedelta(minutes=5)}, id="clocks are five minutes apart"),
        pytest.param({"trial": GONE}, id="the counts since the beginning are missing"),
        pytest.param(
            {
                "alerts": Reading(
                    value=(), source=Source.ALERTMANAGER, state=State.STALE, as_of=NOW, reason="does not answer"
                )
            },
            id="the last known answer",
        ),
    ],
)
def test_inputs_that_are_not_known_now_are_unknown(given: dict[str, Any]) -> None:
    assert ask(gates.inputs, evidence(**given)).result is UNKNOWN


def test_a_cold_way_back_fails() -> None:
    assert ask(gates.way_back, evidence(service=known(service(blue={"ready": 1})))).result is FAIL


def test_before_a_switch_the_way_back_needs_the_strength_that_carries_users_now() -> None:
    given = evidence(service=known(service(blue={"desired": 2, "ready": 2}, green={"desired": 5, "ready": 5})))
    answer = ask(gates.way_back, given)
    assert (answer.result, answer.limit) == (PASS, 2)


@pytest.mark.parametrize(("ready", "result"), [(1, FAIL), (4, FAIL), (5, PASS), (6, PASS)])
def test_after_a_switch_the_way_back_needs_the_strength_that_users_have_now(ready: int, result: Result) -> None:
    tracks = service(blue={"desired": 1, "ready": ready}, green={"desired": 5, "ready": 5})
    answer = ask(gates.way_back, evidence(mode=Mode.AFTER, service=known(tracks)))
    assert (answer.result, answer.limit) == (result, 5)


def test_an_action_under_way_waits() -> None:
    answer = ask(gates.quiet, evidence(under_way=known("a switch by bob")))
    assert (answer.result, answer.reason) == (UNKNOWN, "a switch by bob")


def test_after_a_switch_the_candidate_needs_its_own_strength() -> None:
    given = evidence(mode=Mode.AFTER, service=known(service(blue={"desired": 9}, green={"ready": 2})))
    assert ask(gates.capacity, given).result is PASS
