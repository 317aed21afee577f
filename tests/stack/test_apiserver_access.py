"""Who may do what at the API server: Roles decide, for service accounts and for whom others impersonate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from tests.stack.apiserver_process import REPO, Server

pytestmark = pytest.mark.stack

MANIFESTS = REPO / "deploy" / "production" / "rendered" / "local.yaml"
DECK = "system:serviceaccount:agents:tealdeck"
_RBAC = "rbac.authorization.k8s.io"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the accounts, Roles and bindings of production."""
    running = Server(tmp_path_factory.mktemp("access")).start()
    running.kubectl("apply", "--server-side", "-f", str(MANIFESTS))
    yield running
    running.stop()


def can_i(server: Server, verb: str, resource: str, name: str = "", group: str = "", subresource: str = "") -> bool:
    """What the server says when the deck asks about itself."""
    attributes = {"namespace": "agents", "verb": verb, "group": group, "resource": resource}
    body = {"spec": {"resourceAttributes": {**attributes, "name": name, "subresource": subresource}}}
    path, headers = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"Impersonate-User": DECK}
    return bool(made(server, path, body, headers=headers)["status"]["allowed"])


def made(server: Server, path: str, body: Any, **options: Any) -> Any:
    """The object that was created."""
    answer = server.call("POST", path, json=body, **options)
    answer.raise_for_status()
    return answer.json()


def token_of(server: Server, account: str) -> str:
    path = f"/api/v1/namespaces/agents/serviceaccounts/{account}/token"
    return str(made(server, path, {})["status"]["token"])


def bind(server: Server, namespace: str, role: str, subject: Any) -> None:
    """Gives a Role of a namespace, or without one a ClusterRole everywhere, to somebody."""
    kind = "Role" if namespace else "ClusterRole"
    reference = {"apiGroup": _RBAC, "kind": kind, "name": role}
    body = {"metadata": {"name": f"{role}-{subject['name']}"}, "roleRef": reference, "subjects": [subject]}
    where = f"namespaces/{namespace}/" if namespace else ""
    made(server, f"/apis/{_RBAC}/v1/{where}{kind.lower()}bindings", body)


def core_as(server: Server, **credentials: str) -> client.CoreV1Api:
    """The official client with other credentials than the administrator's."""
    loaded = yaml.safe_load(server.kubeconfig.read_text())
    loaded["users"][0]["user"] = credentials
    return client.CoreV1Api(config.new_client_from_config_dict(loaded))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        pytest.param(("list", "pods"), True, id="the deck lists pods"),
        pytest.param(("watch", "resourcequotas"), True, id="the deck watches quotas"),
        pytest.param(("get", "pods", "", "", "log"), True, id="the deck reads logs"),
        pytest.param(("patch", "services", "agent-runtime"), True, id="the deck switches the governed service"),
        pytest.param(("patch", "services", "gateway"), False, id="the deck switches no other service"),
        pytest.param(
            ("update", "deployments", "agent-runtime-blue", "apps", "scale"), True, id="the deck scales a track"
        ),
        pytest.param(("update", "deployments", "gateway", "apps", "scale"), False, id="the deck scales nothing else"),
        pytest.param(("delete", "pods"), False, id="the deck deletes no pod"),
        pytest.param(("list", "secrets"), False, id="the deck reads no secret"),
        pytest.param(("list", "nodes"), True, id="the deck sees nodes, which have no namespace"),
    ],
)
def test_the_deck_may_do_what_its_role_says(server: Server, question: tuple[str, ...], answer: bool) -> None:
    assert can_i(server, *question) is answer


def test_a_request_is_answered_as_its_review_was(server: Server) -> None:
    deck = ("--as", DECK, "-n", "agents")
    server.kubectl("get", "pods", *deck)
    server.kubectl("scale", "deploy/agent-runtime-green", "--replicas=3", *deck)
    refused = server.kubectl("scale", "deploy/gateway", "--replicas=3", *deck, ok=False)
    assert f'User "{DECK}" cannot patch resource "deployments/scale" in API group "apps"' in refused
    assert "forbidden" in server.kubectl("get", "secrets", *deck, ok=False)
    assert "forbidden" in server.kubectl("get", "pods", "--as", DECK, "-n", "default", ok=False)


