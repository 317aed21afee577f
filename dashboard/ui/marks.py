"""Marks of changes on a time chart: each change is told, and no label covers another. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.model.view import Marker
from dashboard.ui.text import one_line

_MOST_MARKS = 4
_LATE = 0.7
_CHARACTERS_ACROSS, _FEWEST_CHARACTERS = 38, 12  # above the plot of a phone; a shorter label says nothing


def grouped(markers: Sequence[Marker], start: float, end: float) -> list[list[Marker]]:
    """The changes within the chart, in order of time; those too close for labels of their own share a group.

    Pure. `start` and `end` in seconds since the epoch.
    """
    groups: list[list[Marker]] = []
    for marker in sorted(markers, key=lambda marker: marker.at):
        at = marker.at.timestamp()
        if not start <= at <= end:
            continue
        if groups and at - groups[-1][0].at.timestamp() < (end - start) / _MOST_MARKS:
            groups[-1].append(marker)
        else:
            groups.append([marker])
    return groups


def rooms(places: Sequence[float]) -> list[tuple[bool, int]]:
    """For each change, whether its label stands left of it, and how many characters fit before it meets another.

    Pure. `places` are fractions of the chart's width, 0 to 1, ascending. Labels near the right edge run to the left, so
    that the edge does not cut them; an early and a late label share the room between them.
    """
    late = [place > _LATE for place in places]
    found = []
    for index, (place, is_late) in enumerate(zip(places, late, strict=True)):
        step = -1 if is_late else 1
        if 0 <= index + step < len(places):
            free = abs(places[index + step] - place) / (1 if late[index + step] is is_late else 2)
        else:
            free = place if is_late else 1 - place
        found.append((is_late, int(free * _CHARACTERS_ACROSS)))
    return found


def mark_label(group: Sequence[Marker], room: int) -> str:
    """The label of a group: the change itself where it fits, else the number of changes. Not escaped."""
    count = "1 change" if len(group) == 1 else f"{len(group)} changes"
    return one_line(group[0].label, limit=room) if len(group) == 1 and room >= _FEWEST_CHARACTERS else count
