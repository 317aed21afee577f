"""The environment on the real servers: our node, proxy and deck at work where real controllers drive them.

TEALDECK_TEST_REAL_STATE=DIR names the state of one that runs already; it is left as it is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from bench import manifests
from connectors.elasticsearch import Elasticsearch
from connectors.kubernetes import Kubernetes
from dashboard.act.audit import AuditFile
from dashboard.act.desk import Desk, utc_now
from dashboard.model.action import ActionKind, ActionRequest, ActionState, Actor, Outcome
from dashboard.model.release import Track
from deploy.local.cluster import MANIFESTS
from tests.act.fakes import a_verdict
from tests.environment import REPOSITORY, Environment
from tests.real.running import ONLY_REAL
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600), ONLY_REAL]
NAMESPACE, SERVICE = "agents", "agent-runtime"
LOGS = "logs-agentgov.app.otel-*"
USERS_PER_SECOND, WORKING_SECONDS = 30, 40
Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def real_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """The whole of it without the deck's pages, ready: every Deployment of the manifests is available."""
    if state := os.environ.get("TEALDECK_TEST_REAL_STATE"):
        yield Environment(Path(state))
        return
    made = Environment(tmp_path_factory.mktemp("real-environment") / "state")
    up = made.command("up", "--real", "--detach", "--no-load", "--no-dashboard", timeout_seconds=400)
    assert up.returncode == 0, up.stdout + up.stderr
    yield made
    down = made.command("down")
    assert down.returncode == 0, down.stdout + down.stderr


