"""An action moves users to exactly what was judged: the Deployment's own ready pods, of its template, enough of them.

Each test does something to the cluster between two steps, as another person or controller would.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboard.model.action import ActionId, ActionKind, ActionState, Outcome, StepState
from dashboard.model.service_annotations import ACTION, read_intent
from tests.act.fakes import Object, a_pod, a_replica_set, owner_reference
from tests.act.test_actions import BOB, Stage, a_rollback, a_switch
from tests.act.test_left_behind import die_at
from tests.act.test_moved_meanwhile import Told, roll_out

SERVICE, GREEN = "agent-runtime", "agent-runtime-green"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def deployment(stage: Stage, name: str = GREEN) -> Object:
    return copy.deepcopy(stage.cluster.objects["deployments", name])


def scale(stage: Stage, pods: int, name: str = GREEN) -> None:
    """What an autoscaler or `kubectl scale` does, at once."""
    found = deployment(stage, name)
    found["spec"]["replicas"] = pods
    stage.cluster.put("deployments", found)


def make_again(stage: Stage) -> None:
    """What `kubectl replace --force` does."""
    found = deployment(stage)
    found["metadata"]["uid"] = "another"
    stage.cluster.put("deployments", found)


def select_also(stage: Stage, key: str, value: str) -> None:
    service = copy.deepcopy(stage.cluster.objects["services", SERVICE])
    service["spec"]["selector"][key] = value
    stage.cluster.put("services", service)


def put_pods(stage: Stage, pods: Iterable[Object]) -> None:
    """Pods that something else than the Deployments made; the Services' endpoints follow."""
    for pod in pods:
        stage.cluster.objects["pods", pod["metadata"]["name"]] = pod
    stage.cluster.put("services", stage.cluster.objects["services", SERVICE])


def lose(stage: Stage, name: str, **status: Any) -> None:
    """One pod is no longer ready, or about to end; the endpoints follow."""
    pod = stage.cluster.objects["pods", name]
    if not status:
        pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    pod["metadata"] |= status
    put_pods(stage, [pod])


def labels_of_green(stage: Stage) -> dict[str, str]:
    return dict(deployment(stage)["spec"]["template"]["metadata"]["labels"])


def foreign(stage: Stage, kind: str) -> Object:
    """A ready pod with green's labels that is not of green's present template."""
    labels = labels_of_green(stage)
    if kind == "bare":
        return a_pod("debug", labels=labels)
    other = {"metadata": {"name": "worker", "uid": "w"}, "spec": deployment(stage)["spec"]}
    replica_set = a_replica_set(other)
    if kind == "another Deployment":
        stage.cluster.objects["replicasets", "worker-1"] = replica_set
        return a_pod("worker-1-x", owner=replica_set)
    if kind == "a Deployment of the same name before":
        gone = {**deployment(stage), "metadata": {"name": GREEN, "uid": "gone"}}
        old = a_replica_set(gone)
        old["metadata"] |= {"name": f"{GREEN}-0", "uid": "rs-gone"}
        stage.cluster.objects["replicasets", f"{GREEN}-0"] = old
        return a_pod(f"{GREEN}-0-x", owner=old)
    pod = a_pod("job-x", labels=labels)
    pod["metadata"]["ownerReferences"] = [owner_reference({"metadata": {"name": "job", "uid": "j"}}, "Job")]
    return pod


KINDS = ("bare", "another Deployment", "a Deployment of the same name before", "a Job")


@pytest.mark.parametrize("kind", KINDS)
def test_users_are_not_sent_to_pods_that_nobody_judged(stage: Stage, kind: str) -> None:
    stray = foreign(stage, kind)
    put_pods(stage, [stray])
    state = stage.run(a_switch())
    assert state.outcome is Outcome.REFUSED, state.sentence
    assert f"{stray['metadata']['name']} carries the labels of green" in state.sentence
    assert stage.cluster.selector() == "blue"


@pytest.mark.parametrize("kind", KINDS)
def test_a_pod_that_nobody_judged_and_that_comes_with_the_switch_is_no_success(stage: Stage, kind: str) -> None:
    stage.told = Told("switch", lambda: put_pods(stage, [foreign(stage, kind)]))
    state = stage.run(a_switch())
    assert state.outcome is Outcome.FAILED, state.sentence
    assert "connections still reach" in state.sentence
    assert stage.cluster.selector() == "blue"


