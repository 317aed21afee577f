"""Creates, updates, patches and deletions in all their forms, and what is refused."""

import json
from typing import Any

import pytest
from kubernetes import client

from deploy.local.apiserver.kinds import BUILT_IN, Resource
from tests.stack.apiserver_process import (
    MERGE,
    Json,
    Server,
    config_map,
    definition,
    deployment,
    pod,
    reason,
)
from tests.waiting import eventually

pytestmark = pytest.mark.stack


def test_a_stale_version_is_a_conflict_for_put_and_patch(server: Server, namespace: str) -> None:
    core = client.CoreV1Api(server.api)
    stale = core.create_namespaced_config_map(namespace, config_map("c", a="1"))
    core.patch_namespaced_config_map("c", namespace, {"data": {"a": "2"}})
    stale.data = {"a": "3"}
    with pytest.raises(client.ApiException) as refused:
        core.replace_namespaced_config_map("c", namespace, stale)
    assert (refused.value.status, json.loads(refused.value.body)["reason"]) == (409, "Conflict")
    patch = {"metadata": {"resourceVersion": stale.metadata.resource_version}, "data": {"a": "3"}}
    with pytest.raises(client.ApiException) as refused:
        core.patch_namespaced_config_map("c", namespace, patch)
    assert refused.value.status == 409
    assert core.read_namespaced_config_map("c", namespace).data == {"a": "2"}


_NEW_IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "w:2"}]}}}}
_IMAGE_PATH = "/spec/template/spec/containers/0/image"


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        ("application/json-patch+json", [{"op": "replace", "path": _IMAGE_PATH, "value": "w:2"}]),
        ("application/strategic-merge-patch+json", _NEW_IMAGE),
    ],
    ids=["json", "strategic"],
)
def test_a_patch_of_one_container_field_keeps_the_others(
    server: Server, namespace: str, content_type: str, patch: Any
) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    server.call("POST", path, json=deployment())
    headers = {"Content-Type": content_type}
    after = server.call("PATCH", f"{path}/web", data=json.dumps(patch), headers=headers).json()
    container = after["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["env"]) == ("w:2", [{"name": "A", "value": "1"}])
    assert after["metadata"]["generation"] == 2


def test_status_and_spec_do_not_touch_each_other(server: Server, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    made = server.call("POST", path, json=deployment(replicas=1)).json()
    both = {**made, "spec": {**made["spec"], "replicas": 9}, "status": {"replicas": 1}}
    after = server.call("PUT", f"{path}/web/status", json=both).json()
    assert (after["spec"]["replicas"], after["status"], after["metadata"]["generation"]) == (1, {"replicas": 1}, 1)
    both["metadata"] = after["metadata"]
    both["status"] = {"replicas": 7}
    after = server.call("PUT", f"{path}/web", json=both).json()
    assert (after["spec"]["replicas"], after["status"], after["metadata"]["generation"]) == (9, {"replicas": 1}, 2)


def test_a_write_that_changes_nothing_makes_no_new_version(server: Server, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    made = server.call("POST", path, json=deployment()).json()
    again = server.call("PUT", f"{path}/web", json=made).json()
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_a_dry_run_answers_but_keeps_nothing(server: Server, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    answer = server.call("POST", f"{path}?dryRun=All", json=deployment())
    assert (answer.status_code, answer.json()["spec"]["replicas"]) == (201, 1)
    assert server.call("GET", f"{path}/web").status_code == 404


def test_scale_is_read_and_written_by_the_python_client(server: Server, namespace: str) -> None:
    apps = client.AppsV1Api(server.api)
    apps.create_namespaced_deployment(namespace, deployment(replicas=2))
    assert apps.read_namespaced_deployment_scale("web", namespace).status.selector == "app=web"
    apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 5}})
    assert apps.read_namespaced_deployment("web", namespace).spec.replicas == 5


def test_a_service_keeps_its_cluster_address(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services"
    body = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}}}
    made = server.call("POST", path, json=body).json()
    address = made["spec"]["clusterIP"]
    assert address.startswith("10.99.255.")
    assert made["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    body["spec"]["selector"] = {"app": "green"}  # type: ignore[index]
    assert server.call("PUT", f"{path}/s", json=body).json()["spec"]["clusterIP"] == address
    body["spec"]["clusterIP"] = "10.99.255.200"  # type: ignore[index]
    assert reason(server.call("PUT", f"{path}/s", json=body)) == (422, "Invalid")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/v1/namespaces/default/pods", pod("Upper"), "metadata.name"),
        ("/api/v1/namespaces/default/pods", {"metadata": {"name": "p"}, "spec": {}}, "spec.containers"),
        (
            "/apis/apps/v1/namespaces/default/deployments",
            deployment(selector={"matchLabels": {"app": "other"}}),
            "spec.template.metadata.labels",
        ),
        ("/api/v1/namespaces/default/services", {"metadata": {"name": "s"}, "spec": {}}, "spec.ports"),
        (
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
            {"metadata": {"name": "e"}, "addressType": "IPv4", "endpoints": [{"addresses": ["127.0.0.1"]}]},
            "endpoints[0].addresses[0]",
        ),
        (
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            definition("contracts", "Contract", group="policy.k8s.io"),
            "metadata.annotations[api-approved.kubernetes.io]",
        ),
    ],
    ids=["name", "no containers", "selector misses template", "no ports", "loopback endpoint", "protected group"],
)
def test_an_invalid_object_is_refused_with_its_field(server: Server, path: str, body: Json, field: str) -> None:
    answer = server.call("POST", path, json=body)
    assert reason(answer) == (422, "Invalid")
    assert [cause["field"] for cause in answer.json()["details"]["causes"]] == [field]


