"""Expressions about a governed service and its tracks over short windows: what Triage shows before an alert can fire.

The page gives the window: four scrapes, at least 15 s. Long ranges read recorded series.
"""

from __future__ import annotations

from dashboard.catalog import recorded
from dashboard.catalog.counting import once_quantile, paced, shared
from dashboard.catalog.expression import Expression
from dashboard.model.event_matchers import ANY_ERROR, JUDGED, VIOLATED
from dashboard.model.reading import Unit

_RUNS = 'gen_ai_invoke_agent_duration_seconds_count{namespace="$namespace", gen_ai_operation_name="invoke_agent"'
_R_RUNS = 'agent:gen_ai_invoke_agent_runs:rate5m{namespace="$namespace"}'
_R_FAILED = 'agent:gen_ai_invoke_agent_failures:rate5m{namespace="$namespace"}'
_R_BUCKETS = 'agent:gen_ai_invoke_agent_duration_seconds_bucket:rate5m{namespace="$namespace"}'
_R_ALL = 'agent:agentgov_contract_evaluations:rate5m{namespace="$namespace"}'
_R_JUDGED = f'agent:agentgov_contract_evaluations:rate5m{{namespace="$namespace", {JUDGED}}}'
_R_BROKEN = f'agent:agentgov_contract_evaluations:rate5m{{namespace="$namespace", {VIOLATED}}}'
_BY_TRACK = "service_name, track"

_RUN = f"{_RUNS}}}"
_FAILED = f"{_RUNS}, {ANY_ERROR}}}"
_BUCKET_RATE = f"rate({_RUNS.replace('_count{', '_bucket{')}}}[$window])"
_EVALUATIONS = 'agentgov_contract_evaluations_total{namespace="$namespace"}'
_JUDGED = f'agentgov_contract_evaluations_total{{namespace="$namespace", {JUDGED}}}'
_VIOLATIONS = f'agentgov_contract_evaluations_total{{namespace="$namespace", {VIOLATED}}}'


TRACK_RUNS = Expression(
    name="track_runs",
    **paced(_RUN, _BY_TRACK),
    recorded=recorded.mean(recorded.summed(_R_RUNS, _BY_TRACK)),
    unit=Unit.PER_SECOND,
    blind="How many agent runs each track serves, so whether a ratio rests on anything.",
)
TRACK_ERROR_RATIO = Expression(
    name="track_error_ratio",
    **shared(_FAILED, _RUN, _BY_TRACK),
    recorded=recorded.ratio(_R_FAILED, _R_RUNS, _BY_TRACK),
    unit=Unit.RATIO,
    blind="Which track fails, and how much worse it is than the other one.",
)
TRACK_P95 = Expression(
    name="track_p95",
    promql=once_quantile(0.95, _BUCKET_RATE, _BY_TRACK),
    recorded=recorded.quantile(0.95, _R_BUCKETS, _BY_TRACK),
    unit=Unit.SECONDS,
    blind="Which track is slow.",
)
TRACK_EVALUATIONS = Expression(
    name="track_evaluations",
    **paced(_EVALUATIONS, _BY_TRACK),
    recorded=recorded.mean(recorded.summed(_R_ALL, _BY_TRACK)),
    unit=Unit.PER_SECOND,
    blind="Whether contracts are evaluated at all.",
)
TRACK_VIOLATION_RATIO = Expression(
    name="track_violation_ratio",
    **shared(_VIOLATIONS, _JUDGED, _BY_TRACK),
    recorded=recorded.ratio(_R_BROKEN, _R_JUDGED, _BY_TRACK),
    unit=Unit.RATIO,
    blind="Which track breaks its contracts.",
)
SCRAPE_AGE = Expression(
    name="scrape_age",
    promql='min(time() - timestamp(up{namespace="$namespace"}))',
    unit=Unit.SECONDS,
    blind="How old the newest sample is, so whether Prometheus still scrapes.",
)
