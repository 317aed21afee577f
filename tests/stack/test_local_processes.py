"""What is started dies with its starter, and what is stopped is gone with all that it started."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.local.processes import spawn, stop
from tests.environment import REPOSITORY

# Starts a sleeping child through spawn, tells its pid, and waits for good.
STARTER = """
import asyncio, sys
from pathlib import Path
from deploy.local.processes import spawn
async def main():
    child = await spawn([sys.executable, "-c", "import time; time.sleep(600)"], output=2, folder=Path("/"))
    print(child.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
# Ignores SIGTERM, and so does its child.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def test_a_child_dies_when_its_starter_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        child = psutil.Process(int(starter.stdout.readline()))
        starter.kill()
    assert psutil.wait_procs([child], timeout=5)[1] == []


def test_a_process_that_ignores_the_request_is_killed_with_its_children(tmp_path: Path) -> None:
    async def run() -> tuple[int, psutil.Process]:
        process = await spawn([sys.executable, "-c", STUBBORN], output=subprocess.PIPE, folder=tmp_path)
        assert process.stdout is not None
        grandchild = psutil.Process(int(await process.stdout.readline()))
        return await stop(process, grace_seconds=0.2), grandchild

    code, grandchild = asyncio.run(run())
    assert code == -9
    assert psutil.wait_procs([grandchild], timeout=5)[1] == []


def test_a_program_that_is_not_there_is_an_error_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        asyncio.run(spawn(["/nowhere/program"], output=subprocess.DEVNULL, folder=tmp_path))
