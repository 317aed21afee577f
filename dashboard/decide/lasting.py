"""Durations: whether something has lasted too long, and a time span in words. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 0, ""))


def has_lasted(since: datetime | None, now: datetime | None, limit: timedelta) -> bool:
    """Whether it has lasted longer than `limit`; True where its beginning is not known."""
    return since is None or now is None or now - since > limit


def span(lasted: timedelta) -> str:
    """A time span such as `40 s`, `7 min` or `2 d 3 h`."""
    seconds = max(0, int(lasted.total_seconds()))
    for size, unit, part, lesser in _UNITS:
        if seconds >= size:
            rest = seconds % size // part if part else 0
            return f"{seconds // size} {unit}" + (f" {rest} {lesser}" if rest else "")
    return f"{seconds} s"
