"""`python -m dashboard sources` where nothing answers: each source is named with its reason, none with a version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboard.cli import main

DEAD = """
[environments.local.prometheus]
url = "http://127.0.0.1:9"
[environments.local.elasticsearch]
url = "http://127.0.0.1:9"
[environments.local.kubernetes]
kubeconfig = "/nowhere/kubeconfig"
"""


@pytest.fixture
def settings(tmp_path: Path) -> str:
    file = tmp_path / "tealdeck.toml"
    file.write_text(DEAD)
    return str(file)


def test_a_source_that_does_not_answer_is_1_with_its_reason(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sources", "--settings", settings]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert "prometheus    does not answer: connection refused" in lines
    assert "elasticsearch does not answer: connection refused" in lines
    assert "alertmanager  the settings name no alertmanager" in lines
    assert any(line.startswith("kubernetes    does not answer: cannot use /nowhere/kubeconfig") for line in lines)
    assert any(line.startswith("metrics: prometheus") and "connection refused" in line for line in lines)


def test_the_same_as_json(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sources", "--json", "--settings", settings]) == 1

    said = json.loads(capsys.readouterr().out)
    assert {source["source"]: source["reachable"] for source in said["sources"]} == {
        "prometheus": False,
        "alertmanager": None,
        "elasticsearch": False,
        "kubernetes": False,
    }
    assert (said["missing_metrics"], said["missing_metrics_state"]) == ([], "missing")


def test_an_unknown_environment_is_2_and_named(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sources", "--settings", settings, "--environment", "moon"]) == 2
    assert capsys.readouterr().err == "settings: --environment: found 'moon'; allowed: one of local\n"
