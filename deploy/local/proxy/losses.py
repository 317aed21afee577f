"""The fault `lossy-node`: which requests are reset on their way to a pod."""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path

from deploy.local import faults
from deploy.local.errors import CommandError

_NODE = "node-a"
_LOST_RATIO = 0.15
_LOOK_SECONDS = 1.0


class Losses:
    """Loses nothing while the fault is off, or without a file."""

    def __init__(self, file: Path | None) -> None:
        self.is_on = False
        self._file = file
        self._dice = random.Random(1)

    def loses(self, node: str) -> bool:
        """Whether this request to a pod of that node is lost."""
        return self.is_on and node == _NODE and self._dice.random() < _LOST_RATIO

    async def follow(self) -> None:
        """Until cancelled."""
        while self._file:
            self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        """Takes over what the file says at the moment. A file that is not there says that nothing is wrong."""
        if self._file is None:
            return
        with contextlib.suppress(CommandError):  # half-written: the next look finds it whole
            self.is_on = any(fault["name"] == "lossy-node" for fault in faults.active(self._file))
