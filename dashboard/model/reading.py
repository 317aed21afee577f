"""Every number on screen is a reading: a value with its source, its time and its state.

Missing is not zero: a reading without a value carries the reason in plain words, and `map` passes it on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")


class Source(StrEnum):
    """A backend that answers questions."""

    PROMETHEUS = "prometheus"
    ALERTMANAGER = "alertmanager"
    ELASTICSEARCH = "elasticsearch"
    KUBERNETES = "kubernetes"


class State(StrEnum):
    """How far a value may be trusted."""

    FRESH = "fresh"
    STALE = "stale"  # the last good value; the source does not answer at present
    PARTIAL = "partial"  # true, but something was left out: the reason says what
    EMPTY = "empty"  # asked and answered: there is nothing (no traffic, no such object)
    UNMEASURED = "not measured"  # nothing in this environment has ever measured it: the reason says what would
    MISSING = "missing"  # not answered: the reason says why


VALUELESS = (State.EMPTY, State.UNMEASURED, State.MISSING)


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
    TIMES = "times"  # a factor: 1 is as planned
    LEFT = "ratio of the budget"  # what is left of it; below 0 more was spent than there was


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[T]):
    """A value with its source, its time, and how far to trust it.

    `value` is None exactly when `state` is EMPTY, UNMEASURED or MISSING. `query` is the question as the backend got it.
    `doubts` say by service and track ("" for any) why bad events may be missing from the value there; elsewhere it is
    whole. `unmeasured_of` says by service what nothing has ever measured of it. Derived readings carry neither.
    """

    value: T | None
    source: Source
    state: State
    as_of: datetime | None
    reason: str = ""
    query: str = ""
    doubts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    unmeasured_of: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.value is None) != (self.state in VALUELESS):
            raise ValueError(f"a {self.state} reading cannot have the value {self.value!r}")
        if self.state is not State.FRESH and not self.reason:
            raise ValueError(f"a {self.state} reading must say why")

    def map(self, fn: Callable[[T], U | None], *, empty: str = "no data") -> Reading[U]:
        """The same reading with a derived value; EMPTY with the reason `empty` where `fn` returns None.

        A partial or stale answer without a value proves nothing: it becomes MISSING, with the reason.
        """
        if self.value is None:
            return Reading(
                value=None, source=self.source, state=self.state, as_of=self.as_of, reason=self.reason, query=self.query
            )
        value = fn(self.value)
        if value is None and self.state in (State.PARTIAL, State.STALE):
            return Reading(
                value=None,
                source=self.source,
                state=State.MISSING,
                as_of=self.as_of,
                reason=self.reason,
                query=self.query,
            )
        if value is None:
            return Reading(
                value=None, source=self.source, state=State.EMPTY, as_of=self.as_of, reason=empty, query=self.query
            )
        return Reading(
            value=value, source=self.source, state=self.state, as_of=self.as_of, reason=self.reason, query=self.query
        )

    def said(self, empty: str) -> Reading[T]:
        """The same reading; where it is EMPTY, with this reason."""
        return replace(self, reason=empty) if self.state is State.EMPTY else self

    def age(self, now: datetime) -> timedelta | None:
        """The age of the value; None without one."""
        return None if self.as_of is None else now - self.as_of


def fresh(value: T, *, source: Source, as_of: datetime, query: str = "") -> Reading[T]:
    """A reading of an answer that just arrived."""
    return Reading(value=value, source=source, state=State.FRESH, as_of=as_of, query=query)


def missing(reason: str, *, source: Source, query: str = "") -> Reading[T]:
    """A reading that was not answered."""
    return Reading(value=None, source=source, state=State.MISSING, as_of=None, reason=reason, query=query)


def empty(reason: str, *, source: Source, as_of: datetime, query: str = "") -> Reading[T]:
    """A reading of an answer without a value, for example because there is no traffic."""
    return Reading(value=None, source=source, state=State.EMPTY, as_of=as_of, reason=reason, query=query)


def beside(lead: Reading[T], others: Mapping[str, Reading[Any]]) -> Reading[T]:
    """`lead` as far as it may be believed with values of `others`, by what they are called, shown within it.

    Stale where one of them is stale, partial where one is partial or missing; the reason names each. One that is empty
    lowers nothing: it was answered.
    """
    doubts = [(name, one) for name, one in others.items() if one.state in (State.STALE, State.PARTIAL, State.MISSING)]
    if lead.value is None or not doubts:
        return lead
    is_stale = State.STALE in (lead.state, *(one.state for _, one in doubts))
    said = [lead.reason] if lead.reason else []
    said += [
        f"{name}: {one.reason}" if one.state is not State.MISSING else f"{name} is missing: {one.reason}"
        for name, one in doubts
    ]
    return replace(
        lead,
        state=State.STALE if is_stale else State.PARTIAL,
        as_of=min(filter(None, (lead.as_of, *(one.as_of for _, one in doubts if one.value is not None))), default=None),
        reason="; ".join(dict.fromkeys(said)),
    )


def unmeasured(reason: str, *, source: Source, query: str = "") -> Reading[T]:
    """A reading of something that nothing here measures: not zero, and not a gap that will close."""
    return Reading(value=None, source=source, state=State.UNMEASURED, as_of=None, reason=reason, query=query)


_FROM_BEST = (State.FRESH, State.PARTIAL, State.STALE, State.EMPTY, State.UNMEASURED, State.MISSING)


def combine(first: Reading[T], second: Reading[U]) -> Reading[tuple[T, U]]:
    """Both values as one reading, with the worse state of the two."""
    first_is_worse = _FROM_BEST.index(first.state) >= _FROM_BEST.index(second.state)
    worse: Reading[T] | Reading[U] = first if first_is_worse else second
    pair = (first.value, second.value) if first.value is not None and second.value is not None else None
    return Reading(
        value=pair,
        source=worse.source,
        state=worse.state,
        as_of=min(filter(None, (first.as_of, second.as_of)), default=None),
        reason=worse.reason,
        query="\n".join(dict.fromkeys(filter(None, (first.query, second.query)))),
    )
