"""Others write the Service too: what an action says at its end is where users are then, whoever moved them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Unreachable
from dashboard.model import service_annotations
from dashboard.model.action import ActionState, Outcome, StepState
from tests.act.fakes import FakeCluster, blue_green
from tests.act.test_actions import Stage, a_rollback, a_switch


class Told(list[ActionState]):
    """What is told of an action; `then` is done once, as soon as the named step has been taken."""

    def __init__(self, step: str, then: Callable[[], Any]) -> None:
        super().__init__()
        self._step, self._then, self._is_done = step, then, False

    def append(self, state: ActionState) -> None:
        super().append(state)
        taken = any(step.name == self._step and step.state is StepState.DONE for step in state.steps)
        if taken and not self._is_done:
            self._is_done = True
            self._then()


def point(cluster: FakeCluster, track: str) -> None:
    """Move users as `kubectl patch` or a GitOps controller does."""
    service = cluster.get("services", "agent-runtime")
    service["spec"]["selector"]["tealdeck.io/track"] = track
    cluster.put("services", service)


def roll_out(cluster: FakeCluster, track: str, *, version: str = "", **container: Any) -> None:
    """Another version or another container on a track, at once."""
    deployment = copy.deepcopy(cluster.get("deployments", f"agent-runtime-{track}"))
    template = deployment["spec"]["template"]
    if version:
        template["metadata"]["labels"]["app.kubernetes.io/version"] = version
    if container:
        template["spec"] = {"containers": [{"name": "agent", "image": "agent:1", **container}]}
    cluster.put("deployments", deployment)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.mark.parametrize("step", ["read-back", "preview"])
def test_a_switch_that_is_reverted_after_its_read_back_is_no_success(stage: Stage, step: str) -> None:
    stage.told = Told(step, lambda: point(stage.cluster, "blue"))
    state = stage.run(a_switch())
    assert state.outcome is Outcome.FAILED
    assert "users are on blue" in state.sentence
    assert "only green serves" not in state.sentence
    intent = service_annotations.read_intent(stage.cluster.get("services", "agent-runtime"))
    assert intent is not None
    assert (intent.outcome, intent.moved) == (Outcome.FAILED, None)


def test_the_preview_keeps_showing_green_when_users_went_back_to_blue(stage: Stage) -> None:
    stage.told = Told("read-back", lambda: point(stage.cluster, "blue"))
    stage.run(a_switch())
    assert stage.cluster.selector("agent-runtime-preview") == "green"


def test_a_rollback_that_is_reverted_says_that_users_are_on_the_sick_track(stage: Stage) -> None:
    stage.run(a_switch())
    stage.told = Told("read-back", lambda: point(stage.cluster, "green"))
    state = stage.run(a_rollback())
    assert state.outcome is Outcome.FAILED
    assert "users are on green" in state.sentence


def test_an_end_that_cannot_be_read_again_rests_on_the_read_back(stage: Stage) -> None:
    def fail(kind: str, name: str) -> None:
        if (kind, name) == ("services", "agent-runtime"):
            raise Unreachable("kubernetes", "no route")

    stage.told = Told("preview", lambda: setattr(stage.cluster, "before_read", fail))
    assert stage.run(a_switch()).outcome is Outcome.SUCCEEDED


def never_ready(folder: Path, meanwhile: Callable[[FakeCluster], None]) -> ActionState:
    """A switch that waits for pods in vain, while somebody does something to the Service."""
    cluster = blue_green(green_replicas=1)
    cluster.pods_start = False
    looks = 0

    def look(kind: str, name: str) -> None:
        nonlocal looks
        looks += kind == "deployments"
        if looks == 10 and kind == "deployments":
            meanwhile(cluster)

    cluster.before_read = look
    return Stage(folder, cluster).run(a_switch())


@pytest.mark.parametrize(
    ("meanwhile", "says"),
    [
        (lambda cluster: None, "Users stayed on blue."),
        (lambda cluster: point(cluster, "green"), "Users are on green."),
        (lambda cluster: point(cluster, "purple"), "Users are on no track."),
        (lambda cluster: cluster.objects.pop(("services", "agent-runtime")), "Users were on blue when that was last"),
    ],
)
def test_a_failure_says_where_users_are_at_its_end(
    tmp_path: Path, meanwhile: Callable[[FakeCluster], None], says: str
) -> None:
    state = never_ready(tmp_path, meanwhile)
    assert state.outcome is Outcome.FAILED
    assert says in state.sentence


def test_the_way_back_leads_to_what_users_left_and_not_to_what_the_guard_saw(stage: Stage) -> None:
    stage.told = Told("prepare", lambda: roll_out(stage.cluster, "blue", version="1.7.5"))
    assert stage.run(a_switch()).outcome is Outcome.SUCCEEDED
    state = stage.run(a_rollback())
    assert state.outcome is Outcome.SUCCEEDED
    assert "blue 1.7.5" in state.sentence


@pytest.mark.parametrize(
    "other",
    [{"image": "agent:2"}, {"env": [{"name": "MODEL", "value": "other"}]}, {"args": ["--unsafe"]}],
)
def test_the_same_version_with_other_contents_never_served(stage: Stage, other: dict[str, Any]) -> None:
    roll_out(stage.cluster, "blue", image="agent:1")
    stage.run(a_switch())
    roll_out(stage.cluster, "blue", **other)
    state = stage.run(a_rollback())
    assert state.outcome is Outcome.REFUSED
    assert "other images, commands, variables or volumes" in state.sentence
    assert stage.cluster.selector() == "green"


def test_a_restart_and_another_limit_of_memory_leave_the_way_back_open(stage: Stage) -> None:
    roll_out(stage.cluster, "blue", image="agent:1")
    stage.run(a_switch())
    roll_out(stage.cluster, "blue", image="agent:1", resources={"limits": {"memory": "1Gi"}})
    blue = stage.cluster.get("deployments", "agent-runtime-blue")
    blue["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "2026-03-01T03:00:00Z"}
    stage.cluster.put("deployments", blue)
    assert stage.run(a_rollback()).outcome is Outcome.SUCCEEDED


def test_a_note_of_an_earlier_version_is_held_against_the_version_alone(stage: Stage) -> None:
    stage.run(a_switch())
    service = stage.cluster.get("services", "agent-runtime")
    service["metadata"]["annotations"][service_annotations.SERVED_BEFORE] = '{"track": "blue", "version": "1.7.4"}'
    stage.cluster.put("services", service)
    roll_out(stage.cluster, "blue", image="agent:2")
    assert stage.run(a_rollback()).outcome is Outcome.SUCCEEDED
