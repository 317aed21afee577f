"""What a verdict is computed from: counts of total and bad events by track. Shares are computed from counts.

Counts are over `$window`. A bad event that never happened has no series: it counts as 0 where there are runs.
`counting.py` distinguishes the first event of a kind from a counter that comes back.
"""

from __future__ import annotations

from typing import TypedDict

from dashboard.catalog.counting import (
    Counted,
    counted,
    once,
    once_by_pod,
    once_quantile,
    or_zero,
    ports_of_no_container,
    ports_of_one_container,
    scraped,
    split,
)
from dashboard.catalog.expression import Expression
from dashboard.model.event_matchers import ANY_ERROR, DENIED, JUDGED, VIOLATED
from dashboard.model.reading import Unit

_SERVICE = 'namespace="$namespace", service_name="$service"'
_RUN = f'{_SERVICE}, gen_ai_operation_name="invoke_agent"'

_RUN_COUNT = f"gen_ai_invoke_agent_duration_seconds_count{{{_RUN}}}"
_FAILED = f"gen_ai_invoke_agent_duration_seconds_count{{{_RUN}, {ANY_ERROR}}}"
_EVALUATION_COUNT = f"agentgov_contract_evaluations_total{{{_SERVICE}, {JUDGED}}}"
_VIOLATIONS = f"agentgov_contract_evaluations_total{{{_SERVICE}, {VIOLATED}}}"
_TOOL_COUNT = f"gen_ai_execute_tool_duration_seconds_count{{{_SERVICE}}}"
_DECISION_COUNT = f"agentgov_policy_decisions_total{{{_SERVICE}}}"
_RUN_BUCKET = f"gen_ai_invoke_agent_duration_seconds_bucket{{{_RUN}}}"


def _count(series: str, total: str = "") -> Counted:
    """How much these counters grew within the window, by track: 0 where only `total` exists."""

    def by_track(grown: str) -> str:
        found = once(grown, "track")
        return or_zero(found, f"sum by (track) ({total})") if total else found

    return counted(by_track, series, total=total)


