"""The simulated agents: who they are, which models and tools they use, whom they delegate to, what their habits are."""

from __future__ import annotations

from dataclasses import dataclass, field


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

    @property
    def source(self) -> str:
        """Who is paid: a provider, or our own machines."""
        return "local" if self.provider == "vllm" else "provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    name: str
    median_seconds: float
    risky: bool = False
    """Changes something outside, so a person or a policy approves it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How an agent differs from others that do the same."""

    input_tokens: float = 900
    """Of the first turn; each later one reads as much again."""
    output_tokens: float = 260
    tool_error_ratio: float = 0.02
    groundedness_ratio: float = 0.88
    redaction_ratio: float = 0.01
    """Of the answers, those in which personal data is found and blacked out."""
    risky_ratio: float = 0.15
    """How often it follows the wish to use a risky tool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One agent. Without a task type it only works for other agents."""

    name: str
    owner: str
    model: Model
    tools: tuple[Tool, ...]
    turns: tuple[int, ...]
    """How many model calls a run takes; one is drawn."""
    budget_usd: float
    """What one run may cost, by contract."""
    habits: Habits = field(default=Habits())
    task_type: str = ""
    value_usd: float = 0.0
    """What a finished task is worth to the business."""
    delegates: tuple[Agent, ...] = ()
    """Each is handed a part of every run."""


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
_PAYMENT = Tool(name="schedule_payment", median_seconds=0.035, risky=True)
_REPOSITORY = Tool(name="read_repository", median_seconds=0.03)
_SCANNER = Tool(name="scan_dependencies", median_seconds=0.06)
_WEB = Tool(name="fetch_page", median_seconds=0.05)

_SCOUT = Agent(
    name="web-scout",
    owner="team-insight",
    model=_MINI,
    tools=(_WEB, _KNOWLEDGE),
    turns=(1,),
    budget_usd=0.02,
    habits=Habits(input_tokens=1500, output_tokens=180, tool_error_ratio=0.04),
)
_CHECKER = Agent(
    name="fact-checker",
    owner="team-insight",
    model=_OWN,
    tools=(_KNOWLEDGE, _LEDGER),
    turns=(1,),
    budget_usd=0.02,
    habits=Habits(output_tokens=120, groundedness_ratio=0.93),
)
_SECURITY = Agent(
    name="security-reviewer",
    owner="team-security",
    model=_OWN,
    tools=(_SCANNER, _REPOSITORY),
    turns=(1,),
    budget_usd=0.02,
    habits=Habits(input_tokens=2000, output_tokens=150),
)

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
            budget_usd=0.006,
            value_usd=4.0,
            habits=Habits(redaction_ratio=0.02),
        ),
        Agent(
            name="invoice-checker",
            task_type="invoice-check",
            owner="team-finance",
            model=_OWN,
            tools=(_LEDGER, _ORDER, _PAYMENT),
            turns=(1, 1, 2),
            budget_usd=0.006,
            value_usd=2.5,
            habits=Habits(output_tokens=140, groundedness_ratio=0.92, risky_ratio=0.03),
        ),
        Agent(
            name="code-reviewer",
            task_type="code-review",
            owner="team-platform",
            model=_LARGE,
            tools=(_REPOSITORY, _KNOWLEDGE),
            turns=(1, 1, 1, 2),
            budget_usd=0.04,
            value_usd=9.0,
            habits=Habits(input_tokens=1200, groundedness_ratio=0.85),
            delegates=(_SECURITY,),
        ),
        Agent(
            name="research-analyst",
            task_type="research-brief",
            owner="team-insight",
            model=_LARGE,
            tools=(_KNOWLEDGE, _LEDGER),
            turns=(1, 1, 1, 2),
            budget_usd=0.04,
            value_usd=12.0,
            habits=Habits(output_tokens=300),
            delegates=(_SCOUT, _CHECKER),
        ),
    )
}
BY_TASK_TYPE = {agent.task_type: agent for agent in AGENTS.values()}
# They are asked by other agents only, and work under the contracts of whoever asks.
DELEGATES = {agent.name: agent for agent in (_SCOUT, _CHECKER, _SECURITY)}
