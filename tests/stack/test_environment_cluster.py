"""The environment's cluster as kubectl meets it: what a person does to pods in a day, on pods of the test's own.

Everything happens in a namespace that goes with the module, but for what is only read.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from bench import manifests
from deploy.local.addresses import to_loopback
from tests.environment import Environment
from tests.stack.cluster import Cluster, Json
from tests.waiting import eventually

NAMESPACE = "kubectl-journeys"
APP = Path(__file__).parents[2] / "deploy" / "production" / "rendered" / "local.yaml"


@pytest.fixture(scope="module")
def cluster(environment: Environment) -> Iterator[Cluster]:
    """A namespace with one track of the echo server behind a Service, ready."""
    made = Cluster(environment.endpoints["kubeconfig"], NAMESPACE)
    made.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    made.apply(manifests.service(), manifests.deployment("blue", revisionHistoryLimit=2))
    made("rollout", "status", "deploy/echo-blue", "--timeout=60s")
    yield made
    made("delete", "namespace", NAMESPACE, "--timeout=60s")


@pytest.fixture(scope="module")
def agents(environment: Environment) -> Cluster:
    """The governed system, for reading."""
    return Cluster(environment.endpoints["kubeconfig"], "agents")


def ask(pod: Json, path: str, method: str = "GET") -> None:
    """One request to a pod itself."""
    url = f"http://{to_loopback(pod['status']['podIP'])}:8080{path}"
    requests.request(method, url, timeout=10).raise_for_status()


def container(pod: Json) -> Json:
    (only,) = pod["status"]["containerStatuses"]
    return dict(only)


def may_delete_pods(cluster: Cluster, *who: str) -> bool:
    """What an access review answers."""
    asked = {"verb": "delete", "resource": "pods", "namespace": NAMESPACE}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    said = cluster("create", "-f", "-", "-o", "jsonpath={.status.allowed}", *who, stdin=json.dumps(review))
    return said == "true"


def evict(cluster: Cluster, pod: Json) -> subprocess.CompletedProcess[str]:
    """Asks for a pod to go as `kubectl drain` asks, but in JSON."""
    metadata = {"name": pod["metadata"]["name"], "namespace": NAMESPACE}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    where = f"/api/v1/namespaces/{NAMESPACE}/pods/{metadata['name']}/eviction"
    return cluster.run("create", "--raw", where, "-f", "-", stdin=json.dumps(body))


def events(cluster: Cluster) -> list[Json]:
    found: list[Json] = cluster.get("events")["items"]
    return found


def addresses(cluster: Cluster, condition: str = "ready") -> set[str]:
    """Of the pods behind the Service that meet a condition."""
    slices = cluster.get("endpointslices", "-l", "kubernetes.io/service-name=echo")["items"]
    found = [endpoint for one in slices for endpoint in one["endpoints"]]
    return {endpoint["addresses"][0] for endpoint in found if endpoint["conditions"][condition]}


def test_what_the_manifests_contain_is_listed_and_described(agents: Cluster) -> None:
    kinds = "deployments,replicasets,pods,services,endpointslices,hpa,pdb,quota,networkpolicies,configmaps,roles"
    listed = agents("get", kinds)
    for row in ("deployment.apps/gateway", "service/agent-runtime-preview", "resourcequota/agents"):
        assert row in listed
    service = agents.get("service", "agent-runtime")["spec"]
    assert re.fullmatch(r"10\.\d+\.255\.\d+", service["clusterIP"])
    assert (service["type"], service["ports"][0]["port"]) == ("ClusterIP", 8080)
    described = agents("describe", "deployment/agent-runtime-blue")
    assert "NewReplicaSetAvailable" in described
    assert "2 desired | 2 updated | 2 total | 2 available | 0 unavailable" in described
    assert "Endpoints:" in agents("describe", "service/agent-runtime")
    assert "Allocated resources" in agents("describe", "node/node-b")
    scaler = eventually(lambda: measuring(agents.get("hpa", "gateway")), "the autoscaler says what it measures", 60)
    assert 1 <= scaler["status"]["currentReplicas"] <= 2  # two after the load of other tests
    assert scaler["status"]["currentMetrics"][0]["resource"]["current"]["averageUtilization"] >= 0


def measuring(scaler: Json) -> Json | None:
    """The autoscaler once it has measured, else None."""
    return scaler if scaler.get("status", {}).get("currentMetrics") else None


def test_what_runs_is_what_the_manifests_say(agents: Cluster) -> None:
    changed = agents.run("diff", "--server-side", "--field-manager=tealdeck-manifests", "-f", str(APP)).stdout
    switched = {"agent-runtime", "agent-runtime-preview"}  # another test may be about to give back what it switched
    assert set(re.findall(r"^\+\+\+ \S+\.([a-z-]+)\s", changed, re.MULTILINE)) <= switched


def test_the_old_version_of_an_object_is_a_conflict(cluster: Cluster) -> None:
    old = cluster.get("service", "echo")
    cluster("annotate", "service/echo", "seen=1")
    old["metadata"]["annotations"]["seen"] = "2"
    refused = cluster.run("replace", "-f", "-", stdin=json.dumps(old))
    assert "the object has been modified" in refused.stderr
    assert cluster.get("service", "echo")["metadata"]["annotations"]["seen"] == "1"


def test_a_namespace_has_an_account_for_pods_that_name_none(cluster: Cluster) -> None:
    assert {pod["spec"]["serviceAccountName"] for pod in cluster.pods()} == {"default"}
    cluster("delete", "serviceaccount/default")
    cluster("wait", "--for=create", "serviceaccount/default", "--timeout=10s")


def test_a_quota_holds_pods_back_until_it_has_room_and_says_so(cluster: Cluster) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "3"}}}
    cluster.apply(quota, manifests.deployment("green", replicas=2))
    eventually(
        lambda: any("exceeded quota: q, requested: pods=1" in event["message"] for event in events(cluster)),
        "an event says what holds it",
    )
    assert len(cluster.pods("track=green")) == 1
    eventually(lambda: cluster.get("quota", "q")["status"]["used"] == {"pods": "3"}, "what is used is counted")
    cluster("delete", "quota/q")
    cluster("wait", "--for=jsonpath={.status.readyReplicas}=2", "deploy/echo-green", "--timeout=60s")
    cluster("delete", "deploy/echo-green", "--timeout=60s")


def test_events_rights_and_conditions_are_answered(cluster: Cluster) -> None:
    assert "Scaled up replica set echo-blue-" in cluster("events", "--for", "deployment/echo-blue")
    assert "SuccessfulCreate" in {event["reason"] for event in events(cluster)}
    assert may_delete_pods(cluster)
    assert not may_delete_pods(cluster, "--as", "nobody", "--as-group=system:authenticated")
    cluster("wait", "--for=condition=Available", "deploy/echo-blue", "--timeout=10s")


def test_a_killed_process_leaves_the_service_is_started_again_and_comes_back(cluster: Cluster) -> None:
    victim, other = cluster.pods("track=blue")
    ip = victim["status"]["podIP"]
    assert addresses(cluster) == {ip, other["status"]["podIP"]}
    path = "{.status.containerStatuses[0]"
    shown = f"jsonpath={{.status.phase}} {path}.ready}} {path}.restartCount}}{{'\\n'}}"
    with cluster.lines("get", "pod", victim["metadata"]["name"], "-w", "-o", shown) as next_row:
        assert next_row().split() == ["Running", "true", "0"]
        os.kill(int(container(victim)["containerID"].removeprefix("process://")), signal.SIGKILL)
        row = next_row().split()
    assert row[1] == "false", "it was not taken out of service"

    def again() -> Json | None:
        found = cluster.get("pod", victim["metadata"]["name"])
        return found if container(found)["ready"] and container(found)["restartCount"] else None

    back = eventually(again, "the pod is ready again")
    ended = container(back)["lastState"]["terminated"]
    assert (container(back)["restartCount"], ended["exitCode"], ended["reason"]) == (1, 137, "Error")
    eventually(lambda: addresses(cluster) == {ip, other["status"]["podIP"]}, "it is behind the Service again")
    assert container(cluster.get("pod", other["metadata"]["name"]))["restartCount"] == 0
    last_words = cluster("logs", victim["metadata"]["name"], "--previous")
    assert "listening on" in last_words
    assert "listening on" in cluster("logs", victim["metadata"]["name"], "--tail=1")


def test_a_log_is_followed_while_it_grows(cluster: Cluster) -> None:
    pod = cluster.pods("track=blue")[0]
    with cluster.lines("logs", "-f", "--tail=1", pod["metadata"]["name"]) as next_line:
        assert "listening on" in next_line()
        ask(pod, "/?say=hello")
        assert next_line() == "hello\n"
        ask(pod, "/?say=again")
        assert next_line() == "again\n"


@pytest.mark.slow
def test_more_memory_than_the_limit_ends_a_container(cluster: Cluster) -> None:
    victim = cluster.pods("track=blue")[0]
    before = container(victim)["restartCount"]
    with contextlib.suppress(requests.ConnectionError):  # it may be ended before it can answer
        ask(victim, "/hoard?mib=200", "POST")

    def killed() -> Json | None:
        found = container(cluster.get("pod", victim["metadata"]["name"]))
        return found["lastState"]["terminated"] if found["restartCount"] > before and found["ready"] else None

    ended = eventually(killed, "the container was ended for its memory and started again", 60)
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


@pytest.mark.slow
def test_a_container_that_fails_its_liveness_probe_is_ended_in_order_and_started_again(cluster: Cluster) -> None:
    victim = cluster.pods("track=blue")[1]
    before = container(victim)["restartCount"]
    ask(victim, "/sicken", "POST")
    name = victim["metadata"]["name"]
    eventually(lambda: container(cluster.get("pod", name))["restartCount"] > before, "the container was started again")
    assert container(cluster.get("pod", name))["lastState"]["terminated"]["exitCode"] == 0, "it was not asked to end"
    assert "ended by signal SIGTERM" in cluster("logs", name, "--previous")
    assert re.search(
        r"Unhealthy.*Liveness probe failed: HTTP probe failed with status", cluster("describe", "pod", name)
    )


def test_a_rollout_is_followed_undone_and_restarted(cluster: Cluster) -> None:
    cluster("wait", "--for=condition=Available", "deploy/echo-blue", "--timeout=30s")
    cluster("set", "env", "deploy/echo-blue", "COLOUR=dark")
    assert "successfully rolled out" in cluster("rollout", "status", "deploy/echo-blue", "--timeout=60s")
    assert re.findall(r"^(\d+)", cluster("rollout", "history", "deploy/echo-blue"), re.MULTILINE) == ["1", "2"]
    assert "COLOUR" in cluster("rollout", "history", "deploy/echo-blue", "--revision=2")
    cluster("rollout", "undo", "deploy/echo-blue")
    cluster("rollout", "status", "deploy/echo-blue", "--timeout=60s")
    assert "COLOUR" not in json.dumps([pod["spec"] for pod in cluster.pods()])
    cluster("rollout", "restart", "deploy/echo-blue")
    cluster("rollout", "status", "deploy/echo-blue", "--timeout=60s")
    assert re.findall(r"^(\d+)", cluster("rollout", "history", "deploy/echo-blue"), re.MULTILINE) == ["2", "3", "4"]


@pytest.mark.slow
def test_a_rollout_that_does_not_get_on_is_called_stuck_and_costs_no_capacity(cluster: Cluster) -> None:
    template = {"spec": {"containers": [{"name": "echo", "command": ["false"]}]}}
    cluster(
        "patch", "deploy/echo-blue", "-p", json.dumps({"spec": {"progressDeadlineSeconds": 3, "template": template}})
    )
    stuck = cluster.run("rollout", "status", "deploy/echo-blue", "--timeout=90s")
    assert "exceeded its progress deadline" in stuck.stderr
    assert len(addresses(cluster)) == 2
    shown = "jsonpath={.items[*].status.containerStatuses[*].state.waiting}"
    eventually(lambda: "CrashLoopBackOff" in cluster("get", "pods", "-o", shown), "the new pod is held back")
    cluster("patch", "deploy/echo-blue", "-p", '{"spec":{"progressDeadlineSeconds":600}}')
    cluster("rollout", "undo", "deploy/echo-blue")
    cluster("rollout", "status", "deploy/echo-blue", "--timeout=60s")
    condition = "jsonpath={.status.conditions[?(@.type=='Progressing')].reason}"
    eventually(
        lambda: cluster("get", "deploy/echo-blue", "-o", condition) == "NewReplicaSetAvailable", "it has progressed"
    )


def test_a_deployment_scales_and_a_deleted_one_takes_its_pods_along(cluster: Cluster) -> None:
    cluster.apply(manifests.deployment("green", replicas=1))
    cluster("rollout", "status", "deploy/echo-green", "--timeout=60s")
    cluster("scale", "deploy/echo-green", "--replicas=2")
    cluster("wait", "--for=jsonpath={.status.readyReplicas}=2", "deploy/echo-green", "--timeout=30s")
    nodes = {pod["spec"]["nodeName"] for pod in cluster.pods("track=green")}
    assert nodes == {"node-a", "node-b"}, "siblings share a node"
    cluster("delete", "deploy/echo-green", "--cascade=foreground", "--timeout=60s")
    assert cluster.get("replicasets,pods", "-l", "track=green")["items"] == []


@pytest.mark.slow
def test_evictions_keep_to_the_budget_and_leave_a_cordoned_node_empty(cluster: Cluster) -> None:
    spec = {"minAvailable": 2, "selector": {"matchLabels": {"track": "blue"}}}
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "echo"}, "spec": spec}
    cluster.apply(budget)
    cluster("wait", "--for=jsonpath={.status.currentHealthy}=2", "pdb/echo", "--timeout=30s")
    cluster("cordon", "node-b")
    (pod,) = [one for one in cluster.pods("track=blue") if one["spec"]["nodeName"] == "node-b"]
    try:
        assert "would violate the pod's disruption budget" in evict(cluster, pod).stderr
        assert cluster.get("node/node-b")["spec"]["unschedulable"] is True
        cluster("patch", "pdb/echo", "--type=merge", "-p", '{"spec":{"minAvailable":1}}')
        cluster("wait", "--for=jsonpath={.status.disruptionsAllowed}=1", "pdb/echo", "--timeout=30s")
        assert evict(cluster, pod).returncode == 0
        cluster("rollout", "status", "deploy/echo-blue", "--timeout=60s")
        assert {pod["spec"]["nodeName"] for pod in cluster.pods("track=blue")} == {"node-a"}
    finally:
        cluster("uncordon", "node-b")
        cluster("delete", "pdb/echo")


@pytest.mark.slow
def test_a_route_splits_a_service_by_weight_and_loses_nothing_while_weights_change(cluster: Cluster) -> None:
    cluster.apply(manifests.service("echo-next", track="green"), manifests.deployment("green", replicas=1))
    cluster("rollout", "status", "deploy/echo-green", "--timeout=60s")
    url = f"http://{to_loopback(cluster.get('service', 'echo')['spec']['clusterIP'])}:8080/"
    with requests.Session() as session:

        def green(asked: int) -> int:
            """How many of so many requests the other track answers; each has to be answered."""
            answers = [session.get(url, timeout=10) for _ in range(asked)]
            return sum(answer.json()["track"] == "green" for answer in answers if answer.raise_for_status() is None)

        assert green(20) == 0, "the selector alone decides without a route"
        for weight, least, most in ((10, 5, 15), (50, 40, 60), (0, 0, 0), (100, 100, 100)):
            cluster.apply(manifests.route({"echo": 100 - weight, "echo-next": weight}))
            eventually(lambda least=least, most=most: least <= green(100) <= most, f"{weight} of 100 come to green")
        cluster("delete", "httproute/echo")
        eventually(lambda: green(20) == 0, "the selector alone decides again")
    cluster("delete", "deploy/echo-green", "service/echo-next", "--timeout=60s")


def test_a_pod_that_ends_serves_until_it_is_gone_but_gets_nothing_new(cluster: Cluster) -> None:
    leaving = cluster.pods("track=blue")[0]
    ip = leaving["status"]["podIP"]
    seen: list[tuple[bool, bool, bool] | None] = []
    endpoints = ("endpointslices", "-l", "kubernetes.io/service-name=echo", "-o", "jsonpath={.endpoints}{'\\n'}")
    with cluster.lines("get", *endpoints, "--watch") as next_line:
        while not seen or seen[-1]:
            found = {endpoint["addresses"][0]: endpoint["conditions"] for endpoint in json.loads(next_line())}
            conditions = found.get(ip)
            if not seen:  # it is watched from before the deletion
                cluster("delete", "pod", leaving["metadata"]["name"], "--wait=false")
            seen.append(conditions and tuple(conditions[name] for name in ("ready", "serving", "terminating")))
    assert seen[0] == (True, True, False)
    assert (False, True, True) in seen
    assert (True, True, True) not in seen
    cluster("rollout", "status", "deploy/echo-blue", "--timeout=60s")
