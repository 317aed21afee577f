"""The address bar: the only module that reads and writes query parameters.

A link shows the same thing to another person, so everything a View holds is in it, and a value that is not
understood becomes the default together with a note in words. `parse` and `params` are pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard.model.view import DEFAULT_RANGE, FILTERS, View
from dashboard.settings.environment import RETENTION_DAYS
from dashboard.ui import session
from dashboard.ui.format import zone
from dashboard.ui.text import encodable
from dashboard.ui.timerange import time_range

# No word of a link is longer; what is longer is cut, which is said of a query: a part of it asks something else.
LONGEST = 256
_LONGER = {"q": 1_000, "line": 800}


def longest(name: str) -> int:
    """How many characters a filter may have."""
    return _LONGER.get(name, LONGEST)


def read() -> View:
    """The view that the address bar names."""
    known = session.settings()
    namespaces = {name: environment.namespaces for name, environment in known.environments.items()}
    found = {key: st.query_params[key] for key in st.query_params}
    return parse(
        found,
        namespaces=namespaces,
        default=known.default_environment,
        local_zone=local_zone(),
        now=session.now(),
        retention_days={name: environment.retention_days for name, environment in known.environments.items()},
    )


def local_zone() -> str:
    """The browser's time zone; by its longer name where it is UTC, so that local time stays told apart from UTC."""
    found = st.context.timezone or "UTC"
    return "Etc/UTC" if found == "UTC" else found


def write(view: View) -> None:
    """Put the view into the address bar; a parameter that has its default is left out."""
    st.query_params.from_dict(link(view))


def write_period(view: View, start: datetime, end: datetime) -> None:
    """Put another fixed period into the address bar, as it was asked for: `read` bounds it and says so."""
    asked = params(
        replace(view, range=DEFAULT_RANGE, start=None, end=None, notes=()),
        default_env=session.settings().default_environment,
        default_ns=session.namespace_of(view.env),
    )
    st.query_params.from_dict(asked | {"from": _instant(start), "to": _instant(end)})


def link(view: View, **changes: str) -> dict[str, str]:
    """Query parameters of an in-app link: what the view shows, with some filters changed."""
    changed = replace(view, notes=(), **changes)  # type: ignore[arg-type]  # filters are strings, which mypy cannot see
    return params(
        changed, default_env=session.settings().default_environment, default_ns=session.namespace_of(changed.env)
    )


def share(view: View, now: datetime) -> dict[str, str]:
    """Query parameters for another person: the same instants whenever opened, and no reliance on defaults."""
    start, end = view.window(now)
    return params(replace(view, range="", start=start, end=end, notes=()), default_env="", default_ns="")


def parse(
    found: Mapping[str, str],
    *,
    namespaces: Mapping[str, Sequence[str]],
    default: str,
    local_zone: str = "UTC",
    now: datetime | None = None,
    retention_days: Mapping[str, int] = {},
) -> View:
    """The view that query parameters name.

    Args:
        namespaces: those of each environment in the settings, the default first. A link cannot name any other: each
            costs watches and queries.
        local_zone: the browser's time zone.
        now: the time that relative periods count from and that no period ends after; None is the present.
        retention_days: how far back a period may begin, by environment; RETENTION_DAYS where it is not named.
    """
    notes: list[str] = []
    env = found.get("env", default)
    if env not in namespaces:
        notes.append(
            f"The link names the environment “{env[:LONGEST]}”, which the settings do not have: showing {default}."
        )
        env = default
    ns = found.get("ns", "") or namespaces[env][0]
    if ns not in namespaces[env]:
        notes.append(f"The settings of {env} do not list the namespace “{ns[:LONGEST]}”: showing {namespaces[env][0]}.")
        ns = namespaces[env][0]
    retention = timedelta(days=retention_days.get(env, RETENTION_DAYS))
    tz = _zone_named(found.get("tz", "").strip() or "UTC", local_zone, notes)
    refresh = found.get("refresh", "").strip().lower() or "on"
    if refresh not in ("on", "off"):
        notes.append(f"“{refresh[:LONGEST]}” is neither on nor off: this page refreshes itself.")
    period = time_range(found, now=now or session.now(), retention=retention, zone=zone(tz))
    if period.note:
        notes.append(period.note)
    filters = {name: found.get(name, "")[: longest(name)] for name in FILTERS}
    if len(found.get("q", "")) > len(filters["q"]):
        notes.append(f"What the link searches for is longer than {longest('q'):,} characters: its end is left out.")
    if filters["track"] not in ("", "blue", "green"):
        notes.append(f"“{filters['track']}” is no track: showing both.")
        filters["track"] = ""
    return View(
        env=env,
        ns=ns,
        range=period.range,
        start=period.start,
        end=period.end,
        tz=tz,
        refresh="off" if refresh == "off" else "on",
        notes=tuple(notes),
        **filters,
    )


def _zone_named(asked: str, local_zone: str, notes: list[str]) -> str:
    """The time zone that a link names: UTC or the viewer's own. Another one is noted: its times would be misread."""
    if asked.lower() in ("local", local_zone.lower()):
        return local_zone
    if asked.upper() != "UTC":
        notes.append(f"The link's time zone “{asked[:LONGEST]}” is neither UTC nor local: times are in UTC.")
    return "UTC"


def params(view: View, *, default_env: str, default_ns: str) -> dict[str, str]:
    """The view as query parameters, without those that have their default."""
    found: dict[str, str] = {}
    if view.env != default_env:
        found["env"] = view.env
    if view.ns != default_ns:
        found["ns"] = view.ns
    if view.start is not None and view.end is not None:
        found |= {"from": _instant(view.start), "to": _instant(view.end)}
    elif view.range != DEFAULT_RANGE:
        found["range"] = view.range
    if view.tz != "UTC":
        found["tz"] = "local"
    if view.refresh == "off":
        found["refresh"] = "off"
    return found | {name: encodable(value) for name in FILTERS if (value := str(getattr(view, name)))}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