def test_a_pod_that_nobody_judged_does_not_stand_in_for_one_that_was(stage: Stage) -> None:
    stage.run(a_switch())
    stray = a_pod("debug", labels=deployment(stage, "agent-runtime-blue")["spec"]["template"]["metadata"]["labels"])
    put_pods(stage, [stray])
    stage.told = Told("switch", lambda: lose(stage, "agent-runtime-blue-1"))
    state = stage.run(a_rollback())
    assert state.outcome is Outcome.FAILED, state.sentence
    assert "1 of 2 pods of blue get connections" in state.sentence


def test_a_rollback_is_not_stopped_by_a_pod_of_others_and_names_it(stage: Stage) -> None:
    stage.run(a_switch())
    stray = a_pod("debug", labels=deployment(stage, "agent-runtime-blue")["spec"]["template"]["metadata"]["labels"])
    put_pods(stage, [stray])
    state = stage.run(a_rollback())
    assert state.outcome is Outcome.SUCCEEDED, state.sentence
    assert "debug" not in state.facts["endpoints"]
    assert any("of another workload: debug" in step.detail for step in state.steps)


def test_pods_of_others_that_have_ended_or_are_about_to_do_no_harm(stage: Stage) -> None:
    ended, ending = foreign(stage, "bare"), foreign(stage, "a Job")
    ended["status"] = {"phase": "Succeeded", "conditions": [{"type": "Ready", "status": "False"}]}
    ending["metadata"]["deletionTimestamp"] = "2026-03-01T03:00:00Z"
    put_pods(stage, [ended, ending])
    assert stage.run(a_switch()).outcome is Outcome.SUCCEEDED


MEANWHILE = {
    "scaled down": (lambda stage: scale(stage, 1), "scaled down to 1 pods, but 2 are needed"),
    "scaled to nothing": (lambda stage: scale(stage, 0), "scaled down to 0 pods, but 2 are needed"),
    "a pod not ready": (lambda stage: lose(stage, f"{GREEN}-1"), "1 of 2 pods of agent-runtime-green are ready"),
    "a pod that ends": (
        lambda stage: lose(stage, f"{GREEN}-0", deletionTimestamp="2026-03-01T03:00:00Z"),
        "1 of 2 pods of agent-runtime-green are ready",
    ),
    "another image": (lambda stage: roll_out(stage.cluster, "green", image="agent:2"), "was rolled out again"),
    "made again": (make_again, "was deleted and made again"),
    "another selector": (lambda stage: select_also(stage, "app.kubernetes.io/version", "1.8.0"), "selector"),
    "a stray pod": (lambda stage: put_pods(stage, [foreign(stage, "bare")]), "debug carries the labels of green"),
}


@pytest.mark.parametrize("after", ["prepare", "again"])
@pytest.mark.parametrize("what", MEANWHILE)
def test_what_changes_after_it_was_prepared_is_found_before_users_move(stage: Stage, after: str, what: str) -> None:
    change, says = MEANWHILE[what]
    stage.told = Told(after, lambda: change(stage))
    state = stage.run(a_switch())
    assert state.outcome in (Outcome.REFUSED, Outcome.FAILED), state.sentence
    assert says in state.sentence
    assert "Users stayed on blue." in state.sentence
    moves = [body for _, kind, _, body in stage.cluster.writes if kind == "services" and "spec" in body]
    assert moves == []


def test_a_pod_that_comes_back_in_time_is_waited_for(stage: Stage) -> None:
    stage.told = Told("again", lambda: lose(stage, f"{GREEN}-1"))
    wait, waited = stage.clock.wait, []

    def come_back(span: timedelta) -> None:
        wait(span)
        waited.append(span)
        if len(waited) == 3:
            put_pods(stage, [a_pod(f"{GREEN}-1", owner=stage.cluster.objects["replicasets", f"{GREEN}-1"])])

    stage.clock.wait = come_back  # type: ignore[method-assign]
    state = stage.run(a_switch())
    assert state.outcome is Outcome.SUCCEEDED, state.sentence
    assert len(waited) == 3


