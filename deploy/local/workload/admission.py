"""How many runs go at once, how many may wait, and how long the first of them has waited."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class QueueFullError(Exception):
    """So many runs wait already that another one is better refused at once."""


class Admission:
    """A bounded queue in front of bounded work. First come, first served."""

    def __init__(self, running: int, waiting: int) -> None:
        self._slots = asyncio.Semaphore(running)
        self._limit = waiting
        self._waiting: OrderedDict[int, float] = OrderedDict()
        self._ticket = 0
        self._moving = asyncio.Event()
        self._moving.set()

    def stuck(self, is_stuck: bool) -> None:
        """Whether nobody gets a slot any more, however many are free; those who wait go on waiting."""
        self._moving.clear() if is_stuck else self._moving.set()

    @property
    def depth(self) -> int:
        return len(self._waiting)

    @property
    def oldest_age_seconds(self) -> float:
        return time.monotonic() - next(iter(self._waiting.values())) if self._waiting else 0.0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Holds one slot for the block. Raises QueueFullError if the queue is full."""
        if self._slots.locked() or not self._moving.is_set():
            if len(self._waiting) >= self._limit:
                raise QueueFullError
            self._ticket += 1
            ticket = self._ticket
            self._waiting[ticket] = time.monotonic()
            try:
                await self._moving.wait()
                await self._slots.acquire()
            finally:
                del self._waiting[ticket]
        else:
            await self._slots.acquire()
        try:
            yield
        finally:
            self._slots.release()
