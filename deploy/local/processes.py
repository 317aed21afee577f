"""Starting and stopping processes so that none outlives the one that started it.

Each child asks the kernel to be killed when its parent dies, so even `kill -9` of the supervisor leaves nothing: the
node agent dies with it, and the node's pods with the node. The kernel watches the thread that forked, so children are
to be started from a thread that lives as long as they should, which is the main one.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """Binds this process to the life of `parent`, the pid of the starter; for use between fork and exec."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it died before we could ask


async def spawn(
    command: Sequence[str | Path],
    *,
    output: int | IO[bytes],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    errors: int | IO[bytes] = asyncio.subprocess.STDOUT,
) -> asyncio.subprocess.Process:
    """Starts a process in a session of its own, so that Ctrl-C at a terminal reaches its starter alone.

    Args:
        output: where its stdout goes; `errors` the same for stderr, by default the same place.
        environment: all of its environment variables; None for ours.

    Raises OSError if the program cannot be started.
    """
    return await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        cwd=folder,
        env=environment,
        start_new_session=True,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )


async def stop(process: asyncio.subprocess.Process, grace_seconds: float) -> int:
    """SIGTERM, after the grace SIGKILL to all of its session; returns the exit code. Safe for one that is gone."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), grace_seconds)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return await process.wait()
