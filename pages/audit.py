"""Audit: who did what, when, why and on which evidence, and was any record of it changed?"""

from __future__ import annotations

from dashboard.decide.trail import deeds, find
from dashboard.model.audit import TrailQuery
from dashboard.model.view import View
from dashboard.ui import audit as pieces
from dashboard.ui import session
from dashboard.ui.filters import choose, search
from dashboard.ui.page import begin, live


def page() -> None:
    """Draw the page."""
    view = begin("Audit", "Who did what, and was any record changed?")
    entries = session.actions(view).trail.read().entries
    choose(
        view,
        actor=sorted({entry.actor for entry in entries}),
        action=sorted({entry.action for entry in entries}),
        service=sorted({entry.service for entry in entries}),
    )
    search(view, label="Words", example="a reason, a version, an action's id")
    live(lambda: _draw(view), key="audit.live")


def _draw(view: View) -> None:
    desk, now = session.actions(view), session.now()
    trail = desk.trail.read()
    pieces.chain(desk.trail, trail, desk.audit_status(), view, now)
    start, end = view.window(now)
    matched = find(
        trail.entries,
        TrailQuery(
            namespace=view.ns,
            start=start,
            end=end,
            actor=view.actor,
            action=view.action,
            service=view.service,
            text=view.q,
        ),
    )
    if view.record:
        deed = next((one for one in deeds(trail.entries) if one.id == view.record), None)
        pieces.evidence(deed, desk.trail, view)
    pieces.results(deeds(matched), trail, matched, view)
    pieces.exports(matched, desk.trail)
