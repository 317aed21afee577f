"""Page and guard tell by one function which pods are of a release, so that they never disagree on one that is not.

Most tests put pods with the labels of green beside it, ask the page for its word, and switch on the same cluster.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.model.action import Outcome
from dashboard.model.release import Track
from dashboard.model.verdict import Decision, Result, Verdict
from dashboard.model.view import View
from dashboard.queries.release import ReleaseAnswer, release
from dashboard.ui.switching import why_no_switch
from tests.act.fakes import Object, a_pod, a_replica_set, blue_green
from tests.act.test_actions import Stage, a_rollback, a_switch
from tests.act.test_moved_meanwhile import roll_out
from tests.act.test_what_was_judged import GREEN, KINDS, deployment, foreign, labels_of_green, put_pods
from tests.unit.release_stage import StageAsk, running

VIEW = View(env="local", ns="agents")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, running(blue_green()))


def page(stage: Stage) -> ReleaseAnswer:
    return release(StageAsk(stage.clock.now(), cluster=stage.cluster), VIEW, stage.clock.now())  # type: ignore[arg-type]


def gate(verdict: Verdict, name: str) -> tuple[Result, str]:
    return next((answer.result, answer.reason) for answer in verdict.gates if answer.gate == name)


def of_a_second_deployment(stage: Stage) -> Object:
    """A Deployment of another name with green's labels, and its ready pods."""
    second = deployment(stage)
    second["metadata"] = {"name": "runtime-green-copy", "namespace": "agents", "generation": 1}
    stage.cluster.put("deployments", second)
    return dict(stage.cluster.objects["pods", "runtime-green-copy-0"])


def of_an_earlier_replica_set(stage: Stage) -> Object:
    """A pod that green's Deployment made from the template that it had before."""
    before = deployment(stage)
    before["spec"]["template"]["spec"] = {"containers": [{"name": "app", "image": "agent:0"}]}
    earlier = a_replica_set(before)
    earlier["metadata"] |= {"name": f"{GREEN}-0", "uid": "rs-earlier"}
    stage.cluster.objects["replicasets", f"{GREEN}-0"] = earlier
    return a_pod(f"{GREEN}-0-x", owner=earlier)


def of_a_replica_set_that_nobody_owns(stage: Stage) -> Object:
    """What `kubectl delete --cascade=orphan` leaves behind."""
    orphan = a_replica_set(deployment(stage))
    orphan["metadata"] = {"name": f"{GREEN}-old", "uid": "rs-orphan"}
    stage.cluster.objects["replicasets", f"{GREEN}-old"] = orphan
    return a_pod(f"{GREEN}-old-x", owner=orphan)


STRAYS: dict[str, Callable[[Stage], Object]] = {
    **{kind: (lambda stage, kind=kind: foreign(stage, kind)) for kind in KINDS},  # type: ignore[misc]
    "a second Deployment": of_a_second_deployment,
    "an earlier ReplicaSet": of_an_earlier_replica_set,
    "a ReplicaSet that nobody owns": of_a_replica_set_that_nobody_owns,
}


@pytest.mark.parametrize("kind", STRAYS)
def test_where_the_guard_refuses_a_pod_the_page_does_not_say_go(stage: Stage, kind: str) -> None:
    put_pods(stage, [STRAYS[kind](stage)])
    found = page(stage)
    result, reason = gate(found.before, "capacity")
    assert (found.before.decision, result) == (Decision.WAIT, Result.UNKNOWN), found.before.sentence
    assert found.service.value is not None
    state = stage.run(a_switch())
    assert state.outcome is not Outcome.SUCCEEDED
    assert stage.cluster.selector() == "blue"
    if kind != "an earlier ReplicaSet":  # for which the guard waits, so that the button stays open
        assert reason in state.sentence
        assert why_no_switch(found.service.value.tracks[Track.GREEN]) == reason


HARMLESS: dict[str, Callable[[Object], Any]] = {
    "has ended": lambda pod: pod["status"].update(phase="Succeeded", conditions=[]),
    "has failed": lambda pod: pod["status"].update(phase="Failed", conditions=[]),
    "is terminating": lambda pod: pod["metadata"].update(deletionTimestamp="2026-03-01T03:00:00Z"),
    "carries other labels": lambda pod: pod["metadata"].update(labels={"app.kubernetes.io/name": "agent-runtime"}),
}


