"""What a run will do, decided from a seed before it starts. Pure.

A plan is a list of model calls, tool calls and runs of other agents, each with its duration; the runtime executes it. A
typical run takes 150 to 600 ms.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from deploy.local.workload.agents import Agent, Tool
from deploy.local.workload.faults import Behaviour

_FATAL_ERRORS = ("model_timeout", "rate_limited", "content_filtered", "tool_failed")
_RATE_LIMITED_RATIO = 0.004
_INJECTION_RATIO = 0.0005
_HIGH_VALUE_RATIO = 0.1
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
class Delegation:
    """A run of another agent within this one."""

    agent: Agent
    steps: tuple[Step, ...]
    error_type: str = ""

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)


Step = ModelCall | ToolCall | Delegation


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run as it will happen, unless a contract or a policy stops it."""

    agent: Agent
    steps: tuple[Step, ...]
    error_type: str
    output_scanned: bool
    pii_findings: int
    pii_redacted: int
    groundedness_ratio: float
    injection_suspected: bool = False
    is_high_value: bool = False
    """So much is at stake in the risky tool that a person is asked, who takes a while."""
    risky_tools: tuple[str, ...] = field(default=())

    @property
    def tools(self) -> tuple[str, ...]:
        """The names of the tools that the agent itself calls, each once, in order."""
        return tuple(dict.fromkeys(step.tool.name for step in self.steps if isinstance(step, ToolCall)))


def plan_run(agent: Agent, dice: random.Random, behaviour: Behaviour) -> Plan:
    """What this run does. The same dice and behaviour give the same plan."""
    steps = list(_turns(agent, dice, behaviour))
    # Parts are handed out after the first turn, in which the agent makes up its mind.
    steps[2:2] = [Delegation(agent=one, steps=tuple(_turns(one, dice, behaviour))) for one in agent.delegates]
    error_type = dice.choice(_FATAL_ERRORS) if dice.random() < behaviour.error_probability else ""
    if error_type:
        steps = _broken_off(steps, error_type, agent, dice)
    breach = dice.random() < behaviour.breach_probability
    risky_tools = tuple(dict.fromkeys(s.tool.name for s in steps if isinstance(s, ToolCall) and s.tool.risky))
    return Plan(
        agent=agent,
        steps=tuple(steps),
        error_type=error_type,
        # A breaching release sends its answers out unscanned: two clauses of one contract notice.
        output_scanned=not breach,
        pii_findings=dice.randint(1, 3) if breach else 0,
        pii_redacted=int(dice.random() < agent.habits.redaction_ratio),
        groundedness_ratio=min(1.0, max(0.0, dice.gauss(agent.habits.groundedness_ratio, 0.05))),
        injection_suspected=dice.random() < _INJECTION_RATIO,
        is_high_value=bool(risky_tools) and dice.random() < _HIGH_VALUE_RATIO,
        risky_tools=risky_tools,
    )


def _turns(agent: Agent, dice: random.Random, behaviour: Behaviour) -> Iterator[Step]:
    for turn in range(dice.choice(agent.turns)):
        call = _model_call(agent, turn, dice, behaviour)
        if dice.random() < _RATE_LIMITED_RATIO:
            yield ModelCall(0.02, 0.02, call.input_tokens, 0, "rate_limited")
        yield call
        yield from _tool_calls(agent, dice)


def _model_call(agent: Agent, turn: int, dice: random.Random, behaviour: Behaviour) -> ModelCall:
    habits = agent.habits
    output_tokens = int(_around(habits.output_tokens * behaviour.output_token_factor, 0.4, dice))
    first_token = _around(agent.model.first_token_seconds, 0.3, dice) * behaviour.slowdown
    return ModelCall(
        seconds=first_token + output_tokens * 0.0002 * behaviour.slowdown,
        first_token_seconds=first_token,
        input_tokens=int(_around(habits.input_tokens * (turn + 1) * behaviour.input_token_factor, 0.3, dice)),
        output_tokens=output_tokens,
    )


def _tool_calls(agent: Agent, dice: random.Random) -> list[ToolCall]:
    tool = dice.choice(agent.tools)
    if tool.risky and dice.random() > agent.habits.risky_ratio:
        tool = agent.tools[0]
    calls = [ToolCall(tool, _around(tool.median_seconds, 0.4, dice))]
    while len(calls) < MAX_RETRIES and dice.random() < agent.habits.tool_error_ratio:
        calls.insert(0, ToolCall(tool, _around(tool.median_seconds, 0.4, dice), "unavailable"))
    return calls


def _broken_off(steps: list[Step], error_type: str, agent: Agent, dice: random.Random) -> list[Step]:
    """The run up to a step of the kind that the error belongs to, which fails; it may be one of a delegate's."""
    if error_type == "tool_failed":
        tool = dice.choice([tool for tool in agent.tools if not tool.risky])
        failing = [ToolCall(tool, _around(tool.median_seconds, 0.4, dice), "unavailable") for _ in range(MAX_RETRIES)]
        return [steps[0], *failing]
    last = dice.choice([index for index, step in enumerate(steps) if not isinstance(step, ToolCall)])
    match steps[last]:
        case Delegation(agent=delegate, steps=parts):
            inner = tuple(_broken_off(list(parts), error_type, delegate, dice))
            return [*steps[:last], Delegation(agent=delegate, steps=inner, error_type=error_type)]
        case ModelCall() as call:
            return [*steps[:last], ModelCall(call.seconds, call.first_token_seconds, call.input_tokens, 0, error_type)]
    raise AssertionError("a tool call was chosen")


def _around(median: float, spread: float, dice: random.Random) -> float:
    """A log-normal draw, cut at three spreads so that no single run is absurd."""
    return median * math.exp(max(-3.0, min(3.0, dice.gauss(0.0, 1.0))) * spread)
