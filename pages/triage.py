"""Triage: what is wrong now, since when, and what to do? Incidents first, the quiet figures below."""

from __future__ import annotations

from dashboard.model.view import View
from dashboard.queries.triage import triage
from dashboard.ui import session
from dashboard.ui import triage as pieces
from dashboard.ui.page import begin, live


def page() -> None:
    """Draw the page."""
    view = begin("Triage", "What is wrong now, since when, and what to do?")
    live(lambda: _draw(view), key="triage.live")


def _draw(view: View) -> None:
    now = session.now()
    found = triage(session.ask_for(view), view, now)
    pieces.headline(found, view, now)
    pieces.unfinished_actions(found, view)
    pieces.cards(found, view, now)
    pieces.services(found, view)
    pieces.pods(found, view)
    pieces.budgets(found, view)
    pieces.sources(view)
