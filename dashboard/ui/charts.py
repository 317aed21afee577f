"""Time charts to explore: plotly, gaps stay gaps, blue and green are the tracks, the time zone is on the axis.

Dragging is off and the tool bar hidden, so that a chart never holds the scroll of a phone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import plotly.graph_objects as go
import streamlit as st

from dashboard.model.reading import Reading, Unit
from dashboard.model.series import Series
from dashboard.model.view import Marker
from dashboard.ui import session, states, theme
from dashboard.ui.format import number, zone
from dashboard.ui.text import in_chart, one_line, plain

CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset", "responsive": True}
_AXIS = {
    Unit.RATIO: (".3~p", ""),
    Unit.SECONDS: (".3~s", "s"),
    Unit.PER_SECOND: (".3~s", "/s"),
    Unit.BYTES: (".3~s", "B"),
    Unit.CORES: (".3~s", " cores"),
    Unit.USD: ("$.3~s", ""),
    Unit.TOKENS: (".3~s", ""),
    Unit.TIMES: (".3~s", " ×"),
    Unit.COUNT: (".3~s", ""),
}
_MOST_LINES = 12
_MOST_MARKS = 4
_LATE = 0.7
_LEGEND_CHARACTERS, _SHORT_NAME = 40, 14  # short ones fit twice beside each other on a phone
_LEGEND_ROW, _AXIS_ROOM = 20, 46  # pixels
_CHARACTERS_ACROSS, _FEWEST_CHARACTERS = 38, 12  # above the plot of a phone; a shorter label says nothing
_ALL_ZERO = (0.0, 0.05)  # or an axis without any figure would run to 100 %


def time_chart(
    title: str,
    series: Reading[tuple[Series, ...]],
    *,
    unit: Unit,
    name: Callable[[Mapping[str, str]], str],
    key: str,
    limit: float | None = None,
    markers: Sequence[Marker] = (),
    height: int = 240,
    tz: str = "UTC",
) -> None:
    """Draw lines over time under a title; say in words when there are none, or when some are left out."""
    with st.container(border=True, key=f"chart-{key}", gap="xxsmall"):
        st.markdown(f"**{plain(title)}**")
        if not series.value:
            states.note(series)
            return
        states.badge(series, session.now())
        if len(series.value) > _MOST_LINES:
            st.caption(f"The {_MOST_LINES} highest of {len(series.value)} lines.")
        highest = sorted(series.value, key=lambda line: line.last or 0.0, reverse=True)[:_MOST_LINES]
        # Sorted by name: by value, colours and legend would jump whenever two lines cross.
        lines = sorted(highest, key=lambda line: name(line.labels))
        figure = _figure(lines, unit=unit, name=name, limit=limit, markers=markers, height=height, tz=tz)
        st.plotly_chart(figure, key=key, config=CONFIG, alt=_alt(title, lines, unit, name, tz))


def _figure(
    lines: Sequence[Series],
    *,
    unit: Unit,
    name: Callable[[Mapping[str, str]], str],
    limit: float | None,
    markers: Sequence[Marker],
    height: int,
    tz: str,
) -> go.Figure:
    colours, others = theme.colours(), theme.others()
    figure = go.Figure()
    spare = 0
    for line in lines:
        track = line.labels.get("track", "")
        if track in ("blue", "green"):
            colour = colours[track]
        else:
            colour, spare = others[spare % len(others)], spare + 1
        figure.add_scatter(
            x=[datetime.fromtimestamp(at, UTC).astimezone(zone(tz)).replace(tzinfo=None) for at in line.times],
            y=list(line.values),
            name=in_chart(name(line.labels), limit=_LEGEND_CHARACTERS),
            meta=in_chart(name(line.labels)),
            mode="lines",
            connectgaps=False,
            line={"color": colour, "width": 2, "dash": "dot" if _is_repeat(line, lines) else "solid"},
            customdata=[number(value, unit) for value in line.values],
            hovertemplate="%{customdata}<extra>%{meta}</extra>",
        )
    longest = max(len(one_line(name(line.labels), limit=_LEGEND_CHARACTERS)) for line in lines)
    _lay_out(figure, unit=unit, height=height, tz=tz, colours=colours, columns=2 if longest <= _SHORT_NAME else 1)
    if unit is Unit.RATIO and limit is None and not any(value for line in lines for value in line.values):
        figure.update_yaxes(range=_ALL_ZERO)
    if limit is not None:
        figure.add_hline(y=limit, line_dash="dash", line_width=1, line_color=colours["warn"])
        figure.add_annotation(
            x=0, xref="paper", y=limit, yanchor="bottom", xanchor="left", showarrow=False,
            text=f"limit {number(limit, unit)}", font={"size": 11, "color": colours["warn"]},
        )  # fmt: skip
    _mark(figure, lines, markers, tz=tz, colour=colours["grey"])
    return figure


def _mark(figure: go.Figure, lines: Sequence[Series], markers: Sequence[Marker], *, tz: str, colour: str) -> None:
    """Draw changes as dotted lines, with their labels above the plot, where they cover neither lines nor limit."""
    times = [at for line in lines for at in line.times]
    if not times:
        return
    start, end = min(times), max(times)
    groups = grouped(markers, start, end)
    places = [(group[0].at.timestamp() - start) / ((end - start) or 1.0) for group in groups]
    for group, (is_late, room) in zip(groups, rooms(places), strict=True):
        at = group[0].at.astimezone(zone(tz)).replace(tzinfo=None)
        figure.add_vline(x=at, line_dash="dot", line_width=1, line_color=colour)
        figure.add_annotation(
            x=at, y=1, yref="paper", yanchor="bottom", xanchor="right" if is_late else "left", showarrow=False,
            text=_words(group, room),
            hovertext="<br>".join(in_chart(marker.label) for marker in group),
            font={"size": 11, "color": colour},
        )  # fmt: skip


def grouped(markers: Sequence[Marker], start: float, end: float) -> list[list[Marker]]:
    """The changes within the chart, in order of time; those too close for labels of their own share a group.

    Pure. `start` and `end` in seconds since the epoch.
    """
    groups: list[list[Marker]] = []
    for marker in sorted(markers, key=lambda marker: marker.at):
        at = marker.at.timestamp()
        if not start <= at <= end:
            continue
        if groups and at - groups[-1][0].at.timestamp() < (end - start) / _MOST_MARKS:
            groups[-1].append(marker)
        else:
            groups.append([marker])
    return groups


def rooms(places: Sequence[float]) -> list[tuple[bool, int]]:
    """For each change, whether its label stands left of it, and how many characters fit before it meets another.

    Pure. `places` are fractions of the chart's width, 0 to 1, ascending. Labels near the right edge run to the left, so
    that the edge does not cut them; an early and a late label share the room between them.
    """
    late = [place > _LATE for place in places]
    found = []
    for index, (place, is_late) in enumerate(zip(places, late, strict=True)):
        step = -1 if is_late else 1
        if 0 <= index + step < len(places):
            free = abs(places[index + step] - place) / (1 if late[index + step] is is_late else 2)
        else:
            free = place if is_late else 1 - place
        found.append((is_late, int(free * _CHARACTERS_ACROSS)))
    return found


def _words(group: Sequence[Marker], room: int) -> str:
    """The label of a group: the change itself where it fits, else the number of changes."""
    count = "1 change" if len(group) == 1 else f"{len(group)} changes"
    return in_chart(group[0].label, limit=room) if len(group) == 1 and room >= _FEWEST_CHARACTERS else count


def _lay_out(figure: go.Figure, *, unit: Unit, height: int, tz: str, colours: Mapping[str, str], columns: int) -> None:
    form, suffix = _AXIS[unit]
    legend_rows = -(-len(figure.data) // columns) if len(figure.data) > 1 else 0
    figure.update_layout(
        height=height + legend_rows * _LEGEND_ROW,
        margin={"l": 0, "r": 8, "t": 20, "b": _AXIS_ROOM + legend_rows * _LEGEND_ROW},
        dragmode=False,
        hovermode="x unified",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": colours["text"], "size": 12},
        showlegend=len(figure.data) > 1,
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
    zone_word = f"{datetime.now(zone(tz)):%Z}"
    figure.update_xaxes(
        gridcolor=colours["line"], title={"text": zone_word, "font": {"size": 11}, "standoff": 4}, fixedrange=True
    )
    figure.update_yaxes(
        gridcolor=colours["line"], tickformat=form, ticksuffix=suffix, rangemode="tozero", fixedrange=True, nticks=5
    )


def _is_repeat(line: Series, lines: Sequence[Series]) -> bool:
    """Whether an earlier line of the same track has the colour already: this one is then dotted."""
    same = [other for other in lines if other.labels.get("track") == line.labels.get("track")]
    return line.labels.get("track") in ("blue", "green") and same.index(line) > 0


def _alt(title: str, lines: Sequence[Series], unit: Unit, name: Callable[[Mapping[str, str]], str], tz: str) -> str:
    """The chart in words: the last value of each line."""
    said = ", ".join(f"{one_line(name(line.labels), limit=40)} {number(line.last, unit)}" for line in lines)
    return one_line(f"{title}, over time in {tz}. Last values: {said}.", limit=500)
