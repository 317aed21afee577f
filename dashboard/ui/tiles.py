"""Tiles: one measure each, with unit, change, sparkline, limit and state; two in a row on a phone.

The sparkline is a small SVG of our own: Streamlit's starts a chart library for every tile and scales each line to
itself, so that a flat 0.2 % looks as bad as a rise to 8 %.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from dashboard.model.reading import Reading, State, Unit
from dashboard.model.series import Series
from dashboard.ui import session, states, theme
from dashboard.ui.format import change, number, shown
from dashboard.ui.text import encodable, in_html, plain

Good = Literal["up", "down", "neutral"]
TileColour = Literal["blue", "green", "brand", "grey", "sick"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One measure. `good` says which direction is better; `limit` is the value that must not be passed.

    `scale` is the value at the top of the sparkline: give tiles of one measure the same, so that they compare.
    `colour` names the line's colour: a track, "brand" or "grey".
    """

    name: str
    value: Reading[float]
    unit: Unit
    key: str
    previous: Reading[float] | None = None
    spark: Reading[tuple[Series, ...]] | None = None
    good: Good = "neutral"
    limit: float | None = None
    note: str = ""
    help: str = ""
    scale: float | None = None
    colour: TileColour = "brand"

    @property
    def is_beyond(self) -> bool:
        """Whether the value has passed its limit, in the direction that is not good."""
        if self.limit is None or self.value.value is None:
            return False
        return self.value.value < self.limit if self.good == "up" else self.value.value > self.limit


def tiles(items: Sequence[Tile], *, columns: int = 4, key: str) -> None:
    """Draw tiles side by side, as many in a row as fit, at most `columns`; the last one fills its row."""
    across, last = filled(len(items), columns)
    with st.grid(across, min_column_width=130, gap="small", key=f"tiles-{key}") as grid:
        for item in items:
            # A cell of its own only where it is wide: tiles that are cells themselves are all as high as their row.
            cell = grid.cell(column_span=last) if last > 1 and item is items[-1] else nullcontext()
            with cell, st.container(border=True, key=f"tile-{item.key}", gap="xxsmall", height="stretch"):
                tile(item)


def filled(count: int, most: int) -> tuple[int, int]:
    """Columns for `count` tiles, at most `most`, in rows of about the same length; and how many the last tile spans."""
    count = max(count, 1)
    rows = -(-count // most)
    across = -(-count // rows)
    return across, across * rows - count + 1


def tile(item: Tile) -> None:
    """Draw the inside of one tile: the figure, the sparkline, then limit and notes in words."""
    reading = item.value
    delta = change(reading.value, item.previous.value if item.previous else None, item.unit)
    name = plain(item.name)
    # A metric says the source of its label to screen readers, escapes included; a caption does not.
    is_escaped = name != item.name
    if is_escaped:
        st.caption(name, help=_behind(item))
    st.metric(
        "figure" if is_escaped else name,
        shown(reading, item.unit),
        delta=0 if delta == "0" else delta or None,
        delta_color={"up": "normal", "down": "inverse", "neutral": "off"}[item.good],  # type: ignore[arg-type]
        delta_description="vs. before" if delta else None,
        help=None if is_escaped else _behind(item),
        label_visibility="collapsed" if is_escaped else "visible",
    )
    if reading.state is not State.EMPTY:  # the figure says so already
        states.badge(reading, session.now())
    lines = [line for line in (_spark(item), _words(item)) if line]
    if lines:
        st.html("".join(lines))


def _behind(item: Tile) -> str:
    """What is behind the figure, shown on demand: its meaning, its source, and the query as it was sent."""
    parts = [plain(item.help)] if item.help else []
    if item.previous is not None:
        parts.append("The change compares with the period of the same length just before.")
    parts.append(f"Source: {states.SOURCES[item.value.source]}.")
    if item.value.query:
        # A line of code, not a block: a block would bring a syntax highlighter of 1.5 MB to a phone.
        query = " ".join(encodable(item.value.query).replace("`", "'").split())
        parts.append(f"Query: `{query}`")
    return "\n\n".join(parts)


def _words(item: Tile) -> str:
    """Limit, note, and why there is no value, as small print."""
    said = [words for words in (_limit_words(item),) if words]
    # Of a source that is down the page says so once on top; the badge has the reason as well.
    is_told = item.value.state is State.STALE and "does not answer since" in item.value.reason
    if item.value.state is not State.FRESH and not is_told:
        said.append(in_html(item.value.reason))
    if item.spark is not None and item.value.state is State.FRESH and item.spark.state in (State.STALE, State.PARTIAL):
        said.append(in_html(f"line {item.spark.state}: {item.spark.reason}"))
    if item.note:
        said.append(in_html(item.note))
    return f'<div class="td-note">{" · ".join(said)}</div>' if said else ""


def _limit_words(item: Tile) -> str:
    """The limit beside a value, and that it was passed. A limit of 0 needs no words until then."""
    if item.limit is None or item.value.value is None:
        return ""
    limit = in_html(number(item.limit, item.unit))
    if item.limit == 0:
        return f"<b>{'used up' if item.good == 'up' else 'should be 0'}</b>" if item.is_beyond else ""
    if item.is_beyond:
        return f"<b>{'below' if item.good == 'up' else 'above'} the limit of {limit}</b>"
    return f"at least {limit}" if item.good == "up" else f"limit {limit}"


def _spark(item: Tile) -> str:
    """The sparkline as an image with alternative text; nothing where there is no line."""
    if item.spark is None or not item.spark.value:
        return ""
    values = item.spark.value[0].values
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    words = f"{item.name}: from {number(known[0], item.unit)} to {number(known[-1], item.unit)}"
    # As an image: Streamlit's cleaning of HTML drops inline SVG.
    picture = b64encode(_svg(item, values, known).encode()).decode()
    return f'<img class="td-spark" alt="{in_html(words)}" src="data:image/svg+xml;base64,{picture}">'


def _svg(item: Tile, values: Sequence[float | None], known: Sequence[float]) -> str:
    """One path for each stretch without a gap, and the limit where it fits on the scale."""
    colours = theme.colours()
    top = item.scale or max(*known, (item.limit or 0.0) * 1.1) or 1.0
    low = min(0.0, *known)
    limit = ""
    if item.limit is not None and low < item.limit <= top:
        y = _height(item.limit, low, top)
        limit = (
            f'<path d="M0,{y}H200" stroke="{colours["warn"]}" stroke-width="1" stroke-dasharray="4 4" '
            f'vector-effect="non-scaling-stroke"/>'
        )
    lines = "".join(
        f'<path d="{path}" stroke="{colours[item.colour]}" stroke-width="1.8" stroke-linejoin="round" '
        f'vector-effect="non-scaling-stroke"/>'
        for path in _paths(values, low, top)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 34" preserveAspectRatio="none" fill="none">'
        f"{limit}{lines}</svg>"
    )


def _paths(values: Sequence[float | None], low: float, top: float) -> list[str]:
    paths: list[str] = []
    pen = False
    for index, value in enumerate(values):
        if value is None:
            pen = False
            continue
        point = f"{index / max(len(values) - 1, 1) * 200:.1f},{_height(value, low, top)}"
        if pen:
            paths[-1] += f"L{point}"
        else:
            paths.append(f"M{point}")
        pen = True
    return paths


def _height(value: float, low: float, top: float) -> float:
    share = (min(value, top) - low) / ((top - low) or 1.0)
    return round(33 - share * 32, 1)
