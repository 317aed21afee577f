"""Time charts: drawn by the server to be looked at, and by plotly once a person explores one by a tap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from dashboard.model.reading import Reading, Unit
from dashboard.model.series import Series
from dashboard.model.view import Marker
from dashboard.ui import chart_html, session, states, theme
from dashboard.ui.chart_html import Chart
from dashboard.ui.lines import MOST_LINES, Name, highest, styled
from dashboard.ui.text import plain

_EXPLORED = "charts.explored"
_EXPLORED_HEIGHT = 300


def time_chart(
    title: str,
    series: Reading[tuple[Series, ...]],
    *,
    unit: Unit,
    name: Name,
    key: str,
    limit: float | None = None,
    markers: Sequence[Marker] = (),
    height: int = 200,
    tz: str = "UTC",
) -> None:
    """Draw lines over time under a title; say in words when there are none, or when some are left out."""
    # Charts side by side end on one line; a card that only says why it is empty stays as low as its words.
    height_of_card: Literal["stretch", "content"] = "stretch" if series.value else "content"
    with st.container(border=True, key=f"chart-{key}", gap="xxsmall", height=height_of_card):
        st.markdown(f"**{plain(title)}**")
        if not series.value:
            states.note(series)
            return
        states.badge(series, session.now())
        if len(series.value) > MOST_LINES:
            st.caption(f"The {MOST_LINES} highest of {len(series.value)} lines.")
        lines = styled(highest(series.value, name), name, theme.colours(), theme.others())
        chart = Chart(title=title, lines=lines, unit=unit, limit=limit, markers=markers, height=height, tz=tz)
        if key in st.session_state.get(_EXPLORED, frozenset()):
            _explored(chart, key)
        else:
            st.html(chart_html.html(chart, theme.colours()))
            _toggle("Explore", ":material/zoom_in:", title, key)


def _explored(chart: Chart, key: str) -> None:
    from dashboard.ui import explore  # plotly costs every start a second, and few visits explore

    colours = theme.colours()
    figure = explore.figure(
        chart.lines,
        unit=chart.unit,
        limit=chart.limit,
        markers=chart.markers,
        height=_EXPLORED_HEIGHT,
        tz=chart.tz,
        colours=colours,
    )
    st.plotly_chart(figure, key=key, config=explore.CONFIG, alt=chart_html.words(chart))
    st.html(chart_html.table(chart))
    _toggle("Close", ":material/zoom_out:", chart.title, key)


def _toggle(word: str, icon: str, title: str, key: str) -> None:
    """The button that loads plotly, or puts it away again; the style sheet spreads the first over the picture."""
    label = f"{word}: {plain(title)}"
    kind = "explore" if word == "Explore" else "close"
    st.button(label, icon=icon, key=f"{kind}-{key}", type="tertiary", on_click=_change, args=(key,))


def _change(key: str) -> None:
    st.session_state[_EXPLORED] = st.session_state.get(_EXPLORED, frozenset()) ^ {key}
