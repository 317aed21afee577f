"""The deck's connector on both servers: lists in pages, watches, preconditions, access, and acting for a person."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.errors import Conflict, Gone, NotFound, Rejected
from connectors.kubernetes import PAGE_SIZE, Kubernetes
from tests.stack.apiserver_process import Server, config_map, pod

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def cluster(server: Server) -> Kubernetes:
    return Kubernetes(str(server.kubeconfig))


def test_a_watch_goes_on_from_its_list(cluster: Kubernetes, namespace: str) -> None:
    since = cluster.list("configmaps", namespace).resource_version
    watch = cluster.watch("configmaps", namespace, resource_version=since)
    cluster.create("configmaps", namespace, config_map("watched", a="1"))
    cluster.patch("configmaps", "watched", namespace, {"data": {"a": "2"}})
    cluster.delete("configmaps", "watched", namespace)
    heard = []
    for event in watch:
        if event.object["metadata"].get("name") == "watched":
            heard.append((event.type, event.object["data"]["a"]))
        if heard and heard[-1][0] == "DELETED":
            break
    assert heard == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]


def test_a_list_of_more_than_a_page_is_whole(cluster: Kubernetes, namespace: str) -> None:
    names = [f"c{number:04}" for number in range(PAGE_SIZE + 20)]
    for name in names:
        cluster.create("configmaps", namespace, config_map(name))

    listed = [one["metadata"]["name"] for one in cluster.list("configmaps", namespace).items]

    assert [name for name in listed if name.startswith("c")] == names


def test_a_selector_narrows_a_list(cluster: Kubernetes, namespace: str) -> None:
    for track in ("blue", "green"):
        made = config_map(track)
        made["metadata"]["labels"] = {"track": track}
        cluster.create("configmaps", namespace, made)

    found = cluster.list("configmaps", namespace, "track=green").items

    assert [one["metadata"]["name"] for one in found] == ["green"]


def test_a_version_that_is_forgotten_is_gone(cluster: Kubernetes, server: Server, namespace: str) -> None:
    """Of events, of which neither server keeps more than its history."""
    event = {
        "metadata": {"name": "old"},
        "involvedObject": {"kind": "Pod", "namespace": namespace, "name": "p"},
        "reason": "Tested",
        "type": "Normal",
    }
    cluster.create("events", namespace, event)
    since = cluster.list("events", namespace).resource_version
    server.forget(f"/api/v1/namespaces/{namespace}/events/old")

    with pytest.raises(Gone):
        list(cluster.watch("events", namespace, resource_version=since))


def test_a_stale_precondition_is_a_conflict(cluster: Kubernetes, namespace: str) -> None:
    made = cluster.create("configmaps", namespace, config_map("kept", a="1"))
    cluster.patch("configmaps", "kept", namespace, {"data": {"a": "2"}})
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"a": "3"}}

    with pytest.raises(Conflict):
        cluster.patch("configmaps", "kept", namespace, stale)
    with pytest.raises(Conflict):
        cluster.replace("configmaps", "kept", namespace, {**made, "data": {"a": "4"}})
    with pytest.raises(Conflict):
        cluster.create("configmaps", namespace, config_map("kept"))
    assert cluster.get("configmaps", "kept", namespace)["data"] == {"a": "2"}


def test_a_dry_run_changes_nothing(cluster: Kubernetes, namespace: str) -> None:
    cluster.create("configmaps", namespace, config_map("dry", a="1"))
    answered = cluster.patch("configmaps", "dry", namespace, {"data": {"a": "2"}}, dry_run=True)
    cluster.create("configmaps", namespace, config_map("never"), dry_run=True)

    assert answered["data"] == {"a": "2"}
    assert cluster.get("configmaps", "dry", namespace)["data"] == {"a": "1"}
    with pytest.raises(NotFound):
        cluster.get("configmaps", "never", namespace)


def test_the_cluster_says_what_we_may_do_and_what_a_person_may(cluster: Kubernetes, namespace: str) -> None:
    nobody = cluster.acting_as("nobody", ["no-group"])

    assert cluster.may("patch", "services", namespace)
    assert not nobody.may("patch", "services", namespace)
    with pytest.raises(Rejected):
        nobody.list("pods", namespace)


def test_objects_of_all_namespaces_are_listed(
    cluster: Kubernetes, make_namespace: Callable[[str], str], namespace: str
) -> None:
    other = make_namespace(f"{namespace[:50]}-other")
    for place in (namespace, other):
        cluster.create("pods", place, pod("everywhere"))

    found = {one["metadata"]["namespace"] for one in cluster.list("pods").items}

    assert {namespace, other} <= found


def test_the_version_is_told(cluster: Kubernetes) -> None:
    assert cluster.version().startswith("v1.")
