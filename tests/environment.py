"""One environment as tests see it: where everything answers, and its commands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment, by the path of its state folder."""

    state: Path

    @property
    def endpoints(self) -> dict[str, str]:
        """Where everything answers: dashboard, prometheus, alertmanager, elasticsearch, kubeconfig, gateway."""
        found: dict[str, str] = json.loads((self.state / "endpoints.json").read_text())
        return found

    def alerts(self, track: str) -> set[str]:
        """The names of the alerts of that track that are active in Alertmanager."""
        url = f"{self.endpoints['alertmanager']}/api/v2/alerts"
        found = requests.get(url, {"active": "true", "filter": f'track="{track}"'}, timeout=5).json()
        return {alert["labels"]["alertname"] for alert in found}

    def command(self, name: str, *arguments: str, timeout_seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs a command as a person would, for example `command("fault", "errors")`."""
        return subprocess.run(
            [sys.executable, "-m", "deploy.local", name, "--state", str(self.state), *arguments],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_seconds,
        )


@contextmanager
def an_environment(state: Path) -> Iterator[Environment]:
    """The whole environment with the deck and an empty past, ready, and stopped at the end."""
    made = Environment(state)
    up = made.command("up", "--detach", "--no-history")
    assert up.returncode == 0, up.stdout + up.stderr
    try:
        yield made
    finally:
        down = made.command("down")
    assert down.returncode == 0, down.stdout + down.stderr
