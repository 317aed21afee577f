"""Alerts: who has to answer, who is told next, and what is muted by whom?"""

from __future__ import annotations

from dashboard.model.view import View
from dashboard.queries.alerts import alerts
from dashboard.ui import alerts as pieces
from dashboard.ui import muting, session, silences
from dashboard.ui.filters import search
from dashboard.ui.page import begin, live


def page() -> None:
    """Draw the page."""
    view = begin("Alerts", "Who has to answer, who is told next, and what is muted by whom?")
    muting.dialog_if_asked(view)
    muting.outcome()
    live(lambda: _draw(view), key="alerts.live")
    search(view, label="Words in silences", example="a person, a reason, a label")


def _draw(view: View) -> None:
    now = session.now()
    found = session.answer(alerts, view)
    board = found.board.value
    pieces.headline(found.board, now)
    pieces.groups(found.board, found.active, view, now)
    silences.muted(found.board, view, now)
    pieces.informing(found.board, view)
    silences.silences(found.mutes, board.matched if board else {}, view, now)
    silences.times(found.times, view)
    silences.receivers(found.deliveries, found.routes)
