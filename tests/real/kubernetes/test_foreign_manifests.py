"""Manifests of other teams on both API servers, read and judged as they are: a hand-made colour, and Argo Rollouts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.kubernetes import Kubernetes
from dashboard.act.audit import AuditFile
from dashboard.act.desk import Desk
from dashboard.model.action import Outcome
from dashboard.model.blue_green import BlueGreen
from dashboard.model.release import Track
from dashboard.queries.ask import Ask, build_ask
from dashboard.queries.release import judge
from dashboard.queries.release_scene import changes, scene_of
from dashboard.settings import EnvironmentSettings
from tests.act.fakes import a_verdict
from tests.act.test_actions import a_switch
from tests.environment import REPOSITORY
from tests.stack.apiserver_process import Server

pytestmark = pytest.mark.stack

SERVICES = ("support-agent", "billing-agent-active")
KINDS = {"Service": "services", "Deployment": "deployments", "ReplicaSet": "replicasets"}


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
