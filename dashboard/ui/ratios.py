"""The candidate against the other track in one picture: for each measure between which bounds it lies, and its margins.

Dragging is off, as in all charts, so that it never holds the scroll of a phone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import plotly.graph_objects as go
import streamlit as st

from dashboard.decide.comparison_gates import TITLES
from dashboard.decide.ratio import Ratio
from dashboard.model.reading import Reading, Unit
from dashboard.model.release import Track
from dashboard.ui import session, states, theme
from dashboard.ui.charts import CONFIG
from dashboard.ui.format import DASH, number
from dashboard.ui.text import in_chart, one_line, plain

# What the axis shows; a bar that goes on ends at its edge. A doubling is as wide everywhere, and gross harm makes room.
_LEAST, _USUAL_MOST, _MOST = 0.25, 8.0, 128.0
_TICKS: Final = {0.25: "¼", 0.5: "½", 1.0: "1", 2.0: "2", 4.0: "4", 8.0: "8", 16.0: "16", 32.0: "32", 64.0: "64"}
_ROW, _ROOM = 42, 44  # pixels


def ratio_chart(found: Reading[tuple[Ratio, ...]], candidate: Track, *, key: str) -> None:
    """A bar a measure. Says in words when there is none."""
    title = f"{candidate.title()} against {candidate.other}: how many times as many"
    with st.container(border=True, key=f"chart-{key}", gap="xxsmall"):
        st.markdown(f"**{plain(title)}**")
        if not found.value:
            states.note(found)
            return
        states.badge(found, session.now())
        st.plotly_chart(_figure(found.value, candidate), key=key, config=CONFIG, alt=_alt(title, found.value))
        st.caption(
            "The true figure lies within the bar, at whatever moment one looks. Wholly beyond the red mark a measure "
            "fails; wholly before the grey one it passes, as it does when it is shown to be under a limit of its own. "
            "The bar is of the whole comparison: the gates are often sooner."
        )


def _figure(found: Sequence[Ratio], candidate: Track) -> go.Figure:
    colours, most = theme.colours(), _edge(found)

    def shown(ratio: float | None) -> float:
        return min(max(most if ratio is None else ratio, _LEAST), most)

    figure = go.Figure()
    figure.add_vline(x=1.0, line_width=1, line_dash="dot", line_color=colours["grey"])
    for place, ratio in enumerate(reversed(found)):
        low, high = shown(ratio.low), shown(ratio.high)
        figure.add_scatter(
            x=[low, high], y=[place, place], mode="lines", hoverinfo="skip",
            line={"color": colours[candidate], "width": 8}, opacity=0.55,
        )  # fmt: skip
        for margin, colour in ((ratio.go, colours["grey"]), (ratio.fail, colours["sick"])):
            x = shown(margin)
            figure.add_scatter(
                x=[x, x], y=[place - 0.2, place + 0.2], mode="lines", hoverinfo="skip",
                line={"color": colour, "width": 3},
            )  # fmt: skip
        figure.add_scatter(
            x=[shown(ratio.best if ratio.best is not None else ratio.low)], y=[place], mode="markers",
            marker={"color": colours[candidate], "size": 10, "line": {"color": colours["paper"], "width": 1}},
            opacity=1.0 if ratio.best is not None else 0.0,
            hovertemplate=f"{in_chart(_said(ratio), limit=200)}<extra></extra>",
        )  # fmt: skip
        for text, x, anchor in ((name(ratio), 0, "left"), (_bounds(ratio), 1, "right")):
            figure.add_annotation(
                x=x, xref="paper", y=place + 0.26, yanchor="bottom", xanchor=anchor, showarrow=False,
                text=in_chart(text), font={"size": 12, "color": colours["text"]},
            )  # fmt: skip
    figure.update_layout(
        height=_ROW * len(found) + _ROOM,
        margin={"l": 8, "r": 8, "t": 4, "b": 24},
        dragmode=False,
        hovermode="closest",
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": colours["text"], "size": 12},
    )
    figure.update_xaxes(
        type="log", range=[math.log10(_LEAST), math.log10(most)], fixedrange=True, zeroline=False,
        gridcolor=colours["line"], tickvals=list(_TICKS), ticktext=list(_TICKS.values()), ticklabeloverflow="allow",
    )  # fmt: skip
    figure.update_yaxes(visible=False, fixedrange=True, range=[-0.5, len(found) - 0.25])
    return figure


def _edge(found: Sequence[Ratio]) -> float:
    """Where the axis ends: at a doubling beyond all that is known."""
    farthest = max(value for ratio in found for value in (1.0, ratio.low, ratio.best or 0.0))
    return min(_MOST, max(_USUAL_MOST, 2.0 ** math.ceil(math.log2(1.1 * farthest))))


def name(ratio: Ratio) -> str:
    """The measure in words, for example `Slower than 800 ms`."""
    if ratio.seconds is not None:
        return f"Slower than {number(ratio.seconds, Unit.SECONDS)}"
    return TITLES[ratio.family][0]


def _bounds(ratio: Ratio) -> str:
    if ratio.high is None:
        return f"above {ratio.low:.2g} ×" if ratio.low else "not bounded yet"
    return f"{ratio.low:.2g} to {ratio.high:.2g} ×" if ratio.low else f"below {ratio.high:.2g} ×"


def _said(ratio: Ratio) -> str:
    best = f"{ratio.best:.2f} times as many" if ratio.best is not None else f"{DASH}: none on the other track"
    return f"{name(ratio)}: {best}, {_bounds(ratio)}; fails above {ratio.fail:.2f}, passes below {ratio.go:.2f}"


def _alt(title: str, found: Sequence[Ratio]) -> str:
    return one_line(f"{title}. {'. '.join(map(_said, found))}.", limit=1000)
