"""Every kind of workload as the API server lists it: what it does not have, forbids, or nobody looked at yet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.errors import Conflict, NotServed, Rejected, TimedOut
from connectors.kubernetes import Kubernetes
from dashboard.decide.workloads import workloads
from dashboard.model.workload import Health
from dashboard.queries.cluster import WORKLOADS
from tests.stack.apiserver_process import Server, definition, deployment
from tests.waiting import eventually

pytestmark = pytest.mark.stack

GROUP = "argoproj.io"


@pytest.fixture(scope="module")
def cluster(server: Server) -> Kubernetes:
    return Kubernetes(str(server.kubeconfig))


def made(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    body = deployment(name)
    pod_spec = body["spec"]["template"]["spec"]
    if kind == "Job":
        template = {"spec": {**pod_spec, "restartPolicy": "Never"}}
        return {"apiVersion": "batch/v1", "kind": kind, "metadata": {"name": name}, "spec": {"template": template}}
    return {**body, "kind": kind, "spec": {**body["spec"], **spec}}


def test_a_kind_that_is_not_installed_is_not_served_to_anybody(cluster: Kubernetes, namespace: str) -> None:
    with pytest.raises(NotServed):
        cluster.list("rollouts", namespace)
    with pytest.raises(NotServed):
        cluster.acting_as("nobody", ["system:authenticated"]).list("rollouts", namespace)


def test_a_kind_that_everybody_has_is_forbidden_to_who_has_no_right(cluster: Kubernetes, namespace: str) -> None:
    nobody = cluster.acting_as("nobody", ["system:authenticated"])
    for kind in ("statefulsets", "daemonsets", "jobs"):
        with pytest.raises(Rejected):
            nobody.list(kind, namespace)


def test_workloads_that_no_controller_has_seen_are_neither_well_nor_lost(cluster: Kubernetes, namespace: str) -> None:
    """None of their controllers runs here."""
    cluster.create("statefulsets", namespace, made("StatefulSet", "db", serviceName="db", replicas=2))
    cluster.create("daemonsets", namespace, made("DaemonSet", "log"))
    cluster.create("jobs", namespace, made("Job", "migrate"))
    others = {
        kind: cluster.list(kind, namespace).items for kind in WORKLOADS if kind not in ("deployments", "rollouts")
    }

    found = {one.kind: one for one in workloads((), (), others=others, now=datetime.now(UTC))}

    assert set(found) == {"StatefulSet", "DaemonSet", "Job"}
    assert (found["StatefulSet"].desired, found["StatefulSet"].health) == (2, Health.CHANGING)
    assert found["Job"].health is Health.CHANGING
    assert found["DaemonSet"].health is Health.CHANGING


def test_a_rollout_is_listed_once_its_kind_is_installed(cluster: Kubernetes, server: Server, namespace: str) -> None:
    kind = definition("rollouts", "Rollout", group=GROUP)
    kind["spec"]["versions"][0]["name"] = "v1alpha1"
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    answer = server.call("POST", path, json=kind)
    assert answer.status_code == 201, answer.text
    try:
        eventually(lambda: _is_listed(cluster, namespace), "rollouts are served")
        body = {**made("Rollout", "web"), "apiVersion": f"{GROUP}/v1alpha1"}
        eventually(lambda: _is_created(cluster, namespace, body), "a Rollout is stored")
        (found,) = workloads((), (), others={"rollouts": cluster.list("rollouts", namespace).items})
        assert (found.kind, found.name, found.desired) == ("Rollout", "web", 1)
    finally:
        server.call("DELETE", f"{path}/rollouts.{GROUP}")


def _is_created(cluster: Kubernetes, namespace: str, body: dict[str, Any]) -> bool:
    try:
        cluster.create("rollouts", namespace, body)
    except TimedOut:
        return False
    except Conflict:  # the answer to an earlier one was late
        return True
    return True


def _is_listed(cluster: Kubernetes, namespace: str) -> bool:
    try:
        cluster.list("rollouts", namespace)
    except (NotServed, TimedOut):  # the API server holds requests for a kind that it is just beginning to serve
        return False
    return True
