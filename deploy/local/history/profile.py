"""What a run of each agent means on average: seconds, tokens, dollars, tool calls, clauses that speak for it.

Read off the workload's own agents and contracts, so that the past is of the same agents as the present. Pure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

from deploy.local import workload
from deploy.local.workload.agents import AGENTS, Agent, Tool

_CONTRACTS = Path(workload.__file__).parent / "contracts"
_INPUT_TOKENS, _OUTPUT_TOKENS = 900, 260
_SECONDS_A_TOKEN = 0.0002
_OVERHEAD_SECONDS = 0.02
TOOL_ERROR_RATIO = 0.02
_RISKY = 0.15
RUN_SPREAD, TOOL_SPREAD, CALL_SPREAD = 0.4, 0.4, 0.3
# How often what a clause asks about goes wrong: a breach lets findings out unscanned, the rest hardly ever happens.
_BROKEN_BY_BREACH = frozenset({"pii_findings", "output_scanned"})
_SELDOM = {"groundedness_ratio": 0.0002}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One clause that speaks for an agent's runs: for which share of them, and when it is broken."""

    contract: str
    rule: str
    severity: str
    enforcement: str
    type: str
    speaks_for: float
    broken: float
    broken_by_breach: bool

    def violation_ratio(self, breach_ratio: Any) -> Any:
        """The share of its evaluations that are violations, given the share of runs that breach."""
        return breach_ratio if self.broken_by_breach else self.broken + 0 * breach_ratio


def turns(agent: Agent) -> float:
    return sum(agent.turns) / len(agent.turns)


def call_seconds(agent: Agent) -> float:
    """The median of a model call."""
    return agent.model.first_token_seconds + _OUTPUT_TOKENS * _SECONDS_A_TOKEN


def run_seconds(agent: Agent, slowdown: float) -> float:
    """The median of a run, with the runs that it hands out."""
    return sum(_own_seconds(one, slowdown) for one in (agent, *agent.delegates)) + _OVERHEAD_SECONDS


def _own_seconds(agent: Agent, slowdown: float) -> float:
    tools = sum(part * tool.median_seconds for tool, part in tool_shares(agent).items())
    return turns(agent) * (call_seconds(agent) * slowdown + tools)


def tokens(agent: Agent) -> float:
    """Of all model calls of a run."""
    return turns(agent) * (_INPUT_TOKENS * (turns(agent) + 1) / 2 + _OUTPUT_TOKENS)


def cost_usd(agent: Agent) -> float:
    read = _INPUT_TOKENS * turns(agent) * (turns(agent) + 1) / 2
    return agent.model.cost_usd(round(read), round(_OUTPUT_TOKENS * turns(agent)))


def tool_shares(agent: Agent) -> dict[Tool, float]:
    """Which part of its tool calls goes to which tool; risky ones are mostly given up for the first."""
    even = 1 / len(agent.tools)
    shares = {tool: even * _RISKY if tool.risky else even for tool in agent.tools}
    shares[agent.tools[0]] += 1 - sum(shares.values())
    return shares


def risky_ratio(agent: Agent) -> float:
    """The share of runs that want a risky tool, and so an approval."""
    once = sum(part for tool, part in tool_shares(agent).items() if tool.risky)
    return 1 - (1 - once) ** turns(agent)


def up_to(bound: str, median: float, spread: float) -> float:
    """The share of log-normal times that are not over a bucket's bound."""
    if bound == "+Inf":
        return 1.0
    return NormalDist(math.log(median), spread).cdf(math.log(float(bound)))


@cache
def clauses(name: str) -> tuple[Clause, ...]:
    """The clauses that are held against an agent's runs."""
    return tuple(_clauses(AGENTS[name]))


def _clauses(agent: Agent) -> Iterator[Clause]:
    for file in sorted(_CONTRACTS.glob("*.json")):
        contract = json.loads(file.read_text())
        for clause in contract["clauses"] if agent.name in contract["agents"] else ():
            fact = clause["expect"].get("fact", "")
            yield Clause(
                contract=contract["name"],
                rule=clause["rule"],
                severity=clause["severity"],
                enforcement=contract["enforcement"],
                type=clause["type"],
                speaks_for=_speaks_for(clause.get("when", {}), agent),
                broken=_SELDOM.get(fact, 0.0),
                broken_by_breach=fact in _BROKEN_BY_BREACH,
            )


def _speaks_for(when: Mapping[str, Any], agent: Agent) -> float:
    match when.get("fact"):
        case "tool_errors":
            return TOOL_ERROR_RATIO * turns(agent)
        case "risky_tools":
            return risky_ratio(agent)
        case _:
            return 1.0
