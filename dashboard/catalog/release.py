"""What a verdict is computed from: counts of total and bad events by track. Shares are computed from counts.

Counts are over `$window`. A bad event that never happened has no series: it counts as 0 where there are runs. The first
of its kind makes a new series, whose first value `increase` cannot see: a series born within the window counts in full,
or the first dozen failures of a release, each of another agent, type and pod, would be lost.
"""

from __future__ import annotations

from dashboard.catalog.expression import Expression, growth
from dashboard.model.reading import Unit

_SERVICE = 'namespace="$namespace", service_name="$service"'
_RUN = f'{_SERVICE}, gen_ai_operation_name="invoke_agent"'


def _count(series: str) -> str:
    """How much these counters grew within the window, by track."""
    return f"sum by (track) {growth(series)}"


_RUNS = _count(f"gen_ai_invoke_agent_duration_seconds_count{{{_RUN}}}")
_FAILED = _count(f'gen_ai_invoke_agent_duration_seconds_count{{{_RUN}, error_type!=""}}')
_EVALUATIONS = _count(f"agentgov_contract_evaluations_total{{{_SERVICE}}}")
_VIOLATIONS = _count(f'agentgov_contract_evaluations_total{{{_SERVICE}, outcome="violation"}}')

RUNS = Expression(
    name="release_runs",
    promql=_RUNS,
    unit=Unit.COUNT,
    blind="how many agent runs a verdict rests on",
)
FAILED = Expression(
    name="release_failed_runs",
    promql=f"{_FAILED} or 0 * {_RUNS}",
    unit=Unit.COUNT,
    blind="whether the release fails agent runs",
)
EVALUATIONS = Expression(
    name="release_contract_evaluations",
    promql=_EVALUATIONS,
    unit=Unit.COUNT,
    blind="how many contract evaluations a verdict rests on",
)
VIOLATIONS = Expression(
    name="release_contract_violations",
    promql=f"{_VIOLATIONS} or 0 * {_EVALUATIONS}",
    unit=Unit.COUNT,
    blind="whether the release violates contracts",
)
P95 = Expression(
    name="release_p95",
    promql=(
        "histogram_quantile(0.95, sum by (track, le) "
        f"(increase(gen_ai_invoke_agent_duration_seconds_bucket{{{_RUN}}}[$window])))"
    ),
    unit=Unit.SECONDS,
    blind="whether the release is slow",
)
TARGETS = Expression(
    name="release_scraped_pods",
    promql=f"sum by (track) (up{{{_SERVICE}}})",
    unit=Unit.COUNT,
    blind="whether all pods of the release are measured at all",
)
COST = Expression(
    name="release_cost",
    promql=f"{_count(f'agentgov_agent_cost_usd_total{{{_SERVICE}}}')}",
    unit=Unit.USD,
    blind="whether a run of the release costs more",
)
KILL_SWITCH = Expression(
    name="release_kill_switch",
    promql='max by (scope) (agentgov_kill_switch_engaged{namespace="$namespace"})',
    unit=Unit.COUNT,
    blind="whether the agents are stopped",
)


def _bad_share(window: str) -> Expression:
    """The recorded share of bad events over a window of the alerts on burning budgets, by objective and track."""
    return Expression(
        name=f"release_bad_share_{window}",
        promql=f"max by (slo, track) (slo:agentgov_sli_errors:ratio_rate{window}{{{_SERVICE}}})",
        unit=Unit.RATIO,
        blind="whether the release burns an error budget",
    )


BAD_SHARE_5M = _bad_share("5m")
BAD_SHARE_30M = _bad_share("30m")
BAD_SHARE_1H = _bad_share("1h")
BAD_SHARE_6H = _bad_share("6h")


def _by_pod(series: str, *labels: str) -> str:
    """The raw counter of each pod; a pod that is scraped twice counts once."""
    by = ", ".join(("track", "pod", *labels))
    return f"max by ({by}) (sum by ({by}, instance, job) ({series}))"


_RUN_BUCKETS = f"gen_ai_invoke_agent_duration_seconds_bucket{{{_RUN}}}"

RUN_COUNTER = Expression(
    name="release_run_counter",
    promql=_by_pod(f"gen_ai_invoke_agent_duration_seconds_count{{{_RUN}}}"),
    unit=Unit.COUNT,
    blind="how both tracks compare since the release began",
)
FAILED_COUNTER = Expression(
    name="release_failed_counter",
    promql=_by_pod(f'gen_ai_invoke_agent_duration_seconds_count{{{_RUN}, error_type!=""}}'),
    unit=Unit.COUNT,
    blind="whether the release fails more runs than the other track",
)
WITHIN_COUNTER = Expression(
    name="release_within_counter",
    promql=_by_pod(f'gen_ai_invoke_agent_duration_seconds_bucket{{{_RUN}, le=~"$bounds"}}', "le"),
    unit=Unit.COUNT,
    blind="whether the release is slower than the other track",
)
BUCKETS = Expression(
    name="release_buckets",
    promql=f"sum by (track, le) ({_RUN_BUCKETS})",
    unit=Unit.COUNT,
    blind="by which bounds the latency of both tracks can be compared",
)
EVALUATION_COUNTER = Expression(
    name="release_evaluation_counter",
    promql=_by_pod(f"agentgov_contract_evaluations_total{{{_SERVICE}}}"),
    unit=Unit.COUNT,
    blind="how contract violations of both tracks compare",
)
VIOLATION_COUNTER = Expression(
    name="release_violation_counter",
    promql=_by_pod(f'agentgov_contract_evaluations_total{{{_SERVICE}, outcome="violation"}}'),
    unit=Unit.COUNT,
    blind="whether the release violates contracts more often than the other track",
)
TOOL_COUNTER = Expression(
    name="release_tool_counter",
    promql=_by_pod(f"gen_ai_execute_tool_duration_seconds_count{{{_SERVICE}}}"),
    unit=Unit.COUNT,
    blind="how tool failures of both tracks compare",
)
FAILED_TOOL_COUNTER = Expression(
    name="release_failed_tool_counter",
    promql=_by_pod(f'gen_ai_execute_tool_duration_seconds_count{{{_SERVICE}, error_type!=""}}'),
    unit=Unit.COUNT,
    blind="whether tools fail more often than on the other track",
)
DECISION_COUNTER = Expression(
    name="release_decision_counter",
    promql=_by_pod(f"agentgov_policy_decisions_total{{{_SERVICE}}}"),
    unit=Unit.COUNT,
    blind="how policy denials of both tracks compare",
)
DENIAL_COUNTER = Expression(
    name="release_denial_counter",
    promql=_by_pod(f'agentgov_policy_decisions_total{{{_SERVICE}, decision="deny"}}'),
    unit=Unit.COUNT,
    blind="whether policies deny more than on the other track",
)
