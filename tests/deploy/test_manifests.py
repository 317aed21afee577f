"""What production runs, held to its promises: rendered as built, labelled for the switch, probed, least privilege."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.kubernetes import KINDS
from dashboard.queries.cluster import WORKLOADS

PRODUCTION = Path(__file__).parents[2] / "deploy" / "production"
RENDERED = PRODUCTION / "rendered" / "local.yaml"
RUNBOOKS = Path(__file__).parents[2] / "deploy" / "runbooks"
COMPONENTS = {"gateway", "orchestrator", "agent-runtime", "policy-engine", "contract-registry"}
TRACKS = {"blue": "1.7.4", "green": "1.8.0"}
Resource = Mapping[str, Any]

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl builds the manifests")


def build(folder: str) -> str:
    command = ["kubectl", "kustomize", str(PRODUCTION / folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


@functools.cache
def local() -> tuple[Resource, ...]:
    return tuple(yaml.safe_load_all(RENDERED.read_text()))


def of_kind(kind: str, resources: tuple[Resource, ...] | None = None) -> dict[str, Resource]:
    return {r["metadata"]["name"]: r for r in resources or local() if r["kind"] == kind}


def pod(deployment: Resource) -> Resource:
    return deployment["spec"]["template"]["spec"]


def container(deployment: Resource) -> Resource:
    (only,) = pod(deployment)["containers"]
    return only


def selects(selector: Mapping[str, str], deployment: Resource) -> bool:
    return selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()


every_deployment = pytest.mark.parametrize(
    "deployment", [pytest.param(d, id=n) for n, d in of_kind("Deployment").items()]
)


@needs_kubectl
def test_the_rendered_manifests_are_what_kustomize_builds() -> None:
    assert build("overlays/local") == RENDERED.read_text(), "run `make render` and commit what it writes"


@needs_kubectl
def test_the_base_can_lose_any_one_pod() -> None:
    base = tuple(yaml.safe_load_all(build("base")))
    budgets = [budget["spec"]["selector"]["matchLabels"] for budget in of_kind("PodDisruptionBudget", base).values()]
    for deployment in of_kind("Deployment", base).values():
        assert deployment["spec"]["replicas"] >= 2
        assert sum(selects(budget, deployment) for budget in budgets) == 1
        keys = {constraint["topologyKey"] for constraint in pod(deployment)["topologySpreadConstraints"]}
        assert keys == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}


@needs_kubectl
def test_what_a_gateway_has_accepted_outlives_it_and_is_found_by_the_others() -> None:
    base = tuple(yaml.safe_load_all(build("base")))
    gateway = of_kind("Deployment", base)["gateway"]
    (folder,) = (e["value"] for e in container(gateway)["env"] if e["name"] == "TEALDECK_TASKS_DIR")
    (mount,) = (m for m in container(gateway)["volumeMounts"] if m["mountPath"] == folder)
    (volume,) = (v for v in pod(gateway)["volumes"] if v["name"] == mount["name"])
    claim = of_kind("PersistentVolumeClaim", base)[volume["persistentVolumeClaim"]["claimName"]]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert pod(gateway)["securityContext"]["fsGroup"] == pod(gateway)["securityContext"]["runAsGroup"]


@needs_kubectl
def test_nobody_but_the_switch_scales_a_track() -> None:
    base = tuple(yaml.safe_load_all(build("base")))
    scaled = {scaler["spec"]["scaleTargetRef"]["name"] for scaler in of_kind("HorizontalPodAutoscaler", base).values()}
    assert scaled == {"gateway", "orchestrator"}


def test_one_machine_runs_two_pods_a_track_and_one_of_the_rest() -> None:
    replicas = {name: deployment["spec"]["replicas"] for name, deployment in of_kind("Deployment").items()}
    rest = {"gateway": 1, "orchestrator": 1, "policy-engine": 1, "contract-registry": 1}
    assert replicas == {"agent-runtime-blue": 2, "agent-runtime-green": 2} | rest


def test_everything_with_a_namespace_is_in_the_one_that_enforces_restrictions() -> None:
    (namespace,) = of_kind("Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    outside = {"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
    assert {r["metadata"]["namespace"] for r in local() if r["kind"] not in outside} == {namespace["metadata"]["name"]}


# Services and the switch


def test_the_governed_service_selects_one_track_and_its_preview_the_other() -> None:
    services = of_kind("Service")
    active = services["agent-runtime"]
    assert active["metadata"]["labels"]["tealdeck.io/governed"] == "true"
    preview = services[active["metadata"]["annotations"]["tealdeck.io/preview-service"]]
    assert active["spec"]["selector"] == {"app.kubernetes.io/name": "agent-runtime", "tealdeck.io/track": "blue"}
    assert preview["spec"]["selector"] == {"app.kubernetes.io/name": "agent-runtime", "tealdeck.io/track": "green"}


def test_the_governed_service_names_its_owner_and_a_runbook_that_exists() -> None:
    annotations = of_kind("Service")["agent-runtime"]["metadata"]["annotations"]
    assert annotations["tealdeck.io/owner"] == "team-agents"
    assert (RUNBOOKS / f"{annotations['tealdeck.io/runbook']}.md").is_file()


def test_only_one_service_is_governed() -> None:
    governed = [n for n, s in of_kind("Service").items() if "tealdeck.io/governed" in s["metadata"]["labels"]]
    assert governed == ["agent-runtime"]


def test_every_service_reaches_exactly_one_deployment_on_port_8080() -> None:
    services, deployments = of_kind("Service"), of_kind("Deployment").values()
    assert set(services) == COMPONENTS | {"agent-runtime-preview"}
    for service in services.values():
        assert service["spec"]["ports"] == [{"name": "http", "port": 8080, "targetPort": "http"}]
        assert sum(selects(service["spec"]["selector"], deployment) for deployment in deployments) == 1


@pytest.mark.parametrize(("track", "version"), TRACKS.items())
def test_a_track_carries_its_name_and_version(track: str, version: str) -> None:
    deployment = of_kind("Deployment")[f"agent-runtime-{track}"]
    for labels in (deployment["metadata"]["labels"], deployment["spec"]["template"]["metadata"]["labels"]):
        assert labels["tealdeck.io/track"] == track
        assert labels["app.kubernetes.io/version"] == version
    assert container(deployment)["image"] == f"tealdeck/reference-workload:{version}"


# Every Deployment


@every_deployment
def test_a_deployment_selects_by_what_never_changes(deployment: Resource) -> None:
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    fixed = {"app.kubernetes.io/name", "tealdeck.io/track"} & set(labels)
    assert deployment["spec"]["selector"]["matchLabels"] == {key: labels[key] for key in fixed}
    assert labels["app.kubernetes.io/part-of"] == "agent-governance"
    assert labels["app.kubernetes.io/version"]


@every_deployment
def test_a_pod_runs_its_component_where_prometheus_finds_it(deployment: Resource) -> None:
    template = deployment["spec"]["template"]
    name = template["metadata"]["labels"]["app.kubernetes.io/name"]
    command = ["python", "-m", "deploy.local.workload", name, "--listen", "$(POD_IP):8080"]
    assert container(deployment)["command"] == command
    assert container(deployment)["ports"] == [{"name": "http", "containerPort": 8080}]
    scraped = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
    assert scraped.items() <= template["metadata"]["annotations"].items()


@every_deployment
def test_a_pod_is_told_who_it_is(deployment: Resource) -> None:
    fields = {e["name"]: e["valueFrom"]["fieldRef"]["fieldPath"] for e in container(deployment)["env"]}
    tracked = "tealdeck.io/track" in deployment["metadata"]["labels"]
    assert fields == {
        "POD_IP": "status.podIP",
        "POD_NAME": "metadata.name",
        "POD_NAMESPACE": "metadata.namespace",
        "SERVICE_VERSION": "metadata.labels['app.kubernetes.io/version']",
    } | ({"TEALDECK_TRACK": "metadata.labels['tealdeck.io/track']"} if tracked else {})


@every_deployment
def test_a_pod_is_probed_from_its_start_to_its_end(deployment: Resource) -> None:
    probes = {name: container(deployment)[f"{name}Probe"] for name in ("startup", "readiness", "liveness")}
    paths = {name: probe["httpGet"] for name, probe in probes.items()}
    assert paths["startup"] == paths["readiness"] == {"path": "/readyz", "port": "http"}
    assert paths["liveness"] == {"path": "/healthz", "port": "http"}
    assert all(probe["periodSeconds"] <= 2 for probe in probes.values())


@every_deployment
def test_a_replaced_pod_leaves_after_its_successor_came_and_its_work_is_done(deployment: Resource) -> None:
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    program, pause_seconds = container(deployment)["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    longest_run_seconds = 10
    assert pod(deployment)["terminationGracePeriodSeconds"] >= int(pause_seconds) + longest_run_seconds


@every_deployment
def test_a_pod_has_no_power_that_it_does_not_need(deployment: Resource) -> None:
    spec, own = pod(deployment), container(deployment)["securityContext"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] == "workload"
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@every_deployment
def test_a_pod_asks_for_what_it_uses_and_is_stopped_from_taking_much_more(deployment: Resource) -> None:
    resources = container(deployment)["resources"]
    assert set(resources["requests"]) == {"cpu", "memory"}
    assert resources["limits"] == {"memory": "256Mi"}


# What the deck may do


def verbs(group: str, resource: str, name: str | None = None) -> set[str]:
    rules = of_kind("Role")["tealdeck"]["rules"]
    return {
        verb
        for rule in rules
        if group in rule["apiGroups"]
        and resource in rule["resources"]
        and ("resourceNames" not in rule or name in rule["resourceNames"])
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize(
    ("group", "resource", "name", "verb"),
    [
        ("", "services", "agent-runtime", "patch"),
        ("apps", "deployments/scale", "agent-runtime-green", "patch"),
        ("coordination.k8s.io", "leases", None, "create"),
        ("coordination.k8s.io", "leases", None, "update"),
        ("", "events", None, "create"),
        ("", "pods/log", None, "get"),
        ("", "pods", None, "watch"),
        ("apps", "replicasets", None, "list"),
        ("discovery.k8s.io", "endpointslices", None, "watch"),
    ],
)
def test_the_deck_may_do_its_work(group: str, resource: str, name: str | None, verb: str) -> None:
    assert verb in verbs(group, resource, name)


@pytest.mark.parametrize("kind", [*WORKLOADS, "pods", "events", "endpointslices", "resourcequotas"])
@pytest.mark.parametrize("verb", ["list", "watch"])
def test_the_deck_may_follow_every_kind_that_it_counts(kind: str, verb: str) -> None:
    group = KINDS[kind].path.removeprefix("/apis/").removeprefix("/api/").rpartition("/")[0]
    assert verb in verbs(group, kind)


@pytest.mark.parametrize(
    ("group", "resource", "name", "verb"),
    [
        ("apps", "statefulsets", None, "patch"),
        ("batch", "jobs", None, "create"),
        ("argoproj.io", "rollouts", None, "patch"),
        ("", "services", "gateway", "patch"),
        ("apps", "deployments/scale", "gateway", "patch"),
        ("apps", "deployments", "agent-runtime-blue", "patch"),
        ("", "secrets", None, "get"),
        ("", "pods", None, "delete"),
        ("coordination.k8s.io", "leases", None, "delete"),
    ],
)
def test_the_deck_may_do_no_more(group: str, resource: str, name: str | None, verb: str) -> None:
    assert verb not in verbs(group, resource, name)


def test_no_rule_says_everything() -> None:
    rules = [rule for kind in ("Role", "ClusterRole") for role in of_kind(kind).values() for rule in role["rules"]]
    assert not any("*" in values for rule in rules for values in rule.values())
    assert [rule["verbs"] for rule in of_kind("ClusterRole")["tealdeck-nodes"]["rules"]] == [["get", "list", "watch"]]


def test_the_network_denies_by_default() -> None:
    policy = of_kind("NetworkPolicy")["default-deny"]["spec"]
    assert policy == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
