"""Units of a team's metrics: the factor to ours, and what names and texts of metrics say of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dashboard.model.concepts import Concept

# The factor from their unit to ours.
UNITS: Mapping[str, Mapping[str, float]] = {
    "s": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0},
    "token": {"token": 1.0, "thousand": 1e3, "million": 1e6},
    "ratio": {"ratio": 1.0, "percent": 0.01},
    "USD": {"USD": 1.0, "cent": 0.01, "micro": 1e-6},
    "": {"": 1.0},
}
# Words in the names of metrics that say their unit.
_UNIT_WORDS: Mapping[str, str] = {
    "s": "seconds second secs sec",
    "ms": "milliseconds millisecond millis msecs msec ms",
    "us": "microseconds microsecond micros usecs usec us",
    "ns": "nanoseconds nanosecond nanos nsecs nsec ns",
    "min": "minutes minute",
    "ratio": "ratio",
    "percent": "percent percentage pct",
    "USD": "usd dollars dollar",
    "cent": "cents cent",
    "micro": "microusd microdollars micros",
    "thousand": "kilotokens ktokens",
    "million": "megatokens mtokens",
}
_SHORT = 2
# In the place of a unit that nothing tells: values of such a metric are not read.
UNIT_NOT_KNOWN = "not known"


def unit_in_name(name: str, concept: Concept) -> str:
    """The unit of a concept's values that the name of a metric says; "" where it says none, or several."""
    parts = [part for part in name.casefold().split("_") if part not in ("total", "sum", "count", "bucket")]
    # Short ones may be a region or a namespace, but not at the end.
    said = {part for at, part in enumerate(parts, start=1) if len(part) > _SHORT or at == len(parts)}
    found = {unit for unit in UNITS[concept.unit] if said & set(_UNIT_WORDS.get(unit, "").split())}
    return found.pop() if len(found) == 1 else ""


def unit_words(text: str, concept: Concept) -> str:
    """The unit that a declared unit or a help text says; "" where it says none, or several.

    Short words count where they stand alone, in parentheses or behind "in": "(ms)" is a unit, "s" in "agent's" is not.
    """
    plain = text.casefold().strip()
    said = {word for word in re.findall(r"[a-z]+", plain) if len(word) > len("min")}
    said |= {
        plain,
        *re.findall(r"[(\[]\s*([a-z]+)\s*[)\]]", plain),
        *re.findall(r"\bin ([a-z]+)\s*(?:[.,;:)]|$)", plain),
    }
    found = {unit for unit in UNITS[concept.unit] if said & {unit.casefold(), *_UNIT_WORDS.get(unit, "").split()}}
    return found.pop() if len(found) == 1 else ""
