"""Lines over time as an SVG picture: from numbers to a string of bounded size. Pure; it holds no text from outside.

The picture is stretched to whatever room there is, and its strokes are not: it is sharp at any width, which a server
cannot know. Words (axes, legend, marks) are HTML around it, so that they are neither stretched nor lost to readers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

WIDTH: Final = 1000
HEIGHT: Final = 400
MOST_POINTS: Final = 480  # of a line: about as many as a wide screen can show
# By these two lines of one course can be told apart, in grey as well, since the later one is drawn with gaps.
DASHES: Final = ("", "7 5", "2 4", "10 4 2 4")
_SAFE: Final = " =:/,;'().-_~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """One line: epoch seconds and values, None for a gap; `colour` is `#rrggbb`, `dash` is one of DASHES."""

    times: Sequence[float]
    values: Sequence[float | None]
    colour: str
    dash: str = ""
    width: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the picture shows: from `start` to `end` in epoch seconds, from `low` to `high` in the lines' unit."""

    start: float
    end: float
    low: float
    high: float

    def x(self, at: float) -> int:
        """How far right a moment lies, in units of the picture."""
        return _place((at - self.start) / ((self.end - self.start) or 1.0), WIDTH)

    def y(self, value: float) -> int:
        """How far down a value lies, in units of the picture."""
        return HEIGHT - _place((value - self.low) / ((self.high - self.low) or 1.0), HEIGHT)


def svg(
    frame: Frame,
    strokes: Sequence[Stroke],
    *,
    grid: Sequence[float] = (),
    marks: Sequence[float] = (),
    limit: float | None = None,
    band: Sequence[tuple[float, float, float]] = (),
    colours: tuple[str, str, str],
) -> str:
    """The picture.

    Args:
        grid: values with a level line.
        marks: moments with an upright dotted line.
        limit: the value with a dashed line; left out where it lies outside the frame.
        band: a moment, the low and the high value then; filled in the colour of the first stroke.
        colours: of the grid, the marks and the limit, as `#rrggbb`.
    """
    of_grid, of_marks, of_limit = colours
    parts = [_path(f"M0,{frame.y(value)}H{WIDTH}", of_grid, 1) for value in grid if math.isfinite(value)]
    if len(band) > 1 and strokes:
        parts.append(f"<path d='{_area(frame, band)}' fill='{strokes[0].colour}' fill-opacity='.22'/>")
    parts += [_path(f"M{frame.x(at)},0V{HEIGHT}", of_marks, 1, "2 3") for at in marks if math.isfinite(at)]
    if limit is not None and frame.low <= limit <= frame.high:
        parts.append(_path(f"M0,{frame.y(limit)}H{WIDTH}", of_limit, 1.5, "6 4"))
    for stroke in strokes:
        if way := path(frame, stroke.times, stroke.values):
            parts.append(_path(way, stroke.colour, stroke.width, stroke.dash))
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' preserveAspectRatio='none' "
        f"fill='none' stroke-linejoin='round' stroke-linecap='round'>{''.join(parts)}</svg>"
    )


def data_uri(picture: str) -> str:
    """The picture as an address for `src`; text rather than base64, which compresses to twice the size."""
    return "data:image/svg+xml," + quote(picture, safe=_SAFE)


def path(frame: Frame, times: Sequence[float], values: Sequence[float | None]) -> str:
    """The way of the pen. A gap lifts it, and a value alone between gaps is a dot."""
    parts: list[str] = []
    pen = 0
    for at, value in thinned(times, values):
        if value is None:
            parts += ["h1"] if pen == 1 else []
            pen = 0
            continue
        parts.append(f"{'L' if pen else 'M'}{frame.x(at)},{frame.y(value)}")
        pen += 1
    return "".join(parts) + ("h1" if pen == 1 else "")


def thinned(times: Sequence[float], values: Sequence[float | None]) -> Iterator[tuple[float, float | None]]:
    """At most MOST_POINTS values with all peaks and gaps: of each stretch the lowest and the highest, as they came.

    What is not finite is a gap.
    """
    known = [
        (at, value if value is not None and math.isfinite(value) else None)
        for at, value in zip(times, values, strict=True)
        if math.isfinite(at)
    ]
    if len(known) <= MOST_POINTS:
        yield from known
        return
    size = math.ceil(len(known) * 3 / MOST_POINTS)
    for first in range(0, len(known), size):
        stretch = known[first : first + size]
        found = [(value, index) for index, (_, value) in enumerate(stretch) if value is not None]
        if found:
            for index in sorted({min(found)[1], max(found)[1]}):
                yield stretch[index]
        if len(found) < len(stretch):
            yield stretch[-1][0], None


def _area(frame: Frame, band: Sequence[tuple[float, float, float]]) -> str:
    there = [f"{frame.x(at)},{frame.y(high)}" for at, _, high in band]
    back = [f"{frame.x(at)},{frame.y(low)}" for at, low, _ in reversed(band)]
    return f"M{'L'.join((*there, *back))}Z"


def _place(share: float, size: int) -> int:
    return round(min(1.0, max(0.0, share)) * size) if math.isfinite(share) else 0


def _path(way: str, colour: str, width: float, dash: str = "") -> str:
    dashes = f" stroke-dasharray='{dash}'" if dash else ""
    return f"<path d='{way}' stroke='{colour}' stroke-width='{width:g}'{dashes} vector-effect='non-scaling-stroke'/>"
