"""Which Deployments are a Service's tracks, however a team has labelled them; page and guard ask the same function."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.governed import governed_service
from dashboard.decide.tracks import find_tracks, rolled_on
from dashboard.model.release import Track

APP, TRACK, VERSION = "app", "tealdeck.io/track", "app.kubernetes.io/version"
SERVICE: dict[str, Any] = {
    "metadata": {"name": "agent-runtime", "namespace": "agents"},
    "spec": {"selector": {APP: "runtime", TRACK: "blue"}},
}


def a_deployment(name: str, template: dict[str, str], own: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    pod = {"metadata": {"labels": template}, "spec": {"containers": [{"image": "agent:1"}]}}
    return {"metadata": {"name": name, "labels": own or {}}, "spec": {"template": pod, **spec}}


def labels(track: str, version: str = "1.8.0") -> dict[str, str]:
    return {APP: "runtime", TRACK: track, VERSION: version}


def green(*deployments: Any) -> Any:
    return find_tracks(SERVICE, deployments).get(Track.GREEN)


@pytest.mark.parametrize(
    ("template", "own"),
    [
        pytest.param(labels("green"), {}, id="on the template only"),
        pytest.param(labels("green"), labels("green"), id="on both"),
        pytest.param({APP: "runtime", TRACK: "green"}, {VERSION: "1.8.0"}, id="the version on the Deployment only"),
        pytest.param(labels("green"), labels("blue", "0.9"), id="the Deployment says otherwise"),
    ],
)
def test_labels_are_found_where_a_service_and_a_team_put_them(template: dict[str, str], own: dict[str, str]) -> None:
    found = green(a_deployment("g", template, own))
    assert (found.name, found.version, found.problem) == ("g", "1.8.0", "")


@pytest.mark.parametrize(
    ("template", "lacks"),
    [
        pytest.param({APP: "runtime"}, f"{TRACK}=green", id="its pods have no track"),
        pytest.param({}, f"{APP}=runtime, {TRACK}=green", id="its pods have no labels"),
    ],
)
def test_labels_on_the_deployment_alone_name_a_track_that_no_service_can_select(
    template: dict[str, str], lacks: str
) -> None:
    found = green(a_deployment("g", template, labels("green")))
    assert found.name == "g"
    assert f"lack the labels {lacks}" in found.problem


def test_a_deployment_whose_pods_are_selected_goes_before_one_that_only_says_so() -> None:
    found = green(a_deployment("a", {APP: "worker"}, labels("green")), a_deployment("b", labels("green")))
    assert (found.name, found.problem) == ("b", "")


def test_two_deployments_of_one_track_are_not_guessed_between() -> None:
    found = green(a_deployment("a", labels("green")), a_deployment("b", labels("green", "1.8.1")))
    assert found.problem == "more than one Deployment is green: a, b"


@pytest.mark.parametrize(
    "leftover",
    [
        pytest.param({"spec": {"replicas": 0}}, id="scaled to zero"),
        pytest.param({"metadata": {"deletionTimestamp": "2026-03-01T03:00:00Z"}}, id="being deleted"),
    ],
)
def test_what_an_earlier_release_left_over_is_no_track(leftover: dict[str, Any]) -> None:
    old = a_deployment("a", labels("green", "1.6.0"))
    for part, values in leftover.items():
        old[part].update(values)
    found = green(old, a_deployment("b", labels("green")))
    assert (found.name, found.problem) == ("b", "")


@pytest.mark.parametrize("template", [{APP: "gateway", TRACK: "green"}, {APP: "runtime", TRACK: "canary"}, {}])
def test_what_the_service_does_not_select_is_no_track(template: dict[str, str]) -> None:
    assert green(a_deployment("g", template)) is None


@given(st.lists(st.sampled_from(["template", "own", "both", "none"]), min_size=1, max_size=3), st.randoms())
def test_page_and_guard_agree_in_whatever_order_the_cluster_lists(places: list[str], shuffle: Any) -> None:
    deployments = [
        a_deployment(
            f"d{number}",
            labels("green") if place in ("template", "both") else {},
            labels("green") if place in ("own", "both") else {},
        )
        for number, place in enumerate(places)
    ]
    service = copy.deepcopy(SERVICE)
    page = governed_service(service, services=(), deployments=deployments, replica_sets=(), pods=(), slices=())
    shuffle.shuffle(deployments)
    guard = find_tracks(service, deployments)
    assert page is not None
    assert set(page.tracks) == set(guard)
    for track, found in guard.items():
        status = page.tracks[track]
        assert (status.deployment, status.template, status.problem) == (found.name, found.template, found.problem)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        pytest.param({"labels": {VERSION: "1.8.1"}}, ("1.8.0 was judged", "runs 1.8.1 now"), id="another version"),
        pytest.param({"labels": {VERSION: ""}}, ("1.8.0 was judged", "no version"), id="the version is gone"),
        pytest.param({"image": "agent:2"}, ("agent:1", "agent:2"), id="another image of the same version"),
        pytest.param({"annotations": {"restartedAt": "now"}}, ("1.8.0 (", "template"), id="a restart"),
    ],
)
def test_a_rollout_is_named_by_what_was_judged_and_what_runs(change: dict[str, Any], names: tuple[str, str]) -> None:
    before = a_deployment("g", labels("green"))
    after = copy.deepcopy(before)
    after["spec"]["template"]["metadata"]["labels"] |= change.get("labels", {})
    after["spec"]["template"]["metadata"]["annotations"] = change.get("annotations", {})
    after["spec"]["template"]["spec"]["containers"][0]["image"] = change.get("image", "agent:1")
    said = rolled_on(green(before), green(after))
    assert "was rolled out again" in said
    for name in names:
        assert name in said


def test_more_pods_are_no_rollout() -> None:
    before = a_deployment("g", labels("green"), replicas=2)
    after = a_deployment("g", labels("green"), replicas=5)
    after["metadata"]["resourceVersion"] = "9"
    after["status"] = {"readyReplicas": 5}
    assert rolled_on(green(before), green(after)) == ""


def test_a_track_that_is_gone_is_no_longer_what_was_judged() -> None:
    assert "has no Deployment now" in rolled_on(green(a_deployment("g", labels("green"))), None)


COLLECTOR = {"name": "otel-collector", "image": "otel/collector:0.99.0"}


@pytest.mark.parametrize(
    ("containers", "annotations", "version"),
    [
        pytest.param([COLLECTOR, {"name": "g", "image": "a:1.8"}], {}, "1.8", id="named like the Deployment"),
        pytest.param([COLLECTOR, {"name": "runtime", "image": "a:1.8"}], {}, "1.8", id="named like its app"),
        pytest.param(
            [COLLECTOR, {"name": "main", "image": "host:5000/a:1.8@sha256:1"}],
            {"kubectl.kubernetes.io/default-container": "main"},
            "1.8",
            id="named by the annotation",
        ),
        pytest.param([COLLECTOR, {"name": "main", "image": "a:1.8"}], {}, "", id="nothing tells which"),
        pytest.param([{"name": "x", "image": "a:1.8"}, {"name": "y", "image": "b:1.8"}], {}, "1.8", id="one release"),
        pytest.param([{"name": "main", "image": "a:1.8"}], {}, "1.8", id="the only one"),
        pytest.param([{"name": "main", "image": "a:latest"}], {}, "", id="latest"),
    ],
)
def test_the_tag_of_a_sidecar_is_no_version(containers: list[Any], annotations: dict[str, str], version: str) -> None:
    found = a_deployment("g", {APP: "runtime", TRACK: "green"})
    found["spec"]["template"]["spec"]["containers"] = containers
    found["spec"]["template"]["metadata"]["annotations"] = annotations
    assert green(found).version == version
