"""Moves every time in a JSON value, a form or a query: what a source with another clock says and understands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_NUMBER = re.compile(r"\d{10}(\.\d+)?")
_DAY_SECONDS = 86400


def shifted(value: Any, seconds: float, *, now: float) -> Any:
    """`value` with each time in it moved. A number is taken for a time when it is within a day of `now` (epoch s)."""
    match value:
        case dict():
            return {key: shifted(one, seconds, now=now) for key, one in value.items()}
        case list():
            return [shifted(one, seconds, now=now) for one in value]
        case str() if _STAMP.fullmatch(value):
            return (datetime.fromisoformat(value) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
        case str() if _NUMBER.fullmatch(value):
            moved = shifted(float(value), seconds, now=now)
            return value if moved == float(value) else f"{moved:.3f}"
        case bool():
            return value
        case int() | float():
            for scale in (1, 1000):
                if abs(value / scale - now) < _DAY_SECONDS:
                    return value + type(value)(seconds * scale)
    return value


def shifted_pairs(pairs: Iterable[tuple[str, str]], seconds: float, *, now: float) -> list[tuple[str, str]]:
    """The same for a form or a query."""
    return [(name, shifted(value, seconds, now=now)) for name, value in pairs]
