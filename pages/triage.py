"""Triage: what is wrong now?"""

from __future__ import annotations

from dashboard.ui.page import begin, live


def page() -> None:
    """Draw the page."""
    begin("Triage", "What is wrong now, since when, and what to do?")
    live(lambda: None, key="triage.live")
