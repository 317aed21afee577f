"""What the Agents page asks: rate, errors, duration, tokens, cost, tools and queue of agent runs.

Runs are counted where gen_ai_operation_name is invoke_agent: summed over nested workflows they would count twice.
Model and token metrics carry no agent name, so the filter on one agent does not reach them; the page says so.
`$window` is the rate's window, `$track` and `$agent` are patterns. Long ranges read recorded series.
"""

from __future__ import annotations

from dashboard.catalog import recorded
from dashboard.catalog.counting import Counted, counted, once, once_quantile, or_zero, paced, per_second, shared
from dashboard.catalog.expression import Alias, Expression, renamed
from dashboard.model.event_matchers import ANY_ERROR
from dashboard.model.reading import Unit

SERVICE = 'namespace="$namespace", service_name=~"$service", track=~"$track"'
AGENT = f'{SERVICE}, gen_ai_agent_name=~"$agent"'
RUN = f'{AGENT}, gen_ai_operation_name="invoke_agent"'

RUNS = f"gen_ai_invoke_agent_duration_seconds_count{{{RUN}}}"
FAILED = f"gen_ai_invoke_agent_duration_seconds_count{{{RUN}, {ANY_ERROR}}}"
_RUN_BUCKETS = f"rate(gen_ai_invoke_agent_duration_seconds_bucket{{{RUN}}}[$window])"
_CALLS = f"gen_ai_client_operation_duration_seconds_count{{{SERVICE}}}"
_CALLS_FAILED = f"gen_ai_client_operation_duration_seconds_count{{{SERVICE}, {ANY_ERROR}}}"
_TOOLS = f"gen_ai_execute_tool_duration_seconds_count{{{AGENT}}}"
_TOOLS_FAILED = f"gen_ai_execute_tool_duration_seconds_count{{{AGENT}, {ANY_ERROR}}}"
COST = f"agentgov_agent_cost_usd_total{{{AGENT}}}"
# Some emitters write the sum of both directions as a third kind of token; where it stands alone it is all there is.
_TOTAL = "(?i:total|total_tokens|all|sum)"
_TOKENS = f'gen_ai_client_token_usage_sum{{{SERVICE}, gen_ai_token_type!~"{_TOTAL}"}}'
_TOKEN_TOTALS = f'gen_ai_client_token_usage_sum{{{SERVICE}, gen_ai_token_type=~"{_TOTAL}"}}'

# The same, recorded.
R_RUNS = f"agent:gen_ai_invoke_agent_runs:rate5m{{{AGENT}}}"
R_FAILED = f"agent:gen_ai_invoke_agent_failures:rate5m{{{AGENT}}}"
_R_BUCKETS = f"agent:gen_ai_invoke_agent_duration_seconds_bucket:rate5m{{{AGENT}}}"
_R_CALLS = f"model:gen_ai_client_operation_calls:rate5m{{{SERVICE}}}"
_R_CALLS_FAILED = f"model:gen_ai_client_operation_calls:rate5m{{{SERVICE}, {ANY_ERROR}}}"
_R_TOOLS = f"tool:gen_ai_execute_tool_calls:rate5m{{{AGENT}}}"
_R_TOOLS_FAILED = f"tool:gen_ai_execute_tool_calls:rate5m{{{AGENT}, {ANY_ERROR}}}"
_R_COST = f"agent:agentgov_agent_cost_usd:rate5m{{{AGENT}}}"
_R_TOKENS = f"model:gen_ai_client_token_usage:rate5m{{{SERVICE}}}"


def _slowest(quantiles: str, by: str) -> str:
    """Over a long range: the mean of the largest 5-minute quantile. Steps without a run do not count."""
    return recorded.mean(f"max by ({by}) ({quantiles} > 0)")


def _of_inference(promql: str) -> Alias:
    return renamed(promql, "gen_ai_client_operation_duration_seconds", "gen_ai_client_inference_duration_seconds")


def _tokens(by: str = "") -> Counted:
    """Tokens each second: of each process those by direction, and the total only where it tells no directions."""
    directions = f"unless on (pod, instance, job) last_over_time({_TOKENS}[$window])"
    return counted(
        lambda parts, totals: per_second(once(f"({parts} or ({totals}) {directions})", by)), _TOKENS, _TOKEN_TOTALS
    )


