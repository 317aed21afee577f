"""The API server as its clients meet it: kubectl, the official Python client, and bare HTTP for what those hide.

Covers the verbs, the four patch types, watches, paging, deletion in all its forms and durability. The controllers and
the node agent have tests of their own.
"""

import contextlib
import http.server
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from kubernetes import client, config, watch

from deploy.local.apiserver.kinds import BUILT_IN, Resource

pytestmark = pytest.mark.stack
REPO = Path(__file__).parents[2]
MERGE = {"Content-Type": "application/merge-patch+json"}
KUBECTL = shutil.which("kubectl") or "kubectl"
Json = dict[str, Any]


class Server:
    """One API server process over a state folder, which outlives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.listen = "127.0.0.1:0"

    def start(self) -> "Server":
        self.kubeconfig.unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command(), cwd=REPO, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if "info ready" in line:
                break
        loaded = yaml.safe_load(self.kubeconfig.read_text())
        self.url: str = loaded["clusters"][0]["cluster"]["server"]
        self.http = requests.Session()
        self.http.trust_env = False  # a CA bundle of the environment would take the place of ours
        self.http.verify = str(self.folder / "state/pki/ca.crt")
        self.http.headers["Authorization"] = f"Bearer {loaded['users'][0]['user']['token']}"
        self.api = config.new_client_from_config(str(self.kubeconfig))
        return self

    def command(self, *, state: Path | None = None, listen: str = "") -> list[str]:
        program = [sys.executable, "-m", "deploy.local.apiserver", "--listen", listen or self.listen]
        places = ["--state", str(state or self.folder / "state"), "--kubeconfig", str(self.kubeconfig)]
        return [*program, *places, "--service-cidr", "10.99.255.0/24"]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=10)
        assert self.process.stderr is not None
        self.process.stderr.close()
        self.api.close()
        self.http.close()
        return code

    def kubectl(self, *args: str, stdin: str = "", ok: bool = True) -> str:
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.folder)}
        done = subprocess.run(
            [KUBECTL, *args], input=stdin, capture_output=True, text=True, env=environment, timeout=30, check=False
        )
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        return done.stdout if ok else done.stderr

    def call(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        return self.http.request(method, self.url + path, timeout=10, **kwargs)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("apiserver")).start()
    yield running
    running.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that the test may stop and start."""
    running = Server(tmp_path).start()
    yield running
    if running.process.poll() is None:
        running.stop(signal.SIGKILL)


