"""From the measures and rows of `queries/` to tiles and columns: what the pages with figures have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dashboard.model.figures import FigureRow, Measure
from dashboard.model.log import LogEntry
from dashboard.model.reading import Unit
from dashboard.queries.measures import Period
from dashboard.ui.format import span
from dashboard.ui.tables import Column
from dashboard.ui.tiles import Good, Tile


@dataclass(frozen=True, slots=True, kw_only=True)
class TileSpec:
    """How a measure is shown: its name, which direction is better, and words about it.

    `limit` is for what no setting can change, such as an empty budget.
    """

    name: str
    good: Good = "neutral"
    limit: float | None = None
    note: str = ""
    help: str = ""


def specs(
    page: str, measures: Mapping[str, Measure], shown: Mapping[str, TileSpec], limits: Mapping[str, float]
) -> list[Tile]:
    """The tiles of a page, in the order of `shown`; a tile's key is the page and the measure's name.

    `limits` are those of the settings, by measure.
    """
    return [
        Tile(
            name=spec.name,
            value=measures[name].value,
            unit=measures[name].unit,
            key=f"{page}-{name}",
            previous=measures[name].previous,
            spark=measures[name].course,
            good=spec.good,
            limit=limits.get(name, spec.limit),
            note=spec.note,
            help=spec.help,
        )
        for name, spec in shown.items()
    ]


def columns(labels: tuple[str, ...], figures: Mapping[str, Unit], *, essential: int = 3) -> list[Column[FigureRow]]:
    """Columns of rows with `labels` and `figures`; a phone shows the labels and the first figures."""
    found: list[Column[FigureRow]] = [
        # Without all of them two rows of a phone could not be told apart.
        Column(name=label, cell=_label(index), essential=True)
        for index, label in enumerate(labels)
    ]
    found += [
        Column(name=name, cell=_figure(name), unit=unit, essential=index < essential)
        for index, (name, unit) in enumerate(figures.items())
    ]
    return found


def covered(over: Period) -> str:
    """The caption that says which time the figures are about."""
    length = span(over.span)
    said = f"Figures cover the chosen {length}; changes compare with the {length} before. “Now” is its end."
    return (
        f"{said} Figures over so long a time are read of recorded rates; recording rules without "
        "`counter:first_increments:5m` miss the first event of each new kind."
        if over.is_recorded
        else said
    )


def line_name(*labels: str) -> Callable[[Mapping[str, str]], str]:
    """A name for a line from its labels; `unknown` where it has none of them."""
    return lambda found: " ".join(filter(None, (found.get(label, "") for label in labels))) or "unknown"


def entry_columns(line: Callable[[LogEntry], str] | None = None) -> list[Column[LogEntry]]:
    """Columns of log lines and spans; `line` is where the text of one leads."""
    return [
        Column(name="time", cell=lambda entry: entry.at, essential=True),
        Column(name="severity", cell=lambda entry: entry.severity),
        Column(name="message", cell=lambda entry: entry.message, essential=True, link=line),
        Column(name="track", cell=lambda entry: entry.track, essential=True),
        Column(name="pod", cell=lambda entry: entry.pod),
        Column(name="trace", cell=lambda entry: entry.trace_id),
    ]


def _label(index: int) -> Callable[[FigureRow], str]:
    return lambda row: row.labels[index] or "unknown"


def _figure(name: str) -> Callable[[FigureRow], float | None]:
    return lambda row: row.figures[name]
