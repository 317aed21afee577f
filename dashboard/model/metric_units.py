"""Units of a team's metrics: the factor to ours, and what names and texts of metrics say of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dashboard.model.concepts import Concept

# The factor from their unit to ours.
UNITS: Mapping[str, Mapping[str, float]] = {
    "s": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0},
    "token": {"token": 1.0, "thousand": 1e3, "million": 1e6},
    "ratio": {"ratio": 1.0, "percent": 0.01},
    "USD": {"USD": 1.0, "cent": 0.01, "milli": 1e-3, "micro": 1e-6, "nano": 1e-9, "millicent": 1e-5},
    "": {"": 1.0},
}
# Words in the names of metrics that say their unit.
_UNIT_WORDS: Mapping[str, str] = {
    "s": "seconds second secs sec",
    "ms": "milliseconds millisecond millis msecs msec ms",
    "us": "microseconds microsecond micros usecs usec us",
    "ns": "nanoseconds nanosecond nanos nsecs nsec ns",
    "min": "minutes minute",
    "h": "hours hour",
    "ratio": "ratio",
    "percent": "percent percentage pct",
    "USD": "usd dollars dollar",
    "cent": "cents cent",
    "milli": "milliusd millidollars millidollar millis milli",
    "micro": "microusd microdollars microdollar micros micro",
    "nano": "nanousd nanodollars nanodollar nanos nano",
    "millicent": "millicents millicent",
    "thousand": "kilotokens ktokens thousands thousand kilo k 1k 1000",
    "million": "megatokens mtokens millions million mega mio 1m 1000000",
}
_UNIT_OF: Mapping[str, Mapping[str, str]] = {
    ours: {word: unit for unit in units for word in (unit.casefold(), *_UNIT_WORDS.get(unit, "").split())}
    for ours, units in UNITS.items()
}
# Money of another kind is no number of dollars, whatever else the name says.
_OTHER_MONEY = {
    *("eur", "euro", "euros", "gbp", "pound", "pounds", "pence", "penny", "jpy", "yen", "cny", "rmb", "yuan", "chf"),
    *("inr", "rupees", "krw", "won", "cad", "aud", "sek", "nok", "dkk", "pln", "brl", "credits", "credit", "points"),
}
_SHORT = 2
# One of these is a unit at the end of a name only: `second_opinion`, `last_minute`, `us_east`.
_ALONE = {"second", "minute", "hour", "millisecond", "microsecond", "nanosecond"}
# These may be the least value, and tokens of any number.
_NEVER_IN_NAMES = {"min", "token"}
_ENDINGS = ("total", "sum", "count", "bucket")
# In front of a word for a time these make it a rate or a period: `runs_per_minute`, `last_5_minutes`.
_OF_PERIODS = ("per", "last", "past", "every", "each", "first")
_PARTS = re.compile(r"\d+[a-z]?(?![a-z])|[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]*")
_MONEY_OR_TOKENS = ("USD", "token")
# In the place of a unit that nothing tells: values of such a metric are not read.
UNIT_NOT_KNOWN = "not known"


def unit_in_name(name: str, concept: Concept) -> str:
    """The unit of a concept's values that the name of a metric says; "" where it says none, or several."""
    return unit_named(name, concept.unit)


def unit_named(name: str, ours: str) -> str:
    """The unit that the name of a metric or a field says, of those that can be told in ours; "" as above."""
    parts = [part for part in map(str.casefold, _PARTS.findall(name)) if part not in _ENDINGS]
    if ours == "USD" and _OTHER_MONEY & set(parts):
        return ""
    found = {_UNIT_OF[ours][part] for at, part in enumerate(parts) if _is_unit(parts, at, ours)}
    return _one(found, ours)


def unit_declared(text: str, concept: Concept) -> str:
    """The unit that a metric's metadata declares: a word alone, as UCUM or OpenMetrics write it; "" for any other."""
    return _UNIT_OF[concept.unit].get(text.strip().strip("{}").casefold(), "")


def unit_words(text: str, concept: Concept) -> str:
    """The unit that a help text says of the values; "" where it says none, or several.

    It says so in parentheses, behind "in" or as its first word. A word for a time elsewhere is about something else:
    "sampled every 100 milliseconds", "turns over 30 minutes are aborted".
    """
    plain = text.casefold().strip()
    said = [
        *re.findall(r"[(\[]\s*(?:in\s+)?([a-z]+)\s*[)\]]", plain),
        *re.findall(r"\b(?:in|unit:|unit is) (?:us )?([a-z]+)\b", plain),
        *re.findall(r"^(?:number of |total |the )?([a-z]{3,})\b", plain),
    ]
    if concept.unit == "USD" and _OTHER_MONEY & set(re.findall(r"[a-z]+", plain)):
        return ""
    known = _UNIT_OF[concept.unit]
    return _one(
        {known[word] for word in said if word in known and word not in ("second", "minute", "hour")}, concept.unit
    )


def _is_unit(parts: list[str], at: int, ours: str) -> bool:
    """Whether a part of a name is a word for a unit, and stands where it says the unit of the values."""
    part, is_last = parts[at], at == len(parts) - 1
    before = parts[at - 1] if at else ""
    if part not in _UNIT_OF[ours] or part in _NEVER_IN_NAMES or before in _OF_PERIODS:
        return False
    if ours in _MONEY_OR_TOKENS:
        return len(part) > 1 or is_last
    if before.isdecimal():
        return False
    # Short ones may be a region or a namespace, and a word for one may be an ordinal, but not at the end.
    return is_last or (len(part) > _SHORT and part not in _ALONE)


def _one(found: set[str], ours: str) -> str:
    """The one unit that is said. Dollars beside a part of them say whose part it is."""
    if ours in _MONEY_OR_TOKENS and len(found) > 1:
        found = found - {ours}
    return found.pop() if len(found) == 1 else ""
