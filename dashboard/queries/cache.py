"""Answers shared by all viewers: a question has at most one request in flight, and at most one within its TTL.

While a new answer is in flight the last one is shown, unless it is too old to pass for the present. A source that
fails turns its last good answers stale, with the reason; it never erases them. Bounded by number and by memory: the
family of questions that takes most makes room, so that one page's answers never evict the last good ones of others.
Safe for threads; time is given.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from dashboard.model.reading import Reading, Source, State, missing
from dashboard.queries.size import size_bytes

AnyReading: TypeAlias = Reading[Any]

LIMIT = 1000  # answers; a page asks some 60 questions
LIMIT_BYTES = 64 * 2**20
# A larger answer is given to those who wait for it but not cached: it would displace hundreds.
_LARGEST_SHARE = 1 / 8
# An answer this many TTLs old is still shown while the next is asked for.
_LIVES = 3
_LEAST_SECONDS = 30.0
# TTL of partial answers and failures: the end of a fault should show long before a long TTL ends.
_SOON_SECONDS = 4.0


@dataclass(slots=True, kw_only=True)
class CacheEntry:
    """What is known about one question: the last good answer, the last failure, and the question under way.

    A good answer's age counts from when it was asked for, a failure's from when it came.
    """

    family: Hashable
    good: AnyReading | None = None
    good_at: float = 0.0
    asked_at: float = 0.0
    failure: AnyReading | None = None
    failed_at: float = 0.0
    flight: Future[AnyReading] | None = None
    size_bytes: int = 0

    @property
    def is_under_way(self) -> bool:
        """Whether its question has not been answered yet."""
        return self.flight is not None and not self.flight.done()

    def latest(self) -> tuple[AnyReading | None, float]:
        """The newest outcome, a failure with what it left of the last good answer, and from when its age counts."""
        if self.failure is not None and self.failed_at >= self.good_at:
            return self.failure, self.failed_at
        return self.good, self.good_at


@dataclass(frozen=True, slots=True)
class Ticket:
    """A place in the queue for one answer: `shown` is what can be shown at once, `flight` what is under way."""

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
    """The answers by key. `clock` counts seconds and never goes back; `limit` counts answers, `limit_bytes` memory."""

    def __init__(self, clock: Callable[[], float], *, limit: int = LIMIT, limit_bytes: int = LIMIT_BYTES) -> None:
        self._clock = clock
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._entries: dict[Hashable, CacheEntry] = {}
        # The same keys by family, each family's least recently used first.
        self._families: dict[Hashable, OrderedDict[Hashable, CacheEntry]] = {}

    def take(
        self, key: Hashable, *, ttl_seconds: float, start: Callable[[], Future[AnyReading]], family: Hashable = None
    ) -> Ticket:
        """A ticket for the answer under `key`; calls `start` when one must be asked for and none is under way.

        Whatever `start` began must end in `put` or `put_failure`, or the future must fail.

        Args:
            family: what `key` has in common with the keys that make room for each other.
        """
        with self._lock:
            entry = self._used(key, family)
            shown, at = entry.latest()
            age = self._clock() - at
            is_whole = shown is not None and shown.state in (State.FRESH, State.EMPTY)
            if shown is not None and age < (ttl_seconds if is_whole else min(ttl_seconds, _SOON_SECONDS)):
                return Ticket(shown, None, entry.good)
            if not entry.is_under_way:
                entry.asked_at = self._clock()
                entry.flight = start()
                self._make_room()
            recent = age < max(_LIVES * ttl_seconds, _LEAST_SECONDS)
            return Ticket(shown if recent else None, entry.flight, entry.good)

    def put(self, key: Hashable, answer: AnyReading) -> AnyReading:
        """Keeps a good answer, unless it is too large, and returns it."""
        size = size_bytes(answer)
        with self._lock:
            if (entry := self._entries.get(key)) is not None:
                is_kept = size <= self._limit_bytes * _LARGEST_SHARE
                entry.good, entry.good_at, entry.failure = answer if is_kept else None, entry.asked_at, None
                entry.size_bytes = size if is_kept else 0
                self._make_room()
        return answer

    def put_failure(self, key: Hashable, reason: str, *, source: Source, query: str) -> AnyReading:
        """Keeps a failure and answers what is left: the last good answer as stale, or missing."""
        with self._lock:
            entry = self._entries.get(key)
            failure = aged(entry.good if entry else None, reason, source=source, query=query)
            if entry is not None:
                entry.failure, entry.failed_at = failure, self._clock()
            return failure

    def last_good(self, key: Hashable) -> AnyReading | None:
        """The last good answer, however old. Counts as use: during an outage it is all that viewers see."""
        with self._lock:
            if (entry := self._entries.get(key)) is None:
                return None
            self._families[entry.family].move_to_end(key)
            return entry.good

    def outdate(self, family: Hashable) -> None:
        """Ask anew for all of a family: what it is about was just changed. Its last good answers stay for an outage."""
        with self._lock:
            for entry in self._families.get(family, {}).values():
                entry.good_at = entry.failed_at = -math.inf
                entry.flight = None

    def held(self) -> tuple[int, int]:
        """How many answers are kept, and how many bytes they take."""
        with self._lock:
            return len(self._entries), sum(entry.size_bytes for entry in self._entries.values())

    def _used(self, key: Hashable, family: Hashable) -> CacheEntry:
        """The entry of `key`, made where there is none, as the most recently used of its family."""
        entry = self._entries.setdefault(key, CacheEntry(family=family))
        members = self._families.setdefault(entry.family, OrderedDict())
        members[key] = entry
        members.move_to_end(key)
        return entry

    def _make_room(self) -> None:
        while len(self._entries) > self._limit and self._evicted_from_largest(len):
            pass
        while sum(entry.size_bytes for entry in self._entries.values()) > self._limit_bytes:
            if not self._evicted_from_largest(_bytes_of):
                return

    def _evicted_from_largest(self, weigh: Callable[[OrderedDict[Hashable, CacheEntry]], int]) -> bool:
        """Forgets the least recently used answer of the largest family; False where all questions are under way."""
        for members in sorted(self._families.values(), key=weigh, reverse=True):
            for key, entry in members.items():
                if not entry.is_under_way:
                    self._forget(key, entry)
                    return True
        return False

    def _forget(self, key: Hashable, entry: CacheEntry) -> None:
        del self._entries[key]
        members = self._families[entry.family]
        del members[key]
        if not members:
            del self._families[entry.family]


def _bytes_of(members: OrderedDict[Hashable, CacheEntry]) -> int:
    return sum(entry.size_bytes for entry in members.values())


def aged(last_good: AnyReading | None, reason: str, *, source: Source, query: str) -> AnyReading:
    """What is left of the last good answer when the source does not give a new one."""
    if last_good is None or last_good.value is None:
        return missing(reason, source=source, query=query)
    return replace(last_good, state=State.STALE, reason=reason)
