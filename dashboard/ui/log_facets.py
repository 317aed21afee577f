"""What the lines are made of, by field, each value a link that narrows to it. HTML of bounded size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from dashboard.model.log import LogPage
from dashboard.model.view import View
from dashboard.model.words import LogLevel
from dashboard.ui.links import address
from dashboard.ui.text import in_html, one_line

_NAMES: Final[Mapping[str, str]] = {"level": "severity"}
_MOST_VALUES: Final = 8
_LONGEST: Final = 60
# Filters that a link may carry although they are no facet of their own.
_ALL: Final = ("level", "service", "track", "pod", "container", "agent", "tool", "logger", "model", "contract", "trace")


def facets(page: LogPage, totals: Mapping[LogLevel, int], view: View, names: tuple[str, ...]) -> str:
    """Each field with its most frequent values; what no document here has is said in one line."""
    shown, silent = [], []
    for name in names:
        values = _levels(totals) if name == "level" else page.terms.get(name, ())
        if values or getattr(view, name):
            shown.append(_facet(name, values, view))
        elif name in page.lacking:
            silent.append(_NAMES.get(name, name))
    note = f"No line here has a field for {', '.join(silent)}." if silent else ""
    return f'<nav class="td-facets" aria-label="Narrow the lines">{"".join(shown)}<p class="td-note">{note}</p></nav>'


def chosen(view: View) -> str:
    """What narrows the lines at present, each a link that takes it away; "" where nothing does."""
    links = []
    for name in _ALL:
        if value := getattr(view, name):
            said = in_html(f"{_NAMES.get(name, name)}: {one_line(value, limit=_LONGEST)}")
            links.append(f'<a href="{_to(view, name, "")}" target="_self" aria-label="Remove {said}">{said} ✕</a>')
    return f'<div class="td-chips">{"".join(links)}</div>' if links else ""


def _levels(totals: Mapping[LogLevel, int]) -> tuple[tuple[str, int], ...]:
    return tuple((level.value, count) for level, count in totals.items() if count)


def _facet(name: str, values: tuple[tuple[str, int], ...], view: View) -> str:
    asked = getattr(view, name)
    found = dict(values[:_MOST_VALUES])
    if asked:
        found = {asked: found.get(asked, dict(values).get(asked, 0)), **found}
    rows = "".join(_row(name, value, count, view, is_asked=value == asked) for value, count in found.items())
    more = f'<li class="td-note">{len(values) - _MOST_VALUES} more</li>' if len(values) > _MOST_VALUES else ""
    return f"<section><h3>{_NAMES.get(name, name)}</h3><ul>{rows}{more}</ul></section>"


def _row(name: str, value: str, count: int, view: View, *, is_asked: bool) -> str:
    said = in_html(one_line(value, limit=_LONGEST) or "(blank)")
    mark = ' aria-current="true"' if is_asked else ""
    inside = f'<span dir="auto">{said}</span> <b>{count:,}</b>'
    target = _to(view, name, "" if is_asked else value)
    return f'<li><a{mark} href="{target}" target="_self">{inside}</a></li>' if target else f"<li>{inside}</li>"


def _to(view: View, name: str, value: str) -> str:
    changed: dict[str, Any] = {name: value, "line": ""}
    return in_html(address("logs", replace(view, **changed)), limit=8000)
