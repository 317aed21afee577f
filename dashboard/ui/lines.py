"""Which lines a time chart shows, and how each is told from the others: by colour and by dashes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dashboard.model.series import Series
from dashboard.ui.svg_chart import DASHES

Name = Callable[[Mapping[str, str]], str]
MOST_LINES = 12
_TRACKS = ("blue", "green")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLine:
    """One line with its name from outside, not escaped; `colour` is `#rrggbb`, `dash` is one of DASHES."""

    name: str
    series: Series
    colour: str
    dash: str


def highest(series: Sequence[Series], name: Name) -> list[Series]:
    """The MOST_LINES lines that end highest, sorted by name. Pure.

    Sorted by value, colours and legend would change places whenever two lines cross.
    """
    found = sorted(series, key=lambda line: line.last or 0.0, reverse=True)[:MOST_LINES]
    return sorted(found, key=lambda line: name(line.labels))


def styled(series: Sequence[Series], name: Name, colours: Mapping[str, str], others: Sequence[str]) -> list[ChartLine]:
    """Each line with its look. Pure.

    Blue and green are the tracks and nothing else. Two lines of the same course both stay visible: the later one is
    drawn with gaps, through which the earlier one shows.
    """
    found: list[ChartLine] = []
    met = dict.fromkeys(_TRACKS, 0)
    spare = 0
    for line in series:
        track = line.labels.get("track", "")
        if track in _TRACKS:
            colour, dash = colours[track], _TRACKS.index(track) + 2 * met[track]
            met[track] += 1
        else:
            colour, dash, spare = others[spare % len(others)], spare, spare + 1
        found.append(ChartLine(name=name(line.labels), series=line, colour=colour, dash=DASHES[dash % len(DASHES)]))
    return found
