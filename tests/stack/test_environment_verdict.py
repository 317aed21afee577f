"""The verdict on the running environment: harm turns it to NO-GO, a new release to GO, and blindness to WAIT.

Reads as a timeline, since a release has one: each test begins a new rollout of the preview where it needs one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.kubernetes import Kubernetes
from dashboard.model.verdict import Decision, Result, Verdict
from dashboard.queries.ask import Ask, build_ask
from dashboard.queries.release import judge
from dashboard.settings import load
from tests.environment import REPOSITORY, Environment

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(1200)]
NAMESPACE, SERVICE, PREVIEW = "agents", "agent-runtime", "agent-runtime-green"
# What is left of the harm in windows of five minutes, then the evidence for a pass.
UNTIL_GO_SECONDS = 600.0


def said(environment: Environment) -> dict[str, Any]:
    """What a pipeline is told."""
    settings = next(environment.state.rglob("tealdeck.toml"))
    done = subprocess.run(
        [sys.executable, "-m", "dashboard", "verdict", "--service", SERVICE, "--json", "--settings", str(settings)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    verdict: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == {"GO": 0, "NO-GO": 1, "WAIT": 3}[verdict["decision"]]
    return verdict


def until(told: Callable[[], Any], is_so: Callable[[Any], bool], seconds: float) -> Any:
    """Ask until it is so; fails with the last answer."""
    deadline = time.monotonic() + seconds
    while not is_so(found := told()):
        assert time.monotonic() < deadline, f"it did not come true in {seconds:.0f} s: {found}"
        time.sleep(1)
    return found


def roll_out_anew(environment: Environment) -> None:
    """As `kubectl rollout restart deployment` does it."""
    template = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": datetime.now(UTC).isoformat()}}}
    body = {"spec": {"template": template}}
    Kubernetes(environment.endpoints["kubeconfig"]).patch("deployments", PREVIEW, NAMESPACE, body)


@pytest.fixture
def ask(environment: Environment) -> Iterator[Ask]:
    """The deck's way to the sources: cached and refreshed as for a page that stays open."""
    settings = load(next(environment.state.rglob("tealdeck.toml")))
    made = build_ask(settings.environments[settings.default_environment])
    yield made
    made.close()


@pytest.fixture
def environment_healed(environment: Environment) -> Iterator[Environment]:
    """The environment, without any fault at the end."""
    yield environment
    healed = environment.command("heal")
    assert healed.returncode == 0, healed.stdout + healed.stderr


def test_errors_on_the_preview_are_no_go_by_name_and_a_new_release_without_them_is_go(
    environment_healed: Environment,
) -> None:
    environment = environment_healed
    assert environment.command("fault", "errors", "--track", "green").returncode == 0
    until(lambda: said(environment), lambda verdict: verdict["decision"] == "NO-GO", 60)
    # The alert may be first; the counts follow.
    bad = until(lambda: said(environment), lambda verdict: bool(failing(verdict) & {"errors", "errors_compared"}), 60)
    assert bad["decision"] == "NO-GO"
    reasons = [gate["reason"] for gate in bad["gates"] if gate["gate"] in failing(bad) & {"errors", "errors_compared"}]
    assert all("runs failed" in reason for reason in reasons), reasons

    assert environment.command("heal").returncode == 0
    roll_out_anew(environment)
    good = until(lambda: said(environment), lambda verdict: verdict["decision"] == "GO", UNTIL_GO_SECONDS)
    assert all(gate["result"] == "pass" for gate in good["gates"] if gate["required"])


def test_without_prometheus_it_is_wait_with_the_reason_within_one_refresh(
    environment_healed: Environment, ask: Ask
) -> None:
    def judged() -> Verdict:
        return judge(ask, NAMESPACE, SERVICE, datetime.now(UTC))

    refresh = ask.environment.refresh_seconds
    # An alert of before would be a NO-GO of its own.
    until(judged, lambda verdict: verdict.decision is not Decision.NO_GO and not unknown(verdict, "inputs"), 150)
    assert environment_healed.command("fault", "dead-source", "--source", "prometheus").returncode == 0

    # The answer of just before may be shown for one refresh; the next one knows.
    blind = until(judged, lambda verdict: unknown(verdict, "inputs"), refresh + 3)
    assert blind.decision is Decision.WAIT
    assert "prometheus" in next(gate.reason for gate in blind.gates if gate.gate == "inputs")


def failing(verdict: Any) -> set[str]:
    """The gates that fail in a verdict that the command printed."""
    return {gate["gate"] for gate in verdict["gates"] if gate["result"] == "fail"}


def unknown(verdict: Verdict, name: str) -> bool:
    return any(gate.gate == name and gate.result is Result.UNKNOWN for gate in verdict.gates)
