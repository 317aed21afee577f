"""A time chart as HTML around an SVG picture: axes, legend and marks are words that a reader finds and a theme colours.

Pure. Text from outside is escaped here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dashboard.model.reading import Unit
from dashboard.model.view import Marker
from dashboard.ui.axis import Scale, scale, times, value_label
from dashboard.ui.format import number, stamp, zone
from dashboard.ui.lines import ChartLine
from dashboard.ui.marks import grouped, mark_label, rooms
from dashboard.ui.svg_chart import Frame, Stroke, data_uri, svg
from dashboard.ui.text import in_html, one_line
from dashboard.ui.wall_clock import zone_words

_BORDERS: Final = {"": "solid", "7 5": "dashed", "2 4": "dotted", "10 4 2 4": "double"}
_NAME, _MOST_WORDS = 40, 500
_EDGE = 0.06  # so near the edges of the plot a label of the time axis would be cut
_TABLE_ROWS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What one chart shows; `title` and the lines' names are from outside. There is at least one line.

    `band` is what is to come: moments with the low and the high value then, as `svg_chart.svg` takes it.
    """

    title: str
    lines: Sequence[ChartLine]
    unit: Unit
    limit: float | None = None
    markers: Sequence[Marker] = ()
    height: int = 200
    tz: str = "UTC"
    limit_name: str = "limit"
    band: Sequence[tuple[float, float, float]] = ()
    band_name: str = ""


def words(chart: Chart) -> str:
    """The chart in words: the last value of each line, its limit and the changes. Not escaped."""
    said = ", ".join(
        f"{one_line(line.name, limit=_NAME)} {number(line.series.last, chart.unit)}" for line in chart.lines
    )
    limit = f" {chart.limit_name.capitalize()} {number(chart.limit, chart.unit)}." if chart.limit is not None else ""
    band = f" {chart.band_name.capitalize()} {_band_words(chart)}." if chart.band else ""
    return one_line(f"{chart.title}, over time in {chart.tz}. Last values: {said}.{limit}{band}", limit=_MOST_WORDS)


def html(chart: Chart, colours: Mapping[str, str]) -> str:
    """The whole chart without its title; stands still as long as its data do."""
    frame, axis = _frame(chart)
    return (
        f'<figure class="td-chart"><div class="td-plot" style="height:{chart.height}px">'
        f"{picture(chart, colours)}"
        f"{_values(axis, chart.unit)}{_limit(chart, axis)}{_times(frame, chart.tz)}{_marks(chart, frame)}</div>"
        f"<figcaption>{_legend(chart)}</figcaption></figure>"
    )


def picture(chart: Chart, colours: Mapping[str, str]) -> str:
    """The lines alone as an image with alternative text."""
    frame, axis = _frame(chart)
    inside = [marker for group in grouped(chart.markers, frame.start, frame.end) for marker in group[:1]]
    drawn = svg(
        frame,
        [
            Stroke(times=line.series.times, values=line.series.values, colour=line.colour, dash=line.dash)
            for line in chart.lines
        ],
        grid=axis.ticks,
        marks=[marker.at.timestamp() for marker in inside],
        limit=chart.limit,
        band=chart.band,
        colours=(colours["line"], colours["grey"], colours["warn"]),
    )
    return f'<img alt="{in_html(words(chart), limit=_MOST_WORDS)}" src="{data_uri(drawn)}">'


