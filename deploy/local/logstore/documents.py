"""Documents: their leaves by dotted name, their types, their time. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.local.logstore.errors import StoreError, illegal

TIME = "@timestamp"
# Searched word by word; every other string is a keyword, as in Elasticsearch's own mappings of these streams.
TEXT_FIELDS = frozenset({"body.text", "message", "error.message"})
LONGEST_KEYWORD = 1024
_MATH = re.compile(r"([+-]\d+|/)([smhdwMy])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LONG = 2**63


def leaves(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a document by dotted name; lists give each of their values."""
    for key, value in document.items():
        name = f"{prefix}{key}"
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, Mapping):
                yield from leaves(one, f"{name}.")
            elif one is not None:
                yield name, one


def type_of(name: str, value: Any) -> str:
    """The mapping that a value gets when it is the first of its field."""
    if name == TIME:
        return "date"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        if not -_LONG <= value < _LONG:
            raise StoreError(400, "document_parsing_exception", f"[{name}] {value} is out of the range of a long")
        return "long"
    if isinstance(value, float):
        return "double"
    return "match_only_text" if name in TEXT_FIELDS else "keyword"


def fitted(name: str, kind: str, value: Any) -> Any:
    """A value as its field's type has it. Raises StoreError when it cannot be."""
    try:
        if kind in ("keyword", "match_only_text"):
            return value if isinstance(value, str) else _text(value)
        if kind == "boolean":
            if value in (True, False, "true", "false"):
                return value in (True, "true")
            raise ValueError
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
        if not math.isfinite(number):
            raise ValueError
        return number if kind == "double" else int(value if isinstance(value, int | str) else number)
    except (TypeError, ValueError):
        reason = f"failed to parse field [{name}] of type [{kind}]: {value!r}"
        raise StoreError(400, "document_parsing_exception", reason) from None


def milliseconds(document: Mapping[str, Any]) -> int:
    """A document's time. Raises StoreError without one: a data stream takes no document that has none."""
    if TIME not in document:
        raise StoreError(400, "document_parsing_exception", f"data stream timestamp field [{TIME}] is missing")
    return instant(document[TIME])


def instant(value: Any, now: datetime | None = None, *, round_up: bool = False) -> int:
    """Milliseconds since the epoch from a number, RFC 3339, or date maths such as `now-15m/m`."""
    if isinstance(value, bool):
        raise illegal(f"{value} is no date")
    if isinstance(value, int | float):
        return int(value)
    text = str(value)
    if text.isdigit():
        return int(text)
    base, maths = ("now", text[3:]) if text.startswith("now") else (*text.split("||", 1), "")[:2]
    try:
        at = (now or datetime.now(UTC)) if base == "now" else _parsed(base)
        if _MATH.sub("", maths):
            raise ValueError
        for amount, unit in _MATH.findall(maths):
            at = _moved(at, amount, unit, round_up=round_up)
    except (ValueError, OverflowError, KeyError):
        reason = f"failed to parse date field [{text}] with format [strict_date_optional_time||epoch_millis]"
        raise StoreError(400, "parse_exception", reason) from None
    return int(at.timestamp() * 1000)


def rendered(at_milliseconds: float) -> str:
    """A time as Elasticsearch writes it."""
    at = datetime.fromtimestamp(at_milliseconds / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moved(at: datetime, amount: str, unit: str, *, round_up: bool) -> datetime:
    seconds = _UNITS[unit]
    if amount != "/":
        return at + timedelta(seconds=int(amount) * seconds)
    floor = int(at.timestamp()) // seconds * seconds
    return datetime.fromtimestamp(floor + (seconds - 0.001 if round_up else 0), UTC)


def _parsed(text: str) -> datetime:
    # Nanoseconds are cut: Python reads six digits.
    at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
