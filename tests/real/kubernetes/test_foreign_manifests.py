"""Manifests of other teams on both API servers, read and judged as they are: a hand-made colour, and Argo Rollouts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.errors import Conflict, NotFound, NotServed, TimedOut
from connectors.kubernetes import Kubernetes
from dashboard.act.audit import AuditFile
from dashboard.act.desk import Desk
from dashboard.decide.workloads import workloads
from dashboard.model.action import Outcome
from dashboard.model.blue_green import BlueGreen
from dashboard.model.release import Track
from dashboard.model.view import View
from dashboard.model.workload import SICK
from dashboard.queries.ask import Ask, build_ask
from dashboard.queries.release import judge
from dashboard.queries.release_scene import changes, scene_of
from dashboard.queries.triage import triage
from dashboard.settings import EnvironmentSettings
from tests.act.fakes import a_verdict
from tests.act.test_actions import a_switch
from tests.environment import REPOSITORY
from tests.stack.apiserver_process import Server, definition
from tests.waiting import eventually

pytestmark = pytest.mark.stack

SERVICES = ("support-agent", "billing-agent-active")
KINDS = {"Service": "services", "Deployment": "deployments", "ReplicaSet": "replicasets", "Rollout": "rollouts"}
ROLLOUTS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def apply(cluster: Kubernetes, namespace: str, name: str) -> None:
    """Create every object of a manifest in the namespace."""
    file: Path = REPOSITORY / "tests" / "foreign" / "manifests" / f"{name}.yaml"
    for item in yaml.safe_load_all(file.read_text()):
        item["metadata"]["namespace"] = namespace
        cluster.create(KINDS[item["kind"]], namespace, item)


@pytest.fixture
def ask(server: Server, namespace: str) -> Iterator[Ask]:
    """What the Release page and the command ask, with `color` and two names in the settings and nothing else."""
    cluster = Kubernetes(str(server.kubeconfig))
    for name in ("color", "argo"):
        apply(cluster, namespace, name)
    given: dict[str, Any] = {
        "name": "own",
        "namespaces": [namespace],
        "kubernetes": {"kubeconfig": str(server.kubeconfig)},
        "blue_green": {"track_label": "color", "services": list(SERVICES)},
    }
    asking = build_ask(EnvironmentSettings.model_validate(given))
    yield asking
    asking.close()


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize(
    ("name", "versions", "preview"),
    [
        pytest.param(SERVICES[0], {"blue": "2.3.1", "green": "2.4.0"}, "support-agent-preview", id="a colour"),
        pytest.param(SERVICES[1], {"blue": "1", "green": "2"}, "billing-agent-preview", id="a Rollout"),
    ],
)
def test_a_service_of_another_team_is_read_and_judged(
    ask: Ask, namespace: str, name: str, versions: dict[str, str], preview: str
) -> None:
    scene = scene_of(ask, namespace, name, now())
    service = scene.service.value
    assert service is not None, scene.service.reason
    assert (service.active, service.preview_service) == (Track.BLUE, preview)
    assert {track.value: one.version for track, one in service.tracks.items()} == versions
    verdict = judge(ask, namespace, name, now())
    assert (verdict.candidate, verdict.version) == (Track.GREEN, versions["green"])
    assert verdict.gates


@pytest.fixture
def rollout(server: Server, namespace: str) -> Iterator[Any]:
    """The Rollout as it is stored while it waits to be promoted; its kind is served only as long as this test takes."""
    kind = definition("rollouts", "Rollout", group="argoproj.io")
    kind["spec"]["versions"][0]["name"] = "v1alpha1"
    answer = server.call("POST", ROLLOUTS, json=kind)
    assert answer.status_code == 201, answer.text
    cluster = Kubernetes(str(server.kubeconfig))
    try:
        eventually(lambda: _is_applied(cluster, namespace), "the Rollout is stored")
        yield cluster.get("rollouts", "billing-agent", namespace)
    finally:
        server.call("DELETE", f"{ROLLOUTS}/rollouts.argoproj.io")


def _is_applied(cluster: Kubernetes, namespace: str) -> bool:
    try:
        apply(cluster, namespace, "argo-rollout")
    except (NotFound, NotServed, TimedOut):  # the API server is just beginning to serve the kind
        return False
    except Conflict:  # the answer to an earlier one was late
        return True
    return True


def test_a_rollout_object_and_its_services_tell_the_same_tracks_and_that_it_waits(
    rollout: Any, ask: Ask, namespace: str
) -> None:
    scene = scene_of(ask, namespace, SERVICES[1], now())
    status = rollout["status"]

    assert scene.blue_green.value(Track.BLUE) == status["stableRS"] == status["blueGreen"]["activeSelector"]
    assert scene.blue_green.value(Track.GREEN) == status["currentPodHash"] == status["blueGreen"]["previewSelector"]
    (read,) = workloads((), (), others={"rollouts": [rollout]}, now=now())
    assert (read.kind, read.name, read.desired, read.ready) == ("Rollout", "billing-agent", 1, 1)
    assert "BlueGreenPause" in read.trouble
    assert read.health not in SICK
    line = next(one for one in triage(ask, View(env="own", ns=namespace), now()).services.value or ()
                if one.name == SERVICES[1])  # fmt: skip
    assert line.active is Track.BLUE
    assert {one.kind for one in line.tracks} == {"ReplicaSet", "Rollout"}


def test_a_rollout_offers_no_change_and_refuses_an_action_with_the_command_that_does_it(
    ask: Ask, server: Server, namespace: str, tmp_path: Path
) -> None:
    assert changes(scene_of(ask, namespace, SERVICES[1], now())) == {}
    cluster = Kubernetes(str(server.kubeconfig))
    before = cluster.get("services", SERVICES[1], namespace)
    desk = Desk(
        cluster=cluster,
        audit=AuditFile(tmp_path / "audit.jsonl"),
        judge=lambda *_: a_verdict(now(), version="2"),
        blue_green=BlueGreen(track_label="color", services=SERVICES),
    )

    state = desk.wait(
        desk.submit(a_switch(namespace=namespace, service=SERVICES[1], typed_version="2")), timeout_seconds=30
    )

    assert state is not None
    assert state.outcome is Outcome.REFUSED, state.sentence
    assert f"kubectl argo rollouts promote billing-agent -n {namespace}" in state.sentence
    assert cluster.get("services", SERVICES[1], namespace) == before
