"""Which parts of a sequence repeat: an agent that asks a model and calls a tool, again and again. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from dashboard.model.trace import SpanTree

LONGEST_BLOCK = 3
FEWEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """`times` blocks of `size` items from `start` on; one that occurs once is a block of one item."""

    start: int
    size: int = 1
    times: int = 1

    @property
    def end(self) -> int:
        """The place behind the last item."""
        return self.start + self.size * self.times


def repeats(items: Sequence[Hashable], *, fewest: int = FEWEST) -> Iterator[Repeat]:
    """The sequence in pieces: blocks of up to three items that occur at least `fewest` times in a row, and the rest."""
    place = 0
    while place < len(items):
        found = [_at(items, place, size) for size in range(1, LONGEST_BLOCK + 1)]
        best = max((one for one in found if one.times >= fewest), key=lambda one: (one.end, -one.size), default=None)
        yield best or Repeat(start=place)
        place = best.end if best else place + 1


def _at(items: Sequence[Hashable], start: int, size: int) -> Repeat:
    times, block = 1, items[start : start + size]
    if len(block) == size:
        while items[start + size * times : start + size * (times + 1)] == block:
            times += 1
    return Repeat(start=start, size=size, times=times)


def kinds(tree: SpanTree) -> tuple[int, ...]:
    """A number for each node, equal where two do the same work in the same way, below them as well.

    How often something occurs below does not matter, nor how long it takes. What failed is not like what did not.
    """
    known: dict[Hashable, int] = {}
    found = [0] * len(tree.nodes)
    for place in range(len(tree.nodes) - 1, -1, -1):
        node = tree.nodes[place]
        span = node.span
        below = tuple(dict.fromkeys(found[child] for child in node.children))
        shape = (span.name, span.role, span.label, span.service, span.outcome, span.error, span.is_recorded, below)
        found[place] = known.setdefault(shape, len(known))
    return tuple(found)
