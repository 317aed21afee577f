"""The simulated agents: what a run would do, decided from a seed before anything is slept or measured.

Pure: agent, dice and temper in, plan out. A plan is a list of model and tool calls with their times; the runtime
walks it. Times are kept modest: a typical run takes 150 to 600 ms.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from deploy.local.workload.faults import Temper


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    name: str
    provider: str
    usd_per_million_input: float
    usd_per_million_output: float
    first_token_seconds: float
    """Median time to the first token; an output token takes 0.2 ms more."""

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float:
        return (input_tokens * self.usd_per_million_input + output_tokens * self.usd_per_million_output) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    name: str
    median_seconds: float
    risky: bool = False
    """Changes something outside, so a person or a policy approves it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    name: str
    task_type: str
    owner: str
    model: Model
    tools: tuple[Tool, ...]
    turns: tuple[int, ...]
    """How many model calls a run takes; one is drawn."""
    budget_usd: float
    value_usd: float
    """What a finished task is worth to the business."""


_MINI = Model(
    name="gpt-4.1-mini",
    provider="openai",
    usd_per_million_input=0.4,
    usd_per_million_output=1.6,
    first_token_seconds=0.05,
)
_LARGE = Model(
    name="mistral-large",
    provider="mistral_ai",
    usd_per_million_input=2.0,
    usd_per_million_output=6.0,
    first_token_seconds=0.08,
)
_OWN = Model(
    name="llama-3.3-70b",
    provider="vllm",
    usd_per_million_input=0.6,
    usd_per_million_output=0.6,
    first_token_seconds=0.06,
)

_KNOWLEDGE = Tool(name="search_knowledge", median_seconds=0.02)
_ORDER = Tool(name="read_order", median_seconds=0.015)
_REFUND = Tool(name="issue_refund", median_seconds=0.04, risky=True)
_LEDGER = Tool(name="query_ledger", median_seconds=0.03)
_REPOSITORY = Tool(name="read_repository", median_seconds=0.03)
_WEB = Tool(name="fetch_page", median_seconds=0.05)

AGENTS = {
    agent.name: agent
    for agent in (
        Agent(
            name="support-triage",
            task_type="support-case",
            owner="team-support",
            model=_MINI,
            tools=(_KNOWLEDGE, _ORDER, _REFUND),
            turns=(1, 2, 2),
            budget_usd=0.05,
            value_usd=4.0,
        ),
        Agent(
            name="invoice-checker",
            task_type="invoice-check",
            owner="team-finance",
            model=_OWN,
            tools=(_LEDGER, _ORDER),
            turns=(1, 1, 2),
            budget_usd=0.04,
            value_usd=2.5,
        ),
        Agent(
            name="code-reviewer",
            task_type="code-review",
            owner="team-platform",
            model=_LARGE,
            tools=(_REPOSITORY, _KNOWLEDGE),
            turns=(1, 2, 3),
            budget_usd=0.15,
            value_usd=9.0,
        ),
        Agent(
            name="research-analyst",
            task_type="research-brief",
            owner="team-insight",
            model=_LARGE,
            tools=(_WEB, _KNOWLEDGE, _LEDGER),
            turns=(2, 2, 3),
            budget_usd=0.2,
            value_usd=12.0,
        ),
    )
}
BY_TASK_TYPE = {agent.task_type: agent for agent in AGENTS.values()}

_FATAL_ERRORS = ("model_timeout", "rate_limited", "content_filtered", "tool_failed")
_TOOL_ERROR_PROBABILITY = 0.02
_RISKY_PROBABILITY = 0.15
MAX_RETRIES = 3


