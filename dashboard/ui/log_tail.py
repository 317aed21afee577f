"""Following: new lines as they come, each once, and in words when that lags or has stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import streamlit as st

from dashboard.model.log import LogEntry, LogPage
from dashboard.model.reading import Reading, State
from dashboard.model.view import View
from dashboard.queries.log_page import followed, mistake_in
from dashboard.queries.tail import PACE_SECONDS, Tail, advance
from dashboard.ui import session
from dashboard.ui.format import ago, clock, span
from dashboard.ui.log_lead import counted
from dashboard.ui.log_lines import rows
from dashboard.ui.text import plain

MOST_SHOWN: Final = 200
_LATE = timedelta(seconds=15)
_KEY: Final = "logs.following"


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What one viewer has seen since following began; the newest lines first.

    `late` is how long after its time the last new line was first seen; `gap_at` is when lines may have been lost.
    """

    view: View
    began: datetime
    tail: Tail = field(default_factory=Tail)
    shown: tuple[LogEntry, ...] = ()
    count: int = 0
    late: timedelta = timedelta(0)
    gap_at: datetime | None = None


def follow(view: View) -> None:
    """Draw the new lines now and again every PACE_SECONDS."""
    if mistake_in(view.q):
        return
    st.fragment(lambda: _part(view), run_every=PACE_SECONDS, key="logs.tail")()


def _part(view: View) -> None:
    now = session.now()
    known = st.session_state.get(_KEY)
    if not isinstance(known, Following) or known.view != view:
        known = Following(view=view, began=now)
    reading = followed(session.ask_for(view), view, now)
    known = stepped(known, reading, now)
    st.session_state[_KEY] = known
    icon, words = in_words(known, reading, now)
    st.markdown(f"{icon} {words}")
    st.html(rows(known.shown, view, label="New lines") if known.shown else "<p class='td-note'>No line yet.</p>")


def stepped(known: Following, reading: Reading[LogPage], now: datetime) -> Following:
    """With the lines that are new to this viewer. A stale answer brings none. Pure."""
    if reading.value is None or reading.state is State.STALE:
        return known
    is_first = known.tail.looked is None
    step = advance(known.tail, reading.value, now)
    new = step.new[::-1]
    # What lay there when following began may be old; only what came since tells how late lines are.
    late = max((now - line.at for line in new), default=known.late) if new and not is_first else known.late
    return replace(
        known,
        tail=step.tail,
        shown=(*new, *known.shown)[:MOST_SHOWN],
        count=known.count + (0 if is_first else len(new)),
        late=late,
        gap_at=now if step.has_gap else known.gap_at,
    )


def in_words(known: Following, reading: Reading[LogPage], now: datetime) -> tuple[str, str]:
    """An icon and a sentence on how current the lines are. Pure."""
    if reading.value is None and reading.state is not State.EMPTY:
        return _stopped(known, reading, now)
    if reading.state is State.STALE:
        return _stopped(known, reading, now)
    said = [f"**Following** since {clock(known.began, known.view.tz)}: {counted(known.count, 'new line')}."]
    said.append(_newest(known.shown, now))
    icon = ":material/sensors:"
    if known.late > _LATE:
        said.append(f"Lines arrive up to {span(known.late)} after they are written.")
        icon = ":material/hourglass_bottom:"
    if known.gap_at is not None:
        at = clock(known.gap_at, known.view.tz)
        said.append(f"Lines may lack around {at}: more came at once than are read. The search has them all.")
        icon = ":material/warning:"
    if reading.state is State.PARTIAL:
        said.append(f"Not everything was read: {plain(reading.reason)}.")
        icon = ":material/incomplete_circle:"
    if reading.state is State.EMPTY:
        said.append(f"{plain(reading.reason)}.")
    return icon, " ".join(filter(None, said))


def _newest(shown: Sequence[LogEntry], now: datetime) -> str:
    return f"The newest was written {ago(shown[0].at, now)}." if shown else "No line in the last minutes."


def _stopped(known: Following, reading: Reading[LogPage], now: datetime) -> tuple[str, str]:
    since = f" The last look that worked was {ago(known.tail.looked, now)}." if known.tail.looked else ""
    why = plain(reading.reason)
    return ":material/cloud_off:", f"**Following has stopped:** {why}.{since} It goes on by itself; nothing is lost."