def _tokens_counted(by: str) -> Alias:
    """Newer telemetry counts tokens by direction in counters, where there was one histogram."""
    read, written = (f"gen_ai_client_inference_usage_{kind}_tokens_total" for kind in ("input", "output"))
    rates = (paced(f"{metric}{{{SERVICE}}}", by)["promql"] for metric in (read, written))
    return Alias(instead_of="gen_ai_client_token_usage_sum", metric=read, promql=" + ".join(rates))


RUN_RATE = Expression(
    name="agent_run_rate",
    **paced(RUNS),
    recorded=recorded.mean(recorded.summed(R_RUNS)),
    unit=Unit.PER_SECOND,
    blind="how much work the agents get",
)
RUN_RATE_BY_TRACK = Expression(
    name="agent_run_rate_by_track",
    **paced(RUNS, "track"),
    recorded=recorded.mean(recorded.summed(R_RUNS, "track")),
    unit=Unit.PER_SECOND,
    blind="how the work is shared between blue and green",
)
ERROR_RATIO = Expression(
    name="agent_error_ratio",
    **shared(FAILED, RUNS),
    recorded=recorded.ratio(R_FAILED, R_RUNS),
    unit=Unit.RATIO,
    blind="how many agent runs fail",
)
ERROR_RATIO_BY_TRACK = Expression(
    name="agent_error_ratio_by_track",
    **shared(FAILED, RUNS, "track"),
    recorded=recorded.ratio(R_FAILED, R_RUNS, "track"),
    unit=Unit.RATIO,
    blind="which track fails more",
)
ERRORS_BY_TYPE = Expression(
    name="agent_errors_by_type",
    **counted(lambda failed: f"{per_second(once(failed, 'error_type, track'))} > 0", FAILED, total=RUNS),
    recorded=f"{recorded.mean_of_rare(R_FAILED, 'error_type, track', R_RUNS)} > 0",
    unit=Unit.PER_SECOND,
    blind="what the failures have in common",
)
P50 = Expression(
    name="agent_duration_p50",
    promql=once_quantile(0.5, _RUN_BUCKETS),
    recorded=recorded.quantile(0.5, _R_BUCKETS),
    unit=Unit.SECONDS,
    blind="how long a usual run takes",
)
P95 = Expression(
    name="agent_duration_p95",
    promql=once_quantile(0.95, _RUN_BUCKETS),
    recorded=recorded.quantile(0.95, _R_BUCKETS),
    unit=Unit.SECONDS,
    blind="how long the slow runs take",
)
P99 = Expression(
    name="agent_duration_p99",
    promql=once_quantile(0.99, _RUN_BUCKETS),
    recorded=recorded.quantile(0.99, _R_BUCKETS),
    unit=Unit.SECONDS,
    blind="how long the slowest runs take",
)
P95_BY_TRACK = Expression(
    name="agent_duration_p95_by_track",
    promql=once_quantile(0.95, _RUN_BUCKETS, "track"),
    recorded=recorded.quantile(0.95, _R_BUCKETS, "track"),
    unit=Unit.SECONDS,
    blind="which track is slower",
)
FIRST_TOKEN_P95 = Expression(
    name="model_first_token_p95",
    promql=once_quantile(
        0.95, f"rate(gen_ai_client_operation_time_to_first_chunk_seconds_bucket{{{SERVICE}}}[$window])"
    ),
    recorded=recorded.quantile(
        0.95, f"service_track:gen_ai_client_operation_time_to_first_chunk_seconds_bucket:rate5m{{{SERVICE}}}"
    ),
    unit=Unit.SECONDS,
    blind="how long a person waits for the first word",
)
TOKEN_RATE = Expression(
    name="model_token_rate",
    **_tokens(),
    recorded=recorded.mean(recorded.summed(_R_TOKENS)),
    unit=Unit.TOKENS,
    blind="how many tokens the models read and write each second",
    aliases=(_tokens_counted(""),),
)
COST_RATE = Expression(
    name="agent_cost_per_hour",
    **counted(lambda cost: f"3600 * {per_second(once(cost))}", COST),
    recorded=f"3600 * {recorded.mean(recorded.summed(_R_COST))}",
    unit=Unit.USD,
    blind="what the agents cost in an hour",
)
COST_PER_RUN = Expression(
    name="agent_cost_per_run",
    **counted(lambda cost, runs: f"{once(cost)} / ({once(runs)} > 0)", COST, RUNS),
    recorded=f"{recorded.total(_R_COST)} / ({recorded.total(R_RUNS)} > 0)",
    unit=Unit.USD,
    blind="what one run costs",
)
TOOL_ERROR_RATIO = Expression(
    name="tool_error_ratio",
    **shared(_TOOLS_FAILED, _TOOLS),
    recorded=recorded.ratio(_R_TOOLS_FAILED, _R_TOOLS),
    unit=Unit.RATIO,
    blind="how many tool calls fail",
)
RETRY_RATE = Expression(
    name="agent_retry_rate",
    **counted(
        lambda retries, runs: per_second(or_zero(once(retries), once(runs))),
        f"agentgov_agent_retries_total{{{AGENT}}}",
        RUNS,
    ),
    recorded=recorded.mean(f"sum (agent:agentgov_agent_retries:rate5m{{{AGENT}}}) or 0 * sum ({R_RUNS})"),
    unit=Unit.PER_SECOND,
    blind="how often agents try again",
)
RUNS_ACTIVE = Expression(
    name="agent_runs_active",
    promql=once(f"agentgov_agent_runs_active{{{AGENT}}}"),
    recorded=f"sum (agent:agentgov_agent_runs_active:sum{{{AGENT}}})",
    unit=Unit.COUNT,
    blind="how many runs are under way",
)
QUEUE_DEPTH = Expression(
    name="agent_queue_depth",
    promql=once(f"agentgov_agent_queue_depth{{{SERVICE}}}"),
    recorded=f"sum (service_track:agentgov_agent_queue_depth:sum{{{SERVICE}}})",
    unit=Unit.COUNT,
    blind="how many tasks wait",
)
QUEUE_AGE = Expression(
    name="agent_queue_oldest_age",
    promql=f"max (agentgov_agent_queue_oldest_age_seconds{{{SERVICE}}})",
    recorded=f"max (service_track:agentgov_agent_queue_oldest_age_seconds:max{{{SERVICE}}})",
    unit=Unit.SECONDS,
    blind="how long the oldest task has waited",
)