@dataclass(frozen=True, slots=True)
class ModelCall:
    seconds: float
    first_token_seconds: float
    input_tokens: int
    output_tokens: int
    error_type: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    tool: Tool
    seconds: float
    error_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run as it will happen, unless a contract or a policy stops it."""

    agent: Agent
    steps: tuple[ModelCall | ToolCall, ...]
    error_type: str
    output_scanned: bool
    pii_findings: int
    pii_redacted: int
    groundedness_ratio: float
    risky_tools: tuple[str, ...] = field(default=())

    @property
    def tools(self) -> tuple[str, ...]:
        """The names of the tools that the run calls, each once, in order."""
        return tuple(dict.fromkeys(step.tool.name for step in self.steps if isinstance(step, ToolCall)))


def plan_run(agent: Agent, dice: random.Random, mood: Temper) -> Plan:
    """What this run does. The same dice and temper give the same plan."""
    steps: list[ModelCall | ToolCall] = []
    for turn in range(dice.choice(agent.turns)):
        steps.append(_model_call(agent.model, turn, dice, mood))
        steps.extend(_tool_calls(agent, dice))
    error_type = dice.choice(_FATAL_ERRORS) if dice.random() < mood.error_probability else ""
    if error_type:
        steps = _broken_off(steps, error_type, agent, dice)
    breach = dice.random() < mood.breach_probability
    return Plan(
        agent=agent,
        steps=tuple(steps),
        error_type=error_type,
        # A breaching release sends its answers out unscanned: two clauses of one contract notice.
        output_scanned=not breach,
        pii_findings=dice.randint(1, 3) if breach else 0,
        pii_redacted=int(dice.random() < 0.01),
        groundedness_ratio=min(1.0, max(0.0, dice.gauss(0.88, 0.05))),
        risky_tools=tuple(dict.fromkeys(s.tool.name for s in steps if isinstance(s, ToolCall) and s.tool.risky)),
    )


def _model_call(model: Model, turn: int, dice: random.Random, mood: Temper) -> ModelCall:
    output_tokens = int(_around(260 * mood.output_token_factor, 0.4, dice))
    first_token = _around(model.first_token_seconds, 0.3, dice) * mood.slowdown
    return ModelCall(
        seconds=first_token + output_tokens * 0.0002 * mood.slowdown,
        first_token_seconds=first_token,
        input_tokens=int(_around(900 * (turn + 1) * mood.input_token_factor, 0.3, dice)),
        output_tokens=output_tokens,
    )


def _tool_calls(agent: Agent, dice: random.Random) -> list[ToolCall]:
    tool = dice.choice(agent.tools)
    if tool.risky and dice.random() > _RISKY_PROBABILITY:
        tool = agent.tools[0]
    calls = [ToolCall(tool, _around(tool.median_seconds, 0.4, dice))]
    while len(calls) < MAX_RETRIES and dice.random() < _TOOL_ERROR_PROBABILITY:
        calls.insert(0, ToolCall(tool, _around(tool.median_seconds, 0.4, dice), "unavailable"))
    return calls


def _broken_off(
    steps: list[ModelCall | ToolCall], error_type: str, agent: Agent, dice: random.Random
) -> list[ModelCall | ToolCall]:
    """The run up to a step of the kind that the error belongs to, which fails."""
    if error_type == "tool_failed":
        tool = dice.choice([tool for tool in agent.tools if not tool.risky])
        failing = [ToolCall(tool, _around(tool.median_seconds, 0.4, dice), "unavailable") for _ in range(MAX_RETRIES)]
        return [steps[0], *failing]
    last = dice.choice([index for index, step in enumerate(steps) if isinstance(step, ModelCall)])
    call = steps[last]
    assert isinstance(call, ModelCall)  # noqa: S101 - narrowed for the reader and the type checker: chosen so above
    return [*steps[:last], ModelCall(call.seconds, call.first_token_seconds, call.input_tokens, 0, error_type)]


def _around(median: float, spread: float, dice: random.Random) -> float:
    """A log-normal draw, cut at three spreads so that no single run is absurd."""
    return median * math.exp(max(-3.0, min(3.0, dice.gauss(0.0, 1.0))) * spread)
