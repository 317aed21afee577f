"""Real servers as the tests have them: started once, each ready before the next that needs it, none left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import pytest

from deploy.local.children import Child
from deploy.local.processes import die_with_parent
from deploy.local.real.builds import Build
from deploy.local.status import answers

STOP_SECONDS = 20.0
ASKED_FOR = bool(os.environ.get("TEALDECK_REAL"))
KINDS = ["stand-in", "real"] if ASKED_FOR else ["stand-in"]
ONLY_REAL = pytest.mark.skipif(not ASKED_FOR, reason="needs the real servers: make test-real")


def built(build: Build) -> Path:
    """The folder of a real server, which `make test-real` has built before; there absent is a failure, not a skip."""
    assert build.is_there, f"{build.name} is not built in {build.folder}: make test-real builds it"
    return build.folder


def free_addresses(names: Iterable[str]) -> dict[str, str]:
    """HOST:PORT for each name, all different."""
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    found = {name: f"127.0.0.1:{one.getsockname()[1]}" for name, one in sockets.items()}
    for one in sockets.values():
        one.close()
    return found


class Running:
    """Processes that die with the tests."""

    def __init__(self, children: Sequence[Child], logs: Path) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._logs = logs
        logs.mkdir(parents=True, exist_ok=True)
        try:
            for child in children:
                self._start(child)
                self._await(child)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """The last that was started goes first."""
        for process in reversed(self._processes.values()):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def kill(self, name: str) -> None:
        """Ends one as a power cut would."""
        self._processes[name].kill()
        self._processes[name].wait()

    def _start(self, child: Child) -> None:
        with self._log(child).open("wb") as log:
            self._processes[child.name] = subprocess.Popen(
                child.command, cwd=child.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=partial(die_with_parent, os.getpid()),
            )  # fmt: skip

    def _await(self, child: Child) -> None:
        deadline = time.monotonic() + child.patience_seconds
        while not answers(child.ready):
            ended = self._processes[child.name].poll() is not None
            if ended or time.monotonic() > deadline:
                said = self._log(child).read_text(errors="replace").splitlines()[-15:]
                raise AssertionError("\n".join([f"{child.name} {'ended' if ended else 'is not ready'}:", *said]))
            time.sleep(0.1)

    def _log(self, child: Child) -> Path:
        return self._logs / f"{child.name}.log"
