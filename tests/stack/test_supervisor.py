"""The environment as a person meets it at the command line: one at a time, nothing half alive, nothing left behind.

What runs in it is the business of the other tests.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests.environment import REPOSITORY, Environment
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.alone]

BARE = ("--no-dashboard", "--no-load", "--no-history")
PROCESSES = {
    "alertmanager", "apiserver", "collector", "controllers", "logstore", "node", "prometheus", "proxy",
}  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """An environment without a deck and without load, for tests that leave it running."""
    made = Environment(tmp_path_factory.mktemp("supervised") / "state")
    up = made.command("up", "--detach", *BARE)
    assert up.returncode == 0, up.stdout + up.stderr
    yield made
    made.command("down")


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Environment]:
    """An environment that a test starts itself."""
    made = Environment(tmp_path / "state")
    yield made
    made.command("down")


def restarts(environment: Environment) -> list[str]:
    """How often each container has been started again, as kubectl says."""
    every = "jsonpath={.items[*].status.containerStatuses[*].restartCount}"
    command = ["kubectl", "--kubeconfig", environment.endpoints["kubeconfig"], "get", "pods", "-A", "-o", every]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def _sockets(process: psutil.Process) -> list[Any]:
    """What a process has open; nothing of one that has ended meanwhile, as a probe's does."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return list(process.net_connections())
    return []


