"""How far back a search looks before it looks further: most people look for what has just happened. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

STEPS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6), timedelta(hours=24), timedelta(days=7))


def beginnings(start: datetime, end: datetime, *, bucket_seconds: int = 1) -> tuple[datetime, ...]:
    """Where each window to `end` begins, the narrowest first; the last is `start`.

    Those before are on whole buckets, so that a histogram's first one is as wide as the others.
    """
    narrower = []
    for step in STEPS:
        begins = int((end - step).timestamp()) // bucket_seconds * bucket_seconds
        if begins <= start.timestamp():
            break
        narrower.append(datetime.fromtimestamp(begins, UTC))
    return (*dict.fromkeys(narrower), start)
