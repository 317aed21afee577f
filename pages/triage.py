"""Triage: what is wrong now, since when, and what to do? Incidents first, the quiet figures below."""

from __future__ import annotations

from dashboard.model.view import View
from dashboard.queries.triage import triage
from dashboard.ui import muting, session
from dashboard.ui import triage as pieces
from dashboard.ui.history import audit_troubles
from dashboard.ui.page import begin, live


def page() -> None:
    """Draw the page."""
    view = begin("Triage", "What is wrong now, since when, and what to do?")
    muting.dialog_if_asked(view)
    muting.outcome()
    live(lambda: _draw(view), key="triage.live")


def _draw(view: View) -> None:
    now = session.now()
    found = session.answer(triage, view)
    troubles = audit_troubles(session.actions(view).audit_status())
    pieces.audit_card(troubles, view)
    pieces.unfinished_actions(found, view)
    pieces.cards(found, view, now)
    pieces.headline(found, view, now, is_audit_well=not troubles)
    pieces.looked_at(found)
    pieces.services(found, view)
    pieces.pods(found, view)
    pieces.budgets(found, view)
    pieces.sources(view)
