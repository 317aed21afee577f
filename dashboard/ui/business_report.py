"""The report of the Business page for a period: one HTML file that needs nothing else, and a CSV file. Pure.

Both say of each figure its value, its state with the reason, the value before, and what it means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard.model.figures import FigureRow
from dashboard.model.reading import Reading, State, Unit
from dashboard.queries.business import BusinessAnswer
from dashboard.ui.format import number, shown, stamp
from dashboard.ui.tables import Column, to_csv
from dashboard.ui.text import in_html

_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:1.5rem auto;padding:0 1rem;color:#11201e}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}"
    "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d5dedc;vertical-align:top}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}img{width:100%;height:240px}"
    "small,figcaption{color:#566664}"
)
_LONG = 2000
# What the tables say of each kind of task, and of each agent.
KIND_UNITS: Mapping[str, Unit] = {
    "tasks": Unit.COUNT,
    "done": Unit.RATIO,
    "handed over": Unit.RATIO,
    "satisfied": Unit.RATIO,
    "value": Unit.USD,
    "p95": Unit.SECONDS,
}
AGENT_UNITS: Mapping[str, Unit] = {"cost": Unit.USD, "of all": Unit.RATIO, "cost/run": Unit.USD, "runs": Unit.COUNT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a report says.

    Attributes:
        picture: an `<img>` of spending against the budget; "" where there is none.
        terms: name and definition of each figure, by its key.
    """

    place: str
    made_at: datetime
    sentence: str
    detail: str
    picture: str
    terms: Mapping[str, tuple[str, str]]
    answer: BusinessAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine:
    """One figure of the report; `unit` is that of `value` and `before`."""

    section: str
    name: str
    value: Reading[float]
    before: float | None
    unit: Unit
    start: datetime
    end: datetime
    definition: str = ""


_COLUMNS: list[Column[ReportLine]] = [
    Column(name="section", cell=lambda line: line.section),
    Column(name="figure", cell=lambda line: line.name),
    Column(name="value", cell=lambda line: line.value.value),
    Column(name="unit", cell=lambda line: line.unit.value),
    Column(name="state", cell=lambda line: line.value.state.value),
    Column(name="reason", cell=lambda line: line.value.reason),
    Column(name="before", cell=lambda line: line.before),
    Column(name="from", cell=lambda line: line.start.astimezone(UTC)),
    Column(name="to", cell=lambda line: line.end.astimezone(UTC)),
    Column(name="definition", cell=lambda line: line.definition),
]


def as_csv(report: Report) -> bytes:
    """A line for each figure, with base units and UTC times."""
    return to_csv(tuple(lines(report)), _COLUMNS)


def lines(report: Report) -> Iterator[ReportLine]:
    """Everything that the report says, figure by figure."""
    answer = report.answer
    whole = {"start": answer.period.start, "end": answer.period.end}
    for key, measure in answer.figures.items():
        name, definition = report.terms[key]
        yield ReportLine(
            section="period",
            name=name,
            value=measure.value,
            before=measure.previous.value,
            unit=measure.unit,
            definition=definition,
            **whole,
        )
    yield from _budget(report)
    for section, rows, units in (
        ("kind of task", answer.kinds, KIND_UNITS),
        ("agent", answer.agents, AGENT_UNITS),
    ):
        for row in rows.value or ():
            yield from _row(section, row, rows, units, whole)


def _row(
    section: str,
    row: FigureRow,
    rows: Reading[tuple[FigureRow, ...]],
    units: Mapping[str, Unit],
    whole: Mapping[str, datetime],
) -> Iterator[ReportLine]:
    for name, unit in units.items():
        figure = row.figures[name]
        value: Reading[float] = rows.map(lambda _, figure=figure: figure, empty="nothing was measured for it")  # type: ignore[misc]
        yield ReportLine(
            section=section,
            name=f"{row.name or 'unknown'}: {name}",
            value=value,
            before=None,
            unit=unit,
            start=whole["start"],
            end=whole["end"],
        )


def _budget(report: Report) -> Iterator[ReportLine]:
    answer, definition = report.answer, report.terms["forecast"][1]
    place = {"start": answer.budget_period.start, "end": answer.budget_period.end}

    def line(name: str, value: Reading[float], definition: str = "") -> ReportLine:
        return ReportLine(
            section="budget", name=name, value=value, before=None, unit=Unit.USD, definition=definition, **place
        )

    yield line("budget", answer.budget)
    yield line(
        "spent, as far as known",
        answer.account.map(lambda found: found.spent),
        "" if answer.account.value is None else f"{answer.account.value.unknown_hours:,.0f} h are not known",
    )
    why = "" if answer.account.value is None else answer.account.value.no_forecast
    for name in ("expected", "low", "high"):
        value = answer.account.map(
            lambda found, name=name: getattr(found.at_end, name, None),  # type: ignore[misc]
            empty=why or "no forecast",
        )
        yield line(f"forecast for the end: {name}", value, definition)


def as_html(report: Report) -> bytes:
    """One page to print or to send; it loads nothing."""
    answer = report.answer
    period = f"{stamp(answer.period.start)} to {stamp(answer.period.end)}"
    title = in_html(f"Business report, {report.place}")
    body = "".join(
        f"<h2>{in_html(heading)}</h2>{_table(report, section)}"
        for heading, section in (
            ("Figures of the period", "period"),
            (f"Budget: {answer.budget_period.name}", "budget"),
            ("By kind of task", "kind of task"),
            ("By agent", "agent"),
        )
    )
    forecast = in_html(report.terms["forecast"][1], limit=_LONG)
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p><small>{in_html(period)}. Made {in_html(stamp(report.made_at))} by Tealdeck.</small></p>"
        f"<p><b>{in_html(report.sentence, limit=_LONG)}.</b> {in_html(report.detail, limit=_LONG)}</p>"
        f"{report.picture}{body}<p><small>{forecast}</small></p></html>"
    )
    return page.encode("utf-8", "replace")


def _table(report: Report, section: str) -> str:
    rows = "".join(
        f"<tr><td>{in_html(line.name)}<br><small>{in_html(line.definition, limit=_LONG)}</small></td>"
        f'<td class="n">{in_html(shown(line.value, line.unit))}</td>'
        f'<td class="n">{in_html("" if line.before is None else number(line.before, line.unit))}</td>'
        f"<td>{in_html(_state(line.value))}</td></tr>"
        for line in lines(report)
        if line.section == section
    )
    if not rows:
        listed = {"kind of task": report.answer.kinds, "agent": report.answer.agents}.get(section)
        return (
            f"<p>{in_html(listed.reason if listed and listed.reason else 'Nothing is listed here', limit=_LONG)}.</p>"
        )
    return f"<table><tr><th>figure<th>value<th>before<th>state</tr>{rows}</table>"


def _state(value: Reading[float]) -> str:
    return "" if value.state is State.FRESH else f"{value.state}: {value.reason}"
