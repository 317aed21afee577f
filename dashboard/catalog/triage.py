"""Expressions that only Triage asks: where a fault sits, the contract that suffers, budgets that are left."""

from __future__ import annotations

from dashboard.catalog.counting import once
from dashboard.catalog.expression import Expression
from dashboard.model.reading import Unit

_RUNS = 'gen_ai_invoke_agent_duration_seconds_count{namespace="$namespace", gen_ai_operation_name="invoke_agent"'
_BY_AGENT = "service_name, track, gen_ai_agent_name"
_FAILING = once(f'rate({_RUNS}, error_type!=""}}[$window])', _BY_AGENT)
_RUNNING = once(f"rate({_RUNS}}}[$window])", _BY_AGENT)
_VIOLATED = once(
    'rate(agentgov_contract_evaluations_total{namespace="$namespace", outcome="violation"}[$window])',
    "service_name, track, contract",
)

AGENT_ERROR_RATIO_NOW = Expression(
    name="agent_error_ratio_now",
    promql=f"({_FAILING} or 0 * {_RUNNING}) / ({_RUNNING} > 0)",
    unit=Unit.RATIO,
    blind="Whether all agents of a track fail or only one.",
)
CONTRACT_VIOLATED_MOST = Expression(
    name="contract_violated_most",
    promql=f"topk by (service_name, track) (1, {_VIOLATED} > 0)",
    unit=Unit.PER_SECOND,
    blind="Which contract an incident violates.",
)
BUDGET_REMAINING = Expression(
    name="budget_remaining",
    promql='1 - slo:agentgov_sli_errors:ratio_rate3d{namespace="$namespace"} / $budget',
    unit=Unit.RATIO,
    blind="How much of the error budget each objective has left.",
)
BURN_RATE_1H = Expression(
    name="burn_rate_1h",
    promql='slo:agentgov_sli_errors:ratio_rate1h{namespace="$namespace"} / $budget',
    unit=Unit.TIMES,
    blind="How many times too fast an error budget is spent.",
)
ALL = (AGENT_ERROR_RATIO_NOW, CONTRACT_VIOLATED_MOST, BUDGET_REMAINING, BURN_RATE_1H)
