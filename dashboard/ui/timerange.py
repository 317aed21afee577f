"""The period that a link names, as this deck, a person, Grafana or Kibana writes it. Pure.

Two ends may be times (`2026-03-01T03:00:00Z`, epoch seconds or milliseconds) or relative to now (`now-6h`, `now/d`).
A time without a zone, and the begin of a day, are of the zone that the link shows times in; where its clock shows that
time twice or never, a note says so. As in Grafana, an end
that is not named is now. A period that cannot be read, or that the sources cannot hold, becomes the default range with
a note in plain words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from dashboard.model.view import DEFAULT_RANGE, RANGES
from dashboard.ui import wall_clock
from dashboard.ui.text import one_line

# Prometheus scrapes about every 30 s: a shorter period would hold no two samples.
SHORTEST = timedelta(minutes=1)
# "This year" in Grafana ends up to a year ahead; what ends later is nonsense.
_LONGEST_AHEAD = timedelta(days=366)
_CLOCK_SKEW = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

_RELATIVE = re.compile(r"now((?:[+-][0-9]{1,6}[smhdwMQy])*)(?:/([smhdwMQy]))?")
_STEP = re.compile(r"([+-])([0-9]{1,6})([smhdwMQy])")
_LENGTH = re.compile(r"[0-9]{1,6}[smhdwMQy]")
_SPANS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_MONTHS = {"M": 1, "Q": 3, "y": 12}
# Epoch times by their number of digits: seconds, milliseconds, microseconds, nanoseconds.
_EPOCH = re.compile(r"([0-9]{10}|[0-9]{13}|[0-9]{16}|[0-9]{19})(\.[0-9]+)?")
_EPOCH_UNITS = {10: 1, 13: 10**3, 16: 10**6, 19: 10**9}
_DIGITS = re.compile(r"[0-9.]+")
_DATE = re.compile(r"[0-9]{8}")
# A "+" of an offset that was not encoded reaches us as a space.
_LOST_PLUS = re.compile(r"([0-9]{4}-?[0-9]{2}-?[0-9]{2}[T ][0-9:.,]+) \+?([0-9]{2}(?::?[0-9]{2})?)")
_UTC_WORD = re.compile(r" (?:UTC|GMT)$")
# As we show local times: with the abbreviation that the zone has at that moment.
_ZONE_WORD = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+) ([A-Za-z]{2,5})")
_SPACED_ZONE = re.compile(r" (?=[+-][0-9]|Z$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """A live range (a key of RANGES) or two instants in UTC; `note` says what was not taken as the link has it."""

    range: str
    start: datetime | None = None
    end: datetime | None = None
    note: str = ""


def time_range(found: Mapping[str, str], *, now: datetime, retention: timedelta, zone: tzinfo = UTC) -> TimeRange:
    """The period of the parameters `from` and `to`, or `range`.

    Args:
        retention: how far back the sources hold anything.
        zone: the zone of times that name none.
    """
    now = now.astimezone(UTC).replace(microsecond=0)
    if "from" in found or "to" in found:
        last = found.get("to", "now")
        first = found["from"] if "from" in found else _before(last, now, zone)
        return _between(first, last, now, retention, zone)
    asked = found.get("range", DEFAULT_RANGE)
    if asked in RANGES:
        return TimeRange(range=asked)
    if _LENGTH.fullmatch(asked.strip()):
        return _between(f"now-{asked.strip()}", "now", now, retention, zone)
    return _default(f"“{one_line(asked, limit=40)}” is not a range such as {', '.join(RANGES)}")


def _before(last: str, now: datetime, zone: tzinfo) -> str:
    """The begin of a period of which only the end is named: the default range before it."""
    end = _instant(last, now, zone, up=True)
    usual = RANGES[DEFAULT_RANGE]
    if last.strip() == "now" or end is None or end - _FIRST < usual:
        return f"now-{DEFAULT_RANGE}"
    return (end - usual).isoformat()


def _between(first: str, last: str, now: datetime, retention: timedelta, zone: tzinfo) -> TimeRange:
    named = f"The link's period, “{one_line(first, limit=40)}” to “{one_line(last, limit=40)}”,"
    start, end = _instant(first, now, zone, up=False), _instant(last, now, zone, up=True)
    if start is None or end is None:
        return _default(f"{named} is not two times such as 2026-03-01T03:00:00Z or now-1h")
    if start >= end:
        return _default(f"{named} ends before it starts")
    if start >= now or end > now + _LONGEST_AHEAD:
        return _default(f"{named} lies in the future")
    if start < now - retention:
        return _default(f"{named} begins before the {retention.days} days that the sources keep")
    live = _live(first, last, start, now)
    found = live or _fixed(start, end, now, relative=_is_relative(first) and _is_relative(last))
    doubts = filter(None, (_doubt(first, zone), _doubt(last, zone), found.note))
    return replace(found, note=" ".join(doubts))


def _doubt(text: str, zone: tzinfo) -> str:
    """What is said of an end that the clock of the zone shows twice or never."""
    try:
        at = _written(text)
    except (ValueError, OverflowError):
        return ""
    if at.tzinfo is not None or not (why := wall_clock.doubt(at, zone)):
        return ""
    return f"“{one_line(text, limit=40)}” {why}: give its offset or UTC to name the moment."


def _live(first: str, last: str, start: datetime, now: datetime) -> TimeRange | None:
    """The range that follows the clock, where the link names one of those."""
    if last.strip() != "now" or "/" in first or not _is_relative(first):
        return None
    return next((TimeRange(range=name) for name, span in RANGES.items() if span == now - start), None)


def _fixed(start: datetime, end: datetime, now: datetime, *, relative: bool) -> TimeRange:
    """Whole seconds, not beyond now, and not shorter than SHORTEST."""
    note = ""
    if relative:
        note = f"This period does not move: only {', '.join(RANGES)} follow the clock."
    if end > now + _CLOCK_SKEW:
        note = "The link's period ends in the future: showing it until now."
    start, end = start.replace(microsecond=0), min(_up(end), now)
    if end - start < SHORTEST:
        note = "The link's period is shorter than a minute: showing one minute."
        end = min(start + SHORTEST, now)
        start = end - SHORTEST
    return TimeRange(range="", start=start, end=end, note=note)


def _default(what: str) -> TimeRange:
    return TimeRange(range=DEFAULT_RANGE, note=f"{what}: showing the last {DEFAULT_RANGE}.")


def _is_relative(text: str) -> bool:
    return text.strip().startswith("now")


def _instant(text: str, now: datetime, zone: tzinfo, *, up: bool) -> datetime | None:
    """The time that `text` names; None where it names none. `up`: `/d` is the end of the day."""
    text = text.strip()
    if (relative := _RELATIVE.fullmatch(text)) is not None:
        try:
            return _relative(now, relative[1], relative[2], zone, up=up).astimezone(UTC)
        except (ValueError, OverflowError):  # farther than a clock can show
            return _FIRST if "-" in text else _LAST
    try:
        return _absolute(text, zone, late=up)
    except (ValueError, OverflowError):
        return None


def _relative(now: datetime, steps: str, unit: str | None, zone: tzinfo, *, up: bool) -> datetime:
    at = now
    for sign, count, step in _STEP.findall(steps):
        at = _moved(at, int(sign + count), step)
    if unit is None:
        return at
    at = at.astimezone(zone)
    # Within a day clocks may change: an hour is always 60 minutes long, a day is what the calendar says.
    begin = _floor(at.astimezone(timezone(at.utcoffset() or timedelta(0))) if unit in ("s", "m", "h") else at, unit)
    return _moved(begin, 1, unit) if up else begin


def _absolute(text: str, zone: tzinfo, *, late: bool) -> datetime:
    """The time in UTC; on the clock of `zone` where the text names none, and then the later of two where `late`.

    Raises ValueError or OverflowError where it is no time.
    """
    if (word := _ZONE_WORD.fullmatch(text)) is not None and _UTC_WORD.search(text.upper()) is None:
        at = wall_clock.named(datetime.fromisoformat(word[1]), word[2], zone)
        if at is None:
            raise ValueError(f"{word[2]} is not what {zone} has at that time")
        return at
    at = _written(text)
    if at.tzinfo is None:
        return wall_clock.instant(at, zone, late=late)
    try:
        return at.astimezone(UTC)
    except OverflowError:  # its offset leads out of the years that a clock can show: far away in any case
        return at.replace(tzinfo=UTC)


def _written(text: str) -> datetime:
    """The time as it is written, without a zone where it names none. Raises as `_absolute` does."""
    if (epoch := _EPOCH.fullmatch(text)) is not None:
        unit = _EPOCH_UNITS[len(epoch[1])]
        return datetime.fromtimestamp(int(epoch[1]) / unit + float(epoch[2] or 0) / unit, UTC)
    if _DIGITS.fullmatch(text) and not _DATE.fullmatch(text):
        raise ValueError("digits that are neither a date nor an epoch time")
    text = _UTC_WORD.sub("Z", text.upper())
    if (plus := _LOST_PLUS.fullmatch(text)) is not None:
        text = f"{plus[1]}+{plus[2]}"
    return datetime.fromisoformat(_SPACED_ZONE.sub("", text))


def _moved(at: datetime, count: int, unit: str) -> datetime:
    if unit in _SPANS:
        return at + count * _SPANS[unit]
    month = at.year * 12 + at.month - 1 + count * _MONTHS[unit]
    first = at.replace(year=month // 12, month=month % 12 + 1, day=1)
    return first + timedelta(days=min(at.day, _days_in(first)) - 1)


def _days_in(first: datetime) -> int:
    return ((first + timedelta(days=31)).replace(day=1) - first).days


def _floor(at: datetime, unit: str) -> datetime:
    """The begin of the second, minute, hour, day, week (Monday), month, quarter or year in the zone of `at`."""
    at = at.replace(microsecond=0)
    if unit in ("s", "m", "h"):
        return at if unit == "s" else at.replace(second=0, minute=at.minute if unit == "m" else 0)
    day = at.replace(hour=0, minute=0, second=0, fold=0)
    if unit == "w":
        return day - timedelta(days=day.weekday())
    months = _MONTHS.get(unit)
    return day if months is None else day.replace(day=1, month=(day.month - 1) // months * months + 1)


def _up(at: datetime) -> datetime:
    return at if at.microsecond == 0 else at.replace(microsecond=0) + _SECOND
