"""The Agents page below its ranking: figures and columns, one agent alone, and the tables that open."""

from __future__ import annotations

from urllib.parse import urlencode

from dashboard.model.figures import FigureRow
from dashboard.model.log import LogEntry
from dashboard.model.reading import Reading, Unit
from dashboard.model.view import View
from dashboard.queries.agent_ranks import SCORE
from dashboard.queries.agents import AgentsAnswer, OwnAgent
from dashboard.ui import url
from dashboard.ui.folds import folded_table
from dashboard.ui.measures import TileSpec, columns
from dashboard.ui.spans import ended, trace_link
from dashboard.ui.tables import Column

_ALL_AGENTS = "all agents: models are not told apart by agent"
FACES = {
    "run_rate": TileSpec(name="Runs", help="Agent runs that ended, each second."),
    "error_ratio": TileSpec(name="Errors", good="down", help="Runs that ended in an error."),
    "p95": TileSpec(name="Slow runs (p95)", good="down", help="One run in 20 takes longer."),
    "tool_errors": TileSpec(name="Tool errors", good="down", help="Tool calls that ended in an error."),
    "cost_run": TileSpec(name="Cost a run", good="down"),
    "active": TileSpec(name="Running now", help="Runs under way at this moment."),
    "queue": TileSpec(name="Waiting now", good="down", help="Tasks in the queue at this moment."),
    "queue_age": TileSpec(name="Oldest waiting", good="down", help="How long the oldest task in the queue has waited."),
}
MORE_FACES = {
    "p50": TileSpec(name="Usual run (p50)", good="down", help="Half of the runs take longer."),
    "p99": TileSpec(name="Slowest (p99)", good="down", help="One run in 100 takes longer."),
    "first_token": TileSpec(name="First token (p95)", good="down", note=_ALL_AGENTS),
    "retries": TileSpec(name="Retries", good="down", help="Attempts after the first, each second."),
    "tokens": TileSpec(name="Tokens a second", note=_ALL_AGENTS, help="Read and written by models."),
    "cost_hour": TileSpec(name="Cost an hour", good="down"),
}
AGENT_UNITS = {
    "runs/s": Unit.PER_SECOND,
    "errors": Unit.RATIO,
    "p95": Unit.SECONDS,
    "p50": Unit.SECONDS,
    "cost/run": Unit.USD,
    "tools/run": Unit.COUNT,
}
MODEL_UNITS = {"calls/s": Unit.PER_SECOND, "errors": Unit.RATIO, "p95": Unit.SECONDS, "tokens/s": Unit.TOKENS}
TOOL_UNITS = {"calls/s": Unit.PER_SECOND, "errors": Unit.RATIO, "p95": Unit.SECONDS}
_RUNS: list[Column[LogEntry]] = [
    Column(name="agent", cell=lambda span: str(span.attributes.get("gen_ai.agent.name", "unknown")), essential=True),
    Column(name="took", cell=lambda span: span.duration_seconds, unit=Unit.SECONDS, essential=True),
    Column(name="track", cell=lambda span: span.track, essential=True),
    Column(name="ended", cell=ended),
    Column(name="time", cell=lambda span: span.at, essential=True),
    Column(name="trace", cell=lambda span: span.trace_id),
]


def own(found: OwnAgent) -> None:
    """One agent alone: its contracts and what broke them, and the models that it pays for."""
    contracts = columns(("contract",), {"compliance": Unit.RATIO, "evaluations": Unit.COUNT})
    folded_table("Its contracts", found.contracts, contracts, key="agents.own.contracts", csv_name="contracts")
    violations = columns(("rule", "contract", "severity", "enforcement"), {"count": Unit.COUNT})
    folded_table("Its violations", found.violations, violations, key="agents.own.violations", csv_name="violations")
    models = columns(("model",), {"cost": Unit.USD})
    folded_table("Its models by cost", found.models, models, key="agents.own.models", csv_name="models-by-cost")


def details(answer: AgentsAnswer, view: View) -> None:
    """The tables that open; those of single runs are open where the page looks at one agent."""

    def to_agent(row: FigureRow) -> str:
        return "" if row.name in ("", view.agent) else f"agents?{urlencode(url.link(view, agent=row.name))}"

    def runs(title: str, page: Reading[tuple[LogEntry, ...]], key: str, *, is_open: bool) -> None:
        folded_table(
            title, page, _RUNS, key=f"agents.{key}", csv_name=f"{key}-runs", is_open=is_open, most_cards=5, tz=view.tz,
            link=trace_link(view),
        )  # fmt: skip

    if not view.agent:
        all_of_them = columns(("agent",), AGENT_UNITS)
        folded_table("All agents", answer.agents, all_of_them, key="agents.agents", csv_name="agents", link=to_agent)
    slowest = answer.slowest.map(lambda found: found.entries or None, empty="no run was recorded in this period")
    failed = answer.failed.map(lambda found: found.entries or None, empty="no failed run was recorded in this period")
    runs("Slowest runs", slowest, "slowest", is_open=bool(view.agent))
    runs("Failed runs", failed, "failed", is_open=bool(view.agent))
    errors = columns(("error", "track"), {"errors/s": Unit.PER_SECOND})
    folded_table("Errors by type", answer.errors, errors, key="agents.errors", csv_name="errors-by-type")
    scores = columns(("agent", "evaluation", "version", "track"), {SCORE: Unit.RATIO})
    folded_table("Quality: evaluation scores", answer.ranking.scores, scores, key="agents.scores", csv_name="scores")
    folded_table("Tools", answer.tools, columns(("tool",), TOOL_UNITS), key="agents.tools", csv_name="tools")
    name = "Models of all agents" if view.agent else "Models"
    folded_table(name, answer.models, columns(("model",), MODEL_UNITS), key="agents.models", csv_name="models")
