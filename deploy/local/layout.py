"""The state folder of one environment: what lies where, and how it is written."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.errors import CommandError

REPOSITORY = Path(__file__).resolve().parents[2]
_NEEDED_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below the absolute path of the state folder."""

    root: Path

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives; its pid stands in it."""
        return self.root / "supervisor.lock"

    @property
    def endpoints(self) -> Path:
        """Where everything answers; there as long as the environment is ready."""
        return self.root / "endpoints.json"

    @property
    def processes(self) -> Path:
        """What the supervisor started, for `status`."""
        return self.root / "processes.json"

    @property
    def octet(self) -> Path:
        """The n of 127.n.0.0/16; kept, since the API server's state names addresses."""
        return self.root / "octet"

    @property
    def load(self) -> Path:
        """What the load generator is asked for; read again at SIGUSR1."""
        return self.root / "load.json"

    @property
    def faults(self) -> Path:
        return self.root / "faults.json"

    @property
    def audit(self) -> Path:
        """The deck's own audit."""
        return self.root / "audit.jsonl"

    @property
    def history(self) -> Path:
        """Which past this state was given, and how much of it is there."""
        return self.root / "history.json"

    @property
    def metrics(self) -> Path:
        """Prometheus' data; there once it has run."""
        return self.root / "prometheus" / "data"

    @property
    def settings(self) -> Path:
        return self.root / "tealdeck.toml"

    @property
    def kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @property
    def pod_logs(self) -> Path:
        return self.root / "node" / "pods"

    def log(self, name: str) -> Path:
        return self.root / "log" / f"{name}.log"

    def prepare(self) -> None:
        """Makes the folders. Raises CommandError if the state cannot be written or the disk is full."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in ("log", "prometheus", "alertmanager", "node/pods"):
                (self.root / folder).mkdir(parents=True, exist_ok=True)
            (self.root / ".writable").touch()
            (self.root / ".writable").unlink()
            free = shutil.disk_usage(self.root).free
        except OSError as error:
            raise CommandError(
                f"The state folder {self.root} cannot be written ({error.strerror}). Name another with --state DIR."
            ) from error
        if free < _NEEDED_BYTES:
            raise CommandError(
                f"Only {free // 2**20} MiB are free for the state folder {self.root}; {_NEEDED_BYTES // 2**20} MiB are "
                "needed. Make room, or name a folder on another disk with --state DIR."
            )


def write_whole(path: Path, content: str | dict[str, Any] | list[Any]) -> None:
    """Writes a file that a reader sees whole or not at all; anything but text is written as JSON.

    Raises CommandError if it cannot be written.
    """
    text = content if isinstance(content, str) else json.dumps(content, indent=2) + "\n"
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_text(text)
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error


def read_json(path: Path) -> Any:
    """The content of a JSON file of ours; None if it is not there."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise CommandError(f"{path} cannot be read ({error}). Delete it and try again.") from error
