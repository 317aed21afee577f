"""Expressions about a governed service and its tracks over moments: what Triage looks at before an alert can fire.

Windows are short and given by the page: four scrapes, at least 15 s. For long ranges use the recorded series.
"""

from __future__ import annotations

from dashboard.catalog.expression import Expression
from dashboard.model.reading import Unit

_RUNS = 'gen_ai_invoke_agent_duration_seconds_count{namespace="$namespace", gen_ai_operation_name="invoke_agent"'

TRACK_RUNS = Expression(
    name="track_runs",
    promql=f"sum by (service_name, track) (rate({_RUNS}}}[$window]))",
    unit=Unit.PER_SECOND,
    blind="How many agent runs each track serves, so whether a ratio rests on anything.",
)
TRACK_ERROR_RATIO = Expression(
    name="track_error_ratio",
    promql=f"""
        (sum by (service_name, track) (rate({_RUNS}, error_type!=""}}[$window]))
          or 0 * sum by (service_name, track) (rate({_RUNS}}}[$window])))
        / (sum by (service_name, track) (rate({_RUNS}}}[$window])) > 0)
    """,
    unit=Unit.RATIO,
    blind="Which track fails, and how much worse it is than the other one.",
)
TRACK_P95 = Expression(
    name="track_p95",
    promql="""
        histogram_quantile(0.95, sum by (service_name, track, le) (
          rate(gen_ai_invoke_agent_duration_seconds_bucket{
            namespace="$namespace", gen_ai_operation_name="invoke_agent"}[$window])))
    """,
    unit=Unit.SECONDS,
    blind="Which track is slow.",
)
TRACK_EVALUATIONS = Expression(
    name="track_evaluations",
    promql="""
        sum by (service_name, track) (rate(agentgov_contract_evaluations_total{namespace="$namespace"}[$window]))
    """,
    unit=Unit.PER_SECOND,
    blind="Whether contracts are evaluated at all.",
)
TRACK_VIOLATION_RATIO = Expression(
    name="track_violation_ratio",
    promql="""
        (sum by (service_name, track) (
            rate(agentgov_contract_evaluations_total{namespace="$namespace", outcome="violation"}[$window]))
          or 0 * sum by (service_name, track) (
            rate(agentgov_contract_evaluations_total{namespace="$namespace"}[$window])))
        / (sum by (service_name, track) (
            rate(agentgov_contract_evaluations_total{namespace="$namespace"}[$window])) > 0)
    """,
    unit=Unit.RATIO,
    blind="Which track breaks its contracts.",
)
ALL = (TRACK_RUNS, TRACK_ERROR_RATIO, TRACK_P95, TRACK_EVALUATIONS, TRACK_VIOLATION_RATIO)
