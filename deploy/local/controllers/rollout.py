"""How a Deployment moves from its old ReplicaSets to the new one. Pure: numbers in, numbers out.

At every step: never more than desired + surge pods are asked for, and none that is available is taken
away while fewer than desired - unavailable would be left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.local.quantities import share


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """One ReplicaSet: how many pods it is asked for, has, and has available."""

    name: str
    asked: int
    existing: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many pods there should be, how many more there may be, and how many fewer."""

    desired: int
    surge: int
    unavailable: int


def bounds(desired: int, surge: int | str, unavailable: int | str) -> Bounds:
    """From the manifest's numbers or percentages; surge is rounded up, unavailable down, and both cannot be 0."""
    more, fewer = share(surge, desired), share(unavailable, desired, math.floor)
    return Bounds(desired=desired, surge=more, unavailable=1 if more == fewer == 0 else fewer)


def rolling_update(new: Set, old: Sequence[Set], within: Bounds) -> dict[str, int]:
    """How many pods each set should be asked for now; the next step follows when these are there."""
    total = new.asked + sum(one.asked for one in old)
    room = max(0, within.desired + within.surge - total)
    asked = {new.name: min(within.desired, new.asked + room)}
    # Pods of the new set that are asked for but not available yet may still fail: the old ones stay for them.
    least = within.desired - within.unavailable
    spare = total - least - (new.asked - min(new.available, new.asked))
    for one in old:  # those that do not work go first, they are no loss
        dead = max(0, one.asked - one.available)
        gone = max(0, min(dead, spare))
        asked[one.name] = one.asked - gone
        spare -= gone
    available = new.available + sum(min(one.available, asked[one.name]) for one in old)
    spare = min(spare, available - least)
    for one in old:
        gone = max(0, min(asked[one.name], spare))
        asked[one.name] -= gone
        spare -= gone
    return asked


def recreate(new: Set, old: Sequence[Set], desired: int) -> dict[str, int]:
    """All old pods go; the new ones come when none of the old exists any more."""
    asked = dict.fromkeys((one.name for one in old), 0)
    asked[new.name] = desired if not any(one.existing for one in old) else new.asked
    return asked


def scaled(sets: Sequence[Set], desired: int) -> dict[str, int]:
    """For a paused rollout: the newest set that has pods carries a change of the desired number, others stay."""
    holders = [one for one in sets if one.asked] or list(sets[-1:])
    others = sum(one.asked for one in holders[:-1])
    return {holders[-1].name: max(0, desired - others)} if holders else {}
