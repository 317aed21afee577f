"""The environment that is measured or pictured: one that runs already, or one that lives as long as it is needed."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running(state: Path, *, history_days: int = 0) -> Iterator[Path]:
    """`state`, if an environment with a deck runs there, else the state of one that is brought up and taken down.

    Without a history by default, which would be at work while something is measured.
    """
    if _answers(state):
        yield state
        return
    with tempfile.TemporaryDirectory(prefix="tealdeck-") as folder:
        print(f"No environment answers in {state}: bringing one up in {folder}.", file=sys.stderr)
        command = [sys.executable, "-m", "deploy.local"]
        try:
            past = [f"--history={history_days}"] if history_days else ["--no-history"]
            subprocess.run([*command, "up", "--detach", *past, "--state", folder], check=True)
            yield Path(folder)
        finally:
            subprocess.run([*command, "down", "--state", folder], check=False)


def dashboard(state: Path) -> str:
    """The address of the deck, without a slash at its end."""
    address: str = json.loads((state / "endpoints.json").read_text(encoding="utf-8"))["dashboard"]
    return address.rstrip("/")


def _answers(state: Path) -> bool:
    try:
        with urllib.request.urlopen(f"{dashboard(state)}/healthz", timeout=2):  # noqa: S310 - our own endpoint
            return True
    except (OSError, urllib.error.URLError, KeyError, ValueError):
        return False
