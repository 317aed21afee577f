"""Who is told of an alert and when, read from Alertmanager's own routes: the escalation ladder.

A tier is a route that continues to the next one and waits longer (`group_wait`) before it tells its receiver. A
silence stops every tier that has not told yet. Pure: the routes come as the data that their YAML holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dashboard.decide.matchers import MatcherError, fit, read
from dashboard.model.silence import AlertMatcher

_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0}
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_DEFAULT_WAIT, _DEFAULT_REPEAT = "30s", "4h"
_DEEPEST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route with what it inherits. `is_timed`: it tells only in, or not in, certain times of the week."""

    receiver: str
    matchers: tuple[AlertMatcher, ...]
    wait: timedelta
    repeat: timedelta
    continues: bool
    is_timed: bool
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One step of the ladder: who is told, how long after the alert began, and how often again."""

    receiver: str
    wait: timedelta
    repeat: timedelta
    is_timed: bool = False

    def at(self, began: datetime) -> datetime:
        """When it tells of an alert that began then."""
        return began + self.wait


def route_of(config: Any) -> Route:
    """The root route of a configuration. Raises ValueError when it cannot be understood."""
    if not isinstance(config, Mapping) or not isinstance(config.get("route"), Mapping):
        raise ValueError("its configuration names no route")
    return _route(config["route"], receiver="", wait=_DEFAULT_WAIT, repeat=_DEFAULT_REPEAT, depth=0)


def ladder(root: Route, labels: Mapping[str, str]) -> tuple[Tier, ...]:
    """Who is told of an alert with these labels, the first one first; a receiver of several routes once."""
    tiers: dict[str, Tier] = {}
    for route in _taken(root, labels):
        tier = Tier(receiver=route.receiver, wait=route.wait, repeat=route.repeat, is_timed=route.is_timed)
        known = tiers.get(tier.receiver)
        if known is None or tier.wait < known.wait:
            tiers[tier.receiver] = tier
    return tuple(sorted(tiers.values(), key=lambda tier: tier.wait))


def next_tier(tiers: tuple[Tier, ...], began: datetime, now: datetime) -> Tier | None:
    """Who is told next of an alert that began then and that nobody answers; None when all were due."""
    return next((tier for tier in tiers if tier.at(began) > now), None)


def _taken(route: Route, labels: Mapping[str, str]) -> Iterator[Route]:
    """The routes that take an alert, as Alertmanager walks them: the deepest that match, the first unless continued."""
    found = False
    for below in route.routes:
        if not fit(below.matchers, labels):
            continue
        found = True
        yield from _taken(below, labels)
        if not below.continues:
            break
    if not found:
        yield route


def _route(given: Mapping[str, Any], *, receiver: str, wait: str, repeat: str, depth: int) -> Route:
    if depth > _DEEPEST:
        raise ValueError(f"its routes are more than {_DEEPEST} levels deep")
    receiver = str(given.get("receiver") or receiver)
    wait, repeat = str(given.get("group_wait") or wait), str(given.get("repeat_interval") or repeat)
    below = given.get("routes") or ()
    return Route(
        receiver=receiver,
        matchers=_matchers(given),
        wait=duration(wait),
        repeat=duration(repeat),
        continues=bool(given.get("continue")),
        is_timed=bool(given.get("mute_time_intervals") or given.get("active_time_intervals")),
        routes=tuple(_route(one, receiver=receiver, wait=wait, repeat=repeat, depth=depth + 1) for one in below),
    )


def _matchers(given: Mapping[str, Any]) -> tuple[AlertMatcher, ...]:
    """The matchers of a route, in the spelling of today and in the two older ones."""
    found = [matcher for text in given.get("matchers") or () for matcher in _read(str(text))]
    for key, is_regex in (("match", False), ("match_re", True)):
        for name, value in (given.get(key) or {}).items():
            found.append(AlertMatcher(name=str(name), value=str(value), is_regex=is_regex))
    return tuple(found)


def _read(text: str) -> tuple[AlertMatcher, ...]:
    try:
        return read(text)
    except MatcherError as error:
        raise ValueError(f"a route's matcher was not understood: {error}") from error


def duration(text: str) -> timedelta:
    """A length of time as Alertmanager writes it, for example `1h30m`. Raises ValueError for anything else."""
    if text == "0":
        return timedelta(0)
    if not text or not re.fullmatch(r"(\d+(ms|[smhdwy]))+", text):
        raise ValueError(f"{text[:40]!r} is no length of time")
    try:
        return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text)))
    except OverflowError:
        raise ValueError(f"{text[:40]!r} is no length of time") from None