@pytest.mark.parametrize("pods", [0, 1])
def test_a_target_that_loses_pods_at_the_moment_of_the_switch_is_no_success(stage: Stage, pods: int) -> None:
    stage.told = Told("switch", lambda: scale(stage, pods))
    state = stage.run(a_switch())
    assert state.outcome is Outcome.FAILED, state.sentence
    assert f"{pods} of 2 pods of green get connections" in state.sentence
    assert stage.cluster.selector() == "blue"


@pytest.mark.parametrize("after", ["prepare", "again"])
def test_a_rollback_is_held_to_the_same(stage: Stage, after: str) -> None:
    stage.run(a_switch())
    stage.told = Told(after, lambda: scale(stage, 1, "agent-runtime-blue"))
    state = stage.run(a_rollback())
    assert state.outcome is Outcome.REFUSED, state.sentence
    assert stage.cluster.selector() == "green"


def finish_after(stage: Stage, change: Callable[[Stage], None]) -> ActionState:
    """A switch whose process died once users were moved; then something changes, and Bob wants to finish it."""
    die_at(stage, "read-back")
    stage.clock.wait(timedelta(seconds=61))
    change(stage)
    left = read_intent(stage.cluster.objects["services", SERVICE])
    assert left is not None
    return stage.run(
        a_switch(kind=ActionKind.FINISH, actor=BOB, typed_version="", unfinished=ActionId(left.id)),
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            lambda stage: roll_out(stage.cluster, "green", image="agent:2"), "agent:2", id="the version, another image"
        ),
        pytest.param(
            lambda stage: roll_out(stage.cluster, "green", env=[{"name": "MODEL", "value": "x"}]),
            "was rolled out again",
            id="the version, another variable",
        ),
        pytest.param(make_again, "was deleted and made again", id="another Deployment"),
        pytest.param(lambda stage: scale(stage, 1), "scaled down to 1 pods, but 2 were judged", id="fewer pods"),
        pytest.param(
            lambda stage: select_also(stage, "app.kubernetes.io/version", "1.8.0"),
            "the Service selects",
            id="another selector",
        ),
    ],
)
def test_what_is_no_longer_as_it_was_judged_is_not_finished(
    stage: Stage, change: Callable[[Stage], None], says: str
) -> None:
    state = finish_after(stage, change)
    assert state.outcome is Outcome.REFUSED, state.sentence
    assert says in state.sentence
    assert "clear it" in state.sentence


@pytest.mark.parametrize("kind", KINDS)
def test_a_switch_is_not_finished_while_users_reach_pods_that_nobody_judged(stage: Stage, kind: str) -> None:
    state = finish_after(stage, lambda stage: put_pods(stage, [foreign(stage, kind)]))
    assert state.outcome is Outcome.FAILED, state.sentence
    assert "connections still reach" in state.sentence


@pytest.mark.parametrize("damage", [lambda judged: None, lambda judged: {**judged, "pods": "many"}, lambda judged: []])
def test_an_intent_that_does_not_say_what_was_judged_can_only_be_cleared(
    stage: Stage, damage: Callable[[Any], Any]
) -> None:
    def forget(stage: Stage) -> None:
        service = copy.deepcopy(stage.cluster.objects["services", SERVICE])
        intent = json.loads(service["metadata"]["annotations"][ACTION])
        intent["judged"] = damage(intent["judged"])
        service["metadata"]["annotations"][ACTION] = json.dumps(intent)
        stage.cluster.put("services", service)

    state = finish_after(stage, forget)
    assert state.outcome is Outcome.REFUSED
    assert "does not say what was judged" in state.sentence


def test_the_intent_names_the_pods_that_were_waited_for(stage: Stage) -> None:
    stage.told = Told("begin", lambda: scale(stage, 4, "agent-runtime-blue"))
    state = stage.run(a_switch())
    assert state.outcome is Outcome.SUCCEEDED, state.sentence
    found = read_intent(stage.cluster.objects["services", SERVICE])
    assert found is not None
    assert found.judged is not None
    assert (found.judged.pods, found.judged.name) == (4, GREEN)
    assert all(step.state is StepState.DONE for step in state.steps)
