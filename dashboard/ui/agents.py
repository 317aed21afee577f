"""The names, units and help of the Agents page's figures and columns."""

from __future__ import annotations

from dashboard.model.reading import Unit
from dashboard.ui.measures import TileSpec

_ALL_AGENTS = "all agents: models are not told apart by agent"
FACES = {
    "run_rate": TileSpec(name="Runs", help="Agent runs that ended, each second."),
    "error_ratio": TileSpec(name="Errors", good="down", help="Runs that ended in an error."),
    "p95": TileSpec(name="Slow runs (p95)", good="down", help="One run in 20 takes longer."),
    "p50": TileSpec(name="Usual run (p50)", good="down", help="Half of the runs take longer."),
    "p99": TileSpec(name="Slowest (p99)", good="down", help="One run in 100 takes longer."),
    "first_token": TileSpec(name="First token (p95)", good="down", note=_ALL_AGENTS),
    "tool_errors": TileSpec(name="Tool errors", good="down", help="Tool calls that ended in an error."),
    "retries": TileSpec(name="Retries", good="down", help="Attempts after the first, each second."),
    "tokens": TileSpec(name="Tokens a second", note=_ALL_AGENTS, help="Read and written by models."),
    "cost_hour": TileSpec(name="Cost an hour", good="down"),
    "cost_run": TileSpec(name="Cost a run", good="down"),
    "active": TileSpec(name="Running now", help="Runs under way at this moment."),
    "queue": TileSpec(name="Waiting now", good="down", help="Tasks in the queue at this moment."),
    "queue_age": TileSpec(name="Oldest waiting", good="down", help="How long the oldest task in the queue has waited."),
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
