"""Single runs of the past, drawn so that their numbers follow the rates: what logs and spans are written of. Pure.

Of runs that failed or broke a contract every one is drawn, as the workload keeps those; of the others a few an hour.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from deploy.local.history import profile
from deploy.local.history.profile import Clause
from deploy.local.history.recipe import MINUTE, TRACKS, Past
from deploy.local.workload.agents import AGENTS, Agent, Tool

_GOOD_A_MINUTE = 0.5
_MORE_LINES = 7  # log lines of good runs for each that is kept as a trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A model call, or a tool call where `tool` is set, of the run's agent or of one that it hands a part to."""

    agent: Agent
    seconds: float
    tool: Tool | None = None
    error_type: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. `is_traced` says whether its spans are kept; `synthetic` ones did not come through the gateway."""

    at: float
    id: str
    track: str
    version: str
    agent: Agent
    synthetic: bool
    steps: tuple[Step, ...]
    error_type: str
    violated: tuple[Clause, ...]
    is_traced: bool

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps) + 0.02

    @property
    def outcome(self) -> str:
        if self.error_type:
            return "failure"
        return "handoff" if any(clause.enforcement == "deny" for clause in self.violated) else "success"


def runs(past: Past, start: int, end: int) -> Iterator[Run]:
    """The runs that left something to read, minute by minute. The same past and times give the same runs."""
    for minute in range(start - start % MINUTE, end, MINUTE):
        dice = random.Random(f"{past.seed}/{past.anchor}/{minute}")
        at = np.array([float(minute)])
        found: list[Run] = []
        for track in TRACKS:
            synthetic = not past.is_active(track, at)[0]
            for agent in AGENTS.values():
                found += _of_minute(past, track, agent, at, dice, synthetic=bool(synthetic))
        yield from sorted((run for run in found if run.at < end), key=lambda run: run.at)


def _of_minute(
    past: Past, track: str, agent: Agent, at: np.ndarray, dice: random.Random, *, synthetic: bool
) -> Iterator[Run]:
    count = float(past.runs(track, agent.name, at)[0]) * MINUTE
    conditions = past.conditions(track, agent.name, at)
    slowdown, breach = float(conditions.slowdown[0]), float(conditions.breach_ratio[0])

    def run(error_type: str, violated: tuple[Clause, ...], *, traced: bool) -> Run:
        when = float(at[0]) + dice.uniform(0, MINUTE)
        return Run(
            at=when,
            id=f"{dice.getrandbits(128):032x}",
            track=track,
            version=past.version(track, when),
            agent=agent,
            synthetic=synthetic,
            steps=tuple(_steps(agent, slowdown, error_type, dice)),
            error_type=error_type,
            violated=violated,
            is_traced=traced,
        )

    for kind, ratio in past.failures(track, agent.name, at).items():
        for _ in range(_drawn(count * float(ratio[0]), dice)):
            yield run(kind, (), traced=True)
    by_breach = tuple(clause for clause in profile.clauses(agent.name) if clause.broken_by_breach)
    for _ in range(_drawn(count * breach, dice)):
        yield run("", by_breach, traced=True)
    for clause in profile.clauses(agent.name):
        for _ in range(_drawn(count * clause.broken * clause.speaks_for, dice)):
            yield run("", (clause,), traced=True)
    if not synthetic:
        for _ in range(_drawn(_GOOD_A_MINUTE * count / MINUTE / 4, dice)):
            yield run("", (), traced=True)
        for _ in range(_drawn(_MORE_LINES * _GOOD_A_MINUTE * count / MINUTE / 4, dice)):
            yield run("", (), traced=False)


def _steps(agent: Agent, slowdown: float, error_type: str, dice: random.Random) -> Iterator[Step]:
    """What the agent itself does, and after its first turn, if it comes so far, those whom it hands a part to."""
    steps = list(_own_steps(agent, slowdown, error_type, dice))
    parts = () if error_type else agent.delegates
    steps[2:2] = [step for delegate in parts for step in _own_steps(delegate, slowdown, "", dice)]
    yield from steps


def _own_steps(agent: Agent, slowdown: float, error_type: str, dice: random.Random) -> Iterator[Step]:
    shares = profile.tool_shares(agent)
    for turn in range(dice.choice(agent.turns)):
        failed = error_type if error_type != "tool_failed" else ""
        yield Step(
            agent=agent,
            seconds=_around(profile.call_seconds(agent) * slowdown, profile.CALL_SPREAD, dice),
            error_type=failed,
            input_tokens=round(_around(900 * (turn + 1), 0.3, dice)),
            output_tokens=0 if failed else round(_around(260, 0.4, dice)),
        )
        if failed:
            return
        tool = dice.choices(list(shares), list(shares.values()))[0]
        tries = 3 if error_type else 1
        for _ in range(tries):
            seconds = _around(tool.median_seconds, profile.TOOL_SPREAD, dice)
            yield Step(agent=agent, seconds=seconds, tool=tool, error_type="unavailable" if error_type else "")
        if error_type:
            return


def _drawn(mean: float, dice: random.Random) -> int:
    """A whole number that is `mean` on average."""
    return int(mean) + (dice.random() < mean % 1)


def _around(median: float, spread: float, dice: random.Random) -> float:
    return median * float(np.exp(np.clip(dice.gauss(0, 1), -3, 3) * spread))
