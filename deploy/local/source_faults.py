"""Faults of the sources: their processes are killed and kept away, frozen, or starved, until healed.

The supervisor ends everything when a part ends unasked; here is what tells it that the end was asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

from deploy.local import faults

CHILDREN = {
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
    "elasticsearch": "logstore",
    "kubernetes": "apiserver",
}
_TICK_SECONDS = 0.25
_STARVED_TICKS = 8  # of so many, a starved process runs in one


class SourceFaults:
    """Follows the file of faults. `pid` tells which process a child has at the moment; None where it has none."""

    def __init__(self, file: Path, pid: Callable[[str], int | None]) -> None:
        self._file, self._pid = file, pid
        self._wanted: dict[str, str] = {}
        self._killed: set[str] = set()
        self._frozen: dict[str, int] = {}
        self._healed = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled; nothing stays frozen then."""
        try:
            for tick in itertools.count():
                self._wanted = wanted(faults.active(self._file))
                self._apply(tick)
                self._healed.set()
                self._healed = asyncio.Event()
                await asyncio.sleep(_TICK_SECONDS)
        finally:
            for child in list(self._frozen):
                self._thaw(child)

    async def end_was_asked(self, child: str) -> bool:
        """Whether a child that ended was killed by a fault; if so, returns when it should live again."""
        if child not in self._killed:
            return False
        while self._wanted.get(child) == "gone":
            await self._healed.wait()
        self._killed.discard(child)
        return True

    def _apply(self, tick: int) -> None:
        for child, how in self._wanted.items():
            if how == "gone" and child not in self._killed:
                self._kill(child)
            elif how == "hangs" or (how == "slow" and tick % _STARVED_TICKS):
                self._freeze(child)
            elif how == "slow":
                self._thaw(child)
        for child in self._frozen.keys() - self._wanted.keys():
            self._thaw(child)

    def _kill(self, child: str) -> None:
        if (pid := self._pid(child)) is not None:
            self._killed.add(child)
            self._frozen.pop(child, None)
            _signal(pid, signal.SIGKILL)

    def _freeze(self, child: str) -> None:
        pid = self._pid(child)
        if pid is not None and self._frozen.get(child) != pid:
            self._frozen[child] = pid
            _signal(pid, signal.SIGSTOP)

    def _thaw(self, child: str) -> None:
        if (pid := self._frozen.pop(child, None)) is not None:
            _signal(pid, signal.SIGCONT)


def wanted(present: Iterable[faults.Fault]) -> dict[str, str]:
    """What each child should suffer: gone, hangs or slow; the worst where there are several."""
    found: dict[str, str] = {}
    for fault in present:
        if fault["name"] == "slow-source":
            found.setdefault(CHILDREN[fault["source"]], "slow")
        elif fault["name"] == "dead-source":
            found[CHILDREN[fault["source"]]] = fault["how"]
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)  # each child leads a session of its own
