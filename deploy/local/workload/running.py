"""Running means: what the gauges of quality and compliance show. They forget slowly instead of keeping a window."""

from __future__ import annotations


class RunningMean:
    """An exponentially weighted mean; `weight` is the share of the newest value."""

    __slots__ = ("_weight", "value")

    def __init__(self, start: float, weight: float) -> None:
        self.value = start
        self._weight = weight

    def add(self, value: float) -> None:
        self.value += self._weight * (value - self.value)


class Compliance:
    """How well one agent keeps one contract, lately and on the whole."""

    __slots__ = ("_long", "_short")

    def __init__(self) -> None:
        self._short = RunningMean(1.0, 0.02)
        self._long = RunningMean(1.0, 0.0005)

    def add(self, passed: bool) -> None:
        self._short.add(float(passed))
        self._long.add(float(passed))

    @property
    def ratio(self) -> float:
        return self._short.value

    @property
    def drift(self) -> float:
        return abs(self._short.value - self._long.value)
