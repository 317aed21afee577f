"""What can be measured, as the catalogue names it in the metrics of deploy/monitoring/telemetry.md. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.model.event_matchers import ANY_ERROR, BROKEN, DENIED, VIOLATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """Something that can be measured, as the catalogue writes it.

    Attributes:
        key: its name in settings and presets.
        series: its metric in the catalogue; of a histogram the name without `_count`, `_sum`, `_bucket`.
        what: what it counts or measures, for people.
        is_histogram: whether it has those three series.
        unit: of the values (of a histogram: of what is observed); "" counts events.
        scope: matchers that belong to our telemetry alone and go where a team names its own metric.
        bad: matchers that mean a bad event, in every form the catalogue has.
        table: the table of words that says what the values behind `bad` mean.
        placing: labels without which a figure would be shown for the wrong thing, by logical name.
        is_level: whether it is a value that goes up and down (a gauge) instead of a count of events.
        is_time: whether its values are moments, in seconds since 1970.
    """

    key: str
    series: str
    what: str
    is_histogram: bool = False
    unit: str = ""
    scope: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    table: str = "outcome"
    placing: tuple[str, ...] = ("namespace", "service", "track")
    is_level: bool = False
    is_time: bool = False


_ERROR = (ANY_ERROR,)
CONCEPTS: tuple[Concept, ...] = (
    Concept(
        key="agent_runs",
        series="gen_ai_invoke_agent_duration_seconds",
        what="runs of agents and how long they take",
        is_histogram=True,
        unit="s",
        scope=('gen_ai_operation_name="invoke_agent"',),
        bad=_ERROR,
    ),
    Concept(
        key="agent_tool_calls",
        series="gen_ai_invoke_agent_tool_calls",
        what="tool calls of each run",
        is_histogram=True,
    ),
    Concept(
        key="tool_calls",
        series="gen_ai_execute_tool_duration_seconds",
        what="tool calls and how long they take",
        is_histogram=True,
        unit="s",
        bad=_ERROR,
    ),
    Concept(
        key="model_calls",
        series="gen_ai_client_operation_duration_seconds",
        what="calls of models and how long they take",
        is_histogram=True,
        unit="s",
        bad=_ERROR,
    ),
    Concept(
        key="tokens",
        series="gen_ai_client_token_usage",
        what="tokens that models read and write",
        is_histogram=True,
        unit="token",
    ),
    Concept(
        key="first_token",
        series="gen_ai_client_operation_time_to_first_chunk_seconds",
        what="time to the first token",
        is_histogram=True,
        unit="s",
    ),
    Concept(key="cost", series="agentgov_agent_cost_usd_total", what="what the agents cost", unit="USD"),
    Concept(key="runs_active", series="agentgov_agent_runs_active", what="runs under way", is_level=True),
    Concept(key="queue_depth", series="agentgov_agent_queue_depth", what="tasks that wait", is_level=True),
    Concept(
        key="queue_age",
        series="agentgov_agent_queue_oldest_age_seconds",
        what="how long the oldest task has waited",
        unit="s",
        is_level=True,
    ),
    Concept(key="retries", series="agentgov_agent_retries_total", what="steps that an agent tried again"),
    Concept(
        key="contract_evaluations",
        series="agentgov_contract_evaluations_total",
        what="evaluations of contracts",
        bad=(VIOLATED, BROKEN),
        table="evaluation",
    ),
    Concept(key="violations", series="agentgov_contract_violations_total", what="violations of contracts"),
    Concept(
        key="contract_evaluated_at",
        series="agentgov_contract_last_evaluation_timestamp_seconds",
        what="when a contract was last evaluated",
        unit="s",
        is_level=True,
        is_time=True,
    ),
    Concept(
        key="contract_drift",
        series="agentgov_contract_drift_score_ratio",
        what="drift from the contract's baseline",
        is_level=True,
    ),
    Concept(
        key="waivers", series="agentgov_contract_exceptions_active", what="exceptions from contracts", is_level=True
    ),
    Concept(
        key="policy_decisions",
        series="agentgov_policy_decisions_total",
        what="decisions of policies",
        bad=(DENIED,),
        table="decision",
    ),
    Concept(
        key="approvals",
        series="agentgov_approvals_pending",
        what="approvals that wait for a person",
        placing=("namespace",),
        is_level=True,
    ),
    Concept(
        key="kill_switch",
        series="agentgov_kill_switch_engaged",
        what="the kill switch",
        placing=("namespace",),
        is_level=True,
    ),
    Concept(
        key="tasks",
        series="agentgov_business_tasks_total",
        what="tasks and how they ended",
        placing=("namespace",),
    ),
    Concept(
        key="task_time",
        series="agentgov_business_task_duration_seconds",
        what="how long tasks take",
        is_histogram=True,
        unit="s",
        placing=("namespace",),
    ),
    Concept(
        key="task_value",
        series="agentgov_business_value_usd_total",
        what="what finished tasks are worth",
        unit="USD",
        placing=("namespace",),
    ),
    Concept(
        key="satisfaction",
        series="agentgov_business_satisfaction_ratio",
        what="how content people are",
        unit="ratio",
        placing=("namespace",),
        is_level=True,
    ),
    Concept(
        key="budget",
        series="agentgov_business_budget_usd",
        what="what may be spent in a period",
        unit="USD",
        placing=("namespace",),
        is_level=True,
    ),
)
# By the series that the catalogue writes, the three of a histogram included.
CONCEPT_OF: Mapping[str, Concept] = {
    f"{concept.series}{suffix}": concept
    for concept in CONCEPTS
    for suffix in (("_count", "_sum", "_bucket") if concept.is_histogram else ("",))
}
