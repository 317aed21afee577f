"""Numbers and times for people: units always, only as many digits as carry meaning, UTC unless said otherwise.

Pure and without Streamlit. How numbers and lengths of time are written is `model/written.py`'s.
"""

from __future__ import annotations

import math
from datetime import datetime
from zoneinfo import ZoneInfo

from dashboard.model.reading import Reading, State, Unit
from dashboard.model.written import DASH, count, duration, number, percent, span

__all__ = ["DASH", "ago", "change", "clock", "count", "duration", "number", "shown", "span", "stamp", "zone"]


# Four different looks: 0 is a figure, and each way of having none is another word.
_NOTHING = {State.EMPTY: "no data", State.UNMEASURED: "n/a", State.MISSING: DASH}


def shown(reading: Reading[float], unit: Unit) -> str:
    """The value with its unit, or why there is none: `no data`, `n/a` not measured here, a dash for missing."""
    return _NOTHING[reading.state] if reading.value is None else number(reading.value, unit)


def change(value: float | None, previous: float | None, unit: Unit) -> str:
    """How far `value` is from `previous`: points for ratios, per cent for the rest; `0` when it shows no difference."""
    if value is None or previous is None or not math.isfinite(value) or not math.isfinite(previous):
        return ""
    difference = value - previous
    if number(value, unit) == number(previous, unit) or difference == 0:
        return "0"
    sign = "+" if difference > 0 else "-"
    if unit in (Unit.RATIO, Unit.LEFT):
        return f"{sign}{percent(abs(difference))} pp"
    if previous == 0:
        return f"{sign}{number(abs(difference), unit)}"
    relative = abs(difference / previous)
    if relative >= 10:
        return f"{sign}{relative:.0f}x"
    return f"{sign}{relative * 100:.0f} %" if relative >= 0.005 else "0"


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago, in one unit: `5 s ago`; a dash when it never was."""
    if at is None:
        return DASH
    seconds = (now - at).total_seconds()
    if seconds < 1:
        return "now"
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size or (word == "min" and seconds >= 60):
            return f"{int(seconds // size)} {word} ago"
    return f"{int(seconds)} s ago"


def clock(at: datetime | None, tz: str = "UTC", *, seconds: bool = True) -> str:
    """The time of day with its zone, `03:12:05 UTC`."""
    if at is None:
        return DASH
    local = _local(at, tz)
    return f"{local:%H:%M:%S} {local:%Z}" if seconds else f"{local:%H:%M} {local:%Z}"


def stamp(at: datetime | None, tz: str = "UTC") -> str:
    """Date and time with the zone, `2026-03-01 03:12:09 UTC`."""
    if at is None:
        return DASH
    local = _local(at, tz)
    return f"{local:%Y-%m-%d %H:%M:%S} {local:%Z}"


def _local(at: datetime, tz: str) -> datetime:
    """The time in that zone; as it is where no clock there can show it: sources send 0001-01-01 for "never"."""
    try:
        return at.astimezone(zone(tz))
    except OverflowError:
        return at


def zone(name: str) -> ZoneInfo:
    """The time zone of that name; UTC for names that this machine does not know, which the label then says."""
    try:
        return ZoneInfo("UTC" if name.lower() == "utc" else name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
