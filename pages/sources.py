"""Sources: can this deck be trusted? What is wrong first, with the lines that mend it; what is right is folded."""

from __future__ import annotations

from dashboard.model.view import View
from dashboard.queries.lags import lags
from dashboard.queries.own import own_health
from dashboard.queries.sources import fit, sources
from dashboard.queries.suggestion import suggested
from dashboard.ui import session
from dashboard.ui import sources as pieces
from dashboard.ui.fits import fits
from dashboard.ui.history import audit_troubles
from dashboard.ui.page import begin, live


def page() -> None:
    """Draw the page."""
    view = begin("Sources", "Can this deck be trusted?")
    live(lambda: _draw(view), key="sources.live")


def _draw(view: View) -> None:
    ask, now = session.ask_for(view), session.now()
    found, behind = sources(ask, now), lags(ask, view.ns, now)
    audit = session.actions(view).audit_status()
    troubles = audit_troubles(audit)
    fitting = fit(ask, found)
    pieces.headline(found, troubles, fitting, behind)
    pieces.backends(found, behind, now, view)
    pieces.concepts(found)
    pieces.missing(found.missing)
    pieces.suggestion(suggested(ask, session.settings_text()))
    pieces.services(found.services)
    fits(fitting, ask.environment.retention_days)
    pieces.own(own_health(), troubles, audit.file, now)
