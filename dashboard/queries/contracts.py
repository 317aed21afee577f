"""What the Contracts page shows: whether contracts are kept, what breaks them, and what policy decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboard.catalog import contracts as catalog
from dashboard.catalog.expression import Expression
from dashboard.decide.slo import WINDOWS
from dashboard.model.figures import FigureRow, Measure
from dashboard.model.log import LogPage
from dashboard.model.reading import Reading, State
from dashboard.model.series import Series
from dashboard.model.view import Marker, View
from dashboard.queries import none
from dashboard.queries.ask import Ask
from dashboard.queries.measures import Period, ask_changes, ask_measure, changes, measure, period, rows
from dashboard.queries.policy import limits_of
from dashboard.queries.request import Instant, Logs, Range, Request

MEASURES: Mapping[str, Expression] = {
    "compliance": catalog.COMPLIANCE,
    "budget": catalog.BUDGET_REMAINING,
    "burn": catalog.BURN_RATE,
    "violations": catalog.VIOLATION_RATE,
    "evaluations": catalog.EVALUATION_RATE,
    "approvals": catalog.APPROVALS_PENDING,
    "denials": catalog.DENIAL_RATIO,
    "drift": catalog.DRIFT,
    "waivers": catalog.WAIVERS,
}
_LINES = {"broken": catalog.BROKEN_RATIO_BY_TRACK, "rules": catalog.VIOLATION_RATE_BY_RULE}
_CONTRACTS = {
    "evaluations": catalog.EVALUATIONS_BY_CONTRACT,
    "compliance": catalog.COMPLIANCE_BY_CONTRACT,
    "evaluated ago": catalog.LAST_EVALUATION_AGE,
    "drift": catalog.DRIFT_BY_CONTRACT,
}
_COUNTS = {
    "violations": (catalog.VIOLATIONS_BY_RULE, ("rule", "contract", "severity", "enforcement")),
    "clauses": (catalog.BROKEN_BY_CLAUSE, ("clause_type", "outcome")),
    "decisions": (catalog.DECISIONS, ("policy", "stage", "decision")),
}
_NEWEST = 20
_UNDRAWN = "no line can be drawn here; the table below has the counts"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractsAnswer:
    """All readings of the page; all figures are over the whole period."""

    period: Period
    measures: Mapping[str, Measure]
    broken: Reading[tuple[Series, ...]]
    rules: Reading[tuple[Series, ...]]
    contracts: Reading[tuple[FigureRow, ...]]
    violations: Reading[tuple[FigureRow, ...]]
    clauses: Reading[tuple[FigureRow, ...]]
    decisions: Reading[tuple[FigureRow, ...]]
    newest: Reading[LogPage]
    changes: tuple[Marker, ...]
    limits: Mapping[str, float]


def contract_names(ask: Ask, view: View, now: datetime) -> tuple[str, ...]:
    """The contracts evaluated in the period, whatever filter is set; empty when nobody can say."""
    over = period(view, now)
    values = {**over.values, "namespace": view.ns, "service": view.service, "track": "", "agent": "", "contract": ""}
    question = Instant(
        catalog.EVALUATIONS_BY_CONTRACT, {**values, "window": over.length}, None if over.live else over.end
    )
    found = rows(("contract",), {"count": ask.gather({"contracts": question}).samples("contracts")})
    return tuple(sorted(row.name for row in found.value or ()))


def contracts(ask: Ask, view: View, now: datetime) -> ContractsAnswer:
    """Everything that the page shows, asked at once."""
    over = period(view, now)
    limits = limits_of(ask)
    values = {
        **over.values,
        "objective": f"{limits.objective_ratio}",
        "namespace": view.ns,
        "service": view.service,
        "track": view.track,
        "agent": view.agent,
        "contract": view.contract,
    }
    whole = {**values, "window": over.length}
    at = None if over.live else over.end
    requests: dict[str, Request] = {}
    for name, expression in MEASURES.items():
        requests |= ask_measure(name, expression, values, over)
    for name, expression in _LINES.items():
        requests[f"line.{name}"] = Range(expression, {**values, "window": over.course_window}, over.start, over.end)
    requests |= {f"contracts.{name}": Instant(expression, whole, at) for name, expression in _CONTRACTS.items()}
    requests |= {f"count.{name}": Instant(expression, whole, at) for name, (expression, _) in _COUNTS.items()}
    requests |= ask_changes(view.ns)
    requests["newest"] = Logs(
        stream="logs",
        namespace=view.ns,
        start=over.start,
        end=over.end,
        filters={
            "service": view.service,
            "track": view.track,
            "agent": view.agent,
            "contract": view.contract,
        },
        text="violated",
        size=_NEWEST,
        widening=True,
    )
    answers = ask.gather(requests)
    counted = {
        "violations": none.of_violations(
            answers.samples("count.violations"), answers.samples("contracts.evaluations"), over
        ),
        "decisions": none.of_decisions(answers.samples("count.decisions")),
        "clauses": answers.samples("count.clauses").said("nothing tells of clauses in this period"),
    }
    counts = {name: rows(labels, {"count": counted[name]}) for name, (_, labels) in _COUNTS.items()}
    undrawn = counts["violations"].reason if counts["violations"].state is State.EMPTY else _UNDRAWN
    return ContractsAnswer(
        period=over,
        measures={name: measure(answers, name, expression) for name, expression in MEASURES.items()},
        broken=answers.series("line.broken"),
        rules=answers.series("line.rules").said(undrawn),
        contracts=rows(("contract",), {name: answers.samples(f"contracts.{name}") for name in _CONTRACTS}),
        violations=counts["violations"],
        clauses=counts["clauses"],
        decisions=counts["decisions"],
        newest=answers.logs("newest"),
        changes=changes(answers, ask.environment.blue_green.known, view.service),
        limits={
            "compliance": limits.objective_ratio,
            "broken": limits.violation_ratio,
            "burn": WINDOWS[0].rate,
            "denials": limits.denial_ratio,
        },
    )
