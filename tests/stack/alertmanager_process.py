"""A real Alertmanager of a test's own, with routes as they are told to it, and alerts that a test fires."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
import yaml

from deploy.local import programs
from tests.stack.logstore_process import free_port

_READY_SECONDS = 30.0


@contextmanager
def running(folder: Path, config: Mapping[str, Any]) -> Iterator[str]:
    """Its address, once it is ready."""
    (folder / "alertmanager.yaml").write_text(yaml.safe_dump(dict(config)))
    listen = f"127.0.0.1:{free_port()}"
    program = programs.find().alertmanager
    command = [
        str(program),
        f"--config.file={folder / 'alertmanager.yaml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={listen}",
        "--cluster.listen-address=",
    ]
    with (folder / "log").open("wb") as out:
        process = subprocess.Popen(command, cwd=program.parent, stdout=out, stderr=out)  # its templates lie there
    try:
        _until_ready(f"http://{listen}/-/ready")
        yield f"http://{listen}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def fire(url: str, *several: Mapping[str, str], minutes: float = 0.0) -> None:
    """Alerts with these labels that have fired for so long."""
    now = datetime.now(UTC)
    times = {
        "startsAt": (now - timedelta(minutes=minutes)).isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
    }
    posted = [{"labels": dict(labels), "annotations": {}, **times} for labels in several]
    requests.post(f"{url}/api/v2/alerts", json=posted, timeout=10).raise_for_status()


def _until_ready(url: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            pass
        assert time.monotonic() < deadline, f"{url} does not answer"
        time.sleep(0.05)