@pytest.mark.parametrize("what", HARMLESS)
@pytest.mark.parametrize("kind", ["bare", "a Job", "an earlier ReplicaSet"])
def test_a_pod_that_no_user_would_reach_holds_nobody_up(stage: Stage, kind: str, what: str) -> None:
    stray = STRAYS[kind](stage)
    HARMLESS[what](stray)
    put_pods(stage, [stray])
    assert page(stage).before.decision is Decision.GO
    assert stage.run(a_switch()).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("kind", [*KINDS, "a ReplicaSet that nobody owns"])
def test_a_pod_of_others_does_not_stand_in_for_one_that_is_not_ready(stage: Stage, kind: str) -> None:
    stage.cluster.objects["pods", f"{GREEN}-1"]["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    put_pods(stage, [STRAYS[kind](stage)])
    found = page(stage)
    assert gate(found.before, "capacity") == (
        Result.FAIL,
        "only 1 of the 2 pods needed to carry all users are ready",
    )
    assert found.service.value is not None
    assert found.service.value.tracks[Track.GREEN].ready == 1


def crashed(stage: Stage, pod: Object) -> Object:
    """The pod's container ended by itself a minute ago and was started again."""
    at = (stage.clock.now() - timedelta(minutes=1)).isoformat()
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": at}}
    pod["status"]["containerStatuses"] = [{"restartCount": 3, "state": {"running": {}}, "lastState": ended}]
    return pod


@pytest.mark.parametrize("kind", [*KINDS, "an earlier ReplicaSet", "a ReplicaSet that nobody owns"])
def test_restarts_of_pods_of_others_are_not_held_against_the_release(stage: Stage, kind: str) -> None:
    put_pods(stage, [crashed(stage, STRAYS[kind](stage))])
    found = page(stage)
    assert gate(found.before, "restarts") == (Result.PASS, "no container ended in the last 5 min")
    assert found.service.value is not None
    assert found.service.value.tracks[Track.GREEN].restarts == 0


def test_restarts_of_its_own_pods_are(stage: Stage) -> None:
    crashed(stage, stage.cluster.objects["pods", f"{GREEN}-0"])
    found = page(stage)
    assert gate(found.before, "restarts")[0] is Result.FAIL
    assert found.service.value is not None
    assert found.service.value.tracks[Track.GREEN].restarts == 3


def test_without_a_deployment_nobody_says_that_no_container_ended(stage: Stage) -> None:
    del stage.cluster.objects["deployments", GREEN]
    assert gate(page(stage).before, "restarts") == (Result.UNKNOWN, "green has no Deployment")


def test_after_a_switch_a_pod_of_others_beside_the_release_is_no_go_for_staying(stage: Stage) -> None:
    assert stage.run(a_switch()).outcome is Outcome.SUCCEEDED
    stage.clock.wait(timedelta(minutes=5))
    put_pods(stage, [a_pod("debug", labels=labels_of_green(stage))])
    after = page(stage).after
    assert after is not None
    assert gate(after, "capacity")[0] is Result.UNKNOWN
    assert stage.run(a_rollback()).outcome is Outcome.SUCCEEDED, "the way back stays open"


def test_a_rollout_that_is_through_leaves_page_and_guard_agreed(stage: Stage) -> None:
    roll_out(stage.cluster, "green", image="agent:2")
    running(stage.cluster)
    assert gate(page(stage).before, "capacity")[0] is Result.PASS


@given(
    strays=st.lists(st.sampled_from([*KINDS, "an earlier ReplicaSet", "a ReplicaSet that nobody owns"]), max_size=2),
    harmless=st.sampled_from(["", *HARMLESS]),
    is_ready=st.booleans(),
)
def test_the_page_lets_pods_pass_exactly_where_a_switch_succeeds(
    strays: list[str], harmless: str, is_ready: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), running(blue_green()))
        found = [STRAYS[kind](stage) for kind in strays]
        for pod in found if harmless else ():
            HARMLESS[harmless](pod)
        own = stage.cluster.objects["pods", f"{GREEN}-1"]
        own["status"]["conditions"] = [{"type": "Ready", "status": "True" if is_ready else "False"}]
        put_pods(stage, found)
        passes = gate(page(stage).before, "capacity")[0] is Result.PASS
        assert passes is (stage.run(a_switch()).outcome is Outcome.SUCCEEDED)
