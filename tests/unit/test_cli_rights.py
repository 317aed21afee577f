"""`python -m dashboard rights`: the patch names what the settings govern, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.errors import Unreachable
from connectors.kubernetes import ListResult
from dashboard import connections
from dashboard.cli import main
from dashboard.cli.rights import SCALE_RULE, SERVICES_RULE
from tests.unit.test_blue_green import deployment, objects, service

ROLE = Path(__file__).parents[2] / "deploy" / "production" / "base" / "accounts.yaml"
SETTINGS = """[environments.production]
namespaces = ["support"]
[environments.production.blue_green]
track_label = "color"
services = ["support-agent", "billing-agent-active"]
"""


class Cluster:
    """Lists the objects of the manifests."""

    def __init__(self, **found: list[Any]) -> None:
        self.found = found

    def list(self, kind: str, namespace: str) -> ListResult:
        if not self.found:
            raise Unreachable("kubernetes", "connection refused")
        return ListResult(items=tuple(self.found[kind]), resource_version="1")


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "tealdeck.toml"
    file.write_text(SETTINGS)
    return file


def names(text: str) -> dict[str, list[str]]:
    return {one["path"]: one["value"] for one in json.loads(text) if one["op"] == "replace"}


def test_the_two_rules_are_those_of_the_role() -> None:
    rules = next(one for one in yaml.safe_load_all(ROLE.read_text()) if one["kind"] == "Role")["rules"]
    named = {index: rule["resources"] for index, rule in enumerate(rules) if "resourceNames" in rule}
    assert named == {SERVICES_RULE: ["services"], SCALE_RULE: ["deployments/scale"]}


def test_our_own_settings_give_the_names_that_the_role_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tealdeck.toml"
    file.write_text('[environments.local.blue_green]\nservices = ["agent-runtime"]\n')
    assert main(["rights", "--settings", str(file)]) == 0
    rules = next(one for one in yaml.safe_load_all(ROLE.read_text()) if one["kind"] == "Role")["rules"]
    assert names(capsys.readouterr().out) == {
        f"/rules/{index}/resourceNames": rules[index]["resourceNames"] for index in (SERVICES_RULE, SCALE_RULE)
    }


def test_the_cluster_is_asked_for_names_and_what_argo_moves_is_left_out(
    settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    color, argo = objects("color"), objects("argo")
    others = [service("shop", {"app": "shop", "color": "blue"})]
    apart = deployment("shop-blue", {"app": "shop", "color": "blue"})
    cluster = Cluster(
        services=[*color["Service"], *argo["Service"], *others], deployments=[*color["Deployment"], apart]
    )
    monkeypatch.setattr(connections, "kubernetes", lambda _: cluster)

    assert main(["rights", "--settings", str(settings), "--ask"]) == 0

    assert names(capsys.readouterr().out) == {
        f"/rules/{SERVICES_RULE}/resourceNames": ["support-agent", "support-agent-preview"],
        f"/rules/{SCALE_RULE}/resourceNames": ["support-agent-blue", "support-agent-green"],
    }


def test_a_cluster_that_does_not_answer_is_said(
    settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connections, "kubernetes", lambda _: Cluster())
    assert main(["rights", "--settings", str(settings), "--ask"]) == 3
    assert "connection refused" in capsys.readouterr().err


def test_nothing_governed_is_said_with_the_key_that_governs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tealdeck.toml"
    file.write_text("[environments.local]\n")
    assert main(["rights", "--settings", str(file)]) == 1
    assert "environments.local.blue_green.services" in capsys.readouterr().err


SOURCES = """
[environments.production.prometheus]
url = "http://prometheus.monitoring.svc:9090"
[environments.production.elasticsearch]
url = "https://elasticsearch.example.com"
"""


def policies_of(options: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["rights", "--network", *options]) == 0
    return {one["metadata"]["name"]: one for one in json.loads(capsys.readouterr().out)["items"]}


def test_the_deck_may_connect_to_the_sources_of_the_settings_and_to_nothing_else(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.write_text(SETTINGS + SOURCES)

    (deck,) = policies_of(["--settings", str(settings)], capsys).values()

    assert deck["metadata"] == {"name": "tealdeck", "namespace": "support"}
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    names, api, *sources = deck["spec"]["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    assert {port["port"] for port in api["ports"]} == {443, 6443}
    assert sources == [{"to": [monitoring], "ports": [{"port": 9090}]}, {"ports": [{"port": 443}]}]


def test_prometheus_may_scrape_the_pods_of_both_tracks_by_the_services_own_selector(
    settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.write_text(SETTINGS + SOURCES)
    colour, argo = objects("color"), objects("argo")
    cluster = Cluster(services=[*colour["Service"], *argo["Service"]], deployments=colour["Deployment"])
    monkeypatch.setattr(connections, "kubernetes", lambda _: cluster)

    found = policies_of(["--ask", "--settings", str(settings)], capsys)

    assert set(found) == {"tealdeck", "support-agent-metrics", "billing-agent-active-metrics"}
    selected = {name: one["spec"]["podSelector"]["matchLabels"] for name, one in found.items() if name != "tealdeck"}
    assert selected == {
        "support-agent-metrics": {"app": "support-agent"},
        "billing-agent-active-metrics": {"app": "billing-agent"},
    }
    (way,) = found["support-agent-metrics"]["spec"]["ingress"]
    assert way["ports"] == [{"port": 8080}]
    assert way["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