@pytest.mark.parametrize("resource", BUILT_IN, ids=lambda entry: entry.qualified)
def test_an_incomplete_object_is_never_an_internal_error(server: Server, resource: Resource) -> None:
    prefix = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    path = prefix + ("/namespaces/default/" if resource.namespaced else "/") + resource.plural
    named = {"metadata": {"name": "incomplete"}}
    for body in (
        [],
        {},
        {"metadata": []},
        {"metadata": {"name": 5}},
        {**named, "spec": []},
        {**named, "spec": {}},
        named,
    ):
        assert server.call("POST", path, json=body).status_code < 500
    if not resource.create_only:
        assert server.call("GET", path).json()["kind"] == f"{resource.kind}List"


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"{", "application/json", (400, "BadRequest")),
        (b"a: [", "application/yaml", (400, "BadRequest")),
        (b'{"kind": "Pod"}', "application/json", (400, "BadRequest")),
        (b"<a/>", "application/xml", (415, "UnsupportedMediaType")),
        (b" " * (3 * 1024 * 1024 + 1), "application/json", (413, "RequestEntityTooLarge")),
    ],
    ids=["bad JSON", "bad YAML", "another kind", "XML", "too large"],
)
def test_a_body_that_cannot_be_read_is_refused(
    server: Server, body: bytes, content_type: str, expected: tuple[int, str]
) -> None:
    headers = {"Content-Type": content_type}
    answer = server.call("POST", "/api/v1/namespaces/default/configmaps", data=body, headers=headers)
    assert reason(answer) == expected


def test_a_pod_that_names_no_account_has_the_default_one(server: Server, namespace: str) -> None:
    spec = server.call("POST", f"/api/v1/namespaces/{namespace}/pods", json=pod("p")).json()["spec"]
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("default", "default")


def test_a_running_pod_goes_in_two_steps(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    server.call("POST", path, json=pod("p"))
    binding = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "node-a"}}
    server.call("POST", f"{path}/p/binding", json=binding).raise_for_status()
    marked = server.call("DELETE", f"{path}/p").json()
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    assert server.call("GET", f"{path}/p").status_code == 200
    server.call("DELETE", f"{path}/p", json={"gracePeriodSeconds": 0}).raise_for_status()
    assert server.call("GET", f"{path}/p").status_code == 404