class Foreground:
    """`up` as at a terminal, with what it says."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "up", "--state", str(environment.state), *BARE],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        ready = environment.state / "endpoints.json"
        eventually(lambda: ready.exists() or self.process.poll() is not None, "it is up, or has ended")
        assert self.process.poll() is None, self.process.communicate()
        self.family = psutil.Process(self.process.pid).children(recursive=True)
        sockets = [connection for process in self.family for connection in _sockets(process)]
        self.ports = sorted({one.laddr for one in sockets if one.status == psutil.CONN_LISTEN})

    @property
    def addresses(self) -> dict[str, str]:
        """Where each part listens; pods are new at each start, and so are their addresses."""
        processes = json.loads((self.environment.state / "processes.json").read_text())
        return {process["name"]: process["address"] for process in processes}

    def pid(self, name: str) -> int:
        processes = json.loads((self.environment.state / "processes.json").read_text())
        return next(process["pid"] for process in processes if process["name"] == name)

    def said_at_the_end(self) -> tuple[str, str]:
        return self.process.communicate(timeout=15)

    def assert_nothing_is_left(self) -> None:
        _, alive = psutil.wait_procs(self.family, timeout=10)
        assert not alive
        assert len(self.ports) > len(PROCESSES), "the list of ports has gone blind"
        for address in self.ports:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(tuple(address))


def test_a_ready_environment_says_where_everything_is_and_only_on_this_machine(running: Environment) -> None:
    endpoints = running.endpoints
    assert list(endpoints) == ["dashboard", "prometheus", "alertmanager", "elasticsearch", "kubeconfig", "gateway"]
    assert Path(endpoints["kubeconfig"]).stat().st_mode & 0o077 == 0
    for name in ("prometheus", "alertmanager", "elasticsearch", "gateway"):
        assert (urlsplit(endpoints[name]).hostname or "").startswith("127.")


@pytest.mark.parametrize("how", [(), ("--detach",)], ids=["at a terminal", "detached"])
def test_a_second_start_is_refused_with_the_way_to_the_first(running: Environment, how: tuple[str, ...]) -> None:
    second = running.command("up", *how, *BARE)
    assert second.returncode == 1
    assert "It runs already" in second.stderr
    assert running.endpoints["prometheus"] in second.stderr
    assert f"deploy.local down --state {running.state}" in second.stderr
    assert running.command("status").returncode == 0


def test_status_lists_every_process(running: Environment) -> None:
    report = json.loads(running.command("status", "--json").stdout)
    assert report["ready"]
    assert {process["name"] for process in report["processes"]} >= PROCESSES
    assert all(process["healthy"] and psutil.pid_exists(process["pid"]) for process in report["processes"])
    table = running.command("status").stdout
    assert all(name in table for name in PROCESSES)


def test_a_fault_is_written_where_the_workload_reads_it_until_it_is_healed(running: Environment) -> None:
    on = running.command("fault", "errors", "--track", "green")
    assert "errors is on for green" in on.stdout
    assert "[on: green]" in running.command("faults").stdout
    (fault,) = json.loads((running.state / "faults.json").read_text())["faults"]
    assert (fault["name"], fault["track"]) == ("errors", "green")
    assert "errors is healed" in running.command("heal", "errors").stdout
    assert json.loads((running.state / "faults.json").read_text()) == {"faults": []}


def test_an_unknown_fault_is_refused_with_the_known_ones(running: Environment) -> None:
    done = running.command("fault", "gremlins")
    assert done.returncode == 1
    assert "slow-agent" in done.stderr


def test_the_traffic_changes_while_everything_runs(running: Environment) -> None:
    def rates() -> list[str]:
        processes = json.loads((running.state / "processes.json").read_text())
        loads = [process["command"] for process in processes if process["name"] == "load"]
        return [words[words.index("--rate") + 1] for words in loads]

    for rate in ("3", "5"):
        assert running.command("load", "--rate", rate).returncode == 0
        eventually(lambda rate=rate: rates() == [rate], "the rate is taken", 10)
    assert running.command("load", "--rate", "0").returncode == 0
    eventually(lambda: rates() == [], "the load ends", 10)
    assert running.command("load", "--rate", "1000000").returncode != 0


def test_a_taken_port_is_named_and_nothing_is_started(stopped: Environment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        for how in ((), ("--detach",)):
            done = stopped.command("up", *how, "--dashboard-port", port)
            assert done.returncode == 1
            assert (
                done.stderr
                == f"Port {port} is taken. Stop what listens there, or name another with --dashboard-port.\n"
            )
    assert not (stopped.state / "processes.json").exists()


def test_a_past_that_cannot_be_had_is_refused(stopped: Environment) -> None:
    for days in ("0", "15", "many"):
        done = stopped.command("up", "--history", days)
        assert done.returncode == 2
        assert f"{days} is no number of days between 1 and 14" in done.stderr
    assert not stopped.state.exists()


def test_an_unusable_state_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name, said in (("up", "cannot be written"), ("status", "cannot be read"), ("down", "cannot be read")):
        done = Environment(tmp_path / "file").command(name)
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("part", ["apiserver", "logstore"])
def test_the_state_of_another_version_is_named_with_its_mend_and_nothing_is_started(
    stopped: Environment, part: str
) -> None:
    folder = stopped.state / part
    folder.mkdir(parents=True)
    (folder / "format").write_text("99\n")
    for how in ((), ("--detach",)):
        done = stopped.command("up", *how)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
        assert re.search(
            rf"{folder} is state of another version of the {part} \(format 99, this one has \d+\)", done.stderr
        )
        assert "move it away or delete it" in done.stderr
    assert not (stopped.state / "processes.json").exists()
    assert [file.name for file in folder.iterdir()] == ["format"], "it was not left as it was"


def test_commands_to_an_environment_that_does_not_run_say_how_to_start_it(stopped: Environment) -> None:
    for command in (("status",), ("fault", "errors"), ("heal",), ("load", "--rate", "1")):
        done = stopped.command(*command)
        assert done.returncode == 1
        assert f"deploy.local up --state {stopped.state}" in done.stderr
    assert stopped.command("down").returncode == 0


def test_a_killed_part_ends_everything_with_one_message(stopped: Environment) -> None:
    up = Foreground(stopped)
    os.kill(up.pid("collector"), signal.SIGKILL)
    _, errors = up.said_at_the_end()
    assert up.process.returncode == 1
    assert errors.startswith("collector was killed by SIGKILL, so everything was stopped.")
    assert str(stopped.state / "log" / "collector.log") in errors
    assert "Traceback" not in errors
    assert not (stopped.state / "endpoints.json").exists()
    up.assert_nothing_is_left()


def test_ctrl_c_stops_everything_and_a_killed_supervisor_leaves_nothing_either(stopped: Environment) -> None:
    up = Foreground(stopped)
    addresses = up.addresses
    asked = time.monotonic()
    up.process.send_signal(signal.SIGINT)
    said, errors = up.said_at_the_end()
    assert (up.process.returncode, errors) == (0, "")
    assert said.endswith("Stopped.\n")
    assert time.monotonic() - asked < 10
    up.assert_nothing_is_left()

    again = Foreground(stopped)  # in the same state
    assert again.addresses == addresses
    assert set(restarts(stopped)) == {"0"}, "a fresh start is no restart: a verdict would hold it against a release"
    again.process.kill()
    again.said_at_the_end()
    again.assert_nothing_is_left()
    assert stopped.command("status").returncode == 1
