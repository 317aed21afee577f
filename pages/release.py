"""Release: go or no-go, where is the traffic, and how do I switch or go back?"""

from __future__ import annotations

from dashboard.model.view import View
from dashboard.queries.release import release
from dashboard.ui import action_progress, review, session, switching
from dashboard.ui import release as pieces
from dashboard.ui.gates import gates
from dashboard.ui.history import history
from dashboard.ui.page import begin, live


def page() -> None:
    """Draw the page."""
    view = begin("Release", "May the release take the users, and where is the traffic now?")
    switching.dialog_if_asked(view)
    action_progress.progress(view)
    running = action_progress.running_id(view)
    live(lambda: _draw(view, running), key="release.live")


def _draw(view: View, running: str) -> None:
    action_progress.follow(view, running)
    now = session.now()
    found = session.answer(release, view, is_shared=not running)
    desk = session.actions(view)
    past = desk.history(view.ns, found.service.value.name) if found.service.value else ()
    if past and past[0].at >= found.before.at:  # what is shared is older than the last action
        found = session.answer(release, view, is_shared=False)
    switching.choice(found, view)
    switching.left_behind(found, view, running)
    pieces.verdict_card(found.after or found.before, found.service.value, now)
    switching.buttons(found, busy=bool(running))
    pieces.tracks(found, now)
    gates(found.after or found.before, view, now)
    review.exports(found)
    review.how(found.after or found.before, found.policy)
    if found.after is not None:
        pieces.verdict_card(found.before, found.service.value, now)
    pieces.charts(found, past, view)
    history(past, desk.audit_status(), view)
