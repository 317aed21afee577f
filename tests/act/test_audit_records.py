"""What an action leaves in the audit: every outcome, in a shape that the log store takes, of its own environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dashboard.act.audit import AuditFile
from dashboard.act.desk import Desk
from dashboard.model.action import ActionId, ActionKind, Actor, Outcome
from dashboard.model.audit import AuditStatus
from dashboard.model.reason import LONGEST_REASON
from dashboard.model.verdict import Decision, GateAnswer, Result
from tests.act.fakes import NAMESPACE, blue_green
from tests.act.test_actions import Stage, a_rollback, a_switch

SERVICE = "agent-runtime"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def desk_of(stage: Stage, environment: str) -> Desk:
    audit = AuditFile(stage.audit.path.with_name(f"{environment}.jsonl"), environment)
    return Desk(cluster=stage.cluster, audit=audit, judge=stage.judge, now=stage.clock.now, wait=stage.clock.wait)


def values(node: Any) -> list[Any]:
    """All leaves of a record."""
    if isinstance(node, dict):
        return [leaf for item in node.values() for leaf in values(item)]
    if isinstance(node, list):
        return [leaf for item in node for leaf in values(item)]
    return [node]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        pytest.param(a_switch(typed_version="9"), "9 was typed", id="a wrong version"),
        pytest.param(a_switch(service="nobody"), "nobody", id="no such service"),
        pytest.param(a_rollback(), "users are on blue", id="a rollback from a track that does not serve"),
    ],
)
def test_a_refusal_before_anything_was_written_is_on_record_with_its_reason(
    stage: Stage, request_: Any, said: str
) -> None:
    state = stage.run(request_)
    (record,) = stage.audit.records()
    assert state.outcome is Outcome.REFUSED
    assert said in record["message"]
    assert (record["agentgov"]["audit"]["phase"], record["agentgov"]["audit"]["outcome"]) == ("finished", "refused")
    assert (record["event"]["outcome"], record["event"]["type"]) == ("failure", ["denied", "end"])
    assert record["user"]["name"] == "alice"


def test_a_switch_that_the_verdict_refuses_is_on_record_with_the_verdict(stage: Stage) -> None:
    stage.decision = Decision.NO_GO
    stage.run(a_switch())
    (record,) = stage.audit.records()
    assert record["agentgov"]["audit"]["verdict"]["decision"] == "NO-GO"


def test_a_second_switch_at_the_same_time_is_refused_on_record(stage: Stage) -> None:
    def second(verb: str, kind: str, name: str) -> None:
        if kind == "services":
            stage.cluster.before_write = lambda verb, kind, name: None
            other = stage.run(a_switch(actor=Actor(name="bob", origin="test")))
            assert other.outcome is Outcome.REFUSED

    stage.cluster.before_write = second
    stage.run(a_switch())
    by_bob = [record for record in stage.audit.records() if record["user"]["name"] == "bob"]
    assert by_bob[-1]["agentgov"]["audit"]["outcome"] == "refused"
    assert "alice" in by_bob[-1]["message"]


@pytest.mark.parametrize(
    "reason",
    [
        pytest.param("why", id="too short"),
        pytest.param("why" + "\u200b" * 20, id="zero-width characters do not count"),
        pytest.param("why" + "\u2800" * 20, id="blank cells do not count"),
        pytest.param(" " * 20, id="blanks"),
        pytest.param("x" * (LONGEST_REASON + 1), id="too long"),
    ],
)
def test_going_against_the_verdict_needs_a_reason_that_can_be_read(stage: Stage, reason: str) -> None:
    stage.decision = Decision.NO_GO
    state = stage.run(a_switch(break_glass=reason))
    assert state.outcome is Outcome.REFUSED
    assert "needs a reason of" in state.sentence
    assert stage.cluster.changed() == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param(
            {"break_glass": "x" * 1_000_000}, "a reason of at most 500 characters", id="a reason of a megabyte"
        ),
        pytest.param({"typed_version": "1" * 1_000_000}, "version has at most 128 characters", id="a version of one"),
        pytest.param({"reason": "x" * 1_000_000, "kind": ActionKind.ROLLBACK}, "from the list", id="another reason"),
        pytest.param(
            {"actor": Actor(name="\u200b\u2060 \u200d", origin="x")}, "nobody says who acts", id="no name to see"
        ),
        pytest.param({"actor": Actor(name=" \t", origin="x")}, "nobody says who acts", id="a name of blanks"),
    ],
)
@pytest.mark.parametrize("decision", [Decision.GO, Decision.NO_GO])
def test_text_that_no_field_of_a_page_takes_is_refused_and_carried_no_further(
    stage: Stage, changes: dict[str, Any], says: str, decision: Decision
) -> None:
    stage.decision = decision
    request = a_switch(**changes)
    state = stage.run(request)
    assert state.outcome is Outcome.REFUSED
    assert says in state.sentence
    assert stage.cluster.writes == []
    assert len(str(state)) < 10_000  # every viewer is shown it
    assert stage.audit.path.stat().st_size < 10_000


@pytest.mark.parametrize("kind", [ActionKind.FINISH, ActionKind.CLEAR])
def test_an_unfinished_action_is_ended_by_nobody_without_a_name(stage: Stage, kind: ActionKind) -> None:
    state = stage.run(a_switch(kind=kind, actor=Actor(name="\u200b", origin="x"), unfinished=ActionId("left")))
    assert (state.outcome, "nobody says who acts" in state.sentence) == (Outcome.REFUSED, True)


def test_text_of_people_is_one_line_without_what_cannot_be_seen(stage: Stage) -> None:
    stage.decision = Decision.NO_GO
    state = stage.run(
        a_switch(
            break_glass="blue loses\u2028data\u202e,\ud800 green does\u200b not",
            actor=Actor(name="a\nb\ud800", origin="x"),
        )
    )
    assert state.outcome is Outcome.SUCCEEDED
    for record in stage.audit.records():
        assert record["event"]["reason"] == "blue loses data,\ufffd green does not"
        assert record["user"]["name"] == "a b\ufffd"


def test_gates_that_have_no_limit_leave_no_null_in_a_record(stage: Stage) -> None:
    gates = (
        GateAnswer(gate="inputs", title="Inputs", result=Result.PASS, reason="fresh"),
        GateAnswer(gate="errors", title="Errors", result=Result.PASS, reason="few", value=0.01, limit=0.02, sample=900),
        GateAnswer(gate="latency", title="Latency", result=Result.UNKNOWN, reason="odd", value=float("inf"), limit=3.0),
    )

    def judge(*asked: Any) -> Any:
        verdict = stage.judge(*asked)
        return type(verdict)(**{name: getattr(verdict, name) for name in verdict.__slots__} | {"gates": gates})

    stage.run(a_switch(), judge=judge)
    records = list(stage.audit.records())
    assert all(leaf is not None and leaf == leaf and leaf not in (float("inf"),) for leaf in values(records))
    written = records[-1]["agentgov"]["audit"]["verdict"]["gates"]
    assert [gate.get("limit") for gate in written] == [None, 0.02, 3.0]


def test_each_record_names_its_environment_and_namespace(stage: Stage) -> None:
    desk = desk_of(stage, "staging")
    desk.wait(desk.submit(a_switch()), 30)
    records = list(AuditFile(stage.audit.path.with_name("staging.jsonl")).records())
    assert {record["service"]["environment"] for record in records} == {"staging"}
    assert {record["kubernetes"]["namespace"] for record in records} == {NAMESPACE}


def test_what_one_environment_did_is_no_history_of_another(stage: Stage) -> None:
    staging, production = desk_of(stage, "staging"), desk_of(stage, "production")
    staging.wait(staging.submit(a_switch()), 30)
    assert len(staging.history(NAMESPACE, SERVICE)) == 1
    assert staging.history("other", SERVICE) == ()
    assert production.history(NAMESPACE, SERVICE) == ()
    assert production.current(NAMESPACE, SERVICE) is None


def test_a_refused_action_is_in_the_history(tmp_path: Path) -> None:
    stage = Stage(tmp_path, blue_green())
    desk = desk_of(stage, "local")
    desk.wait(desk.submit(a_switch(typed_version="9")), 30)
    (entry,) = desk.history(NAMESPACE, SERVICE)
    assert entry.outcome is Outcome.REFUSED


def test_the_desk_says_when_its_audit_can_be_neither_read_nor_written(stage: Stage) -> None:
    desk = desk_of(stage, "local")
    assert desk.audit_status() == AuditStatus(file=str(stage.audit.path.with_name("local.jsonl")))
    stage.audit.path.with_name("local.jsonl").mkdir()
    status = desk.audit_status()
    assert (status.unreadable, status.unwritable) == ("Is a directory", "Is a directory")
    assert desk.history(NAMESPACE, SERVICE) == ()


def test_a_request_that_comes_while_the_process_ends_is_refused_on_record(stage: Stage) -> None:
    desk = desk_of(stage, "local")
    desk.drain(0)
    desk.submit(a_switch())
    (entry,) = desk.history(NAMESPACE, SERVICE)
    assert entry.outcome is Outcome.REFUSED
    assert "being stopped" in entry.sentence
