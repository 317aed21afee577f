"""Time series and samples as the pages use them: labels as a mapping, times as seconds since the epoch.

A gap is None, never 0. A series has a few hundred points at most, so plain tuples will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One labelled value at one instant; None when the backend answered NaN."""

    labels: Mapping[str, str]
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One labelled line; `times` are epoch seconds on the step's grid, `values` has None where there was no sample."""

    labels: Mapping[str, str] = field(default_factory=dict)
    times: tuple[float, ...]
    values: tuple[float | None, ...]

    def __post_init__(self) -> None:
        if len(self.times) != len(self.values):
            raise ValueError(f"{len(self.times)} times against {len(self.values)} values")

    @property
    def last(self) -> float | None:
        """The newest value that is not a gap."""
        return next((value for value in reversed(self.values) if value is not None), None)
