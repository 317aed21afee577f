"""Figures as the pages show them: one with its past, or several side by side in a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.model.reading import Reading, Unit
from dashboard.model.series import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure at the end of a period, the same one period earlier, and its course between the two."""

    unit: Unit
    value: Reading[float]
    previous: Reading[float]
    course: Reading[tuple[Series, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """What is known of one agent, model, tool or contract; a figure that has no value is None.

    `labels` tells the row from the others, in the order in which they are read.
    """

    labels: tuple[str, ...]
    figures: Mapping[str, float | None]

    @property
    def name(self) -> str:
        """The first label."""
        return self.labels[0]
