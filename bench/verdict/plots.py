"""Pictures of the bench for a browser: how much of each harm is found by when, and who stops healthy releases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

_COLOURS = {"word": "#0f766e", "limit": "#b45309", "z": "#7c3aed", "mann-whitney": "#64748b"}


def draw(healthy: list[Any], harms: list[Any], folder: Path) -> None:
    """Write them as HTML files."""
    folder.mkdir(parents=True, exist_ok=True)
    _stopped(healthy).write_html(folder / "healthy.html", include_plotlyjs="directory")
    for outcome in harms:
        if outcome.world.name in ("errors 0.5 to 1.5 %", "20 % slower", "errors x3 at 5/s"):
            name = "".join(sign if sign.isalnum() else "-" for sign in outcome.world.name)
            _found(outcome).write_html(folder / f"{name}.html", include_plotlyjs="directory")


def _stopped(healthy: list[Any]) -> go.Figure:
    names = [outcome.world.name for outcome in healthy]
    figure = go.Figure(layout={"title": "Healthy releases that are stopped within 30 min", "barmode": "group"})
    for judge, colour in _COLOURS.items():
        shares = [float(np.isfinite(outcome.stops[judge]).mean()) for outcome in healthy]
        figure.add_bar(name=judge, x=names, y=shares, marker_color=colour)
    return figure.update_yaxes(tickformat=".0%")


def _found(outcome: Any) -> go.Figure:
    figure = go.Figure(layout={"title": f"Found by then: {outcome.world.name}"})
    for judge, colour in _COLOURS.items():
        times = np.sort(outcome.stops[judge])
        shares = np.arange(1, len(times) + 1) / len(times)
        seen = np.isfinite(times)
        figure.add_scatter(name=judge, x=times[seen], y=shares[seen], line={"color": colour, "shape": "hv"})
    return figure.update_yaxes(range=[0, 1], tickformat=".0%").update_xaxes(title="seconds")