def test_a_service_account_signs_in_with_its_token_until_it_is_deleted(server: Server) -> None:
    made(server, "/api/v1/namespaces/agents/serviceaccounts", {"metadata": {"name": "passing"}})
    core = core_as(server, token=token_of(server, "passing"))
    with pytest.raises(client.ApiException, match="Forbidden"):
        core.list_namespaced_pod("agents")
    me = client.AuthenticationV1Api(core.api_client).create_self_subject_review(body={}).status.user_info
    assert me.username == "system:serviceaccount:agents:passing"
    assert "system:serviceaccounts:agents" in me.groups
    bind(server, "agents", "tealdeck", {"kind": "ServiceAccount", "namespace": "agents", "name": "passing"})
    assert core.list_namespaced_pod("agents").items == []
    server.kubectl("-n", "agents", "delete", "sa", "passing")
    with pytest.raises(client.ApiException, match="Unauthorized"):
        core.list_namespaced_pod("agents")


def test_a_token_that_was_tampered_with_is_refused(server: Server) -> None:
    token = token_of(server, "tealdeck")
    head, claims, signature = token.split(".")
    with pytest.raises(client.ApiException, match="Unauthorized"):
        core_as(server, token=f"{head}.{claims[::-1]}.{signature}").list_namespaced_pod("agents")


def test_groups_count_and_impersonating_needs_a_permission(server: Server) -> None:
    rule = {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]}
    made(server, f"/apis/{_RBAC}/v1/clusterroles", {"metadata": {"name": "reader"}, "rules": [rule]})
    bind(server, "", "reader", {"apiGroup": _RBAC, "kind": "Group", "name": "on-call"})
    ana = ("--as", "ana", "-n", "default")
    assert "forbidden" in server.kubectl("get", "pods", *ana, ok=False)
    server.kubectl("get", "pods", *ana, "--as-group=on-call")
    token = token_of(server, "tealdeck")
    headers = {"Authorization": f"Bearer {token}", "Impersonate-User": "ana", "Impersonate-Group": "on-call"}
    refused = server.call("GET", "/api/v1/namespaces/default/pods", headers=headers)
    assert refused.status_code == 403
    assert f'User "{DECK}" cannot impersonate resource "users"' in refused.json()["message"]


def test_a_review_about_somebody_else_answers_for_that_one(server: Server) -> None:
    def ask(**attributes: str) -> bool:
        body: Any = {"spec": {"user": DECK, "resourceAttributes": {"namespace": "agents", **attributes}}}
        review = client.AuthorizationV1Api(server.api).create_subject_access_review(body)
        return bool(review.status.allowed)

    assert ask(verb="list", resource="pods")
    assert not ask(verb="delete", resource="pods")
    assert ask(verb="patch", resource="services", name="agent-runtime")
    assert not ask(verb="patch", resource="services")


def test_an_apply_that_creates_needs_the_right_to_create(server: Server, tmp_path: Path) -> None:
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch"]}
    made(server, f"/apis/{_RBAC}/v1/namespaces/default/roles", {"metadata": {"name": "patcher"}, "rules": [rule]})
    bind(server, "default", "patcher", {"apiGroup": _RBAC, "kind": "User", "name": "bo"})
    manifest = tmp_path / "map.yaml"
    manifest.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}}))
    apply = ("-n", "default", "apply", "--server-side", "-f", str(manifest))
    assert 'cannot create resource "configmaps"' in server.kubectl(*apply, "--as", "bo", ok=False)
    server.kubectl(*apply)
    server.kubectl(*apply, "--as", "bo", "--force-conflicts")
