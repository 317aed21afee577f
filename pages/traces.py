"""Traces: where did the time and the decision go?"""

from __future__ import annotations

from dashboard.model.view import View
from dashboard.model.words import SpanOutcome
from dashboard.queries.traces import LEAST_SECONDS, LEAST_USD, ORDERS, choices, runs, trace
from dashboard.ui import session
from dashboard.ui import traces as pieces
from dashboard.ui.filters import TRACKS, choose, search
from dashboard.ui.page import begin, live

_WORDS = {
    **{name: f"over {name.replace('min', ' min').replace('s', ' s')}" for name in LEAST_SECONDS},
    **{name: f"over ${name}" for name in LEAST_USD},
}


def page() -> None:
    """Draw the page."""
    view = begin("Traces", "Where did the time and the decision go?")
    if view.trace:
        live(lambda: pieces.one(session.answer(trace, view), view), key="traces.one")
        return
    _filters(view)
    live(lambda: pieces.runs(session.answer(runs, view), view), key="traces.runs.live")


def _filters(view: View) -> None:
    known = choices(session.ask_for(view), view, session.now())
    with pieces.search_box(view):
        choose(
            view,
            words=_WORDS,
            agent=known["agent"],
            tool=known["tool"],
            error=known["error"],
            outcome=(SpanOutcome.FAILED, SpanOutcome.SUCCEEDED),
            took=tuple(LEAST_SECONDS),
            cost=tuple(LEAST_USD),
            track=TRACKS,
        )
        choose(view, nothing="failed first", key="filters.order", order=ORDERS)
        search(view, label="Words in a span's name", example="invoke_agent planner")