@pytest.fixture(scope="module")
def kubectl(real_environment: Environment) -> Kubectl:
    """kubectl as the administrator, or with `kubeconfig` as somebody else."""

    def run(*arguments: str, stdin: str = "", ok: bool = True, kubeconfig: str = "") -> str:
        used = kubeconfig or real_environment.endpoints["kubeconfig"]
        done = subprocess.run(
            ["kubectl", "--kubeconfig", used, "--namespace", NAMESPACE, *arguments],
            input=stdin, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        return done.stdout if ok else done.stderr

    return run


@pytest.fixture(scope="module")
def decks_kubeconfig(real_environment: Environment, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the deck has in production: the token of its own service account."""
    config = yaml.safe_load(Path(real_environment.endpoints["kubeconfig"]).read_text())
    config["users"][0]["user"] = {"token": kubectl("create", "token", "tealdeck").strip()}
    path = tmp_path_factory.mktemp("deck") / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture
def desk(decks_kubeconfig: Path, tmp_path: Path) -> Desk:
    """The desk that the Release page talks to, with a judge who says GO."""
    return Desk(
        cluster=Kubernetes(str(decks_kubeconfig)),
        audit=AuditFile(tmp_path / "audit.jsonl"),
        judge=lambda *_: a_verdict(utc_now()),
    )


@contextmanager
def users(environment: Environment, *, seconds: int = WORKING_SECONDS) -> Iterator[dict[str, Any]]:
    """People at work through the gateway; the mapping holds the counts when each has got the answer and gone."""
    options = ("--rate", str(USERS_PER_SECOND), "--synthetic-rate", "0", "--duration", str(seconds))
    command = ("-m", "deploy.local.load", "--kubeconfig", environment.endpoints["kubeconfig"], *options)
    before = answered(environment)
    counts: dict[str, Any] = {}
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as running:
        try:
            eventually(lambda: answered(environment) > before, "the users are at work")
            yield counts
            counts["stayed"] = running.poll() is None
            said, _ = running.communicate(timeout=seconds + 60)
        except BaseException:
            running.terminate()
            raise
    counts |= json.loads(said)["tasks"]


def answered(environment: Environment) -> float:
    """How many requests the gateway has answered."""
    text = requests.get(f"{environment.endpoints['gateway']}/metrics", timeout=10).text
    lines = [line for line in text.splitlines() if line.startswith("agentgov_component_requests_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def done(desk: Desk, **request: Any) -> ActionState:
    """The action, when it has ended."""
    actor = Actor(name="tests", origin="test")
    wanted = ActionRequest(namespace=NAMESPACE, service=SERVICE, actor=actor, **request)
    state = desk.wait(desk.submit(wanted), timeout_seconds=120)
    assert state is not None
    return state


def test_the_manifests_are_taken_under_pod_security_restricted_and_all_of_them_run(kubectl: Kubectl) -> None:
    assert "restricted" in kubectl("get", "namespace", NAMESPACE, "--show-labels")
    said = kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", str(MANIFESTS))
    assert "Warning" not in said
    kubectl("wait", "deployment", "--all", "--for=condition=Available", "--timeout=60s")
    loose = kubectl("run", "loose", "--image=workload:1", ok=False)
    assert 'violates PodSecurity "restricted' in loose


def test_the_decks_own_account_may_switch_and_nothing_more(kubectl: Kubectl, decks_kubeconfig: Path) -> None:
    def may(verb: str, what: str) -> bool:
        command = ["kubectl", "--kubeconfig", str(decks_kubeconfig), "-n", NAMESPACE, "auth", "can-i", verb, what]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() == "yes"

    for verb, what in (("patch", f"services/{SERVICE}"), ("create", "leases"), ("list", "pods"), ("create", "events")):
        assert may(verb, what), f"{verb} {what}"
    for verb, what in (("delete", "pods"), ("patch", "services/gateway"), ("get", "secrets"), ("patch", "deployments")):
        assert not may(verb, what), f"{verb} {what}"


def test_a_switch_and_a_rollback_under_load_lose_no_request(
    real_environment: Environment, kubectl: Kubectl, desk: Desk
) -> None:
    version = kubectl(
        "get", "deployment", "agent-runtime-green", "-o", r"jsonpath={.metadata.labels.app\.kubernetes\.io/version}"
    )
    kubectl("wait", "deployment", "--all", "--for=condition=Available", "--timeout=60s")
    with users(real_environment) as counted:
        there = done(desk, kind=ActionKind.SWITCH, source=Track.BLUE, target=Track.GREEN, typed_version=version)
        assert there.outcome is Outcome.SUCCEEDED, (there.sentence, [step for step in there.steps if step.detail])
        back = done(desk, kind=ActionKind.ROLLBACK, source=Track.GREEN, target=Track.BLUE, reason="Precaution")
        assert back.outcome is Outcome.SUCCEEDED, (back.sentence, [step for step in back.steps if step.detail])
    assert there.facts["selector"].endswith("green")
    assert counted["stayed"]
    assert counted["failed"] == {}
    assert counted["ok"] == counted["sent"] > USERS_PER_SECOND
    assert counted["tracks"].keys() == {"blue", "green"}
    assert {"TrackSwitched", "TrackRolledBack"} <= set(
        kubectl("get", "events", "-o", "jsonpath={.items[*].reason}").split()
    )


def test_a_route_moves_users_by_weight_and_loses_none_while_its_weights_change(
    real_environment: Environment, kubectl: Kubectl
) -> None:
    with users(real_environment, seconds=20) as counted:
        for weights in ({SERVICE: 50, f"{SERVICE}-preview": 50}, {SERVICE: 0, f"{SERVICE}-preview": 1}):
            kubectl("apply", "-f", "-", stdin=json.dumps(manifests.route(weights, parent=SERVICE)))
            time.sleep(3)  # the users have to meet each share, and nothing tells how many did
        kubectl("delete", "httproute", SERVICE)
    assert counted["stayed"]
    assert counted["failed"] == {}
    assert counted["tracks"].keys() == {"blue", "green"}
    assert counted["tracks"]["green"] > 60  # half of three seconds, all of three more


def test_a_rolling_update_by_the_real_controllers_loses_no_request(
    real_environment: Environment, kubectl: Kubectl
) -> None:
    with users(real_environment) as counted:
        kubectl("rollout", "restart", "deployment/agent-runtime-blue")
        kubectl("rollout", "status", "deployment/agent-runtime-blue", "--timeout=120s")
    assert counted["stayed"]
    assert counted["failed"] == {}
    assert counted["ok"] == counted["sent"] > 0


def test_a_pod_that_is_killed_comes_back(real_environment: Environment, kubectl: Kubectl) -> None:
    names = "jsonpath={.items[*].metadata.name}"
    before = set(kubectl("get", "pods", "-l", "app.kubernetes.io/name=policy-engine", "-o", names).split())
    kubectl("delete", "pod", *before)
    kubectl("wait", "deployment/policy-engine", "--for=condition=Available", "--timeout=60s")
    after = set(kubectl("get", "pods", "-l", "app.kubernetes.io/name=policy-engine", "-o", names).split())
    assert after
    assert not before & after


def test_kubectl_shows_what_a_pod_says(real_environment: Environment, kubectl: Kubectl) -> None:
    with users(real_environment, seconds=10):
        eventually(lambda: "agent run finished" in kubectl("logs", "deployment/agent-runtime-blue"), "it says so")


def test_logs_arrive_in_real_data_streams(real_environment: Environment) -> None:
    store = Elasticsearch(real_environment.endpoints["elasticsearch"])
    with users(real_environment, seconds=10):
        eventually(lambda: store.search(LOGS, query={"match_all": {}}, size=1).total > 0, "logs arrive")
    (hit,) = store.search(LOGS, query={"match_all": {}}, size=1).hits
    assert hit.index.startswith(".ds-logs-agentgov.app.otel-local-")
    assert store.version().startswith("9.")
