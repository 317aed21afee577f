"""What every number on screen is: a value with its source, the time it is true for and its state.

Missing is not zero: a reading without a value carries the reason in plain words, and `map` keeps it so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")


class Source(StrEnum):
    """A backend that answers questions."""

    PROMETHEUS = "prometheus"
    ALERTMANAGER = "alertmanager"
    ELASTICSEARCH = "elasticsearch"
    KUBERNETES = "kubernetes"


class State(StrEnum):
    """How far a value may be believed."""

    FRESH = "fresh"
    STALE = "stale"  # the last good value; the source does not answer now
    PARTIAL = "partial"  # true, but something was left out: the reason says what
    EMPTY = "empty"  # asked and answered: there is nothing (no traffic, no such series)
    MISSING = "missing"  # not answered: the reason says why


class Unit(StrEnum):
    """What a figure counts; formatting it for people is `ui/`'s business."""

    RATIO = "ratio"  # 0..1
    SECONDS = "seconds"
    PER_SECOND = "per_second"
    COUNT = "count"
    BYTES = "bytes"
    CORES = "cores"
    USD = "usd"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[T]):
    """A value, where it came from, when it is true for, and how far to believe it.

    `value` is None exactly when `state` is EMPTY or MISSING. `query` is the question as the backend got it.
    """

    value: T | None
    source: Source
    state: State
    as_of: datetime | None
    reason: str = ""
    query: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) != (self.state in (State.EMPTY, State.MISSING)):
            raise ValueError(f"a {self.state} reading cannot have the value {self.value!r}")
        if self.state is not State.FRESH and not self.reason:
            raise ValueError(f"a {self.state} reading must say why")

    def map(self, fn: Callable[[T], U | None], *, empty: str = "no data") -> Reading[U]:
        """The same reading of something derived; where `fn` answers None the result is EMPTY with the reason `empty`."""
        if self.value is None:
            return self  # type: ignore[return-value]  # there is no value whose type could differ
        value = fn(self.value)
        if value is None:
            return replace(self, value=None, state=State.EMPTY, reason=empty)  # type: ignore[arg-type]
        return replace(self, value=value)  # type: ignore[arg-type]

    def age(self, now: datetime) -> timedelta | None:
        """How long ago the value was true; None when it never was."""
        return None if self.as_of is None else now - self.as_of


def fresh(value: T, *, source: Source, as_of: datetime, query: str = "") -> Reading[T]:
    """A reading that was answered just now."""
    return Reading(value=value, source=source, state=State.FRESH, as_of=as_of, query=query)


def missing(reason: str, *, source: Source, query: str = "") -> Reading[T]:
    """A reading that was not answered."""
    return Reading(value=None, source=source, state=State.MISSING, as_of=None, reason=reason, query=query)


def empty(reason: str, *, source: Source, as_of: datetime, query: str = "") -> Reading[T]:
    """A reading that was answered with nothing, for example because there is no traffic."""
    return Reading(value=None, source=source, state=State.EMPTY, as_of=as_of, reason=reason, query=query)


def combine(first: Reading[T], second: Reading[U]) -> Reading[tuple[T, U]]:
    """Both values as one reading that is no better than the worse of the two."""
    order = (State.FRESH, State.PARTIAL, State.STALE, State.EMPTY, State.MISSING)
    worse = max(first, second, key=lambda reading: order.index(reading.state))
    if first.value is None or second.value is None:
        return worse  # type: ignore[return-value]
    as_of = min(filter(None, (first.as_of, second.as_of)), default=None)
    return replace(worse, value=(first.value, second.value), as_of=as_of)  # type: ignore[arg-type]