def table(chart: Chart) -> str:
    """The values behind the picture as an HTML table, the newest first; rows are thinned evenly, which is said."""
    moments = sorted({at for line in chart.lines for at in line.series.times}, reverse=True)
    step = max(1, -(-len(moments) // _TABLE_ROWS))
    known = [dict(zip(line.series.times, line.series.values, strict=True)) for line in chart.lines]
    heads = "".join(f'<th scope="col">{in_html(line.name, limit=_NAME)}</th>' for line in chart.lines)
    rows = "".join(
        f'<tr><th scope="row">{stamp(datetime.fromtimestamp(at, UTC), chart.tz)}</th>'
        + "".join(f'<td class="td-number">{in_html(number(values.get(at), chart.unit))}</td>' for values in known)
        + "</tr>"
        for at in moments[::step]
    )
    note = f"Every {step}th of {len(moments)} moments." if step > 1 else f"All {len(moments)} moments."
    return (
        f'<details class="td-data"><summary>Values as a table</summary><div class="td-wide"><table class="td-table">'
        f'<thead><tr><th scope="col">time</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        f'<div class="td-note">{note}</div></details>'
    )


def _band_words(chart: Chart) -> str:
    """Where the band ends."""
    _, low, high = chart.band[-1]
    return f"{number(low, chart.unit)} to {number(high, chart.unit)}"


def _frame(chart: Chart) -> tuple[Frame, Scale]:
    moments = [at for line in chart.lines for at in line.series.times] + [at for at, _, _ in chart.band]
    known = [value for line in chart.lines for value in line.series.values if value is not None]
    axis = scale([*known, *(high for _, _, high in chart.band)], chart.unit, limit=chart.limit)
    start, end = (min(moments), max(moments)) if moments else (0.0, 0.0)
    return Frame(start=start, end=end, low=axis.low, high=axis.high), axis


def _values(axis: Scale, unit: Unit) -> str:
    return "".join(
        f'<span class="td-y" aria-hidden="true" style="bottom:{axis.share(tick):.1%}">'
        f"{in_html(value_label(tick, unit, axis.high))}</span>"
        for tick in axis.ticks
    )


def _limit(chart: Chart, axis: Scale) -> str:
    if chart.limit is None or not axis.low <= chart.limit <= axis.high:
        return ""
    said = in_html(f"{chart.limit_name} {number(chart.limit, chart.unit)}")
    return f'<span class="td-limit" aria-hidden="true" style="bottom:{axis.share(chart.limit):.1%}">{said}</span>'


def _times(frame: Frame, tz: str) -> str:
    found = [
        ((at - frame.start) / (frame.end - frame.start), label) for at, label in times(frame.start, frame.end, zone(tz))
    ]
    shown = "".join(
        f'<span class="td-x" aria-hidden="true" style="left:{place:.1%}">{label}</span>'
        for place, label in found
        if _EDGE <= place <= 1 - 2 * _EDGE
    )
    start, end = (datetime.fromtimestamp(at, UTC) for at in (frame.start, frame.end))
    zone_word = zone_words(start, end, zone(tz))
    return f'{shown}<span class="td-x td-zone" aria-hidden="true">{in_html(zone_word)}</span>'


def _marks(chart: Chart, frame: Frame) -> str:
    groups = grouped(chart.markers, frame.start, frame.end)
    places = [frame.x(group[0].at.timestamp()) / 1000 for group in groups]
    shown = []
    for group, place, (is_late, room) in zip(groups, places, rooms(places), strict=True):
        side = f"right:{1 - place:.1%}" if is_late else f"left:{place:.1%}"
        told = "; ".join(f"{stamp(marker.at, chart.tz)} {marker.label}" for marker in group)
        shown.append(
            f'<span class="td-mark" style="{side}" title="{in_html(told)}">{in_html(mark_label(group, room))}</span>'
        )
    return "".join(shown)


def _legend(chart: Chart) -> str:
    items = "".join(
        f'<li><i style="border-top:3px {_BORDERS[line.dash]} {line.colour}"></i>{in_html(line.name, limit=_NAME)} '
        f"<b>{in_html(number(line.series.last, chart.unit))}</b></li>"
        for line in chart.lines
    )
    above = ""
    if chart.limit is not None and not _limit(chart, _frame(chart)[1]):
        limit = in_html(f"{chart.limit_name} {number(chart.limit, chart.unit)}")
        above = f'<li class="td-out">{limit}, beyond this chart</li>'
    band = ""
    if chart.band:
        colour = chart.lines[0].colour
        mark = f'<i style="border-top:8px solid {colour};opacity:.3"></i>'
        band = f"<li>{mark}{in_html(chart.band_name)} <b>{in_html(_band_words(chart))}</b></li>"
    return f'<ul class="td-keys">{items}{band}{above}</ul>'
