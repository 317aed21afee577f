"""Times as Elasticsearch reads and writes them: dates with date maths, durations, zones, calendar steps. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from deploy.local.logstore.errors import StoreError, illegal

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(?:(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?)?(Z|[+-]\d\d(?::?\d\d)?)?)?)?)?"
)
_MATHS = re.compile(r"([+-]\d*|/)([yMwdhHms])")
_SPANS = {"w": 604800, "d": 86400, "h": 3600, "H": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(\d+)(ms|micros|nanos|s|m|h|d)")
_MILLISECONDS = {"nanos": 1e-6, "micros": 1e-3, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
FORMATS: dict[str, Callable[[datetime], str]] = {
    "strict_date_optional_time": lambda at: _iso(at, "milliseconds"),
    "strict_date_time": lambda at: _iso(at, "milliseconds"),
    "date_time": lambda at: _iso(at, "milliseconds"),
    "strict_date_optional_time_nanos": lambda at: _iso(at, "milliseconds"),
    "epoch_millis": lambda at: str(round(at.timestamp() * 1000)),
    "epoch_second": lambda at: str(int(at.timestamp())),
    "strict_date": lambda at: at.strftime("%Y-%m-%d"),
    "date": lambda at: at.strftime("%Y-%m-%d"),
    "yyyy-MM-dd": lambda at: at.strftime("%Y-%m-%d"),
    "yyyy-MM-dd HH:mm:ss": lambda at: at.strftime("%Y-%m-%d %H:%M:%S"),
    "HH:mm": lambda at: at.strftime("%H:%M"),
}
_READABLE = {"strict_date_optional_time", "strict_date_optional_time_nanos", "epoch_millis", "epoch_second",
             "strict_date_time", "date_time", "strict_date", "date", "yyyy-MM-dd", "date_optional_time"}  # fmt: skip


def instant(
    value: object, now: datetime, *, round_up: bool = False, zone: tzinfo = UTC, formats: str = "", field: str = ""
) -> int:
    """Milliseconds since the epoch from a number, a date, or date maths such as `now-15m/m`.

    Args:
        round_up: parts that a date lacks, and `/d`, go to the end of the span: what `gt` and `lte` mean.
    """
    seconds = formats == "epoch_second"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value * 1000) if seconds else int(value)
    text = str(value)
    if re.fullmatch(r"-?\d+", text) and (len(text) != 4 or formats.startswith("epoch")):
        return int(text) * (1000 if seconds else 1)
    base, maths = ("now", text[3:]) if text.startswith("now") else (*text.split("||", 1), "")[:2]
    try:
        at = now if base == "now" else _parsed(base, zone, round_up=round_up)
        if isinstance(value, bool) or _MATHS.sub("", maths):
            raise ValueError
        for amount, unit in _MATHS.findall(maths):
            at = _rounded(at, unit, zone, up=round_up) if amount == "/" else _moved(at, amount, unit)
    except (ValueError, OverflowError):
        shown = formats or "strict_date_optional_time||epoch_millis"
        where = f" [{field}]" if field else ""
        raise StoreError(400, "parse_exception", f"failed to parse date field [{text}] with format [{shown}]{where}") \
            from None  # fmt: skip
    return _milliseconds(at)


def check_formats(formats: str) -> str:
    """Formats of a query, separated by `||`."""
    for one in formats.split("||"):
        if one not in _READABLE:
            raise illegal(f"Invalid format: [{one}]: this store reads {sorted(_READABLE)}")
    return formats


def rendered(milliseconds: float, formats: str = "", zone: tzinfo = UTC) -> str:
    """A time as Elasticsearch writes it; the first of several formats is for writing."""
    name = formats.split("||")[0] or "strict_date_optional_time"
    if name not in FORMATS:
        raise illegal(f"Invalid format: [{name}]: this store writes {sorted(FORMATS)}")
    return FORMATS[name](datetime.fromtimestamp(milliseconds / 1000, zone))


def duration(text: object, what: str) -> int:
    """Milliseconds of `1m`, `30s`, `7d`."""
    found = _DURATION.fullmatch(str(text))
    if not found:
        raise illegal(
            f"failed to parse setting [{what}] with value [{text}] as a time value: unit is missing or unknown"
        )
    return int(int(found[1]) * _MILLISECONDS[found[2]])


def time_zone(name: str) -> tzinfo:
    """A zone by name or by offset."""
    offset = re.fullmatch(r"([+-])(\d\d):?(\d\d)", name)
    if offset:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-span if offset[1] == "-" else span)
    if name in ("UTC", "Z", "GMT"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise illegal(f"Unknown time-zone ID: {name}") from None


def steps(first: int, last: int, unit: str, zone: tzinfo, most: int) -> list[int]:
    """The starts of the calendar's spans that hold the milliseconds from first to last, and one more as an end."""
    at = _rounded(datetime.fromtimestamp(first / 1000, zone), unit, zone, up=False)
    found = [_milliseconds(at)]
    while found[-1] <= last:
        at = _next(at, unit, zone)
        found.append(_milliseconds(at))
        if len(found) > most:
            raise StoreError(400, "too_many_buckets_exception", f"Trying to create too many buckets: more than {most}")
    return found