def test_a_finalizer_holds_an_object_until_it_is_taken_off(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    body = config_map("c")
    body["metadata"]["finalizers"] = ["tealdeck.io/hold"]
    server.call("POST", path, json=body)
    server.call("DELETE", f"{path}/c")
    assert "deletionTimestamp" in server.call("GET", f"{path}/c").json()["metadata"]
    server.call("PATCH", f"{path}/c", data='{"metadata": {"finalizers": null}}', headers=MERGE)
    assert server.call("GET", f"{path}/c").status_code == 404


@pytest.mark.parametrize(("policy", "left"), [("Background", []), ("Foreground", []), ("Orphan", ["dependent"])])
def test_dependents_follow_their_owner(server: Server, policy: str, left: list[str]) -> None:
    namespace = f"t-owner-{policy.lower()}"
    server.call("POST", "/api/v1/namespaces", json={"metadata": {"name": namespace}})
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    owner = server.call("POST", path, json=config_map("owner")).json()["metadata"]
    dependent = config_map("dependent")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"]}
    dependent["metadata"]["ownerReferences"] = [{**reference, "blockOwnerDeletion": True}]
    server.call("POST", path, json=dependent)
    server.call("DELETE", f"{path}/owner", json={"propagationPolicy": policy})

    def names() -> list[str]:
        return [item["metadata"]["name"] for item in server.call("GET", path).json()["items"]]

    eventually(lambda: names() == left, f"{policy} leaves {left}")


def test_a_deleted_namespace_takes_its_content_along(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}"
    server.call("POST", f"{path}/configmaps", json=config_map("c"))
    server.call("DELETE", path)
    eventually(lambda: server.call("GET", path).status_code == 404, "the namespace goes")
    assert server.call("GET", f"{path}/configmaps/c").status_code == 404
    assert reason(server.call("POST", f"{path}/configmaps", json=config_map("c"))) == (404, "NotFound")


def test_a_pod_that_a_quota_has_no_room_for_is_refused_with_the_figures(server: Server, namespace: str) -> None:
    quota(server, namespace, {"pods": "2", "requests.memory": "1Gi"})
    path = f"/api/v1/namespaces/{namespace}/pods"
    server.call("POST", path, json=asking("a", memory="512Mi")).raise_for_status()
    answer = server.call("POST", path, json=asking("b", memory="513Mi"))
    assert reason(answer) == (403, "Forbidden")
    assert answer.json()["message"] == (
        'pods "b" is forbidden: exceeded quota: q, requested: requests.memory=513Mi, used: requests.memory=512Mi, '
        "limited: requests.memory=1Gi"
    )
    server.call("POST", path, json=asking("b", memory="512Mi")).raise_for_status()
    answer = server.call("POST", path, json=asking("c", memory="1Mi"))
    assert "requested: pods=1,requests.memory=1Mi, used: pods=2,requests.memory=1Gi, " in answer.json()["message"]
    server.call("DELETE", f"{path}/a").raise_for_status()
    eventually(lambda: server.call("POST", path, json=asking("c", memory="1Mi")).ok, "what is deleted makes room")


def test_a_pod_that_does_not_say_what_a_quota_limits_is_refused(server: Server, namespace: str) -> None:
    quota(server, namespace, {"requests.cpu": "2", "limits.memory": "1Gi"})
    answer = server.call("POST", f"/api/v1/namespaces/{namespace}/pods", json=pod("p"))
    assert reason(answer) == (403, "Forbidden")
    why = "failed quota: q: must specify limits.memory for: main; requests.cpu for: main"
    assert answer.json()["message"] == f'pods "p" is forbidden: {why}'


def quota(server: Server, namespace: str, hard: Json) -> None:
    """A quota that is in force: a real one is when its controller has counted."""
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    server.call("POST", path, json={"metadata": {"name": "q"}, "spec": {"hard": hard}}).raise_for_status()
    if server.kind == "real":
        eventually(lambda: server.call("GET", f"{path}/q").json()["status"].get("hard") == hard, "it is counted")


def asking(name: str, **requests: str) -> Json:
    body = pod(name)
    body["spec"]["containers"][0]["resources"] = {"requests": requests}
    return body


def test_an_eviction_that_breaks_a_budget_is_refused(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    server.call("POST", path, json=pod("p", labels={"app": "web"}))
    ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    server.call("PATCH", f"{path}/p/status", data=json.dumps(ready), headers=headers).raise_for_status()
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}}
    server.call("POST", f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets", json=budget)
    answer = server.call("POST", f"{path}/p/eviction", json={"metadata": {"name": "p"}})
    assert reason(answer) == (429, "TooManyRequests")
