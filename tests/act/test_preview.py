"""The preview Service is changed only where it can show the other track, and no trouble with it undoes a switch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Conflict, Rejected, SourceError, TimedOut
from dashboard.model.action import Outcome, StepState
from tests.act.fakes import blue_green
from tests.act.test_actions import Stage, a_rollback, a_switch

PREVIEW = "agent-runtime-preview"
TRACK = "tealdeck.io/track"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, blue_green())


def preview_writes(stage: Stage) -> list[Any]:
    return [body for _, kind, name, body in stage.cluster.writes if (kind, name) == ("services", PREVIEW)]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        pytest.param(Conflict("kubernetes", "changed"), "is being changed by somebody else", id="always a conflict"),
        pytest.param(Rejected("kubernetes", "HTTP 403"), "could not be changed", id="forbidden"),
        pytest.param(TimedOut("kubernetes", "no answer within 2 s"), "could not be changed", id="no answer"),
    ],
)
def test_trouble_with_the_preview_undoes_nothing_and_is_told(stage: Stage, error: SourceError, says: str) -> None:
    def fail(verb: str, kind: str, name: str) -> None:
        if name == PREVIEW:
            raise error

    stage.cluster.before_write = fail
    state = stage.run(a_switch())

    assert state.outcome is Outcome.SUCCEEDED
    assert stage.cluster.selector() == "green"
    assert "The preview Service was left alone" in state.sentence
    assert says in state.sentence
    assert stage.phases() == ["requested", "begun", "finished"]
    assert stage.cluster.objects["leases", "tealdeck-agent-runtime"]["spec"]["holderIdentity"] == ""


@pytest.mark.parametrize("moment", ["get", "list"])
def test_a_preview_that_cannot_be_read_undoes_nothing(stage: Stage, moment: str) -> None:
    def fail(kind: str, name: str) -> None:
        is_due = (kind, name) == ("services", PREVIEW) if moment == "get" else kind == "deployments"
        step = next(step for step in stage.told[-1].steps if step.name == "preview")
        if is_due and step.state is StepState.RUNNING:
            raise TimedOut("kubernetes", "no answer within 2 s")

    stage.cluster.before_read = fail
    state = stage.run(a_switch())
    assert (state.outcome, stage.cluster.selector()) == (Outcome.SUCCEEDED, "green")
    assert "could not be changed" in state.sentence


def _names_itself(stage: Stage) -> None:
    service = stage.cluster.objects["services", "agent-runtime"]
    service["metadata"]["annotations"]["tealdeck.io/preview-service"] = "agent-runtime"


def _is_governed(stage: Stage) -> None:
    stage.cluster.objects["services", PREVIEW]["metadata"]["labels"] = {"tealdeck.io/governed": "true"}


def _is_gone(stage: Stage) -> None:
    del stage.cluster.objects["services", PREVIEW]


def _has_no_selector(stage: Stage) -> None:
    stage.cluster.objects["services", PREVIEW]["spec"] = {"type": "ExternalName", "externalName": "x.example"}


def _is_of_one_hash(stage: Stage) -> None:
    stage.cluster.objects["services", PREVIEW]["spec"]["selector"]["rollouts-pod-template-hash"] = "7f8d9c6b5"


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        (_names_itself, "named as its own preview Service"),
        (_is_governed, "governed itself"),
        (_is_gone, f"there is no Service {PREVIEW}"),
        (_has_no_selector, "names no track"),
        (_is_of_one_hash, "rollouts-pod-template-hash=7f8d9c6b5"),
    ],
)
def test_what_cannot_show_the_other_track_is_left_alone(stage: Stage, odd: Callable[[Stage], None], says: str) -> None:
    odd(stage)
    state = stage.run(a_switch())
    assert state.outcome is Outcome.SUCCEEDED, state.sentence
    assert stage.cluster.selector() == "green"
    assert says in state.sentence
    assert says in state.steps[0].detail  # told before anything was done
    assert preview_writes(stage) == []


def test_a_preview_that_shows_the_right_track_already_is_not_written(stage: Stage) -> None:
    stage.cluster.objects["services", PREVIEW]["spec"]["selector"][TRACK] = "blue"
    state = stage.run(a_switch())
    assert state.outcome is Outcome.SUCCEEDED
    assert "left alone" not in state.sentence
    assert preview_writes(stage) == []


def test_a_switch_that_is_taken_back_has_not_touched_the_preview(stage: Stage) -> None:
    stage.cluster.endpoints_follow = False
    assert stage.run(a_switch()).outcome is Outcome.FAILED
    assert preview_writes(stage) == []


def test_a_rollback_brings_the_preview_back(stage: Stage) -> None:
    stage.run(a_switch())
    assert stage.cluster.selector(PREVIEW) == "blue"
    stage.run(a_rollback())
    assert stage.cluster.selector(PREVIEW) == "green"
