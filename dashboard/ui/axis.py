"""Axes of charts that the server draws: where a scale ends, and at which values and times it has marks. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from dashboard.model.reading import Unit
from dashboard.model.written import number, rates_beside
from dashboard.ui.wall_clock import changes

_MOST_VALUES, _MOST_TIMES = 4, 4
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_TIME_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * n for n in (1, 2, 3, 6, 12)),
    *(_DAY * n for n in (1, 2, 4, 7, 14, 28, 91, 182, 364)),
)
# Where nothing but zeros is known, an axis of this height: of ratios it would else run to 100 %.
_ALL_ZERO = {Unit.RATIO: 0.05}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From `low` to `high`, which is above it; `ticks` lie within."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """How far up a value lies, 0 to 1; what lies outside is at the edge."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def scale(values: Sequence[float], unit: Unit, *, limit: float | None = None) -> Scale:
    """A scale from zero, or from the lowest value below it, that holds all values and the limit.

    Values that are not finite are left out. A limit far above all values is left out too: the lines would lie flat.
    """
    known = [value for value in values if math.isfinite(value) and abs(value) < 1e300]
    low, high = min([0.0, *known]), max([0.0, *known])
    if limit is not None and math.isfinite(limit) and low <= limit <= _reach(high, low):
        high = max(high, limit * 1.05)
    if not high > low:
        high = low + (max(limit * 1.05, 1e-9) if limit and math.isfinite(limit) else _ALL_ZERO.get(unit, 1.0))
    step = _step((high - low) / _MOST_VALUES, 1024.0 if unit is Unit.BYTES else 1000.0)
    first, last = math.floor(low / step), math.ceil(high / step * (1 - 1e-12))
    ticks = tuple(place * step for place in range(first, last + 1))
    return Scale(low=ticks[0], high=ticks[-1], ticks=ticks)


def _reach(high: float, low: float) -> float:
    """Up to where a limit is worth the room that it takes."""
    return 5 * (high - low) if high > low else math.inf


def _step(least: float, base: float) -> float:
    """The smallest round step that is at least this wide; of bytes one that is round in KiB, MiB and so on."""
    power = base ** math.floor(math.log(least, base)) if base == 1024.0 else 1.0
    size = least / power
    ten = 10.0 ** math.floor(math.log10(size))
    return next((step for step in _STEPS if step * ten >= size * (1 - 1e-12)), 10.0) * ten * power


def value_label(value: float, unit: Unit, top: float | None = None) -> str:
    """A value as an axis shows it that ends at `top`; `0` needs no unit."""
    if value == 0:
        return "0"
    return rates_beside(value, top) if unit is Unit.PER_SECOND and top is not None else number(value, unit)


def times(start: float, end: float, tz: ZoneInfo) -> tuple[tuple[float, str], ...]:
    """Round moments from `start` to `end`, in epoch seconds, with their words in that zone; at most five.

    Where clocks change in between, hours carry the abbreviation that the zone has then.
    """
    if not (math.isfinite(start) and math.isfinite(end)) or end <= start:
        return ()
    step = next((each for each in _TIME_STEPS if (end - start) / each <= _MOST_TIMES), _TIME_STEPS[-1])
    step *= max(1, math.ceil((end - start) / step / _MOST_TIMES))
    offset = _at(start, tz).utcoffset()
    ahead = offset.total_seconds() if offset else 0.0
    first = math.ceil((start + ahead) / step) * step - ahead
    count = int((end - first) // step) + 1 if first <= end else 0
    form = "%H:%M:%S" if step < _MINUTE else "%H:%M" if step < _DAY else "%d %b"
    if step < _DAY and end - start > _DAY:
        form = "%d %b %H:%M"
    if step < _DAY and changes(_at(start, tz), _at(end, tz), tz):
        form += " %Z"
    return tuple((first + n * step, f"{_at(first + n * step, tz):{form}}") for n in range(count))


def _at(at: float, tz: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(tz)
