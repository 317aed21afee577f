"""What faults do to the process of the runtime: crash, leak memory, burn CPU, flood the log, skew the clock.

Applied ten times a second. Each is bounded: memory by the pod's limit, CPU by a share of the time, lines by a rate.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

from deploy.local.workload.faults import Behaviour
from deploy.local.workload.logs import Log

_TICK_SECONDS = 0.1
_BURN_SECONDS = 0.02  # at a time: runs are to feel it a little, and probes not at all
_CRASH_AFTER_SECONDS = 2.0


class Harm:
    """Applies the current behaviour."""

    def __init__(self, behaviour: Callable[[], Behaviour], is_ready: Callable[[], bool], log: Log) -> None:
        self._behaviour, self._is_ready, self._log = behaviour, is_ready, log
        self._ready_since: float | None = None
        self._held: list[bytes] = []

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self.tick()

    async def burn(self) -> None:
        """Until cancelled; burns and rests in turn."""
        while True:
            if not (ratio := self._behaviour().burn_ratio):
                await asyncio.sleep(_TICK_SECONDS)
                continue
            until = time.perf_counter() + _BURN_SECONDS
            while time.perf_counter() < until:
                pass
            await asyncio.sleep(_BURN_SECONDS * (1 / ratio - 1))

    def tick(self) -> None:
        """What the faults do in a tenth of a second."""
        behaviour = self._behaviour()
        self._log.clock.offset_seconds = behaviour.clock_offset_seconds
        self._leak(int(behaviour.leak_bytes_per_second * _TICK_SECONDS))
        self._flood(int(behaviour.flood_lines_per_second * _TICK_SECONDS))
        self._crash(behaviour.crashes)

    @property
    def held_bytes(self) -> int:
        return sum(map(len, self._held))

    def _leak(self, size_bytes: int) -> None:
        if size_bytes:
            self._held.append(b"\1" * size_bytes)  # written to, else the kernel would not count it
        else:
            self._held.clear()

    def _flood(self, lines: int) -> None:
        for number in range(lines):
            self._log.warning("cache miss: the answer is computed again", cache__shard=number % 16)

    def _crash(self, crashes: bool) -> None:
        """Dies a little after the start, so that the pod has been ready before."""
        if self._ready_since is None and self._is_ready():
            self._ready_since = time.monotonic()
        if crashes and self._ready_since is not None and time.monotonic() - self._ready_since >= _CRASH_AFTER_SECONDS:
            self._log.error("out of luck: the runtime gives up", error__type="crash")
            os._exit(1)
