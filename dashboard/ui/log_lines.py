"""Log lines as rows of links, cards on a phone; and one line with all that is known of it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from dashboard.decide.content import is_content, is_content_event
from dashboard.model.log import LogEntry
from dashboard.model.view import View
from dashboard.model.words import LogLevel, shown
from dashboard.ui.format import stamp, zone
from dashboard.ui.links import address
from dashboard.ui.text import encodable, in_html, one_line

_IN_A_ROW: Final = 300
_WHOLE: Final = 20_000
_MOST_FIELDS, _VALUE = 120, 2_000
_SIGNS: Final = {
    LogLevel.ERROR: ("✖ error", "sick"),
    LogLevel.WARNING: ("▲ warning", "warn"),
    LogLevel.INFO: ("info", "well"),
    LogLevel.DEBUG: ("debug", "quiet"),
}
_ABOUT: Final = ("gen_ai.agent.name", "gen_ai.tool.name", "error.type")
FOLDED: Final = "a message of a conversation (prompt or completion): open the line to read it"


def rows(entries: Iterable[LogEntry], view: View, *, marked: str = "", label: str = "Log lines") -> str:
    """The lines as they come, each a link to all that is known of it; `marked` is the document that stands out."""
    items = "".join(_row(entry, view, is_marked=str(entry.document) == marked) for entry in entries)
    return f'<ol class="td-lines" aria-label="{in_html(label)}">{items}</ol>'


def level_sign(entry: LogEntry) -> tuple[str, str]:
    """The words and the tone of a line's level; a word that is not understood is shown as it is."""
    if entry.level is not None:
        return _SIGNS[entry.level]
    return (f"? {shown(entry.severity)}", "warn") if entry.severity else ("no level", "none")


def place(entry: LogEntry) -> str:
    """Where a line is from: its pod, and the service and track as far as the pod's name does not tell them."""
    told = [part for part in (entry.service, entry.track) if part and part not in entry.pod]
    return " · ".join(filter(None, (*told, entry.pod)))


def about(entry: LogEntry) -> str:
    """What a line says beside its text: the agent, the tool, the kind of error."""
    return " · ".join(filter(None, (str(entry.attributes.get(name) or "") for name in _ABOUT)))


def message(entry: LogEntry) -> str:
    """What a row shows of a line; contents of conversations are folded away."""
    if is_content_event(entry.fields):
        return FOLDED
    return one_line(entry.message, limit=_IN_A_ROW) or "(no text)"


def whole(entry: LogEntry, view: View) -> str:
    """One line: its text to copy, where it leads, and every field."""
    word, tone = level_sign(entry)
    head = f'<p class="td-what td-{tone}"><b>{in_html(word)}</b> {in_html(stamp(entry.at, view.tz))} {_at(entry)}</p>'
    text = encodable(entry.message)
    cut = f'<p class="td-note">Cut at {_WHOLE:,} of {len(text):,} characters.</p>' if len(text) > _WHOLE else ""
    body = f'<pre class="td-code td-copied" dir="auto">{html.escape(_visible(text[:_WHOLE]))}</pre>{cut}'
    if is_content_event(entry.fields):
        summary = f"Contents of a conversation, {len(text):,} characters: tap to read"
        body = f"<details><summary>{summary}</summary>{body}</details>"
    copy = '<button type="button" class="td-button" data-copy="1">Copy the line</button>'
    return f'<div class="td-line">{head}{body}<p class="td-doors">{copy}{_doors(entry, view)}</p>{_fields(entry)}</div>'


def _row(entry: LogEntry, view: View, *, is_marked: bool) -> str:
    word, tone = level_sign(entry)
    local = entry.at.astimezone(zone(view.tz))
    at = f"{local:%H:%M:%S}.{local.microsecond // 1000:03d}"
    if view.window(entry.at + timedelta(seconds=1))[0].date() != entry.at.date() or view.range in ("24h", "7d", ""):
        at = f"{local:%d %b} {at}"
    target = in_html(address("logs", replace(view, line=str(entry.document))), limit=8000)
    aside = f' <small dir="auto">{in_html(about(entry), limit=120)}</small>' if about(entry) else ""
    says = f'<span class="td-says" dir="auto">{in_html(message(entry))}{aside}</span>'
    says = f'<a href="{target}" target="_self">{says}</a>' if target else says
    mark = ' aria-current="true"' if is_marked else ""
    return (
        f'<li class="td-{tone}"{mark}><time datetime="{entry.at.isoformat()}">{at}</time>'
        f'<b class="td-level">{in_html(word, limit=20)}</b><small>{in_html(place(entry), limit=120)}</small>{says}</li>'
    )


def _at(entry: LogEntry) -> str:
    return in_html(place(entry))


def _doors(entry: LogEntry, view: View) -> str:
    """Where one line leads: its trace, and the other lines of its trace, pod and service."""
    here = replace(view, line="")
    doors: list[tuple[str, str]] = []
    if entry.trace_id:
        doors.append(
            ("Open the trace", address("traces", replace(_bare(here), trace=entry.trace_id, span=entry.span_id)))
        )
        doors.append(("All lines of this trace", address("logs", replace(_bare(here), trace=entry.trace_id))))
    if entry.pod:
        doors.append(("Lines of this pod", address("logs", replace(_bare(here), pod=entry.pod))))
        doors.append(("The pod", address("resources", replace(_bare(here), pod=entry.pod))))
    return "".join(f'<a href="{in_html(to, limit=8000)}" target="_self">{said}</a>' for said, to in doors if to)


def _bare(view: View) -> View:
    """The same look without filters, which would hide what a door leads to."""
    gone: dict[str, Any] = dict.fromkeys(("q", "level", "service", "track", "pod", "container", "agent", "tool"), "")
    return replace(view, **gone, logger="", model="", contract="", trace="", tail="")


def _fields(entry: LogEntry) -> str:
    names: Sequence[str] = sorted(entry.fields)
    found = "".join(_field(name, entry.fields[name]) for name in names[:_MOST_FIELDS])
    more = (
        f'<p class="td-note">{len(names) - _MOST_FIELDS} more fields are left out.</p>'
        if len(names) > _MOST_FIELDS
        else ""
    )
    document = _field("document", str(entry.document))
    summary = f"<summary>All {len(names)} fields</summary>"
    return f'<details class="td-data" open>{summary}<dl>{found}{document}</dl>{more}</details>'


def _field(name: str, value: Any) -> str:
    text = encodable(str(value))
    said = html.escape(_visible(text[:_VALUE])) + (f" … ({len(text):,} characters)" if len(text) > _VALUE else "")
    if is_content(name):
        said = f"<details><summary>prompt or result, {len(text):,} characters: tap to read</summary>{said}</details>"
    return f'<dt>{in_html(name, limit=200)}</dt><dd dir="auto">{said}</dd>'


def _visible(text: str) -> str:
    """Control characters as pictures of them; line breaks and tabs stay. Direction marks are shown as a dot."""
    return "".join(_sign(sign) for sign in text)


def _sign(sign: str) -> str:
    code = ord(sign)
    if sign in "\n\t":
        return sign
    if code < 0x20 or code == 0x7F:
        return chr(0x2421) if code == 0x7F else chr(0x2400 + code)
    if 0x80 <= code < 0xA0 or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069 or code in (0x200E, 0x200F, 0xFEFF):
        return "·"
    return sign
