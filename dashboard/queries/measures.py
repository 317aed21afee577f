"""From a period and expressions to measures and rows: rules that all pages with figures share.

A figure covers the whole period, so that a tile, its table and the mean of its chart agree. The previous value is the
same question about the period before. Figures of one moment (a queue, memory) are those at the end of the period.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.catalog.expression import LONG_SECONDS, Expression
from dashboard.decide import changes as decide
from dashboard.model.blue_green import BlueGreen
from dashboard.model.figures import FigureRow, Measure
from dashboard.model.incident import Change
from dashboard.model.reading import Reading, beside
from dashboard.model.series import Sample
from dashboard.model.view import Marker, View
from dashboard.queries.readings import Readings
from dashboard.queries.request import Instant, Objects, Range, Request

# Instants that move every second could never be answered from the cache.
_GRID_SECONDS = 5
_SHORTEST = timedelta(minutes=1)
_RECORDED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The window of a view, its ends on a grid. `live` periods end now, which is asked without a time."""

    start: datetime
    end: datetime
    live: bool

    @property
    def span(self) -> timedelta:
        """How long the whole period is."""
        return self.end - self.start

    @property
    def length(self) -> str:
        """The whole period as a window of PromQL: what figures cover."""
        return _promql(self.span)

    @property
    def course_window(self) -> str:
        """The rate window of a line: short enough to show an edge, never shorter than the line's step.

        Recorded series, which long ranges read, stand for 5 minutes each.
        """
        if self.is_recorded:
            return _promql(max(_RECORDED, self.span / 288))
        return _promql(max(_SHORTEST, self.span / 360))

    @property
    def is_recorded(self) -> bool:
        """Whether it is long enough to be read of recorded rates, which miss the first event of each new kind."""
        return self.span.total_seconds() >= LONG_SECONDS

    @property
    def values(self) -> dict[str, str]:
        """What tells an expression that it is asked for a long range."""
        return {"span": self.length}


def period(view: View, now: datetime) -> Period:
    """The period that `view` looks at."""
    start, end = view.window(now)
    shift = timedelta(seconds=end.timestamp() % _GRID_SECONDS)
    return Period(start=start - shift, end=end - shift, live=bool(view.range))


def ask_measure(name: str, expression: Expression, values: Mapping[str, str], over: Period) -> dict[str, Request]:
    """The three questions behind a measure, under names that `measure` finds again."""
    figure = {**values, **over.values, "window": over.length}
    line = {**values, **over.values, "window": over.course_window}
    return {
        name: Instant(expression, figure, None if over.live else over.end),
        f"{name}.previous": Instant(expression, figure, over.start),
        f"{name}.course": Range(expression, line, over.start, over.end),
    }


def measure(readings: Readings, name: str, expression: Expression) -> Measure:
    """The answers to `ask_measure` of the same name."""
    return Measure(
        unit=expression.unit,
        value=readings.scalar(name),
        previous=readings.scalar(f"{name}.previous"),
        course=readings.series(f"{name}.course"),
    )


def ask_changes(namespace: str) -> dict[str, Request]:
    """What `changes` reads: the objects that remember deployments and switches."""
    return {f"changes.{kind}": Objects(kind, namespace) for kind in ("services", "replicasets", "deployments")}


def changes(readings: Readings, blue_green: BlueGreen, service: str = "") -> tuple[Marker, ...]:
    """The answers to `ask_changes` as markers on time charts; none where the cluster does not answer."""
    return decide.markers(changes_told(readings, blue_green), service=service)


def changes_told(readings: Readings, blue_green: BlueGreen) -> tuple[Change, ...]:
    """The answers to `ask_changes` as changes, newest first; none where the cluster does not answer."""
    return decide.changes(
        services=readings.objects("changes.services").value or (),
        replica_sets=readings.objects("changes.replicasets").value or (),
        deployments=readings.objects("changes.deployments").value or (),
        blue_green=blue_green,
    )


def rows(
    labels: tuple[str, ...], columns: Mapping[str, Reading[tuple[Sample, ...]]], *, empty: str = ""
) -> Reading[tuple[FigureRow, ...]]:
    """Samples of several questions joined on `labels`, in the order of the first column, largest first.

    The first column says which rows there are. One of the others that has no answer leaves a gap and makes the whole
    partial; a stale one makes it stale. `empty` says in words what it means that there is no row.
    """
    (lead, leading), *rest = columns.items()
    tables = {name: _by_labels(labels, reading.value or ()) for name, reading in rest}

    def joined(samples: tuple[Sample, ...]) -> tuple[FigureRow, ...] | None:
        found = _by_labels(labels, samples)
        ordered = sorted(found, key=lambda key: (-(found[key] or 0.0), key))
        return (
            tuple(
                FigureRow(
                    labels=key,
                    figures={lead: found[key], **{name: table.get(key) for name, table in tables.items()}},
                )
                for key in ordered
            )
            or None
        )

    answer = leading.map(joined)
    if empty:
        answer = answer.said(empty)
    return beside(answer, dict(rest))


def _by_labels(labels: tuple[str, ...], samples: Iterable[Sample]) -> dict[tuple[str, ...], float | None]:
    return {tuple(sample.labels.get(label, "") for label in labels): sample.value for sample in samples}


def _promql(span: timedelta) -> str:
    return f"{round(span.total_seconds())}s"
