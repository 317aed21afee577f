"""Times on the clock of a zone that changes its clocks: an hour of autumn comes twice, an hour of spring is skipped.

A time without a zone can therefore name two moments or none. Links carry UTC; these functions read what people type.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo


def wall(at: datetime, zone: tzinfo) -> datetime:
    """What a clock of the zone shows at an instant, without a zone and in whole seconds."""
    return at.astimezone(zone).replace(tzinfo=None, microsecond=0, fold=0)


def instants(shown: datetime, zone: tzinfo) -> tuple[datetime, ...]:
    """The instants in UTC at which a clock of the zone shows this: two, one, or none in a skipped hour."""
    both = (shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    at = shown.replace(fold=0)
    return tuple(dict.fromkeys(one for one in both if one.astimezone(zone).replace(tzinfo=None, fold=0) == at))


def instant(shown: datetime, zone: tzinfo, *, late: bool) -> datetime:
    """The instant in UTC that a clock time means: the first of two, the second where `late`.

    A period thus holds all that its two ends can mean. A skipped time is read as the clock would show it unchanged:
    02:30 is half an hour after the change at 02:00.
    """
    found = instants(shown, zone) or (shown.replace(tzinfo=zone, fold=0).astimezone(UTC),)
    return found[-1] if late else found[0]


def twin(at: datetime, zone: tzinfo) -> datetime | None:
    """The other instant in UTC at which a clock of the zone shows the same; None where there is none."""
    both = instants(at.astimezone(zone).replace(tzinfo=None, fold=0), zone)
    return next((one for one in both if one != at), None) if len(both) == 2 else None


def entered(shown: datetime, before: datetime, zone: tzinfo, *, late: bool) -> datetime:
    """What an input means that showed the instant `before`: the same instant, second of two or not, if it is unchanged.

    Inputs have no seconds, so they are not compared.
    """
    is_unchanged = shown.replace(second=0, microsecond=0, fold=0) == wall(before, zone).replace(second=0)
    return before if is_unchanged else instant(shown, zone, late=late)


def named(shown: datetime, zone_word: str, zone: tzinfo) -> datetime | None:
    """The instant in UTC of a time with the abbreviation that its zone has then, such as CEST; None where none fits."""
    fits: Iterable[datetime] = (
        at for at in instants(shown, zone) if (at.astimezone(zone).tzname() or "").upper() == zone_word.upper()
    )
    return next(iter(fits), None)


def zone_words(start: datetime, end: datetime, zone: tzinfo) -> str:
    """The abbreviation that the zone has in a period: `CET`, or `CEST, then CET` where its clocks change."""
    return ", then ".join(dict.fromkeys(at.astimezone(zone).tzname() or str(zone) for at in (start, end)))


def changes(start: datetime, end: datetime, zone: tzinfo) -> bool:
    """Whether the zone's offset from UTC at the end of a period is another than at its start."""
    return start.astimezone(zone).utcoffset() != end.astimezone(zone).utcoffset()


def offset_words(at: datetime, zone: tzinfo) -> str:
    """The zone at an instant with its offset: `CET (UTC+01:00)`, `UTC`, or `UTC-03:00` where the zone has no name."""
    local = at.astimezone(zone)
    offset = f"UTC{local.isoformat()[-6:]}" if local.utcoffset() else "UTC"
    word = local.tzname() or ""
    return f"{word} ({offset})" if word.isalpha() and word != offset else offset


def doubt(shown: datetime, zone: tzinfo) -> str:
    """Why a clock time does not name one moment, in words that follow it; "" where it does."""
    found = instants(shown, zone)
    if len(found) == 1:
        return ""
    return f"comes twice on that day in {zone}" if found else f"is skipped on that day in {zone}"
