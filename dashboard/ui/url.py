"""The address bar: the only module that reads and writes query parameters.

A link shows the same thing to another person, so everything a View holds is in it, and a value that is not
understood becomes the default together with a note in words. `parse` and `params` are pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import streamlit as st

from dashboard.model.view import DEFAULT_RANGE, FILTERS, RANGES, View
from dashboard.ui import session

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_TOO_LONG = 256


def read() -> View:
    """The view that the address bar names."""
    known = session.settings()
    namespaces = {name: environment.namespace for name, environment in known.environments.items()}
    found = {key: st.query_params[key] for key in st.query_params}
    return parse(found, namespaces=namespaces, default=known.default_environment, local_zone=local_zone())


def local_zone() -> str:
    """The browser's time zone; by its longer name where it is UTC, so that local time stays told apart from UTC."""
    found = st.context.timezone or "UTC"
    return "Etc/UTC" if found == "UTC" else found


def write(view: View) -> None:
    """Put the view into the address bar; a parameter that has its default is left out."""
    st.query_params.from_dict(link(view))


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


def parse(found: Mapping[str, str], *, namespaces: Mapping[str, str], default: str, local_zone: str = "UTC") -> View:
    """The view that query parameters name.

    Args: `namespaces` maps each known environment to its namespace; `local_zone` is the browser's time zone.
    """
    notes: list[str] = []
    env = found.get("env", default)
    if env not in namespaces:
        notes.append(f"The link names the environment “{env}”, which the settings do not have: showing {default}.")
        env = default
    ns = found.get("ns", "") or namespaces[env]
    if not _NAMESPACE.fullmatch(ns):
        notes.append(f"“{ns}” is no name of a namespace: showing {namespaces[env]}.")
        ns = namespaces[env]
    period, start, end = _period(found, notes)
    filters = {name: found.get(name, "")[:_TOO_LONG] for name in FILTERS}
    if filters["track"] not in ("", "blue", "green"):
        notes.append(f"“{filters['track']}” is no track: showing both.")
        filters["track"] = ""
    return View(
        env=env,
        ns=ns,
        range=period,
        start=start,
        end=end,
        tz=local_zone if found.get("tz") == "local" else "UTC",
        refresh="off" if found.get("refresh") == "off" else "on",
        notes=tuple(notes),
        **filters,
    )


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
    return found | {name: value for name in FILTERS if (value := str(getattr(view, name)))}


def _period(found: Mapping[str, str], notes: list[str]) -> tuple[str, datetime | None, datetime | None]:
    """The relative range, or the two instants of a fixed one."""
    if "from" in found or "to" in found:
        try:
            start, end = _parse_instant(found["from"]), _parse_instant(found["to"])
        except (KeyError, ValueError):
            notes.append(f"The link's period is no two times like 2026-03-01T03:00:00Z: now the last {DEFAULT_RANGE}.")
            return DEFAULT_RANGE, None, None
        if start < end:
            return "", start, end
        notes.append(f"The link's period ends before it starts: showing the last {DEFAULT_RANGE}.")
        return DEFAULT_RANGE, None, None
    period = found.get("range", DEFAULT_RANGE)
    if period not in RANGES:
        notes.append(f"“{period}” is no range ({', '.join(RANGES)}): showing the last {DEFAULT_RANGE}.")
        return DEFAULT_RANGE, None, None
    return period, None, None


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse_instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
