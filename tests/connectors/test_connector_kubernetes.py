"""The cluster: paged lists, watches that can be taken up again, writes with their precondition, typed errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import (
    BadAnswer,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    NotServed,
    Rejected,
    SourceError,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from connectors.kubernetes import Kubernetes

_PODS = "/api/v1/namespaces/agents/pods"


def _kubeconfig(folder: Path, url: str, token: str) -> str:
    file = folder / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(json.dumps(config))
    return str(file)


@pytest.fixture
def cluster(backend, tmp_path: Path) -> Kubernetes:
    return Kubernetes(_kubeconfig(tmp_path, backend.url, "secret"))


def _pod(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "agents", "resourceVersion": str(version)}}


def _status(code: int, message: str) -> dict[str, Any]:
    return {"kind": "Status", "status": "Failure", "code": code, "message": message}


def test_an_object_is_read_as_raw_json_with_our_token(backend, answer, cluster):
    backend.answers[f"{_PODS}/a"] = answer(_pod("a", 1) | {"newField": {"notYet": "known"}})

    assert cluster.get("pods", "a", "agents")["newField"] == {"notYet": "known"}
    assert backend.asked[0].headers["Authorization"] == "Bearer secret"


def test_a_list_is_read_in_pages(backend, answer, cluster):
    def page(asked):
        last = "continue" in asked.query
        metadata = {"resourceVersion": "7"} | ({} if last else {"continue": "more"})
        return answer({"metadata": metadata, "items": [_pod("b" if last else "a", 1)]})

    backend.answers[_PODS] = page

    found = cluster.list("pods", "agents", "app=x")

    assert [item["metadata"]["name"] for item in found.items] == ["a", "b"]
    assert found.resource_version == "7"
    assert [asked.query.get("continue") for asked in backend.asked] == [None, "more"]
    assert all(asked.query["labelSelector"] == "app=x" and "limit" in asked.query for asked in backend.asked)


def test_a_list_that_expires_between_pages_is_begun_anew(backend, answer, cluster):
    def page(asked):
        if "continue" in asked.query:
            return answer(_status(410, "the continue token is too old"), status=410)
        last = len(backend.asked) > 2
        return answer(
            {"metadata": {"resourceVersion": "9"} | ({} if last else {"continue": "x"}), "items": [_pod("a", 1)]}
        )

    backend.answers[_PODS] = page

    assert len(cluster.list("pods", "agents").items) == 1


def test_a_kind_without_namespaces_ignores_one(backend, answer, cluster):
    backend.answers["/api/v1/nodes"] = answer({"metadata": {"resourceVersion": "1"}, "items": []})

    assert cluster.list("nodes", "agents").items == ()


def test_a_watch_gives_changes_and_bookmarks_with_the_version_to_go_on_from(backend, answer, cluster):
    events = [
        {"type": "ADDED", "object": _pod("a", 8)},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "12"}}},
    ]
    backend.answers[_PODS] = answer(b"".join(json.dumps(event).encode() + b"\n" for event in events))

    seen = list(cluster.watch("pods", "agents", resource_version="7"))

    assert [(event.type, event.resource_version) for event in seen] == [("ADDED", "8"), ("BOOKMARK", "12")]
    assert backend.asked[0].query["resourceVersion"] == "7"
    assert backend.asked[0].query["allowWatchBookmarks"] == "true"


def test_a_page_of_somebody_else_in_place_of_a_watch_is_said(backend, answer, cluster):
    backend.answers[_PODS] = answer(b"<html>Please sign in</html>")

    with pytest.raises(BadAnswer, match="a web page, not data"):
        list(cluster.watch("pods", "agents", resource_version="1"))


def test_a_watch_without_an_end_of_line_is_not_read_for_ever(backend, answer, cluster, monkeypatch):
    monkeypatch.setattr("connectors.body.LARGEST_BYTES", 2**20)
    backend.answers[_PODS] = answer(b" " * 2**22)

    with pytest.raises(BadAnswer, match="larger than 1 MiB"):
        list(cluster.watch("pods", "agents", resource_version="1"))


def test_a_watch_from_a_forgotten_version_is_gone(backend, answer, cluster):
    backend.answers[_PODS] = answer({"type": "ERROR", "object": _status(410, "too old")}, end=b"\n")

    with pytest.raises(Gone, match="too old"):
        list(cluster.watch("pods", "agents", resource_version="1"))


def test_a_patch_is_a_merge_patch_in_our_name(backend, answer, cluster):
    backend.answers["/api/v1/namespaces/agents/services/s"] = answer({"metadata": {"name": "s"}})

    cluster.patch("services", "s", "agents", {"spec": {"selector": {"t": "green"}}}, dry_run=True)

    [asked] = backend.asked
    assert (asked.method, asked.headers["Content-Type"]) == ("PATCH", "application/merge-patch+json")
    assert asked.query == {"fieldManager": "tealdeck", "dryRun": "All"}
    assert asked.json == {"spec": {"selector": {"t": "green"}}}


def test_a_json_patch_travels_as_the_list_it_is(backend, answer, cluster):
    backend.answers["/api/v1/namespaces/agents/services/s"] = answer({"metadata": {}})
    steps = [{"op": "test", "path": "/metadata/resourceVersion", "value": "1"}]

    cluster.patch("services", "s", "agents", steps, content_type="application/json-patch+json")

    assert backend.asked[0].headers["Content-Type"] == "application/json-patch+json"
    assert backend.asked[0].json == steps


def test_a_scale_is_patched_at_its_own_address(backend, answer, cluster):
    scale = "/apis/apps/v1/namespaces/agents/deployments/d/scale"
    backend.answers[scale] = answer({"spec": {"replicas": 3}})

    assert cluster.patch("deployments", "d", "agents", {"spec": {"replicas": 3}}, subresource="scale")
    assert backend.asked[0].path == scale


def test_objects_are_created_replaced_and_deleted(backend, answer, cluster):
    leases = "/apis/coordination.k8s.io/v1/namespaces/agents/leases"
    backend.answers[leases] = answer({"metadata": {"name": "l"}}, status=201)
    backend.answers[f"{leases}/l"] = answer({"metadata": {"name": "l"}})

    cluster.create("leases", "agents", {"metadata": {"name": "l"}})
    cluster.replace("leases", "l", "agents", {"metadata": {"name": "l", "resourceVersion": "3"}})
    cluster.delete("leases", "l", "agents")

    assert [asked.method for asked in backend.asked] == ["POST", "PUT", "DELETE"]


def test_the_log_of_a_run_before_a_restart_is_read(backend, answer, cluster):
    backend.answers[f"{_PODS}/a/log"] = answer("größer\n".encode())

    assert cluster.pod_log("agents", "a", "main", tail_lines=5, previous=True) == "größer\n"
    assert backend.asked[0].query == {"container": "main", "tailLines": "5", "previous": "true"}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (410, Gone),
        (500, BadAnswer),
        (504, TimedOut),
    ],
)
def test_each_refusal_has_its_type_and_the_servers_words(
    backend, answer, cluster, status: int, error: type[SourceError]
):
    backend.answers[f"{_PODS}/a"] = answer(_status(status, "in its own words"), status=status)

    with pytest.raises(error, match="in its own words") as caught:
        cluster.get("pods", "a", "agents")

    assert type(caught.value) is error


def test_a_refused_token_is_read_again_for_the_next_call(backend, answer, cluster, tmp_path: Path):
    backend.answers[f"{_PODS}/a"] = answer(_status(401, "expired"), status=401)
    with pytest.raises(Rejected):
        cluster.get("pods", "a", "agents")
    _kubeconfig(tmp_path, backend.url, "newer")
    backend.answers[f"{_PODS}/a"] = answer(_pod("a", 1))

    cluster.get("pods", "a", "agents")

    assert backend.asked[-1].headers["Authorization"] == "Bearer newer"


def test_something_that_is_no_object_is_a_bad_answer(backend, answer, cluster):
    backend.answers[f"{_PODS}/a"] = answer(b"<html>")

    with pytest.raises(BadAnswer):
        cluster.get("pods", "a", "agents")


def test_nobody_listening_is_unreachable(dead_url: str, tmp_path: Path):
    with pytest.raises(Unreachable, match="connection refused"):
        Kubernetes(_kubeconfig(tmp_path, dead_url, "secret")).list("pods")


def test_a_missing_kubeconfig_names_the_file(tmp_path: Path):
    with pytest.raises(Unreachable, match=r"cannot use .*nowhere"):
        Kubernetes(str(tmp_path / "nowhere")).list("pods")


def test_outside_a_pod_the_service_account_is_said_to_be_missing():
    with pytest.raises(Unreachable, match="the pod's service account"):
        Kubernetes().list("pods")


def test_an_unknown_kind_is_a_mistake_in_the_program(cluster):
    with pytest.raises(ValueError, match="unknown kind 'widgets'"):
        cluster.list("widgets")


def test_who_acts_in_the_name_of_a_person_says_so_with_every_call(backend, answer, cluster):
    backend.answers[f"{_PODS}/a"] = answer(_pod("a", 1))

    cluster.acting_as("ada", ["on-call", "release managers"]).get("pods", "a", "agents")
    cluster.get("pods", "a", "agents")

    theirs, ours = (asked.headers for asked in backend.asked)
    assert theirs["Impersonate-User"] == "ada"
    assert theirs.get_all("Impersonate-Group") == ["on-call", "release managers"]
    assert ours["Impersonate-User"] is None


@pytest.mark.parametrize("allowed", [True, False])
def test_the_cluster_is_asked_what_we_may_do(backend, answer, cluster, allowed: bool):
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    backend.answers[path] = answer({"status": {"allowed": allowed}}, status=201)

    assert cluster.may("patch", "deployments", "agents", "web", "scale") is allowed
    assert backend.asked[0].json["spec"]["resourceAttributes"] == {
        "verb": "patch",
        "group": "apps",
        "resource": "deployments",
        "subresource": "scale",
        "namespace": "agents",
        "name": "web",
    }


_ROLLOUTS = "/apis/argoproj.io/v1alpha1/namespaces/agents/rollouts"
_GROUP = "/apis/argoproj.io/v1alpha1"


def test_a_kind_that_the_cluster_does_not_have_is_not_served(backend, answer, cluster):
    backend.answers[_ROLLOUTS] = answer(_status(404, "the server could not find the requested resource"), status=404)
    backend.answers[_GROUP] = answer(_status(404, "not found"), status=404)

    with pytest.raises(NotServed, match="serves no rollouts"):
        cluster.list("rollouts", "agents")


def test_a_kind_that_is_forbidden_and_not_there_is_not_served_either(backend, answer, cluster):
    """The cluster forbids before it looks whether there is such a kind at all."""
    backend.answers[_ROLLOUTS] = answer(_status(403, "rollouts.argoproj.io is forbidden"), status=403)
    backend.answers[_GROUP] = answer({"kind": "APIResourceList", "resources": [{"name": "analysisruns"}]})

    with pytest.raises(NotServed):
        cluster.list("rollouts", "agents")


def test_a_kind_that_is_there_and_forbidden_is_rejected(backend, answer, cluster):
    backend.answers[_ROLLOUTS] = answer(_status(403, "rollouts.argoproj.io is forbidden"), status=403)
    backend.answers[_GROUP] = answer({"kind": "APIResourceList", "resources": [{"name": "rollouts"}]})

    with pytest.raises(Rejected, match=r"rollouts\.argoproj\.io is forbidden"):
        cluster.list("rollouts", "agents")


def test_a_kind_that_every_cluster_has_is_not_looked_for(backend, answer, cluster):
    backend.answers[_PODS] = answer(_status(403, "pods is forbidden"), status=403)

    with pytest.raises(Rejected):
        cluster.list("pods", "agents")
    assert len(backend.asked) == 1
