"""The Streamlit script: set-up words when the settings cannot be read, else the navigation and the page asked for.

Order, group, title, icon and URL of every page stand here and nowhere else. The first pages of the list have a place in
the bar of a phone; the others are behind its "More".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from dashboard.settings import SettingsError
from dashboard.ui import session, setup, theme
from pages import agents, alerts, audit, business, contracts, logs, release, resources, sources, traces, triage


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEntry:
    """One page of the deck; `path` is its URL, `group` the word above it in the navigation."""

    group: str
    path: str
    title: str
    icon: str
    draw: Callable[[], None]


NAVIGATION = (
    PageEntry(group="Now", path="triage", title="Triage", icon=":material/emergency_home:", draw=triage.page),
    PageEntry(group="Now", path="release", title="Release", icon=":material/swap_horiz:", draw=release.page),
    PageEntry(group="Explore", path="agents", title="Agents", icon=":material/smart_toy:", draw=agents.page),
    PageEntry(group="Explore", path="contracts", title="Contracts", icon=":material/contract:", draw=contracts.page),
    PageEntry(group="Explore", path="resources", title="Resources", icon=":material/memory:", draw=resources.page),
    PageEntry(group="Explore", path="business", title="Business", icon=":material/payments:", draw=business.page),
    PageEntry(group="Explore", path="logs", title="Logs", icon=":material/notes:", draw=logs.page),
    PageEntry(group="Explore", path="traces", title="Traces", icon=":material/account_tree:", draw=traces.page),
    PageEntry(group="Operate", path="alerts", title="Alerts", icon=":material/notifications:", draw=alerts.page),
    PageEntry(group="Operate", path="audit", title="Audit", icon=":material/history_edu:", draw=audit.page),
    PageEntry(group="Operate", path="sources", title="Sources", icon=":material/cable:", draw=sources.page),
)
HOME = "triage"


def main() -> None:
    """Run the page that the URL names."""
    st.set_page_config(page_title="Tealdeck", page_icon=theme.ICON, layout="wide")
    pages = {
        entry.path: st.Page(entry.draw, title=entry.title, icon=entry.icon, url_path=entry.path) for entry in NAVIGATION
    }
    home = next(entry for entry in NAVIGATION if entry.path == HOME)
    root = st.Page(home.draw, title=home.title, icon=home.icon, url_path="home", default=True)
    chosen = st.navigation([root, *pages.values()], position="hidden")
    try:
        session.settings()
    except SettingsError:
        setup.show()
        return
    # On "/" the link to Triage is the page that is open, so that the navigation can mark it.
    session.set_pages(
        pages | ({HOME: root} if chosen is root else {}), groups={entry.path: entry.group for entry in NAVIGATION}
    )
    chosen.run()


if __name__ == "__main__":
    main()
