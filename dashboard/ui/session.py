"""What a session stands on: the settings, one Ask per environment for the whole process, the clock, the pages.

Everything here is shared by all viewers (cached per process) but for the page list, which Streamlit wants per session.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import streamlit as st
from streamlit.navigation.page import Page

from dashboard.act.actor import local_actor
from dashboard.act.desk import Desk, build_desk
from dashboard.model.action import Actor
from dashboard.model.view import View
from dashboard.queries.ask import Ask, build_ask
from dashboard.queries.release import judge
from dashboard.settings import Settings, SettingsError, load

_PAGES = "app.pages"
_desks: list[Desk] = []


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """The settings of this process. Raises SettingsError, which app.py shows in place of the pages."""
    return load(None)


@st.cache_resource(show_spinner=False)
def ask_of(environment: str) -> Ask:
    """The one Ask of the environment of that name."""
    return build_ask(settings().environments[environment])


def ask_for(view: View) -> Ask:
    """The one Ask of the view's environment, with its cache and its watches."""
    return ask_of(view.env)


@st.cache_resource(show_spinner=False)
def _desk(environment: str) -> Desk:
    ask = ask_of(environment)
    desk = build_desk(
        settings().environments[environment],
        lambda namespace, service, action: judge(ask, namespace, service, now(), action),
    )
    _desks.append(desk)
    return desk


def actions(view: View) -> Desk:
    """The one desk of the view's environment: what it runs goes on when this session ends."""
    return _desk(view.env)


def open_desks() -> None:
    """Set up the desk of every environment, so that records which an earlier process left are shipped at once.

    Without settings that can be used there is none; a visitor is told on the page.
    """
    try:
        environments = tuple(settings().environments)
    except SettingsError:
        return
    for name in environments:
        _desk(name)


def drain_actions(seconds: float) -> None:
    """Begin no more actions, and let those of this process end within `seconds` or be left for a person to resume."""
    desks = tuple(_desks)
    if desks:
        with ThreadPoolExecutor(len(desks)) as pool:
            list(pool.map(lambda desk: desk.drain(seconds), desks))


def actor() -> Actor:
    """Who acts. There is no login yet, so it is the deck's own user."""
    return local_actor(os.environ)


def namespaces_of(environment: str) -> tuple[str, ...]:
    """The namespaces that the settings list for an environment, the default first; none when they do not know it."""
    found = settings().environments.get(environment)
    return found.namespaces if found else ()


def namespace_of(environment: str) -> str:
    """The namespace shown where nobody chose one; empty for an environment that the settings do not know."""
    return next(iter(namespaces_of(environment)), "")


def now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


def set_pages(pages: Mapping[str, Page]) -> None:
    """Tell this session which pages there are, by their names in the URL; called by app.py on every run."""
    st.session_state[_PAGES] = dict(pages)


def pages() -> Mapping[str, Page]:
    """The pages by name; empty in a test that draws a piece alone."""
    found: Mapping[str, Page] = st.session_state.get(_PAGES, {})
    return found