RUNS = Expression(
    name="release_runs",
    **_count(_RUN_COUNT),
    unit=Unit.COUNT,
    blind="how many agent runs a verdict rests on",
)
FAILED = Expression(
    name="release_failed_runs",
    **_count(_FAILED, _RUN_COUNT),
    unit=Unit.COUNT,
    blind="whether the release fails agent runs",
)
RUNS_BY_AGENT = Expression(
    name="release_runs_by_agent",
    **counted(lambda grown: once(grown, "track, gen_ai_agent_name"), _RUN_COUNT),
    unit=Unit.COUNT,
    blind="whether both tracks run the same mix of agents",
)
EVALUATIONS = Expression(
    name="release_contract_evaluations",
    **_count(_EVALUATION_COUNT),
    unit=Unit.COUNT,
    blind="how many contract evaluations a verdict rests on",
)
VIOLATIONS = Expression(
    name="release_contract_violations",
    **_count(_VIOLATIONS, _EVALUATION_COUNT),
    unit=Unit.COUNT,
    blind="whether the release violates contracts",
)
P95 = Expression(
    name="release_p95",
    promql=once_quantile(0.95, f"increase(gen_ai_invoke_agent_duration_seconds_bucket{{{_RUN}}}[$window])", "track"),
    unit=Unit.SECONDS,
    blind="whether the release is slow",
)
TARGETS = Expression(
    name="release_scraped_pods",
    promql=scraped(f"up{{{_SERVICE}}}", "track"),
    unit=Unit.COUNT,
    blind="whether all pods of the release are measured at all",
)
MEASURED_SECONDS = Expression(
    name="release_measured_seconds",
    # From the first moment of the window at which a pod of the track was scraped; before it nothing could be counted.
    promql=f"time() - min by (track) (min_over_time(timestamp(up{{{_SERVICE}}})[$window:5s]))",
    unit=Unit.SECONDS,
    blind="for how much of the window a young track is measured, so how much it does each second",
)
SCRAPED_PODS = Expression(
    name="release_scraped_pod_names",
    # A target without the label of a pod answers too, so that no answer means that nothing is scraped.
    promql=f"max by (track, pod) (up{{{_SERVICE}}}) == 1",
    unit=Unit.COUNT,
    blind="which pods of the release are not measured",
)
SPLIT_PODS = Expression(
    name="release_split_pods",
    promql=split(f'up{{{_SERVICE}, pod!=""}} == 1', "track"),
    unit=Unit.COUNT,
    blind="which pods several jobs scrape at different ports",
)
PORTS_OF_ONE_CONTAINER = Expression(
    name="release_ports_of_one_container",
    promql=ports_of_one_container(_SERVICE, "track"),
    unit=Unit.COUNT,
    blind="of which pods only the largest count of several ports is used",
)
PORTS_OF_NO_CONTAINER = Expression(
    name="release_ports_of_no_container",
    promql=ports_of_no_container(_SERVICE, "track"),
    unit=Unit.COUNT,
    blind="which pods may count twice because they answer at several ports",
)
COST = Expression(
    name="release_cost",
    **_count(f"agentgov_agent_cost_usd_total{{{_SERVICE}}}"),
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
    """The recorded share of bad events over one window of the burn-rate alerts, by objective and track."""
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


class Counter(TypedDict):
    """Texts of an `Expression` of raw counters."""

    promql: str
    steady: str
    falls: bool


def _bad(series: str, *labels: str) -> Counter:
    """The raw counter of each pod; a pod that is scraped twice counts once.

    A series that an exporter dropped keeps its last value, so that its return is no growth. A pod that is gone keeps
    its value too; hence bad events count only where there are total ones.
    """
    lasting = _by_pod(f"last_over_time({series}[$memory])", *labels)
    return {"promql": lasting, "steady": _by_pod(series, *labels), "falls": False}


def _total(series: str) -> Counter:
    """The same, but only for pods that are scraped now. Every pod has total events, so a lost one is noticed."""
    target = "track, pod, instance, job, container"
    lasting = f"sum by ({target}) (last_over_time({series}[$memory]))"
    full = _by_pod(f"{lasting} and on ({target}) count by ({target}) ({series})")
    return {"promql": full, "steady": _by_pod(series), "falls": True}


def _by_pod(vector: str, *labels: str) -> str:
    return once_by_pod(vector, ", ".join(("track", *labels)))


RUN_COUNTER = Expression(
    name="release_run_counter",
    **_total(_RUN_COUNT),
    unit=Unit.COUNT,
    blind="how both tracks compare since the release began",
)
FAILED_COUNTER = Expression(
    name="release_failed_counter",
    **_bad(_FAILED),
    unit=Unit.COUNT,
    blind="whether the release fails more runs than the other track",
)
WITHIN_COUNTER = Expression(
    name="release_within_counter",
    **_bad(f'gen_ai_invoke_agent_duration_seconds_bucket{{{_RUN}, le=~"$bounds"}}', "le"),
    unit=Unit.COUNT,
    blind="whether the release is slower than the other track",
)
COST_COUNTER = Expression(
    name="release_cost_counter",
    **_bad(f"agentgov_agent_cost_usd_total{{{_SERVICE}}}"),
    unit=Unit.USD,
    blind="whether a run of the release costs more since it began",
)
ACTIVE_RUNS = Expression(
    name="release_active_runs",
    promql=_by_pod(f"agentgov_agent_runs_active{{{_SERVICE}}}"),
    unit=Unit.COUNT,
    blind="whether runs of the release hang, which count only when they end",
)
STOPPED = Expression(
    name="release_stopped",
    promql='max (agentgov_kill_switch_engaged{namespace="$namespace"})',
    unit=Unit.COUNT,
    blind="which time before a release was no ordinary traffic because agents were stopped",
)
QUEUE_AGE = Expression(
    name="release_queue_age",
    promql=f"max by (track) (agentgov_agent_queue_oldest_age_seconds{{{_SERVICE}}})",
    unit=Unit.SECONDS,
    blind="which time before a release was no ordinary traffic because the queue stood still",
)
BUCKETS = Expression(
    name="release_buckets",
    promql=_by_pod(_RUN_BUCKET, "le"),
    unit=Unit.COUNT,
    blind="by which bounds the latency of both tracks can be compared",
)
EVALUATION_COUNTER = Expression(
    name="release_evaluation_counter",
    **_total(_EVALUATION_COUNT),
    unit=Unit.COUNT,
    blind="how contract violations of both tracks compare",
)
VIOLATION_COUNTER = Expression(
    name="release_violation_counter",
    **_bad(_VIOLATIONS),
    unit=Unit.COUNT,
    blind="whether the release violates contracts more often than the other track",
)
TOOL_COUNTER = Expression(
    name="release_tool_counter",
    **_total(_TOOL_COUNT),
    unit=Unit.COUNT,
    blind="how tool failures of both tracks compare",
)
FAILED_TOOL_COUNTER = Expression(
    name="release_failed_tool_counter",
    **_bad(f"gen_ai_execute_tool_duration_seconds_count{{{_SERVICE}, {ANY_ERROR}}}"),
    unit=Unit.COUNT,
    blind="whether tools fail more often than on the other track",
)
DECISION_COUNTER = Expression(
    name="release_decision_counter",
    **_total(_DECISION_COUNT),
    unit=Unit.COUNT,
    blind="how policy denials of both tracks compare",
)
DENIAL_COUNTER = Expression(
    name="release_denial_counter",
    **_bad(f"agentgov_policy_decisions_total{{{_SERVICE}, {DENIED}}}"),
    unit=Unit.COUNT,
    blind="whether policies deny more than on the other track",
)
