"""What the Business page asks: tasks and how they ended, their time, value and satisfaction, cost and budget.

Tasks are counted once, where they enter, so they carry no agent and no track, and figures are of the whole namespace.
Counts are over `$window`. Of tasks there are few series (kinds times outcomes), so long ranges read the counters
themselves, which see the first task of a kind. Cost is read from recorded series there.
"""

from __future__ import annotations

from dashboard.catalog import recorded
from dashboard.catalog.counting import counted, once, once_quantile
from dashboard.catalog.expression import Expression
from dashboard.model.reading import Unit

_PLACE = 'namespace="$namespace"'
_RUN = f'{_PLACE}, gen_ai_operation_name="invoke_agent"'
_AGENT = "gen_ai_agent_name"
_KIND = "task_type"
_TASKS = f"agentgov_business_tasks_total{{{_PLACE}}}"
_VALUE = f"agentgov_business_value_usd_total{{{_PLACE}}}"
_BUCKETS = f"rate(agentgov_business_task_duration_seconds_bucket{{{_PLACE}}}[$window])"
_COST = f"agentgov_agent_cost_usd_total{{{_PLACE}}}"
_RUNS = f"gen_ai_invoke_agent_duration_seconds_count{{{_RUN}}}"
# The same, recorded.
_R_COST = f"agent:agentgov_agent_cost_usd:rate5m{{{_PLACE}}}"
_R_RUNS = f"agent:gen_ai_invoke_agent_runs:rate5m{{{_PLACE}}}"


TASKS = Expression(
    name="business_tasks",
    **counted(lambda grown: f"round({once(grown, f'{_KIND}, outcome')})", _TASKS),
    unit=Unit.COUNT,
    blind="how many tasks end, and how",
)
TASK_P95 = Expression(
    name="business_task_p95",
    promql=once_quantile(0.95, _BUCKETS),
    unit=Unit.SECONDS,
    blind="how long people wait for a task",
)
TASK_P95_BY_KIND = Expression(
    name="business_task_p95_by_kind",
    promql=once_quantile(0.95, _BUCKETS, _KIND),
    unit=Unit.SECONDS,
    blind="which kind of task takes long",
)
VALUE = Expression(
    name="business_value",
    **counted(lambda grown: once(grown, _KIND), _VALUE),
    unit=Unit.USD,
    blind="what finished tasks are worth",
)
SATISFACTION = Expression(
    name="business_satisfaction",
    # A gauge of each door: all of them rate the same kinds of task, so their mean is fair.
    promql=f"avg by ({_KIND}) (avg_over_time(agentgov_business_satisfaction_ratio{{{_PLACE}}}[$window]))",
    unit=Unit.RATIO,
    blind="how content people are",
)
COST = Expression(
    name="business_cost",
    **counted(lambda grown: once(grown, _AGENT), _COST),
    recorded=recorded.amount(_R_COST, _AGENT),
    unit=Unit.USD,
    blind="what the agents cost",
)
COST_BY_HOUR = Expression(
    name="business_cost_by_hour",
    **counted(once, _COST),
    recorded=recorded.amount_of_whole_hour(_R_COST),
    unit=Unit.USD,
    blind="what was spent since the budget's period began, and so what will be",
)
RUNS = Expression(
    name="business_runs",
    **counted(lambda grown: once(grown, _AGENT), _RUNS),
    recorded=recorded.amount(_R_RUNS, _AGENT),
    unit=Unit.COUNT,
    blind="what a run of each agent costs",
)
BUDGET = Expression(
    name="business_budget",
    promql=f"max by (period) (agentgov_business_budget_usd{{{_PLACE}}})",
    unit=Unit.USD,
    blind="how much may be spent",
)
