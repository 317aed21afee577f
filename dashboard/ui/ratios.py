"""The candidate against the other track in one picture: for each measure between which bounds it lies, and its margins.

Drawn as HTML: nothing is to be explored in it, and each row says in words what its bar shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import streamlit as st

from dashboard.decide.comparison_gates import TITLES
from dashboard.decide.ratio import Ratio
from dashboard.model.reading import Reading, Unit
from dashboard.model.release import Track
from dashboard.ui import session, states
from dashboard.ui.format import number
from dashboard.ui.text import in_html, plain

# What the axis shows; a bar that goes on ends at its edge. A doubling is as wide everywhere, and gross harm makes room.
_LEAST, _USUAL_MOST, _MOST = 0.25, 8.0, 128.0
_TICKS: Final = {0.25: "¼", 0.5: "½", 1.0: "1", 2.0: "2", 4.0: "4", 8.0: "8", 16.0: "16", 32.0: "32", 64.0: "64"}


def ratio_chart(found: Reading[tuple[Ratio, ...]], candidate: Track, *, key: str) -> None:
    """A bar a measure. Says in words when there is none."""
    title = f"{candidate.title()} against {candidate.other}: how many times as often"
    with st.container(border=True, key=f"chart-{key}", gap="xxsmall"):
        st.markdown(f"**{plain(title)}**")
        if not found.value:
            states.note(found)
            return
        states.badge(found, session.now())
        st.html(bars(found.value, candidate))
        st.caption(
            "The true figure lies within the bar. A measure fails when its bar is wholly beyond the red mark. It "
            "passes when its bar is wholly before the grey mark, or when it is shown to be under a limit of its own. "
            "Gates often decide earlier than these bars."
        )


def bars(found: Sequence[Ratio], candidate: Track) -> str:
    """A row a measure as HTML: its name, its bounds in words, and a bar on a scale of doublings that all rows share."""
    most = _edge(found)
    ticks = "".join(
        f'<span style="left:{_place(value, most):.1%}">{word}</span>' for value, word in _TICKS.items() if value <= most
    )
    rows = "".join(_row(ratio, candidate, most) for ratio in found)
    return f'<div>{rows}<div class="td-scale" aria-hidden="true">{ticks}</div></div>'


def _row(ratio: Ratio, candidate: Track, most: float) -> str:
    low = _place(ratio.low, most)
    high = _place(most if ratio.high is None else ratio.high, most)
    signs = f'<u style="left:{_place(1.0, most):.1%}"></u>'
    signs += f'<i class="td-bg-{candidate}" style="left:{low:.1%};width:{high - low:.1%}"></i>'
    signs += f'<s style="left:{_place(ratio.go, most):.1%}"></s>'
    signs += f'<s class="td-harm" style="left:{_place(ratio.fail, most):.1%}"></s>'
    if ratio.best is not None:
        signs += f'<b class="td-bg-{candidate}" style="left:{_place(ratio.best, most):.1%}"></b>'
    said = in_html(_said(ratio), limit=300)
    return (
        f'<div class="td-ratio"><span>{in_html(name(ratio))}</span><span>{in_html(_bounds(ratio))}</span>'
        f'<div role="img" aria-label="{said}" title="{said}">{signs}</div></div>'
    )


def _place(ratio: float, most: float) -> float:
    """How far right a ratio lies, 0 to 1; what lies beyond the axis is at its edge."""
    shown = min(max(ratio, _LEAST), most)
    return math.log(shown / _LEAST) / math.log(most / _LEAST)


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
        return f"above {_times(ratio.low)}" if ratio.low else "too early to tell"
    return f"{_times(ratio.low)} to {_times(ratio.high)}" if ratio.low else f"below {_times(ratio.high)}"


def _times(factor: float) -> str:
    return number(factor, Unit.TIMES)


def _said(ratio: Ratio) -> str:
    best = _times(ratio.best) if ratio.best is not None else "none on the other track"
    return f"{name(ratio)}: {best}, {_bounds(ratio)}; fails above {_times(ratio.fail)}, passes below {_times(ratio.go)}"
