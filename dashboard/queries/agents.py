"""What the Agents page shows: how the agents perform, by agent, model and tool, blue against green."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboard.catalog import agent_ranks as rank_catalog
from dashboard.catalog import agents as catalog
from dashboard.catalog import contracts as contract_catalog
from dashboard.catalog.expression import Expression
from dashboard.decide.changes import markers
from dashboard.model.figures import FigureRow, Measure
from dashboard.model.log import LogPage
from dashboard.model.reading import Reading
from dashboard.model.series import Series
from dashboard.model.view import Marker, View
from dashboard.model.words import SpanOutcome
from dashboard.queries import agent_ranks, none
from dashboard.queries.agent_ranks import Ranking
from dashboard.queries.ask import Ask
from dashboard.queries.measures import Period, ask_changes, ask_measure, changes_told, measure, period, rows
from dashboard.queries.policy import limits_of
from dashboard.queries.readings import Readings
from dashboard.queries.request import Instant, Logs, Range, Request

MEASURES: Mapping[str, Expression] = {
    "run_rate": catalog.RUN_RATE,
    "error_ratio": catalog.ERROR_RATIO,
    "p50": catalog.P50,
    "p95": catalog.P95,
    "p99": catalog.P99,
    "first_token": catalog.FIRST_TOKEN_P95,
    "tokens": catalog.TOKEN_RATE,
    "cost_hour": catalog.COST_RATE,
    "cost_run": catalog.COST_PER_RUN,
    "tool_errors": catalog.TOOL_ERROR_RATIO,
    "retries": catalog.RETRY_RATE,
    "active": catalog.RUNS_ACTIVE,
    "queue": catalog.QUEUE_DEPTH,
    "queue_age": catalog.QUEUE_AGE,
}
_LINES = {
    "run_rate": catalog.RUN_RATE_BY_TRACK,
    "error_ratio": catalog.ERROR_RATIO_BY_TRACK,
    "p95": catalog.P95_BY_TRACK,
}
_AGENTS = {
    "runs/s": catalog.AGENT_RUN_RATE,
    "errors": catalog.AGENT_ERROR_RATIO,
    "p50": catalog.AGENT_P50,
    "p95": catalog.AGENT_P95,
    "cost/run": catalog.AGENT_COST_PER_RUN,
    "tools/run": catalog.AGENT_TOOL_CALLS,
}
_MODELS = {
    "calls/s": catalog.MODEL_CALL_RATE,
    "errors": catalog.MODEL_ERROR_RATIO,
    "p95": catalog.MODEL_P95,
    "tokens/s": catalog.MODEL_TOKEN_RATE,
}
_TOOLS = {
    "calls/s": catalog.TOOL_CALL_RATE,
    "errors": catalog.TOOL_ERROR_RATIO_BY_TOOL,
    "p95": catalog.TOOL_P95,
}
_OWN = {
    "cost": rank_catalog.COST_BY_MODEL,
    "evaluations": contract_catalog.EVALUATIONS_BY_CONTRACT,
    "compliance": contract_catalog.COMPLIANCE_BY_CONTRACT,
    "violations": contract_catalog.VIOLATIONS_BY_RULE,
}
_TABLES = {"agents": _AGENTS, "models": _MODELS, "tools": _TOOLS}
_KEY = {"agents": "gen_ai_agent_name", "models": "gen_ai_request_model", "tools": "gen_ai_tool_name"}
_SLOWEST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAgent:
    """What the page shows of one agent alone: the models that it pays for, and its contracts with what broke them."""

    models: Reading[tuple[FigureRow, ...]]
    contracts: Reading[tuple[FigureRow, ...]]
    violations: Reading[tuple[FigureRow, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsAnswer:
    """All readings of the page. Figures cover the period; `lines` are split by track.

    `limits` are those of the settings, by measure. `own` is set where the page looks at one agent.
    """

    period: Period
    measures: Mapping[str, Measure]
    lines: Mapping[str, Reading[tuple[Series, ...]]]
    errors: Reading[tuple[FigureRow, ...]]
    agents: Reading[tuple[FigureRow, ...]]
    models: Reading[tuple[FigureRow, ...]]
    tools: Reading[tuple[FigureRow, ...]]
    slowest: Reading[LogPage]
    failed: Reading[LogPage]
    ranking: Ranking
    own: OwnAgent | None
    changes: tuple[Marker, ...]
    limits: Mapping[str, float]


def agent_names(ask: Ask, view: View, now: datetime) -> tuple[str, ...]:
    """The agents that ran in the period, whatever filter is set; empty when nobody can say."""
    over = period(view, now)
    whole = {**over.values, "namespace": view.ns, "service": view.service, "window": over.length}
    values = {**whole, "track": "", "agent": ""}
    names = ask.gather({"agents": Instant(catalog.AGENT_RUN_RATE, values, None if over.live else over.end)})
    found = rows((_KEY["agents"],), {"runs/s": names.samples("agents")})
    return tuple(sorted(row.name for row in found.value or ()))


def agents(ask: Ask, view: View, now: datetime) -> AgentsAnswer:
    """Everything that the page shows, asked at once."""
    over = period(view, now)
    values = {**over.values, "namespace": view.ns, "service": view.service, "track": view.track, "agent": view.agent}
    figure = {**values, "window": over.length}
    own = {**figure, "contract": "", "objective": f"{limits_of(ask).objective_ratio}"}
    at = None if over.live else over.end
    requests: dict[str, Request] = {}
    for name, expression in MEASURES.items():
        requests |= ask_measure(name, expression, values, over)
    for name, expression in _LINES.items():
        requests[f"line.{name}"] = Range(expression, {**values, "window": over.course_window}, over.start, over.end)
    for subject, columns in _TABLES.items():
        requests |= {f"{subject}.{name}": Instant(expression, figure, at) for name, expression in columns.items()}
    requests |= ask_changes(view.ns)
    requests["errors"] = Instant(catalog.ERRORS_BY_TYPE, figure, at)
    requests["slowest"] = _runs(view, over, sort="duration")
    requests["failed"] = _runs(view, over, outcome=SpanOutcome.FAILED)
    requests |= agent_ranks.asked(figure, at)
    if view.agent:
        requests |= {f"own.{name}": Instant(expression, own, at) for name, expression in _OWN.items()}
    answers = ask.gather(requests)

    def table(name: str) -> Reading[tuple[FigureRow, ...]]:
        return rows((_KEY[name],), {column: answers.samples(f"{name}.{column}") for column in _TABLES[name]})

    limits = limits_of(ask)
    by_agent = table("agents")
    told = changes_told(answers, ask.environment.blue_green.known)
    line = {**values, "window": over.course_window}
    return AgentsAnswer(
        period=over,
        measures={name: measure(answers, name, expression) for name, expression in MEASURES.items()},
        lines={name: answers.series(f"line.{name}") for name in _LINES},
        errors=rows(
            ("error_type", "track"),
            {"errors/s": answers.samples("errors")},
            empty=none.error_words(answers.scalar("run_rate"), over),
        ),
        agents=by_agent,
        models=table("models"),
        tools=table("tools"),
        slowest=answers.logs("slowest"),
        failed=answers.logs("failed"),
        ranking=agent_ranks.ranking(ask, answers, by_agent, over, line=line, limits=limits, changes=told),
        own=_own(answers, over) if view.agent else None,
        changes=markers(told, service=view.service),
        limits={
            "error_ratio": limits.error_ratio,
            "p95": limits.p95_seconds,
            "tool_errors": limits.tool_failure_ratio,
        },
    )


def _runs(view: View, over: Period, *, sort: str = "@timestamp", **filters: str) -> Logs:
    """Runs of the period, the longest or the newest first."""
    wanted = {"service": view.service, "track": view.track, "agent": view.agent, "operation": "invoke_agent", **filters}
    return Logs(
        stream="traces", namespace=view.ns, start=over.start, end=over.end, filters=wanted, size=_SLOWEST, sort=sort
    )


def _own(answers: Readings, over: Period) -> OwnAgent:
    evaluations, violations = answers.samples("own.evaluations"), answers.samples("own.violations")
    return OwnAgent(
        models=rows((_KEY["models"],), {"cost": answers.samples("own.cost")}),
        contracts=rows(("contract",), {"evaluations": evaluations, "compliance": answers.samples("own.compliance")}),
        violations=rows(
            ("rule", "contract", "severity", "enforcement"),
            {"count": none.of_violations(violations, evaluations, over)},
        ),
    )