def _parsed(text: str, zone: tzinfo, *, round_up: bool) -> datetime:
    found = _DATE.fullmatch(text)
    if not found:
        raise ValueError(text)
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    where = time_zone(offset if len(offset) > 3 else offset + ":00") if offset and offset != "Z" else zone
    where = UTC if offset == "Z" else where
    parts = [int(part or low) for part, low in zip((month, day, hour, minute, second), (1, 1, 0, 0, 0), strict=True)]
    at = datetime(int(year), *parts, int((fraction or "0").ljust(6, "0")[:6]), tzinfo=where)
    if not round_up or fraction:
        return at
    last = next((unit for unit, part in zip("smhdMy", (second, minute, hour, day, month, year), strict=True) if part))
    return _next(at, last, where) - timedelta(milliseconds=1)


def _moved(at: datetime, amount: str, unit: str) -> datetime:
    count = int(amount if amount[1:] else f"{amount}1")
    if unit in _SPANS:
        return at + timedelta(seconds=count * _SPANS[unit])
    months = at.year * 12 + at.month - 1 + count * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    last = (_first_of_month(year, month + 1, at.tzinfo, 1) - timedelta(days=1)).day
    return at.replace(year=year, month=month + 1, day=min(at.day, last))


def _rounded(at: datetime, unit: str, zone: tzinfo, *, up: bool) -> datetime:
    """The start of the span of the calendar; with `up` its last millisecond."""
    local = at.astimezone(zone)
    clear = {"microsecond": 0, "second": 0, "minute": 0, "hour": 0}
    kept = {"s": 1, "m": 2, "h": 3, "H": 3}.get(unit, 4)
    start = local.replace(**dict(list(clear.items())[:kept]))
    if unit == "w":
        start -= timedelta(days=start.weekday())
    elif unit in ("M", "q", "y"):
        start = start.replace(day=1, month={"M": start.month, "q": (start.month - 1) // 3 * 3 + 1, "y": 1}[unit])
    return _next(start, unit, zone) - timedelta(milliseconds=1) if up else start


def _next(start: datetime, unit: str, zone: tzinfo) -> datetime:
    if unit in ("s", "m", "h", "H"):
        return (start.astimezone(UTC) + timedelta(seconds=_SPANS[unit])).astimezone(zone)
    if unit in ("d", "w"):
        return start + timedelta(days=1 if unit == "d" else 7)  # by the clock on the wall: a day may have 23 hours
    return _first_of_month(start.year, start.month, zone, {"M": 1, "q": 3, "y": 12}[unit])


def _first_of_month(year: int, month: int, zone: tzinfo | None, ahead: int) -> datetime:
    years, months = divmod(year * 12 + month - 1 + ahead, 12)
    return datetime(years, months + 1, 1, tzinfo=zone)


def _milliseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _iso(at: datetime, precision: str) -> str:
    return at.isoformat(timespec=precision).replace("+00:00", "Z")
