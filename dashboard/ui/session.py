"""What a session stands on: the settings, one Ask and one desk per environment, the clock, the pages.

All but the page list belongs to the process. It stands in this module and not in Streamlit's cache, which any visitor's
browser can empty: each time, connections, watches and running actions would be left behind and begun anew.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import streamlit as st
from streamlit.navigation.page import Page

from dashboard.act.actor import local_actor
from dashboard.act.desk import Desk, build_desk
from dashboard.model.action import Actor
from dashboard.model.view import View
from dashboard.queries.ask import Ask, build_ask
from dashboard.queries.release import judge
from dashboard.settings import Settings, SettingsError, load, settings_file, text_of
from dashboard.ui.sharing import Shared

T = TypeVar("T")
# How much of a refresh interval the answer of a whole page is shared for, between viewers who look at the same.
_SHARED_PART = 1 / 3
# While a source is down, pages are refreshed this often, so that the end of an outage shows within 10 s.
UNWELL_SECONDS = 4
_PAGES, _GROUPS = "app.pages", "app.groups"
_desks: list[Desk] = []


@dataclass(slots=True)
class _Owned:
    """What the process owns under one settings file; an Ask and a desk are made when somebody needs them."""

    settings: Settings
    asks: dict[str, Ask] = field(default_factory=dict)
    desks: dict[str, Desk] = field(default_factory=dict)
    answers: Shared = field(default_factory=Shared)


_owning = threading.RLock()
_owned: dict[Path, _Owned] = {}  # one in production; tests name a file each


def _mine() -> _Owned:
    file = settings_file()
    with _owning:
        if file not in _owned:
            _owned[file] = _Owned(load(None))
        return _owned[file]


def settings() -> Settings:
    """The settings of this process. Raises SettingsError, which app.py shows in place of the pages."""
    return _mine().settings


def settings_text() -> str:
    """The settings file as it is written."""
    return text_of()


def ask_of(environment: str) -> Ask:
    """The one Ask of the environment of that name."""
    with _owning:
        mine = _mine()
        if environment not in mine.asks:
            mine.asks[environment] = build_ask(mine.settings.environments[environment])
        return mine.asks[environment]


def ask_for(view: View) -> Ask:
    """The one Ask of the view's environment, with its cache and its watches."""
    return ask_of(view.env)


def answer(of: Callable[[Ask, View, datetime], T], view: View, *, is_shared: bool = True) -> T:
    """What the page's question answers for this view, the same for all viewers of it within a part of a refresh.

    Not shared where it must be of this very moment, for example while an action runs.
    """
    ask = ask_for(view)
    if not is_shared:
        return of(ask, view, now())
    seconds = pace_seconds(ask.environment.refresh_seconds, is_well=ask.is_well) * _SHARED_PART
    key = (of, ask, replace(view, notes=()))
    return _mine().answers.get(key, seconds, lambda: of(ask, view, now()))


def alerts_changed(view: View) -> None:
    """After an act on alerts: what is shared of the environment's alerts is worked out anew."""
    ask_for(view).alerts_changed()
    with _owning:
        _mine().answers = Shared()


def pace_seconds(calm: int, *, is_well: bool) -> int:
    """How often a live page asks again: as the settings say, and more often while a source is down. Pure."""
    return calm if is_well else min(calm, UNWELL_SECONDS)


def _desk(environment: str) -> Desk:
    with _owning:
        mine = _mine()
        if environment not in mine.desks:
            ask = ask_of(environment)
            mine.desks[environment] = build_desk(
                mine.settings.environments[environment],
                lambda namespace, service, action: judge(ask, namespace, service, now(), action),
            )
            _desks.append(mine.desks[environment])
        return mine.desks[environment]


def close() -> None:
    """Ends what is asked in the background, and forgets the settings. For the end of the process, after draining."""
    with _owning:
        for owned in _owned.values():
            for ask in owned.asks.values():
                ask.close()
        _owned.clear()
        _desks.clear()


def actions(view: View) -> Desk:
    """The one desk of the view's environment: what it runs goes on when this session ends."""
    return _desk(view.env)


def open_desks() -> None:
    """Set up the desk of every environment: ships what an earlier process left, and reads the audit before a visitor.

    Without settings that can be used there is none; a visitor is told on the page.
    """
    try:
        environments = tuple(settings().environments)
    except SettingsError:
        return
    for name in environments:
        _desk(name).history(namespace_of(name), "")


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


def set_pages(pages: Mapping[str, Page], *, groups: Mapping[str, str]) -> None:
    """Tell this session which pages there are and their groups, by their names in the URL; called on every run."""
    st.session_state[_PAGES], st.session_state[_GROUPS] = dict(pages), dict(groups)


def groups() -> Mapping[str, str]:
    """The group of each page by its name, in the order of the navigation."""
    found: Mapping[str, str] = st.session_state.get(_GROUPS, {})
    return found


def pages() -> Mapping[str, Page]:
    """The pages by name; empty in a test that draws a piece alone."""
    found: Mapping[str, Page] = st.session_state.get(_PAGES, {})
    return found
