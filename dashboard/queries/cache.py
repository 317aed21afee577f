"""Answers shared by all viewers: each question is on its way at most once, and asked at most once in its time to live.

While a new answer is on its way the last one is shown, unless it is too old to be taken for the present. A source that
fails turns its last good answers stale, with the reason; it never erases them. Safe for threads; time is given.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from dashboard.model.reading import Reading, Source, State, missing

AnyReading: TypeAlias = Reading[Any]

LIMIT = 500  # answers kept; a page asks some 20, a long one holds about 1 MB
# An answer this much past its time to live is still shown while the next is asked for.
_LIVES = 3
_LEAST_SECONDS = 30.0
# What is not whole is asked again this soon: the end of a fault should show long before a long answer's time is over.
_SOON_SECONDS = 4.0


@dataclass(slots=True)
class CacheEntry:
    """What is known about one question: the last good answer, the last failure, and the question under way.

    A good answer's age counts from when it was asked for, a failure's from when it came.
    """

    good: AnyReading | None = None
    good_at: float = 0.0
    asked_at: float = 0.0
    failure: AnyReading | None = None
    failed_at: float = 0.0
    flight: Future[AnyReading] | None = None

    def latest(self) -> tuple[AnyReading | None, float]:
        """The newest outcome, a failure with what it left of the last good answer, and from when its age counts."""
        if self.failure is not None and self.failed_at >= self.good_at:
            return self.failure, self.failed_at
        return self.good, self.good_at


@dataclass(frozen=True, slots=True)
class Ticket:
    """A place in the queue for one answer: `shown` is what can be shown at once, `flight` what is on its way."""

    shown: AnyReading | None
    flight: Future[AnyReading] | None
    last_good: AnyReading | None

    def redeem(
        self, *, patience_seconds: float, grace_seconds: float, too_late: Callable[[], AnyReading]
    ) -> AnyReading:
        """The new answer, if it comes within the grace; within the patience, where there is nothing to show instead."""
        if self.flight is None:
            assert self.shown is not None  # noqa: S101 - `take` gives one or the other
            return self.shown
        try:
            return self.flight.result(patience_seconds if self.shown is None else grace_seconds)
        except TimeoutError:
            return self.shown or too_late()


class Cache:
    """The answers by key. `clock` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float], *, limit: int = LIMIT) -> None:
        self._clock = clock
        self._limit = limit
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, CacheEntry] = OrderedDict()

    def take(self, key: Hashable, *, ttl_seconds: float, start: Callable[[], Future[AnyReading]]) -> Ticket:
        """A ticket for the answer under `key`; calls `start` when one must be asked for and none is on its way.

        Whatever `start` began must end in `put` or `put_failure`, or the future must fail.
        """
        with self._lock:
            entry = self._entries.setdefault(key, CacheEntry())
            self._entries.move_to_end(key)
            shown, at = entry.latest()
            age = self._clock() - at
            is_whole = shown is not None and shown.state in (State.FRESH, State.EMPTY)
            if shown is not None and age < (ttl_seconds if is_whole else min(ttl_seconds, _SOON_SECONDS)):
                return Ticket(shown, None, entry.good)
            if entry.flight is None or entry.flight.done():
                entry.asked_at = self._clock()
                entry.flight = start()
                self._evict()
            recent = age < max(_LIVES * ttl_seconds, _LEAST_SECONDS)
            return Ticket(shown if recent else None, entry.flight, entry.good)

    def put(self, key: Hashable, answer: AnyReading) -> AnyReading:
        """Keeps a good answer."""
        with self._lock:
            entry = self._entries.setdefault(key, CacheEntry())
            entry.good, entry.good_at, entry.failure = answer, entry.asked_at, None
        return answer

    def put_failure(self, key: Hashable, reason: str, *, source: Source, query: str) -> AnyReading:
        """Keeps a failure and answers what is left: the last good answer as stale, or missing."""
        with self._lock:
            entry = self._entries.setdefault(key, CacheEntry())
            entry.failure = aged(entry.good, reason, source=source, query=query)
            entry.failed_at = self._clock()
            return entry.failure

    def last_good(self, key: Hashable) -> AnyReading | None:
        """The last good answer, however old."""
        with self._lock:
            entry = self._entries.get(key)
            return entry.good if entry else None

    def _evict(self) -> None:
        while len(self._entries) > self._limit:
            self._entries.popitem(last=False)


def aged(last_good: AnyReading | None, reason: str, *, source: Source, query: str) -> AnyReading:
    """What is left of the last good answer when the source does not give a new one."""
    if last_good is None or last_good.value is None:
        return missing(reason, source=source, query=query)
    return replace(last_good, state=State.STALE, reason=reason)