_BY_AGENT = "gen_ai_agent_name"
AGENT_RUN_RATE = Expression(
    name="agent_run_rate_by_agent",
    **paced(RUNS, _BY_AGENT),
    recorded=recorded.mean(recorded.summed(R_RUNS, _BY_AGENT)),
    unit=Unit.PER_SECOND,
    blind="which agent works how much",
)
AGENT_ERROR_RATIO = Expression(
    name="agent_error_ratio_by_agent",
    **shared(FAILED, RUNS, _BY_AGENT),
    recorded=recorded.ratio(R_FAILED, R_RUNS, _BY_AGENT),
    unit=Unit.RATIO,
    blind="which agent fails",
)
AGENT_P50 = Expression(
    name="agent_duration_p50_by_agent",
    promql=once_quantile(0.5, _RUN_BUCKETS, _BY_AGENT),
    recorded=recorded.quantile(0.5, _R_BUCKETS, _BY_AGENT),
    unit=Unit.SECONDS,
    blind="which agent is usually slow",
)
AGENT_P95 = Expression(
    name="agent_duration_p95_by_agent",
    promql=once_quantile(0.95, _RUN_BUCKETS, _BY_AGENT),
    recorded=recorded.quantile(0.95, _R_BUCKETS, _BY_AGENT),
    unit=Unit.SECONDS,
    blind="which agent has slow runs",
)
AGENT_COST_PER_RUN = Expression(
    name="agent_cost_per_run_by_agent",
    **counted(lambda cost, runs: f"{once(cost, _BY_AGENT)} / ({once(runs, _BY_AGENT)} > 0)", COST, RUNS),
    recorded=f"{recorded.total(_R_COST, _BY_AGENT)} / ({recorded.total(R_RUNS, _BY_AGENT)} > 0)",
    unit=Unit.USD,
    blind="which agent is dear",
)
AGENT_TOOL_CALLS = Expression(
    name="agent_tool_calls_per_run_by_agent",
    **counted(
        lambda calls, runs: f"{once(calls, _BY_AGENT)} / ({once(runs, _BY_AGENT)} > 0)",
        f"gen_ai_invoke_agent_tool_calls_sum{{{AGENT}}}",
        f"gen_ai_invoke_agent_tool_calls_count{{{AGENT}}}",
    ),
    recorded=(
        # Divided by all runs. The raw question divides by runs that called tools, so runs that policy stopped differ.
        f"{recorded.total(f'agent:gen_ai_invoke_agent_tool_calls:rate5m{{{AGENT}}}', _BY_AGENT)}"
        f" / ({recorded.total(R_RUNS, _BY_AGENT)} > 0)"
    ),
    unit=Unit.COUNT,
    blind="which agent loops through its tools",
)