@pytest.fixture
def namespace(server: Server, request: pytest.FixtureRequest) -> str:
    name = "t-" + re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[-55:].strip("-")
    server.call("POST", "/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
    return name


def config_map(name: str, **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(name: str = "web", **spec: Any) -> Json:
    container = {"name": "main", "image": "workload:1", "env": [{"name": "A", "value": "1"}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, **spec},
    }


def pod(name: str, **metadata: Any) -> Json:
    spec = {"containers": [{"name": "main", "image": "workload:1"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec}


def reason(answer: requests.Response) -> tuple[int, str]:
    """The code and reason of a Status, which must agree with the response."""
    body = answer.json()
    assert (body["kind"], body["status"], body["code"]) == ("Status", "Failure", answer.status_code)
    return body["code"], body["reason"]


def eventually(condition: Any, what: str) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


# --- kubectl ---------------------------------------------------------------------------------------------------------


def test_kubectl_applies_gets_and_deletes_a_manifest(server: Server, namespace: str) -> None:
    manifest = yaml.safe_dump(deployment(replicas=2))
    assert "created" in server.kubectl("-n", namespace, "apply", "-f", "-", stdin=manifest)
    assert "unchanged" in server.kubectl("-n", namespace, "apply", "-f", "-", stdin=manifest)
    changed = yaml.safe_dump(deployment(replicas=3))
    assert "configured" in server.kubectl("-n", namespace, "apply", "-f", "-", stdin=changed)
    row = server.kubectl("-n", namespace, "get", "deploy", "web", "--no-headers").split()
    assert row[:4] == ["web", "0/3", "0", "0"]
    assert "3 desired" in server.kubectl("-n", namespace, "describe", "deploy", "web")
    server.kubectl("-n", namespace, "delete", "deploy", "web")
    assert "NotFound" in server.kubectl("-n", namespace, "get", "deploy", "web", ok=False)


def test_server_side_apply_refuses_a_field_of_another_manager_until_forced(server: Server, namespace: str) -> None:
    def apply(replicas: int, *flags: str, ok: bool = True) -> str:
        manifest = yaml.safe_dump(deployment(replicas=replicas))
        return server.kubectl("-n", namespace, "apply", "--server-side", *flags, "-f", "-", stdin=manifest, ok=ok)

    apply(1)
    server.kubectl("-n", namespace, "scale", "deploy", "web", "--replicas=4")
    assert ".spec.replicas" in apply(2, ok=False)
    apply(2, "--force-conflicts")
    shown = server.kubectl("-n", namespace, "get", "deploy", "web", "-o", "jsonpath={.spec.replicas}")
    assert shown == "2"


def test_fields_that_leave_an_applied_manifest_leave_the_object(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps/c"

    def apply(manager: str, **data: str) -> Json:
        body = yaml.safe_dump(config_map("c", **data))
        headers = {"Content-Type": "application/apply-patch+yaml"}
        return server.call("PATCH", f"{path}?fieldManager={manager}", data=body, headers=headers).json()

    apply("one", a="1", shared="s")
    apply("two", b="2", shared="s")
    after = apply("one", c="3")
    assert after["data"] == {"b": "2", "c": "3", "shared": "s"}


def test_kubectl_watches_rows_as_they_change(server: Server, namespace: str) -> None:
    environment = {**os.environ, "KUBECONFIG": str(server.kubeconfig)}
    command = [KUBECTL, "-n", namespace, "get", "deploy", "-w", "--no-headers"]
    server.kubectl("-n", namespace, "create", "-f", "-", stdin=yaml.safe_dump(deployment(replicas=1)))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline().split()[1] == "0/1"
        server.kubectl("-n", namespace, "scale", "deploy", "web", "--replicas=2")
        assert watching.stdout.readline().split()[1] == "0/2"
        watching.terminate()


def test_kubectl_describes_a_pod_with_its_events(server: Server, namespace: str) -> None:
    core = client.CoreV1Api(server.api)
    made = core.create_namespaced_pod(namespace, pod("p"))
    reference = client.V1ObjectReference(kind="Pod", name="p", namespace=namespace, uid=made.metadata.uid)
    event = client.CoreV1Event(
        metadata=client.V1ObjectMeta(generate_name="p."),
        involved_object=reference,
        reason="Pulled",
        message="image is there",
        type="Normal",
        event_time=datetime.now(UTC),  # the client's model of the newer Event API asks for it
    )
    core.create_namespaced_event(namespace, event)
    shown = server.kubectl("-n", namespace, "describe", "pod", "p")
    assert "image is there" in shown
    assert "QoS Class:        BestEffort" in shown
    newer = client.EventsV1Api(server.api).list_namespaced_event(namespace).items
    assert [(entry.note, entry.regarding.name) for entry in newer] == [("image is there", "p")]


def test_kubectl_follows_the_log_that_the_node_of_the_pod_serves(server: Server, namespace: str) -> None:
    class Agent(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"log of {self.path}\n".encode())

        def log_message(self, *_: Any) -> None:
            """Keeps the test's output clean."""

    with http.server.HTTPServer(("127.0.0.1", 0), Agent) as agent:
        serving = threading.Thread(target=agent.serve_forever)
        serving.start()
        endpoints = {"kubeletEndpoint": {"Port": agent.server_port}}
        status = {"daemonEndpoints": endpoints, "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]}
        server.call("POST", "/api/v1/nodes", json={"metadata": {"name": "node-l"}})
        server.call("PATCH", "/api/v1/nodes/node-l/status", data=json.dumps({"status": status}), headers=MERGE)
        body = pod("p")
        body["spec"]["nodeName"] = "node-l"
        server.call("POST", f"/api/v1/namespaces/{namespace}/pods", json=body)
        shown = server.kubectl("-n", namespace, "logs", "-f", "p", "--tail=3")
        agent.shutdown()
        serving.join()
    assert shown == f"log of /containerLogs/{namespace}/p/main?follow=true&tailLines=3\n"


def test_kubectl_may_do_everything_with_the_one_token(server: Server) -> None:
    assert server.kubectl("auth", "can-i", "delete", "pods").strip() == "yes"
    assert "tealdeck-admin" in server.kubectl("auth", "whoami")


def test_custom_kinds_are_served_once_defined(server: Server, namespace: str) -> None:
    names = {"plural": "contracts", "singular": "contract", "kind": "Contract", "shortNames": ["ct"]}
    columns = [{"name": "Clause", "type": "string", "jsonPath": ".spec.clause"}]
    version = {"name": "v1", "served": True, "storage": True, "additionalPrinterColumns": columns}
    version["schema"] = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "contracts.tealdeck.io"},
        "spec": {"group": "tealdeck.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }
    server.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(definition))
    thing = {"apiVersion": "tealdeck.io/v1", "kind": "Contract", "metadata": {"name": "c"}, "spec": {"clause": "none"}}
    server.kubectl("-n", namespace, "apply", "-f", "-", stdin=yaml.safe_dump(thing))
    assert server.kubectl("-n", namespace, "get", "ct", "--no-headers").split() == ["c", "none"]
    server.kubectl("delete", "crd", "contracts.tealdeck.io")
    assert server.call("GET", f"/apis/tealdeck.io/v1/namespaces/{namespace}/contracts").status_code == 404
    server.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(definition))
    assert server.kubectl("-n", namespace, "get", "ct", "-o", "name") == ""


def test_kubectl_creates_what_it_sends_as_protobuf(server: Server, namespace: str) -> None:
    server.kubectl("-n", namespace, "create", "deployment", "d", "--image=w:1", "--replicas=0", "--port=8080")
    server.kubectl("-n", namespace, "create", "secret", "generic", "s", "--from-literal=a=b")
    server.kubectl("-n", namespace, "create", "quota", "q", "--hard=pods=3,memory=1Gi")
    made = client.AppsV1Api(server.api).read_namespaced_deployment("d", namespace)
    ports = made.spec.template.spec.containers[0].ports
    assert (made.spec.replicas, ports[0].container_port) == (0, 8080)
    core = client.CoreV1Api(server.api)
    assert server.call("GET", f"/api/v1/namespaces/{namespace}/secrets/s").json()["data"] == {"a": "Yg=="}
    assert core.read_namespaced_resource_quota("q", namespace).spec.hard == {"pods": "3", "memory": "1Gi"}


def test_a_misspelt_field_is_refused_by_kubectl_and_warned_of_otherwise(server: Server, namespace: str) -> None:
    manifest = yaml.safe_dump(deployment(replica=3))
    assert 'unknown field "spec.replica"' in server.kubectl(
        "-n", namespace, "apply", "-f", "-", stdin=manifest, ok=False
    )
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    answer = server.call("POST", path, json=deployment(replica=3))
    assert "spec.replica" in answer.headers["Warning"]
    assert "replica" not in answer.json()["spec"]
    assert reason(server.call("POST", path, json=deployment("b", replicas="three"))) == (400, "BadRequest")


def test_kubectl_explains_the_fields_of_a_kind(server: Server) -> None:
    assert "maxSurge" in server.kubectl("explain", "deployment.spec.strategy.rollingUpdate")


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_request_without_the_token_is_refused(server: Server) -> None:
    answer = requests.get(server.url + "/api/v1/pods", verify=server.http.verify, timeout=5)
    assert reason(answer) == (401, "Unauthorized")
    assert requests.get(server.url + "/readyz", verify=server.http.verify, timeout=5).text == "ok"


def test_pages_show_the_state_of_the_first_page(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for name in "abcd":
        server.call("POST", path, json=config_map(name))
    first = server.call("GET", f"{path}?limit=2").json()
    assert first["metadata"]["remainingItemCount"] == 2
    server.call("DELETE", f"{path}/c")
    rest = server.call("GET", path, params={"limit": 5, "continue": first["metadata"]["continue"]}).json()
    assert [item["metadata"]["name"] for item in first["items"] + rest["items"]] == list("abcd")
    assert rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("tier=front", ["a"]),
        ("tier!=front", ["b", "c"]),
        ("tier in (front, back)", ["a", "b"]),
        ("tier notin (front),tier", ["b"]),
        ("!tier", ["c"]),
        ("tier,env=live", ["a"]),
    ],
)
def test_labels_select(server: Server, request: pytest.FixtureRequest, selector: str, expected: list[str]) -> None:
    name = "t-labels"
    if server.call("POST", "/api/v1/namespaces", json={"metadata": {"name": name}}).status_code == 201:
        for pod_name, labels in {"a": {"tier": "front", "env": "live"}, "b": {"tier": "back"}, "c": {}}.items():
            server.call("POST", f"/api/v1/namespaces/{name}/pods", json=pod(pod_name, labels=labels))
    found = client.CoreV1Api(server.api).list_namespaced_pod(name, label_selector=selector).items
    assert [item.metadata.name for item in found] == expected


def test_fields_select_and_an_unknown_field_is_refused(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    for name in ("a", "b"):
        server.call("POST", path, json=pod(name))
    items = server.call("GET", f"{path}?fieldSelector=metadata.name=b,status.phase=Pending").json()["items"]
    assert [item["metadata"]["name"] for item in items] == ["b"]
    assert reason(server.call("GET", f"{path}?fieldSelector=spec.colour=red")) == (400, "BadRequest")


def test_a_watch_tells_when_an_object_enters_and_leaves_the_selection(server: Server, namespace: str) -> None:
    core = client.CoreV1Api(server.api)
    heard: list[tuple[str, str]] = []
    version = core.list_namespaced_pod(namespace).metadata.resource_version

    def listen() -> None:
        stream = watch.Watch()
        options = {"label_selector": "tier=front", "resource_version": version, "timeout_seconds": 10}
        for event in stream.stream(core.list_namespaced_pod, namespace, **options):
            heard.append((event["type"], event["object"].metadata.name))
            if len(heard) == 3:
                stream.stop()

    listener = threading.Thread(target=listen)
    listener.start()
    core.create_namespaced_pod(namespace, pod("p", labels={"tier": "back"}))
    core.patch_namespaced_pod("p", namespace, {"metadata": {"labels": {"tier": "front"}}})
    core.patch_namespaced_pod("p", namespace, {"metadata": {"annotations": {"seen": "yes"}}})
    core.patch_namespaced_pod("p", namespace, {"metadata": {"labels": {"tier": "back"}}})
    listener.join(10)
    assert heard == [("ADDED", "p"), ("MODIFIED", "p"), ("DELETED", "p")]


def test_a_watch_starts_with_what_is_there_and_marks_its_end(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    server.call("POST", path, json=config_map("a"))
    options = (
        "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1"
    )
    with server.call("GET", f"{path}?{options}", stream=True) as stream:
        events = [json.loads(line) for line in stream.iter_lines()]
    assert [event["type"] for event in events[:2]] == ["ADDED", "BOOKMARK"]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_fifty_watches_all_hear_of_one_change(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    version = server.call("GET", path).json()["metadata"]["resourceVersion"]
    with contextlib.ExitStack() as open_streams:
        streams = [
            open_streams.enter_context(
                server.call("GET", f"{path}?watch=1&resourceVersion={version}&timeoutSeconds=20", stream=True)
            )
            for _ in range(50)
        ]
        server.call("POST", path, json=config_map("news"))
        heard = [json.loads(next(stream.iter_lines(chunk_size=1))) for stream in streams]
    assert {(event["type"], event["object"]["metadata"]["name"]) for event in heard} == {("ADDED", "news")}


def test_a_forgotten_version_is_answered_with_410(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    server.call("POST", path, json=config_map("busy"))
    start = server.call("GET", path).json()["metadata"]["resourceVersion"]
    for count in range(2010):
        server.call("PATCH", f"{path}/busy", data=json.dumps({"data": {"n": str(count)}}), headers=MERGE)
    assert reason(server.call("GET", f"{path}?watch=1&resourceVersion={start}")) == (410, "Expired")


# --- writing ---------------------------------------------------------------------------------------------------------


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
    ],
    ids=["name", "no containers", "selector misses template", "no ports", "loopback endpoint"],
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
        table = {"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
        assert server.call("GET", path, headers=table).json()["kind"] == "Table"


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"{", "application/json", (400, "BadRequest")),
        (b"a: [", "application/yaml", (400, "BadRequest")),
        (b'{"kind": "Pod"}', "application/json", (400, "BadRequest")),
        (b"k8s\x00\xff", "application/vnd.kubernetes.protobuf", (400, "BadRequest")),
        (b"<a/>", "application/xml", (415, "UnsupportedMediaType")),
        (b" " * (3 * 1024 * 1024 + 1), "application/json", (413, "RequestEntityTooLarge")),
    ],
    ids=["bad JSON", "bad YAML", "another kind", "bad protobuf", "XML", "too large"],
)
def test_a_body_that_cannot_be_read_is_refused(
    server: Server, body: bytes, content_type: str, expected: tuple[int, str]
) -> None:
    headers = {"Content-Type": content_type}
    answer = server.call("POST", "/api/v1/namespaces/default/configmaps", data=body, headers=headers)
    assert reason(answer) == expected


# --- deleting --------------------------------------------------------------------------------------------------------


def test_a_running_pod_goes_in_two_steps(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    server.call("POST", path, json=pod("p"))
    server.call("POST", f"{path}/p/binding", json={"target": {"kind": "Node", "name": "node-a"}}).raise_for_status()
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


def test_an_eviction_that_breaks_a_budget_is_refused(server: Server, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    server.call("POST", path, json=pod("p", labels={"app": "web"}))
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    server.call("PATCH", f"{path}/p/status", data=json.dumps(ready), headers=headers).raise_for_status()
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}}
    server.call("POST", f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets", json=budget)
    answer = server.call("POST", f"{path}/p/eviction", json={"metadata": {"name": "p"}})
    assert reason(answer) == (429, "TooManyRequests")


# --- the process -----------------------------------------------------------------------------------------------------


def test_a_restart_keeps_objects_versions_and_credentials(own_server: Server) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    made = own_server.call("POST", path, json=config_map("c", a="1")).json()["metadata"]
    token = own_server.http.headers["Authorization"]
    assert own_server.stop() == 0
    own_server.start()
    assert own_server.http.headers["Authorization"] == token
    kept = own_server.call("GET", f"{path}/c").json()
    assert (kept["data"], kept["metadata"]["uid"]) == ({"a": "1"}, made["uid"])
    newer = own_server.call("POST", path, json=config_map("d")).json()["metadata"]
    assert int(newer["resourceVersion"]) > int(made["resourceVersion"])


def test_kill_nine_loses_no_acknowledged_write(own_server: Server) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    acknowledged: list[str] = []

    def write() -> None:
        for count in range(10_000):
            try:
                answer = own_server.http.post(own_server.url + path, json=config_map(f"c{count}"), timeout=5)
            except requests.RequestException:
                return
            if answer.status_code == 201:
                acknowledged.append(f"c{count}")

    writer = threading.Thread(target=write)
    writer.start()
    eventually(lambda: len(acknowledged) > 50, "writes are acknowledged")
    own_server.process.kill()
    writer.join(10)
    own_server.stop(signal.SIGKILL)
    with (own_server.folder / "state/journal.jsonl").open("ab") as journal:
        journal.write(b'[999999,"configmaps",false,{"half')  # what a crash in the middle of a write leaves
    own_server.start()
    kept = {item["metadata"]["name"] for item in own_server.call("GET", path).json()["items"]}
    assert set(acknowledged) <= kept


def test_a_disk_that_takes_no_more_refuses_writes_and_keeps_what_it_has(own_server: Server) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    own_server.call("POST", path, json=config_map("before"))
    size = (own_server.folder / "state/journal.jsonl").stat().st_size
    _, ceiling = resource.prlimit(own_server.process.pid, resource.RLIMIT_FSIZE, (size + 50, resource.RLIM_INFINITY))
    assert reason(own_server.call("POST", path, json=config_map("during"))) == (500, "InternalError")
    resource.prlimit(own_server.process.pid, resource.RLIMIT_FSIZE, (ceiling, ceiling))
    own_server.call("POST", path, json=config_map("after")).raise_for_status()
    own_server.stop(signal.SIGKILL)
    own_server.start()
    names = {item["metadata"]["name"] for item in own_server.call("GET", path).json()["items"]}
    assert names == {"before", "after"}


def test_a_long_journal_is_folded_into_a_snapshot(own_server: Server) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    own_server.call("POST", path, json=config_map("kept", a="1"))
    for letter in "abcdefghijkl":
        body = json.dumps({"data": {"n": letter * 1_500_000}})
        own_server.call("PATCH", f"{path}/kept", data=body, headers=MERGE).raise_for_status()
    own_server.call("PATCH", f"{path}/kept", data=json.dumps({"data": {"n": "small"}}), headers=MERGE)
    state = own_server.folder / "state"
    assert (state / "journal.jsonl").stat().st_size < 16 * 1024 * 1024
    own_server.stop(signal.SIGKILL)
    own_server.start()
    assert own_server.call("GET", f"{path}/kept").json()["data"] == {"a": "1", "n": "small"}


def test_it_stops_at_once_with_open_watches(own_server: Server) -> None:
    stream = own_server.call("GET", "/api/v1/pods?watch=1", stream=True)
    started = time.monotonic()
    assert own_server.stop() == 0
    assert time.monotonic() - started < 2
    stream.close()


def test_a_taken_port_and_an_unusable_folder_are_said_in_one_line(own_server: Server, tmp_path: Path) -> None:
    taken = own_server.url.removeprefix("https://")
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    for command, named in (
        (own_server.command(state=tmp_path / "other", listen=taken), taken),
        (own_server.command(state=blocked), str(blocked)),
        (own_server.command(), "another server uses it"),
    ):
        done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert named in done.stderr


def test_secrets_are_readable_by_their_owner_alone(server: Server) -> None:
    for path in (server.kubeconfig, server.folder / "state/pki/token", server.folder / "state/pki/server.key"):
        assert path.stat().st_mode & 0o777 == 0o600
