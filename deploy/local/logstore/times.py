"""Times as Elasticsearch reads and writes them: dates with date maths, in UTC unless they name an offset. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from deploy.local.logstore.errors import StoreError, illegal

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(?:(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?)?(Z|[+-]\d\d(?::?\d\d)?)?)?)?)?"
)
_MATHS = re.compile(r"([+-]\d*|/)([yMwdhHms])")
_SECONDS = {"w": 604800, "d": 86400, "h": 3600, "H": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(\d+)(ms|micros|nanos|s|m|h|d)")
_MILLISECONDS = {"nanos": 1e-6, "micros": 1e-3, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_EPOCH, _MILLISECOND = datetime.fromtimestamp(0, UTC), timedelta(milliseconds=1)


def instant(value: object, now: datetime, *, round_up: bool = False, field: str = "") -> int:
    """Milliseconds since the epoch from a number, a date, or date maths such as `now-15m/m`.

    Args:
        round_up: parts that a date lacks, and `/d`, go to the end of the span: what `gt` and `lte` mean.

    Raises StoreError.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    text = str(value)
    if re.fullmatch(r"-?\d+", text) and len(text) != 4:
        return int(text)
    base, maths = ("now", text[3:]) if text.startswith("now") else (*text.split("||", 1), "")[:2]
    try:
        at = now if base == "now" else _parsed(base, round_up=round_up)
        if isinstance(value, bool) or _MATHS.sub("", maths):
            raise ValueError
        for amount, unit in _MATHS.findall(maths):
            at = _rounded(at, unit, up=round_up) if amount == "/" else _moved(at, amount, unit)
    except (ValueError, OverflowError):
        where = f" [{field}]" if field else ""
        reason = f"failed to parse date field [{text}] with format [strict_date_optional_time||epoch_millis]{where}"
        raise StoreError(400, "parse_exception", reason) from None
    return (at - _EPOCH) // _MILLISECOND


def rendered(milliseconds: float) -> str:
    """A time as Elasticsearch writes it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def duration(text: object, what: str) -> int:
    """Milliseconds of `1m`, `30s`, `7d`. `what` names the setting in the error. Raises StoreError."""
    found = _DURATION.fullmatch(str(text))
    if not found:
        raise illegal(
            f"failed to parse setting [{what}] with value [{text}] as a time value: unit is missing or unknown"
        )
    return int(int(found[1]) * _MILLISECONDS[found[2]])


def _parsed(text: str, *, round_up: bool) -> datetime:
    found = _DATE.fullmatch(text)
    if not found:
        raise ValueError(text)
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    parts = [int(part or low) for part, low in zip((month, day, hour, minute, second), (1, 1, 0, 0, 0), strict=True)]
    at = datetime(int(year), *parts, int((fraction or "0").ljust(6, "0")[:6]), tzinfo=_zone(offset))
    if not round_up or fraction:
        return at
    last = next((unit for unit, part in zip("smhdMy", (second, minute, hour, day, month, year), strict=True) if part))
    return _next(at, last) - _MILLISECOND


def _zone(offset: str | None) -> tzinfo:
    if not offset or offset == "Z":
        return UTC
    digits = offset[1:].replace(":", "")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-ahead if offset[0] == "-" else ahead)


def _moved(at: datetime, amount: str, unit: str) -> datetime:
    count = int(amount if amount[1:] else f"{amount}1")
    if unit in _SECONDS:
        return at + timedelta(seconds=count * _SECONDS[unit])
    first = _first_of_month(at, count * (12 if unit == "y" else 1))
    last = (_first_of_month(first, 1) - timedelta(days=1)).day
    return at.replace(year=first.year, month=first.month, day=min(at.day, last))


def _rounded(at: datetime, unit: str, *, up: bool) -> datetime:
    """The start of the calendar span that holds a time, in UTC; with `up` its last millisecond."""
    clear = {"microsecond": 0, "second": 0, "minute": 0, "hour": 0}
    kept = {"s": 1, "m": 2, "h": 3, "H": 3}.get(unit, 4)
    start = at.astimezone(UTC).replace(**dict(list(clear.items())[:kept]))
    if unit == "w":
        start -= timedelta(days=start.weekday())
    elif unit in ("M", "y"):
        start = start.replace(day=1, month=start.month if unit == "M" else 1)
    return _next(start, unit) - _MILLISECOND if up else start


def _next(start: datetime, unit: str) -> datetime:
    if unit in _SECONDS:
        return start + timedelta(seconds=_SECONDS[unit])
    return _first_of_month(start, 12 if unit == "y" else 1)


def _first_of_month(at: datetime, ahead: int) -> datetime:
    years, months = divmod(at.year * 12 + at.month - 1 + ahead, 12)
    return datetime(years, months + 1, 1, tzinfo=at.tzinfo)