_BY_MODEL = "gen_ai_request_model"
_MODEL_P95 = once_quantile(
    0.95, f"rate(gen_ai_client_operation_duration_seconds_bucket{{{SERVICE}}}[$window])", _BY_MODEL
)
MODEL_CALL_RATE = Expression(
    name="model_call_rate",
    **paced(_CALLS, _BY_MODEL),
    recorded=recorded.mean(recorded.summed(_R_CALLS, _BY_MODEL)),
    unit=Unit.PER_SECOND,
    blind="which model is called how much",
    aliases=(_of_inference(paced(_CALLS, _BY_MODEL)["promql"]),),
)
MODEL_ERROR_RATIO = Expression(
    name="model_error_ratio",
    **shared(_CALLS_FAILED, _CALLS, _BY_MODEL),
    recorded=recorded.ratio(_R_CALLS_FAILED, _R_CALLS, _BY_MODEL),
    unit=Unit.RATIO,
    blind="which model fails",
    aliases=(_of_inference(shared(_CALLS_FAILED, _CALLS, _BY_MODEL)["promql"]),),
)
MODEL_P95 = Expression(
    name="model_duration_p95",
    promql=_MODEL_P95,
    recorded=_slowest(f"model:gen_ai_client_operation_duration_seconds:p95_5m{{{SERVICE}}}", _BY_MODEL),
    unit=Unit.SECONDS,
    blind="which model is slow",
    aliases=(_of_inference(_MODEL_P95),),
)
MODEL_TOKEN_RATE = Expression(
    name="model_token_rate_by_model",
    **_tokens(_BY_MODEL),
    recorded=recorded.mean(recorded.summed(_R_TOKENS, _BY_MODEL)),
    unit=Unit.TOKENS,
    blind="which model takes the tokens",
    aliases=(_tokens_counted(_BY_MODEL),),
)

_BY_TOOL = "gen_ai_tool_name"
TOOL_CALL_RATE = Expression(
    name="tool_call_rate",
    **paced(_TOOLS, _BY_TOOL),
    recorded=recorded.mean(recorded.summed(_R_TOOLS, _BY_TOOL)),
    unit=Unit.PER_SECOND,
    blind="which tool is used how much",
)
TOOL_ERROR_RATIO_BY_TOOL = Expression(
    name="tool_error_ratio_by_tool",
    **shared(_TOOLS_FAILED, _TOOLS, _BY_TOOL),
    recorded=recorded.ratio(_R_TOOLS_FAILED, _R_TOOLS, _BY_TOOL),
    unit=Unit.RATIO,
    blind="which tool fails",
)
TOOL_P95 = Expression(
    name="tool_duration_p95",
    promql=once_quantile(0.95, f"rate(gen_ai_execute_tool_duration_seconds_bucket{{{AGENT}}}[$window])", _BY_TOOL),
    recorded=_slowest(f"tool:gen_ai_execute_tool_duration_seconds:p95_5m{{{AGENT}}}", _BY_TOOL),
    unit=Unit.SECONDS,
    blind="which tool is slow",
)
