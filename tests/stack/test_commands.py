"""`python -m dashboard` against a running environment: what a pipeline or a platform engineer gets."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.environment import REPOSITORY, Environment


def run(environment: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = next(environment.state.rglob("tealdeck.toml"))
    return subprocess.run(
        [sys.executable, "-m", "dashboard", *arguments, "--settings", str(settings)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_sources_that_all_answer_are_0_with_their_versions(environment: Environment) -> None:
    done = run(environment, "sources", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert all(source["reachable"] and source["version"] for source in said["sources"])
    # A healthy system has no failures to count; what every run brings is there.
    missing = {metric["name"] for metric in said["missing_metrics"]}
    assert "gen_ai_invoke_agent_duration_seconds_count" not in missing
    assert "agentgov_contract_evaluations_total" not in missing


def test_a_verdict_can_be_computed_again_from_its_evidence(environment: Environment, tmp_path) -> None:
    evidence = tmp_path / "evidence.json"
    first = run(environment, "verdict", "--service", "agent-runtime", "--json", "--evidence", str(evidence))
    assert first.returncode in (0, 1, 3), first.stderr

    again = run(environment, "verdict", "--json", "--replay", str(evidence))

    assert (again.returncode, again.stdout) == (first.returncode, first.stdout)
