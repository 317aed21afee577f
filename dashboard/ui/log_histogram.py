"""How many lines there were when, by level, as bars that narrow the period on a tap. Pure HTML.

Five bars lie under one link, so that a thumb can hit it on the narrowest screen. Errors stand at the bottom, on one
line, where a few of them are not lost above many others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dashboard.model.log import LogPage
from dashboard.model.words import LogLevel
from dashboard.ui.axis import times
from dashboard.ui.format import clock, stamp, zone
from dashboard.ui.text import in_html
from dashboard.ui.timerange import SHORTEST

_BARS_A_LINK: Final = 5
_LEAST_HEIGHT: Final = 2.0  # per cent: one line among thousands is still seen
_CLASSES: Final = {LogLevel.ERROR: "sick", LogLevel.WARNING: "warn", LogLevel.INFO: "well", LogLevel.DEBUG: "quiet"}
_EDGE: Final = 0.06
Link = Callable[[datetime, datetime], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bucket: how many lines, and how many of them state each level."""

    start: datetime
    end: datetime
    total: int
    levels: dict[LogLevel, int]

    @property
    def unsaid(self) -> int:
        """How many state no level, or one that is not understood."""
        return max(0, self.total - sum(self.levels.values()))


def bars(page: LogPage, start: datetime, end: datetime) -> tuple[Bar, ...]:
    """The buckets of a page's histogram, the first and the last cut to the period."""
    moments = [at for at, _ in page.histogram]
    width = moments[1] - moments[0] if len(moments) > 1 else end - start
    by_level = {level: dict(counts) for level, counts in page.levels.items()}
    return tuple(
        Bar(
            start=max(at, start),
            end=min(at + width, end),
            total=count,
            levels={level: counts.get(at, 0) for level, counts in by_level.items()},
        )
        for at, count in page.histogram
    )


def words(found: Sequence[Bar], tz: str) -> str:
    """The picture in words: the peak, and when. Not escaped."""
    peak = max(found, key=lambda bar: bar.total, default=None)
    if peak is None or not peak.total:
        return "No line in this period"
    return f"Most lines at {clock(peak.start, tz)}: {peak.total:,} within {_span(peak)}"


def html(found: Sequence[Bar], tz: str, link: Link) -> str:
    """The bars with a time axis, their peak, a legend, and the values as a table."""
    if not found:
        return ""
    highest = max(1, *(bar.total for bar in found))
    groups = [found[at : at + _BARS_A_LINK] for at in range(0, len(found), _BARS_A_LINK)]
    drawn = "".join(_group(group, highest, tz, link, whole=(found[0].start, found[-1].end)) for group in groups)
    peak = in_html(words(found, tz))
    return (
        f'<figure class="td-bars" role="group" aria-label="Lines over time: {peak}">'
        f'<div class="td-columns">{drawn}</div><div class="td-axis" aria-hidden="true">{_axis(found, tz)}</div>'
        f'{_legend(found)}<figcaption class="td-note">{peak}. A tap shows that part alone.</figcaption></figure>'
        f"{_table(found, tz)}"
    )


def zone_of(group: Sequence[Bar], whole: tuple[datetime, datetime]) -> tuple[datetime, datetime] | None:
    """The period that a tap on these bars shows, at least a minute; None where that narrows nothing."""
    start, end = group[0].start.replace(microsecond=0), group[-1].end
    if end.microsecond:
        end = end.replace(microsecond=0) + timedelta(seconds=1)
    if end - start < SHORTEST:
        start = max(whole[0].replace(microsecond=0), end - SHORTEST)
        end = start + SHORTEST
    return (start, end) if end - start < whole[1] - whole[0] else None


def _group(group: Sequence[Bar], highest: int, tz: str, link: Link, *, whole: tuple[datetime, datetime]) -> str:
    columns = "".join(f"<i>{_parts(bar, highest)}</i>" for bar in group)
    zone_there = zone_of(group, whole)
    said = in_html(_told(group, tz))
    target = link(*zone_there) if zone_there else ""
    style = f' style="flex-grow:{len(group)}"'
    if not target:
        return f'<span{style} title="{said}">{columns}</span>'
    to = in_html(target, limit=8000)
    return f'<a{style} href="{to}" target="_self" title="{said}" aria-label="{said}">{columns}</a>'


def _told(group: Sequence[Bar], tz: str) -> str:
    total, errors = sum(bar.total for bar in group), sum(bar.levels.get(LogLevel.ERROR, 0) for bar in group)
    of = f", {errors:,} {'error' if errors == 1 else 'errors'}" if errors else ""
    lines = f"{total:,} {'line' if total == 1 else 'lines'}"
    return f"{clock(group[0].start, tz)} to {clock(group[-1].end, tz)}: {lines}{of}"


def _parts(bar: Bar, highest: int) -> str:
    """The parts of one bar, from its top to its bottom."""
    counts = [("none", bar.unsaid)]
    counts += [(_CLASSES[level], bar.levels.get(level, 0)) for level in reversed(LogLevel)]
    return "".join(
        f'<b class="td-{name}" style="height:{max(_LEAST_HEIGHT, 100 * count / highest):.1f}%"></b>'
        for name, count in counts
        if count
    )


def _axis(found: Sequence[Bar], tz: str) -> str:
    start, end = found[0].start.timestamp(), found[-1].end.timestamp()
    marks = [((at - start) / (end - start), label) for at, label in times(start, end, zone(tz))]
    shown = "".join(
        f'<span style="left:{place:.1%}">{label}</span>' for place, label in marks if _EDGE <= place <= 1 - 2 * _EDGE
    )
    return f'{shown}<span class="td-zone">{in_html(f"{found[-1].end.astimezone(zone(tz)):%Z}")}</span>'


def _legend(found: Sequence[Bar]) -> str:
    items = [(_CLASSES[level], sum(bar.levels.get(level, 0) for bar in found), level.value) for level in LogLevel]
    items.append(("none", sum(bar.unsaid for bar in found), "without a level"))
    shown = "".join(f'<li class="td-{name}">{count:,} {word}</li>' for name, count, word in items if count)
    return f'<ul class="td-legend">{shown}</ul>'


def _table(found: Sequence[Bar], tz: str) -> str:
    heads = "".join(f'<th scope="col">{word}</th>' for word in ("from", "lines", *(level.value for level in LogLevel)))
    rows = "".join(
        f'<tr><th scope="row">{stamp(bar.start, tz)}</th><td class="td-number">{bar.total:,}</td>'
        + "".join(f'<td class="td-number">{bar.levels.get(level, 0):,}</td>' for level in LogLevel)
        + "</tr>"
        for bar in reversed(found)
        if bar.total
    )
    return (
        '<details class="td-data"><summary>Values as a table</summary><div class="td-wide"><table class="td-table">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        '<div class="td-note">Times without a line are left out.</div></details>'
    )


def _span(bar: Bar) -> str:
    seconds = round((bar.end - bar.start).total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"
