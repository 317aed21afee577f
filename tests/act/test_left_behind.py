"""What a person can do with an action whose process died, and what is refused because it is no longer true."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboard.model.action import ActionId, ActionKind, ActionRequest, Intent, Outcome
from dashboard.model.service_annotations import read_intent
from tests.act.fakes import blue_green
from tests.act.test_actions import BOB, Stage, a_rollback, a_switch


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, blue_green())


def die_at(stage: Stage, step: str) -> None:
    """Alice's switch, whose process dies at the first write after its intent has named the step."""

    def crash(verb: str, kind: str, name: str) -> None:
        found = read_intent(stage.cluster.objects["services", "agent-runtime"])
        if found is not None and found.step == step:
            raise KeyboardInterrupt

    stage.cluster.before_write = crash
    with pytest.raises(KeyboardInterrupt):
        stage.run(a_switch())
    stage.cluster.before_write = lambda verb, kind, name: None


def left(stage: Stage) -> Intent:
    found = read_intent(stage.cluster.objects["services", "agent-runtime"])
    assert found is not None
    return found


def asked(stage: Stage, kind: ActionKind) -> ActionRequest:
    return a_switch(kind=kind, actor=BOB, typed_version="", unfinished=ActionId(left(stage).id))


def roll_on(stage: Stage, version: str) -> None:
    green: Any = json.loads(json.dumps(stage.cluster.objects["deployments", "agent-runtime-green"]))
    green["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/version"] = version
    stage.cluster.put("deployments", green)


@pytest.mark.parametrize("kind", [ActionKind.FINISH, ActionKind.CLEAR])
def test_nobody_ends_what_somebody_still_holds(stage: Stage, kind: ActionKind) -> None:
    die_at(stage, "read-back")
    state = stage.run(asked(stage, kind))
    assert state.outcome is Outcome.REFUSED
    assert "another action is under way: alice (switch a1), until" in state.sentence
    assert left(stage).id == "a1"


def test_an_action_that_moved_the_users_is_finished_with_what_was_still_to_do(stage: Stage) -> None:
    die_at(stage, "read-back")
    stage.clock.wait(timedelta(seconds=61))
    state = stage.run(asked(stage, ActionKind.FINISH))
    assert state.outcome is Outcome.SUCCEEDED, state.sentence
    assert "bob finished the switch to green 1.8.0 of alice: only green serves users" in state.sentence
    assert stage.cluster.selector("agent-runtime-preview") == "blue"
    assert (left(stage).outcome, left(stage).superseded) == (Outcome.SUCCEEDED, "a1")
    assert stage.run(a_rollback()).outcome is Outcome.SUCCEEDED


def test_one_that_cannot_be_finished_stays_open_and_can_be_cleared(stage: Stage) -> None:
    stage.cluster.endpoints_follow = False
    die_at(stage, "read-back")
    stage.clock.wait(timedelta(seconds=61))
    state = stage.run(asked(stage, ActionKind.FINISH))
    assert state.outcome is Outcome.FAILED
    assert "connections still reach agent-runtime-blue-0" in state.sentence
    assert left(stage).outcome is Outcome.RUNNING

    cleared = stage.run(asked(stage, ActionKind.CLEAR))
    assert cleared.outcome is Outcome.SUCCEEDED
    assert "nothing was changed, users are on green" in cleared.sentence
    moved = left(stage).moved
    assert left(stage).outcome is Outcome.FAILED
    assert moved is not None
    assert (moved.track, moved.actor) == ("green", "alice")  # users were moved all the same


@pytest.mark.parametrize(
    ("step", "says"),
    [
        pytest.param("prepare", "users are on blue, so nothing is left to finish", id="users were not moved"),
        pytest.param("read-back", "1.8.0 was to be switched to, but green runs 1.8.1", id="the target was rolled on"),
    ],
)
def test_what_is_no_longer_true_is_not_finished(tmp_path: Path, step: str, says: str) -> None:
    stage = Stage(tmp_path, blue_green(green_replicas=1))
    die_at(stage, step)
    stage.clock.wait(timedelta(seconds=61))
    roll_on(stage, "1.8.1")
    state = stage.run(asked(stage, ActionKind.FINISH))
    assert state.outcome is Outcome.REFUSED
    assert says in state.sentence
    assert left(stage).id == "a1"


def test_one_that_was_ended_meanwhile_is_not_ended_again(stage: Stage) -> None:
    die_at(stage, "prepare")
    stage.clock.wait(timedelta(seconds=61))
    request = asked(stage, ActionKind.CLEAR)
    assert stage.run(request).outcome is Outcome.SUCCEEDED
    again = stage.run(request)
    assert again.outcome is Outcome.REFUSED
    assert "was ended meanwhile" in again.sentence


def test_a_cleared_action_leaves_the_way_free_for_the_next(stage: Stage) -> None:
    die_at(stage, "prepare")
    stage.clock.wait(timedelta(seconds=61))
    stage.run(asked(stage, ActionKind.CLEAR))
    events = [body["reason"] for _, kind, _, body in stage.cluster.writes if kind == "events"]
    assert events == ["TrackActionCleared"]
    assert stage.run(a_switch()).outcome is Outcome.SUCCEEDED
