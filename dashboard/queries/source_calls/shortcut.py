"""Counting asks much of Prometheus only where series began: at these instances, and in a range around these times."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from connectors.prometheus import Line, Matrix
from dashboard.queries.grid import Grid

# Of more instances the whole question is no longer: a longer pattern costs as much as it saves.
_MOST_INSTANCES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """The finished questions behind one that counts.

    Attributes:
        newcomers: the instances at which series began within the window.
        steady: the right question where none did.
        at_fresh: makes the right question where series began at these instances.
    """

    newcomers: str
    steady: str
    at_fresh: Callable[[Collection[str]], str]

    def question(self, began_at: Iterable[Mapping[str, str]]) -> str:
        """The cheapest right question where series began at these places, given by their labels."""
        instances = {labels.get("instance", "") for labels in began_at}
        if not instances:
            return self.steady
        return self.at_fresh(instances if len(instances) <= _MOST_INSTANCES else ())


def by_parts(asked: Callable[[str, Grid], Matrix], shortcut: Shortcut, whole: str, grid: Grid) -> Matrix:
    """The answer over a range: the whole question only from the first to the last time at which series had begun.

    Args:
        asked: asks Prometheus a question over a grid.
        whole: the question that is right everywhere.
    """
    began = asked(shortcut.newcomers, grid)
    if began.warnings:
        return asked(whole, grid)
    times = [round(at) for line in began.lines for at, _ in line.points]
    if not times:
        return asked(shortcut.steady, grid)
    part = Grid(start=min(times), end=max(times), step_seconds=grid.step_seconds)
    exact = asked(shortcut.question(line.labels for line in began.lines), part)
    return exact if part == grid else _joined(asked(shortcut.steady, grid), exact, part)


def _joined(steady: Matrix, exact: Matrix, part: Grid) -> Matrix:
    """`exact` within its part of the grid, `steady` before and after it."""
    points: dict[frozenset[tuple[str, str]], list[tuple[float, float | None]]] = {}
    labels: dict[frozenset[tuple[str, str]], Mapping[str, str]] = {}
    for line, is_exact in (*((one, False) for one in steady.lines), *((one, True) for one in exact.lines)):
        key = frozenset(line.labels.items())
        labels[key] = line.labels
        points.setdefault(key, []).extend(
            (at, value) for at, value in line.points if (part.start <= round(at) <= part.end) == is_exact
        )
    lines = tuple(Line(labels=labels[key], points=tuple(sorted(found))) for key, found in points.items() if found)
    return replace(
        steady,
        lines=lines,
        warnings=tuple(dict.fromkeys((*steady.warnings, *exact.warnings))),
        infos=tuple(dict.fromkeys((*steady.infos, *exact.infos))),
    )
