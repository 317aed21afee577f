"""What one viewer's page works out is shown to all who look at the same: worked out once, by whoever comes first.

The answers behind a page are frozen, so they can be shared as they are. Thread-safe; time is given.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")
_MOST = 64  # answers of whole pages


class Shared:
    """Keeps what was worked out for some seconds. At most one works it out at a time; the others wait for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._found: OrderedDict[Hashable, tuple[float, Future[Any]]] = OrderedDict()

    def get(self, key: Hashable, seconds: float, make: Callable[[], T]) -> T:
        """What `make` answers, or what it answered under this key at most `seconds` ago.

        What it raises is raised to those who waited for it as well, and is not kept.
        """
        mine: Future[T] = Future()
        with self._lock:
            began, found = self._found.get(key, (0.0, mine))
            if found is mine or self._clock() - began >= seconds:
                self._found[key] = (self._clock(), mine)
                self._found.move_to_end(key)
                while len(self._found) > _MOST:
                    self._found.popitem(last=False)
                found = mine
        if found is not mine:
            answered: T = found.result()
            return answered
        try:
            mine.set_result(make())
        except BaseException as error:
            with self._lock:
                if self._found.get(key, (0.0, None))[1] is mine:
                    del self._found[key]
            mine.set_exception(error)
            raise
        return mine.result()
