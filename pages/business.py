"""Business: is it worth it?"""

from __future__ import annotations

from dashboard.model.view import View
from dashboard.queries.business import business
from dashboard.ui import business as pieces
from dashboard.ui import session
from dashboard.ui.page import begin, live


def page() -> None:
    """Draw the page."""
    view = begin("Business", "Are the agents worth it, and will the budget do?")
    live(lambda: _draw(view), key="business.live")


def _draw(view: View) -> None:
    answer = session.answer(business, view)
    pieces.top(answer)
    pieces.budget(answer)
    pieces.figures(answer)
    pieces.definitions()
    pieces.breakdowns(answer, view)
    pieces.reports(answer, view)
