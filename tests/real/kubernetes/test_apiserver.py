"""The API server as kubectl meets it."""

import http.server
import json
import os
import ssl
import subprocess
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from kubernetes import client

from bench import manifests
from tests.stack.apiserver_process import (
    KUBECTL,
    MERGE,
    REPO,
    Json,
    Server,
    config_map,
    definition,
    deployment,
    pod,
    reason,
)

pytestmark = pytest.mark.stack
HTTP_ROUTES = REPO / "deploy" / "production" / "overlays" / "local" / "httproutes.yaml"


def test_kubectl_applies_gets_and_deletes_a_manifest(server: Server, namespace: str) -> None:
    manifest = yaml.safe_dump(deployment(replicas=2))
    assert "created" in server.kubectl("-n", namespace, "apply", "-f", "-", stdin=manifest)
    assert "unchanged" in server.kubectl("-n", namespace, "apply", "-f", "-", stdin=manifest)
    changed = yaml.safe_dump(deployment(replicas=3))
    assert "configured" in server.kubectl("-n", namespace, "apply", "-f", "-", stdin=changed)
    assert server.kubectl("-n", namespace, "get", "deploy", "web", "--no-headers").split()[0] == "web"
    shown = server.kubectl("-n", namespace, "get", "deploy", "web", "-o", "jsonpath={.spec.replicas}")
    assert shown == "3"
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


def test_kubectl_watches_objects_as_they_change(server: Server, namespace: str) -> None:
    environment = {**os.environ, "KUBECONFIG": str(server.kubeconfig)}
    command = [KUBECTL, "-n", namespace, "get", "deploy", "-w", "-o", r"jsonpath={.spec.replicas}{'\n'}"]
    server.kubectl("-n", namespace, "create", "-f", "-", stdin=yaml.safe_dump(deployment(replicas=1)))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline() == "1\n"
        server.kubectl("-n", namespace, "scale", "deploy", "web", "--replicas=2")
        assert watching.stdout.readline() == "2\n"
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
        event_time=datetime.now(UTC),  # the client's model of the newer Event API asks for it, and that for the rest
        action="Pull",
        reporting_component="tealdeck.io/test",
        reporting_instance="test-0",
    )
    core.create_namespaced_event(namespace, event)
    shown = server.kubectl("-n", namespace, "describe", "pod", "p")
    assert "image is there" in shown
    assert "QoS Class: BestEffort" in " ".join(shown.split())


def test_kubectl_follows_the_log_that_the_node_of_the_pod_serves(server: Server, namespace: str) -> None:
    class Agent(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"log of {self.path}\n".encode())

        def log_message(self, *_: Any) -> None:
            """Keeps the test's output clean."""

    with http.server.HTTPServer(("127.0.0.1", 0), Agent) as agent:
        if server.kind == "real":  # it asks a node over TLS alone
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(server.folder / "pki" / "server.crt", server.folder / "pki" / "server.key")
            agent.socket = tls.wrap_socket(agent.socket, server_side=True)
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


def test_the_one_token_may_do_everything(server: Server) -> None:
    review = {"spec": {"resourceAttributes": {"verb": "delete", "resource": "pods"}}}
    answer = server.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=review)
    assert answer.json()["status"]["allowed"] is True
    me = server.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", json={}).json()
    assert "tealdeck-admin" in me["status"]["userInfo"]["username"]


def test_custom_kinds_are_served_once_defined(server: Server, namespace: str) -> None:
    contracts = definition("contracts", "Contract", group="tealdeck.io")
    contracts["spec"]["names"]["shortNames"] = ["ct"]
    server.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(contracts))
    thing = {"apiVersion": "tealdeck.io/v1", "kind": "Contract", "metadata": {"name": "c"}, "spec": {"clause": "none"}}
    server.kubectl("-n", namespace, "apply", "-f", "-", stdin=yaml.safe_dump(thing))
    assert server.kubectl("-n", namespace, "get", "ct", "c", "-o", "jsonpath={.spec.clause}") == "none"
    server.kubectl("delete", "crd", "contracts.tealdeck.io")
    assert server.call("GET", f"/apis/tealdeck.io/v1/namespaces/{namespace}/contracts").status_code == 404
    server.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(contracts))
    assert server.kubectl("-n", namespace, "get", "ct", "-o", "name") == ""


def test_an_autoscaler_keeps_what_it_wants_and_what_it_measures(server: Server, namespace: str) -> None:
    def metric(name: str, kind: str, **target: Any) -> Json:
        return {"type": "Resource", "resource": {"name": name, kind: target}}

    wanted = [
        metric("cpu", "target", type="Utilization", averageUtilization=70),
        metric("memory", "target", type="AverageValue", averageValue="100Mi"),
    ]
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": reference, "minReplicas": 2, "maxReplicas": 6, "metrics": wanted}
    path = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"
    server.call("POST", path, json={"metadata": {"name": "web"}, "spec": spec}).raise_for_status()
    measured = [
        metric("cpu", "current", averageUtilization=12, averageValue="12m"),
        metric("memory", "current", averageValue="52428800"),
    ]
    status = {"currentReplicas": 2, "desiredReplicas": 2, "currentMetrics": measured}
    server.call("PATCH", f"{path}/web/status", data=json.dumps({"status": status}), headers=MERGE).raise_for_status()
    kept = server.call("GET", f"{path}/web").json()
    assert kept["spec"]["metrics"] == wanted
    assert [metric["resource"]["current"] for metric in kept["status"]["currentMetrics"]] == [
        {"averageUtilization": 12, "averageValue": "12m"},
        {"averageValue": "52428800"},
    ]


def test_routes_are_kept_as_the_environment_defines_them(server: Server, namespace: str) -> None:
    server.kubectl("apply", "-f", str(HTTP_ROUTES))
    server.kubectl("wait", "--for=condition=Established", "crd/httproutes.gateway.networking.k8s.io")
    route = manifests.route({"echo": 90, "echo-next": 10})
    server.kubectl("-n", namespace, "apply", "-f", "-", stdin=yaml.safe_dump(route))
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes/echo"
    assert server.call("GET", path).json()["spec"] == route["spec"]


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
