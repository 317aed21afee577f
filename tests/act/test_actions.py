"""Guarded actions against a recording cluster: what is written in which order, and what is not written at all.

Not covered here: the crash of the process between two steps, and a real API server.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Rejected, TimedOut
from dashboard.act.audit import AuditFile
from dashboard.act.desk import Desk
from dashboard.act.executor import Executor
from dashboard.act.plan import plan, undo_plan
from dashboard.act.run import Judge, Run
from dashboard.model.action import ActionId, ActionKind, ActionRequest, ActionState, Actor, Outcome, StepState
from dashboard.model.blue_green import OURS
from dashboard.model.release import Track
from dashboard.model.verdict import Decision, GateAnswer, Result
from tests.act.fakes import NAMESPACE, Clock, FakeCluster, a_verdict, blue_green

ALICE = Actor(name="alice", origin="test")
BOB = Actor(name="bob", origin="test")


def a_switch(**changes: Any) -> ActionRequest:
    """Alice switches from blue to green 1.8.0."""
    given: dict[str, Any] = {
        "kind": ActionKind.SWITCH,
        "namespace": NAMESPACE,
        "service": "agent-runtime",
        "source": Track.BLUE,
        "target": Track.GREEN,
        "actor": ALICE,
        "typed_version": "1.8.0",
    }
    return ActionRequest(**{**given, **changes})


def a_rollback(**changes: Any) -> ActionRequest:
    """Alice rolls back from green to blue."""
    given = {
        "kind": ActionKind.ROLLBACK,
        "source": Track.GREEN,
        "target": Track.BLUE,
        "typed_version": "",
        "reason": "Errors went up",
    }
    return a_switch(**{**given, **changes})


class Stage:
    """A cluster, an audit and a clock, and a way to run one action on them to its end."""

    def __init__(self, folder: Path, cluster: FakeCluster | None = None) -> None:
        self.cluster = cluster or blue_green()
        self.audit = AuditFile(folder / "audit.jsonl")
        self.clock = Clock()
        self.decision = Decision.GO
        self.told: list[ActionState] = []
        self.blue_green = OURS
        self._count = 0

    def judge(self, namespace: str, service: str, action: ActionId) -> Any:
        return a_verdict(self.clock.now(), decision=self.decision)

    def run(self, request: ActionRequest, judge: Judge | None = None) -> ActionState:
        self._count += 1
        run = Run(
            id=ActionId(f"a{self._count}"),
            request=request,
            cluster=self.cluster,
            audit=self.audit,
            judge=judge or self.judge,
            now=self.clock.now,
            started_at=self.clock.now(),
            blue_green=self.blue_green,
        )
        steps, undo = plan(request), undo_plan(request)
        return Executor(run, steps, undo=undo, told=self.told.append, wait=self.clock.wait).execute()

    def phases(self) -> list[str]:
        return [record["agentgov"]["audit"]["phase"] for record in self.audit.records()]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_switch_moves_users_and_preview_and_says_what_was_read_back(stage: Stage) -> None:
    state = stage.run(a_switch())

    assert state.outcome is Outcome.SUCCEEDED, state
    assert (stage.cluster.selector(), stage.cluster.selector("agent-runtime-preview")) == ("green", "blue")
    assert state.facts["endpoints"] == "agent-runtime-green-0, agent-runtime-green-1"
    assert "tealdeck.io/track=green" in state.facts["selector"]
    assert all(step.state is StepState.DONE for step in state.steps)
    assert stage.phases() == ["requested", "begun", "finished"]


def test_the_order_of_writes_is_lock_intent_selector_preview_outcome_event_unlock(stage: Stage) -> None:
    stage.run(a_switch())

    def told(verb: str, kind: str, name: str, body: Any) -> str:
        if kind == "services" and "selector" in body.get("spec", {}):
            return f"{name} selector"
        if kind == "services":
            intent = json.loads(body["metadata"]["annotations"]["tealdeck.io/action"])
            return f"{name} intent {intent['step']} {intent['outcome']}"
        return f"{verb} {kind}"

    assert [told(*write) for write in stage.cluster.writes] == [
        "create leases",
        "agent-runtime intent begin running",
        "agent-runtime intent prepare running",
        "agent-runtime intent again running",
        "agent-runtime intent switch running",
        "replace leases",
        "agent-runtime selector",
        "agent-runtime intent read-back running",
        "agent-runtime-preview selector",
        "agent-runtime intent read-back succeeded",
        "create events",
        "replace leases",
    ]


def test_the_request_is_on_disk_before_the_first_write_and_the_entry_before_the_service_changes(stage: Stage) -> None:
    seen: list[tuple[str, list[str]]] = []
    stage.cluster.before_write = lambda verb, kind, name: seen.append((kind, stage.phases()))

    stage.run(a_switch())

    assert seen[0] == ("leases", ["requested"])
    assert next(phases for kind, phases in seen if kind == "services") == ["requested", "begun"]


def test_nothing_is_written_when_the_audit_cannot_be(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.audit = AuditFile(tmp_path / "no such folder" / "audit.jsonl")

    state = stage.run(a_switch())

    assert state.outcome is Outcome.REFUSED
    assert "audit cannot be written" in state.sentence
    assert stage.cluster.writes == []


def test_users_are_not_moved_when_the_audit_fails_after_the_lock(stage: Stage) -> None:
    def break_audit(verb: str, kind: str, name: str) -> None:
        stage.audit.path = stage.audit.path.parent / "gone" / "audit.jsonl"

    stage.cluster.before_write = break_audit
    state = stage.run(a_switch())

    assert state.outcome is Outcome.REFUSED
    assert stage.cluster.changed() == []
    assert stage.cluster.objects["leases", "tealdeck-agent-runtime"]["spec"]["holderIdentity"] == ""


@pytest.mark.parametrize(
    ("request_", "decision", "says"),
    [
        pytest.param(
            a_switch(typed_version="1.7.4"), Decision.GO, "type the version that users", id="another version was typed"
        ),
        pytest.param(a_switch(), Decision.WAIT, "the verdict is WAIT", id="the verdict waits"),
        pytest.param(a_switch(), Decision.NO_GO, "the verdict is NO-GO", id="the verdict is no-go"),
        pytest.param(
            a_switch(break_glass="because"), Decision.NO_GO, "at least 10", id="the glass is broken without a reason"
        ),
        pytest.param(a_rollback(), Decision.GO, "users are on blue", id="users are elsewhere by now"),
        pytest.param(
            a_switch(source=Track.GREEN, target=Track.BLUE),
            Decision.GO,
            "users are on blue",
            id="the dialog showed an old state",
        ),
        pytest.param(a_switch(actor=Actor(name="", origin="")), Decision.GO, "nobody says who acts", id="nobody acts"),
    ],
)
def test_refused_without_a_write(stage: Stage, request_: ActionRequest, decision: Decision, says: str) -> None:
    stage.decision = decision
    state = stage.run(request_)
    assert state.outcome is Outcome.REFUSED
    assert says in state.sentence
    assert stage.cluster.writes == []


def test_a_verdict_older_than_a_minute_carries_no_switch(stage: Stage) -> None:
    old = a_verdict(stage.clock.now() - timedelta(seconds=61))
    assert "older than 1 min" in stage.run(a_switch(), judge=lambda *_: old).sentence


def test_a_verdict_on_another_version_carries_no_switch(stage: Stage) -> None:
    other = a_verdict(stage.clock.now(), version="1.7.9")
    assert "about 1.7.9" in stage.run(a_switch(), judge=lambda *_: other).sentence


def _waiting(stage: Stage, **acceptors: tuple[str, ...]) -> Judge:
    gates = tuple(
        GateAnswer(gate=name, title=name.title(), result=Result.UNKNOWN, reason="nobody knows", acceptors=names)
        for name, names in acceptors.items()
    )
    return lambda namespace, service, action: replace(a_verdict(stage.clock.now(), decision=Decision.WAIT), gates=gates)


@pytest.mark.parametrize("names", [("alice",), ("bob", "*")])
def test_what_is_unknown_may_be_accepted_by_whom_the_policy_names_and_is_recorded(
    stage: Stage, names: tuple[str, ...]
) -> None:
    request = a_switch(accepted=("backup",))
    state = stage.run(request, judge=_waiting(stage, backup=names))

    assert state.outcome is Outcome.SUCCEEDED, state.sentence
    begun = next(record for record in stage.audit.records() if record["agentgov"]["audit"]["phase"] == "begun")
    assert begun["agentgov"]["audit"]["accepted"] == ["backup"]
    assert begun["event"]["reason"] == "accepted as unknown: backup"


@pytest.mark.parametrize(
    ("acceptors", "says"),
    [
        pytest.param({"backup": ("bob",)}, "may not accept everything that is unknown: Backup", id="another may"),
        pytest.param({"backup": ("alice",), "slo": ()}, "may not accept everything", id="one of two is nobody's"),
        pytest.param({"backup": ("*",), "slo": ("*",)}, "nobody accepted it: Slo", id="one more is unknown by now"),
    ],
)
def test_nothing_is_accepted_for_somebody_else_nor_unseen(
    stage: Stage, acceptors: dict[str, tuple[str, ...]], says: str
) -> None:
    request = a_switch(accepted=("backup",))
    state = stage.run(request, judge=_waiting(stage, **acceptors))

    assert state.outcome is Outcome.REFUSED
    assert says in state.sentence
    assert stage.cluster.writes == []


def test_harm_is_never_accepted(stage: Stage) -> None:
    stage.decision = Decision.NO_GO
    state = stage.run(a_switch(accepted=("backup",)))

    assert state.outcome is Outcome.REFUSED
    assert "NO-GO" in state.sentence


def test_break_glass_with_a_reason_switches_against_the_verdict_and_is_recorded(stage: Stage) -> None:
    stage.decision = Decision.NO_GO
    state = stage.run(a_switch(break_glass="blue loses data, green does not"))

    assert state.outcome is Outcome.SUCCEEDED
    begun = next(record for record in stage.audit.records() if record["agentgov"]["audit"]["phase"] == "begun")
    assert begun["agentgov"]["audit"]["break_glass"] == "blue loses data, green does not"
    assert begun["agentgov"]["audit"]["verdict"]["decision"] == "NO-GO"


def test_a_rollback_goes_back_to_what_served_before_without_a_go_and_only_once(stage: Stage) -> None:
    stage.run(a_switch())
    stage.decision = Decision.NO_GO
    state = stage.run(a_rollback())

    assert state.outcome is Outcome.SUCCEEDED, state.sentence
    assert (stage.cluster.selector(), stage.cluster.selector("agent-runtime-preview")) == ("blue", "green")
    again = stage.run(a_rollback(source=Track.BLUE, target=Track.GREEN))
    assert "nothing to go back to" in again.sentence


def test_a_rollback_needs_a_reason_from_the_list(stage: Stage) -> None:
    stage.run(a_switch())
    assert "reason from the list" in stage.run(a_rollback(reason="dunno")).sentence
    assert stage.cluster.selector() == "green"


def test_no_rollback_to_a_version_that_never_served(stage: Stage) -> None:
    stage.run(a_switch())
    blue = stage.cluster.objects["deployments", "agent-runtime-blue"]
    blue["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/version"] = "1.9.0"
    assert "1.7.4 served before" in stage.run(a_rollback()).sentence


def test_the_second_is_told_who_was_first(stage: Stage) -> None:
    answers: list[str] = []

    def bob_clicks_too(verb: str, kind: str, name: str) -> None:
        if kind == "services" and not answers:
            answers.append("asked")
            answers.append(stage.run(a_switch(actor=BOB)).sentence)

    stage.cluster.before_write = bob_clicks_too
    state = stage.run(a_switch())

    assert state.outcome is Outcome.SUCCEEDED
    assert "another action is under way: alice (switch a1)" in answers[1]
    assert sum("selector" in body.get("spec", {}) for _, kind, _, body in stage.cluster.writes) == 2


def test_a_lock_that_was_not_renewed_is_taken_over_together_with_its_intent(stage: Stage) -> None:
    def crash(verb: str, kind: str, name: str) -> None:
        intent = stage.cluster.notes().get("tealdeck.io/action", "")
        if kind == "services" and '"step": "prepare"' in intent:
            raise KeyboardInterrupt

    stage.cluster.before_write = crash
    with pytest.raises(KeyboardInterrupt):
        stage.run(a_switch())
    stage.cluster.before_write = lambda verb, kind, name: None

    assert "another action is under way" in stage.run(a_switch(actor=BOB)).sentence
    stage.clock.wait(timedelta(seconds=61))
    assert stage.run(a_switch(actor=BOB)).outcome is Outcome.SUCCEEDED
    assert json.loads(stage.cluster.notes()["tealdeck.io/action"])["superseded"] == "a1"


def test_a_foreign_change_in_between_is_read_again_and_kept(stage: Stage) -> None:
    def label_it(verb: str, kind: str, name: str) -> None:
        if kind == "services" and "foreign" not in stage.cluster.notes():
            service = stage.cluster.get("services", "agent-runtime")
            service["metadata"]["annotations"]["foreign"] = "yes"
            stage.cluster.put("services", service)

    stage.cluster.before_write = label_it
    state = stage.run(a_switch())

    assert state.outcome is Outcome.SUCCEEDED
    assert stage.cluster.notes()["foreign"] == "yes"


def test_users_moved_by_somebody_else_are_left_alone(stage: Stage) -> None:
    def move_users(verb: str, kind: str, name: str) -> None:
        if kind == "leases":
            service = stage.cluster.get("services", "agent-runtime")
            service["spec"]["selector"]["tealdeck.io/track"] = "green"
            stage.cluster.put("services", service)

    stage.cluster.before_write = move_users
    state = stage.run(a_switch())

    assert state.outcome is Outcome.REFUSED
    assert "users are on green now" in state.sentence
    assert stage.cluster.changed() == []


def test_a_target_that_is_too_small_is_scaled_up_first(tmp_path: Path) -> None:
    stage = Stage(tmp_path, blue_green(green_replicas=1))
    state = stage.run(a_switch())
    assert state.outcome is Outcome.SUCCEEDED
    kinds = [kind for kind, _ in stage.cluster.changed()]
    assert stage.cluster.objects["deployments", "agent-runtime-green"]["spec"]["replicas"] == 2
    assert kinds.index("deployments") < stage.cluster.changed().index(("services", "agent-runtime-preview"))


def test_users_stay_when_the_target_does_not_get_ready(tmp_path: Path) -> None:
    stage = Stage(tmp_path, blue_green(green_replicas=1))
    stage.cluster.pods_start = False
    state = stage.run(a_switch())
    assert state.outcome is Outcome.FAILED
    assert "1 of 2 pods of agent-runtime-green are ready" in state.sentence
    assert "Users stayed on blue" in state.sentence
    assert stage.cluster.selector() == "blue"


def test_a_read_back_that_does_not_come_true_is_undone(stage: Stage) -> None:
    stage.cluster.endpoints_follow = False
    state = stage.run(a_switch())

    assert state.outcome is Outcome.FAILED
    assert "connections still reach agent-runtime-blue-0" in state.sentence
    assert "Taken back: users are on blue" in state.sentence
    assert (stage.cluster.selector(), stage.cluster.selector("agent-runtime-preview")) == ("blue", "green")
    assert "tealdeck.io/served-before" not in stage.cluster.notes()
    assert json.loads(stage.cluster.notes()["tealdeck.io/action"])["outcome"] == "failed"
    assert [body["reason"] for _, kind, _, body in stage.cluster.writes if kind == "events"] == ["TrackSwitchFailed"]
    assert stage.phases()[-1] == "finished"


def test_an_undo_that_fails_is_not_called_undone(stage: Stage) -> None:
    stage.cluster.endpoints_follow = False

    def forbid(verb: str, kind: str, name: str) -> None:
        going_back = '"step": "switch-back"' in stage.cluster.notes().get("tealdeck.io/action", "")
        if name == "agent-runtime" and kind == "services" and going_back:
            raise Rejected("kubernetes", "no longer allowed")

    stage.cluster.before_write = forbid
    state = stage.run(a_switch())
    assert "could not be taken back" in state.sentence
    assert "no longer allowed" in state.sentence


def test_a_lost_answer_to_the_switch_does_not_lose_the_switch(stage: Stage) -> None:
    lost: list[str] = []

    def written_but_unheard(kind: str, name: str) -> None:
        if kind == "services" and stage.cluster.selector() == "green" and not lost:
            lost.append(name)
            raise TimedOut("kubernetes", "no answer within 2 s")

    stage.cluster.before_read = written_but_unheard
    assert stage.run(a_switch()).outcome is Outcome.SUCCEEDED
    assert lost


def test_a_short_outage_of_the_cluster_is_waited_out(stage: Stage) -> None:
    failures = iter([True, True, False])

    def flaky(verb: str, kind: str, name: str) -> None:
        if kind == "services" and next(failures, False):
            raise TimedOut("kubernetes", "no answer within 2 s")

    stage.cluster.before_write = flaky
    assert stage.run(a_switch()).outcome is Outcome.SUCCEEDED


def test_an_outcome_that_cannot_be_written_undoes_nothing_and_is_told(stage: Stage) -> None:
    def no_events(verb: str, kind: str, name: str) -> None:
        if kind == "events":
            raise Rejected("kubernetes", "events are forbidden")

    stage.cluster.before_write = no_events
    state = stage.run(a_switch())
    assert state.outcome is Outcome.SUCCEEDED
    assert stage.cluster.selector() == "green"
    assert "events are forbidden" in state.steps[-1].detail


def _steal_the_lock(stage: Stage) -> Callable[[str, str, str], None]:
    def steal(verb: str, kind: str, name: str) -> None:
        if kind == "services" and name == "agent-runtime":
            lease = stage.cluster.get("leases", "tealdeck-agent-runtime")
            lease["spec"]["holderIdentity"] = "carol (rollback x9)"
            stage.cluster.put("leases", lease)

    return steal


def test_one_who_lost_the_lock_does_not_move_users(stage: Stage) -> None:
    stage.cluster.before_write = _steal_the_lock(stage)
    state = stage.run(a_switch())
    assert state.outcome is Outcome.FAILED
    assert "lost to carol (rollback x9)" in state.sentence
    assert stage.cluster.selector() == "blue"


def test_the_desk_runs_on_by_itself_and_remembers(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    desk = Desk(cluster=stage.cluster, audit=stage.audit, judge=stage.judge, now=stage.clock.now, wait=stage.clock.wait)
    action = desk.submit(a_switch())
    state = desk.wait(action, 10)

    assert state is not None
    assert state.outcome is Outcome.SUCCEEDED
    assert desk.current(NAMESPACE, "agent-runtime") == state
    (entry,) = desk.history(NAMESPACE, "agent-runtime")
    assert (entry.actor, entry.kind, entry.target, entry.version) == ("alice", ActionKind.SWITCH, Track.GREEN, "1.8.0")


def test_of_two_submitted_at_once_one_wins_and_the_other_names_the_winner_or_what_it_did(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    desk = Desk(cluster=stage.cluster, audit=stage.audit, judge=stage.judge, now=stage.clock.now, wait=stage.clock.wait)
    actions = [desk.submit(a_switch(actor=actor)) for actor in (ALICE, BOB)]
    states = [desk.wait(action, 10) for action in actions]
    outcomes = sorted(state.outcome for state in states if state)
    assert outcomes == [Outcome.REFUSED, Outcome.SUCCEEDED]
    loser = next(state for state in states if state and state.outcome is Outcome.REFUSED)
    assert "another action is under way" in loser.sentence or "users are on green" in loser.sentence


def test_a_fault_of_our_own_ends_the_action_with_a_word(stage: Stage) -> None:
    def broken(namespace: str, service: str, action: ActionId) -> Any:
        raise ZeroDivisionError("oops")

    state = stage.run(a_switch(), judge=broken)
    assert state.outcome is Outcome.REFUSED
    assert "ZeroDivisionError" in state.sentence
