"""A figure beside its limit, and whether it is held: what a bench prints last and ends with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured value that must not be above `limit`."""

    name: str
    value: float
    limit: float
    unit: str

    @property
    def is_held(self) -> bool:
        """Whether the value is within the limit."""
        return self.value <= self.limit

    def __str__(self) -> str:
        verdict = "held" if self.is_held else "NOT HELD"
        return f"{self.name:<62}{self.value:>9.2f}  limit {self.limit:g} {self.unit}  {verdict}"


def report(figures: Sequence[Figure]) -> int:
    """Prints each figure; 1 where a limit is not held."""
    for figure in figures:
        print(figure, flush=True)
    return int(not all(figure.is_held for figure in figures))
