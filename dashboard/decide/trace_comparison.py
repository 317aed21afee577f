"""Two traces beside each other: which steps one did and the other did not, and where each took longer. Pure.

A step is where it stands: the labels from the run down to it. Steps of one place are summed, so that a run with twelve
calls can be held against one with three.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.decide.run_paths import steps
from dashboard.decide.trace_story import own_seconds
from dashboard.model.trace import SpanTree

_DEEPEST = 12  # labels of a place; what is deeper counts where the twelfth is
Place = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSum:
    """What a trace did at one place; `seconds` without what was done below it."""

    calls: int = 0
    failed: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedStep:
    """One place in both traces."""

    place: Place
    first: StepSum
    second: StepSum

    @property
    def longer_seconds(self) -> float:
        """By how much the second took longer; negative where the first did."""
        return round(self.second.seconds - self.first.seconds, 6) + 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """Where two runs went different ways: after `after` ("" at the beginning); "" for one that ended there."""

    after: str
    first: str
    second: str


def compared(first: SpanTree, second: SpanTree) -> tuple[ComparedStep, ...]:
    """The places of both, the largest difference in time first."""
    ones, others = _summed(first), _summed(second)
    found = [
        ComparedStep(place=place, first=ones.get(place, StepSum()), second=others.get(place, StepSum()))
        for place in {**ones, **others}
    ]
    return tuple(sorted(found, key=lambda step: (-abs(step.longer_seconds), step.place)))


def parting(first: SpanTree, second: SpanTree) -> Parting | None:
    """The first step that is not the same; None where both did the same."""
    ones, others = steps(first), steps(second)
    for place in range(max(len(ones), len(others))):
        one, other = (several[place] if place < len(several) else "" for several in (ones, others))
        if one != other:
            return Parting(after=ones[place - 1] if place else "", first=one, second=other)
    return None


def _summed(tree: SpanTree) -> Mapping[Place, StepSum]:
    places: list[Place] = []
    own = own_seconds(tree)
    calls: dict[Place, int] = defaultdict(int)
    failed: dict[Place, int] = defaultdict(int)
    seconds: dict[Place, float] = defaultdict(float)
    for number, node in enumerate(tree.nodes):
        above = () if node.parent is None else places[node.parent]
        place = (*above, node.span.label) if len(above) < _DEEPEST else above
        places.append(place)
        calls[place] += 1
        failed[place] += node.span.is_failed
        seconds[place] += own[number]
    return {place: StepSum(calls=calls[place], failed=failed[place], seconds=seconds[place]) for place in calls}
