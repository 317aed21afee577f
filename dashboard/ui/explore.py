"""A time chart to explore: plotly, to zoom, to hover and to compare lines. Its 5 MB come when a person asks for them.

Gaps stay gaps, blue and green are the tracks. Plotly knows no time zones: it gets clock times at one offset from UTC,
the last of the period, so that an hour that comes twice is drawn twice as long. Axis and pointer name the offset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as fixed_offset
from typing import Final

import plotly.graph_objects as go

from dashboard.model.reading import Unit
from dashboard.model.view import Marker
from dashboard.ui.axis import scale, value_label
from dashboard.ui.format import number, zone
from dashboard.ui.lines import ChartLine
from dashboard.ui.marks import grouped, mark_label, rooms
from dashboard.ui.text import in_chart, one_line
from dashboard.ui.wall_clock import changes, offset_words

CONFIG: Final = {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset", "responsive": True}
_LEGEND_CHARACTERS, _SHORT_NAME = 40, 14  # short ones fit twice beside each other on a phone
_LEGEND_ROW, _AXIS_ROOM = 20, 46  # pixels
_DASHES = {"": "solid", "7 5": "dash", "2 4": "dot", "10 4 2 4": "dashdot"}


def figure(
    lines: Sequence[ChartLine],
    *,
    unit: Unit,
    limit: float | None,
    markers: Sequence[Marker],
    height: int,
    tz: str,
    colours: Mapping[str, str],
) -> go.Figure:
    """The lines as a plotly figure, in the theme's colours."""
    found = go.Figure()
    start, end = _period(lines)
    at_offset = fixed_offset(end.astimezone(zone(tz)).utcoffset() or timedelta(0))
    for line in lines:
        times = line.series.times
        found.add_scatter(
            x=[datetime.fromtimestamp(at, at_offset).replace(tzinfo=None) for at in times],
            y=list(line.series.values),
            name=in_chart(line.name, limit=_LEGEND_CHARACTERS),
            meta=in_chart(line.name),
            mode="lines",
            connectgaps=False,
            line={"color": line.colour, "width": 2, "dash": _DASHES[line.dash]},
            customdata=[number(value, unit) for value in line.series.values],
            hovertemplate="%{customdata}<extra>%{meta}</extra>",
        )
    longest = max(len(one_line(line.name, limit=_LEGEND_CHARACTERS)) for line in lines)
    _lay_out(found, height=height, colours=colours, columns=2 if longest <= _SHORT_NAME else 1)
    _times(found, start, end, zone(tz), colour=colours["line"])
    _values(found, lines, unit=unit, limit=limit, colour=colours["line"])
    if limit is not None:
        found.add_hline(y=limit, line_dash="dash", line_width=1, line_color=colours["warn"])
        found.add_annotation(
            x=0, xref="paper", y=limit, yanchor="bottom", xanchor="left", showarrow=False,
            text=f"limit {number(limit, unit)}", font={"size": 11, "color": colours["warn"]},
        )  # fmt: skip
    _mark(found, lines, markers, at_offset=at_offset, colour=colours["grey"])
    return found


def _values(found: go.Figure, lines: Sequence[ChartLine], *, unit: Unit, limit: float | None, colour: str) -> None:
    """The axis of values: plotly's own words would be in thousandths ("500m/s")."""
    known = [value for line in lines for value in line.series.values if value is not None]
    axis = scale(known, unit, limit=limit)
    found.update_yaxes(
        gridcolor=colour,
        range=[axis.low, axis.high],
        tickvals=list(axis.ticks),
        ticktext=[value_label(tick, unit, axis.high).replace("$", "&#36;") for tick in axis.ticks],
        fixedrange=True,
    )


def _mark(
    found: go.Figure, lines: Sequence[ChartLine], markers: Sequence[Marker], *, at_offset: tzinfo, colour: str
) -> None:
    """Draw changes as dotted lines, with their labels above the plot, where they cover neither lines nor limit."""
    times = [at for line in lines for at in line.series.times]
    if not times:
        return
    start, end = min(times), max(times)
    groups = grouped(markers, start, end)
    places = [(group[0].at.timestamp() - start) / ((end - start) or 1.0) for group in groups]
    for group, (is_late, room) in zip(groups, rooms(places), strict=True):
        at = group[0].at.astimezone(at_offset).replace(tzinfo=None)
        found.add_vline(x=at, line_dash="dot", line_width=1, line_color=colour)
        found.add_annotation(
            x=at, y=1, yref="paper", yanchor="bottom", xanchor="right" if is_late else "left", showarrow=False,
            text=in_chart(mark_label(group, room)),
            hovertext="<br>".join(in_chart(marker.label) for marker in group),
            font={"size": 11, "color": colour},
        )  # fmt: skip


def _period(lines: Sequence[ChartLine]) -> tuple[datetime, datetime]:
    """From the first to the last moment of the lines; now where they have none."""
    times = [at for line in lines for at in line.series.times] or [datetime.now(UTC).timestamp()]
    return datetime.fromtimestamp(min(times), UTC), datetime.fromtimestamp(max(times), UTC)


def _times(found: go.Figure, start: datetime, end: datetime, zone: tzinfo, *, colour: str) -> None:
    """The axis of times, with the offset that all of them have."""
    word = offset_words(end, zone)
    title = f"{word}, also before the clocks changed" if changes(start, end, zone) else word
    found.update_xaxes(
        gridcolor=colour,
        title={"text": title, "font": {"size": 11}, "standoff": 4},
        hoverformat=f"%d %b %Y %H:%M:%S {word}",
    )


def _lay_out(found: go.Figure, *, height: int, colours: Mapping[str, str], columns: int) -> None:
    legend_rows = -(-len(found.data) // columns) if len(found.data) > 1 else 0
    found.update_layout(
        height=height + legend_rows * _LEGEND_ROW,
        margin={"l": 0, "r": 8, "t": 20, "b": _AXIS_ROOM + legend_rows * _LEGEND_ROW},
        dragmode="zoom",
        uirevision="kept",  # a refresh must not undo a zoom
        hovermode="x unified",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": colours["text"], "size": 12},
        showlegend=len(found.data) > 1,
        # Below the plot, in columns: a long legend then covers neither the axis nor itself.
        legend={
            "orientation": "h",
            "yref": "container",
            "yanchor": "bottom",
            "y": 0,
            "x": 0,
            "entrywidthmode": "fraction",
            "entrywidth": 1 / columns,
        },
    )
