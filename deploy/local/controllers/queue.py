"""A work queue of keys: each key waits once, one is handled at a time, a failed one is retried with back-off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from deploy.local.kubeapi import ApiError, ConflictError, NotFoundError

Key = tuple[str, str]  # namespace and name
_LOG = logging.getLogger("controllers")
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 0.2, 30.0


class Queue:
    """The work of one controller. `handle` looks at one key; what to do follows from the state."""

    def __init__(self, name: str, handle: Callable[[Key], Awaitable[None]]) -> None:
        self._name, self._handle = name, handle
        self._waiting: dict[Key, None] = {}
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._something = asyncio.Event()

    def add(self, key: Key) -> None:
        """This key wants a look."""
        self._waiting[key] = None
        self._something.set()

    def add_later(self, key: Key, seconds: float) -> None:
        """This key wants a look when so many seconds have passed; of several such wishes the first comes true."""
        loop, timer = asyncio.get_running_loop(), self._timers.get(key)
        if timer is not None and timer.when() <= loop.time() + seconds:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = loop.call_later(seconds, self._due, key)

    def _due(self, key: Key) -> None:
        del self._timers[key]
        self.add(key)

    async def run(self) -> None:
        """Never returns."""
        while True:
            await self._something.wait()
            self._something.clear()
            while self._waiting:
                key = next(iter(self._waiting))
                del self._waiting[key]
                await self._look(key)

    async def _look(self, key: Key) -> None:
        try:
            await self._handle(key)
            self._failures.pop(key, None)
        except (ConflictError, NotFoundError):
            # Somebody was quicker; the watch brings what they did.
            self.add_later(key, _FIRST_RETRY_SECONDS)
        except ApiError as error:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            wait = min(_FIRST_RETRY_SECONDS * 2**failures, _LAST_RETRY_SECONDS)
            _LOG.warning("%s failed key=%s/%s retry_seconds=%.1f error=%s", self._name, *key, wait, error)
            self.add_later(key, wait)
