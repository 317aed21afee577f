"""A live tail: each line once, in the order of its arrival here, also one that arrives late. Pure.

All viewers ask the same question, the newest lines of the last minutes, again and again; what each has seen already is
kept in a `Tail` of its own. Lines are told apart by where they lie, not by their time: many share one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dashboard.model.log import DocumentId, LogEntry, LogPage, LogPlace
from dashboard.queries.request import Logs, Stream

# A line that comes later than this after its time is not seen; it is found by a search.
REACH = timedelta(minutes=2)
# A clock of a node that is fast writes into the future.
AHEAD = timedelta(seconds=30)
MOST = 1000
# How long one answer serves all who follow the same lines: a bit less than the pace of a tail.
PACE_SECONDS = 2
KEPT_SECONDS = 1.8
# An answer from the cache may be of a window that lies back: what was seen is remembered for longer than that.
REMEMBERED = REACH + timedelta(minutes=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """What one viewer has seen, and when that was last looked for (None: never)."""

    seen: Mapping[DocumentId, datetime] = field(default_factory=dict)
    looked: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TailStep:
    """The lines that are new to a viewer, oldest first, and the tail to go on with.

    `has_gap` says that lines in between may be missing: more came than are asked for at once, or the last look was too
    long ago.
    """

    new: tuple[LogEntry, ...]
    tail: Tail
    has_gap: bool


def newest(
    stream: Stream,
    namespace: str,
    now: datetime,
    *,
    filters: Mapping[str, str | tuple[str, ...]],
    text: str = "",
    places: tuple[LogPlace, ...] = (),
) -> Logs:
    """The question that all viewers of a tail ask."""
    start, end = now - REACH, now + AHEAD
    return Logs(
        stream=stream,
        namespace=namespace,
        start=start,
        end=end,
        filters=filters,
        text=text,
        size=MOST,
        kept_seconds=KEPT_SECONDS,
        places=places,
    )


def advance(tail: Tail, page: LogPage, now: datetime) -> TailStep:
    """What of `page`, an answer to `newest`, is new. `now` must not go back from one step to the next."""
    oldest = now - REMEMBERED
    new = [entry for entry in page.entries if entry.document not in tail.seen and entry.at >= oldest]
    is_cut = len(page.entries) >= MOST and len(new) == len(page.entries)
    seen = {document: at for document, at in tail.seen.items() if at >= oldest}
    return TailStep(
        new=tuple(sorted(new, key=lambda entry: entry.at)),
        tail=Tail(seen=seen | {entry.document: entry.at for entry in new}, looked=now),
        has_gap=tail.looked is not None and (is_cut or now - tail.looked > REACH),
    )
