"""Expressions that only Triage asks: which part fails, which contract suffers, which budget is left."""

from __future__ import annotations

from dashboard.catalog.counting import counted, once, or_zero, paced, per_second, shared
from dashboard.catalog.expression import Expression
from dashboard.model import event_matchers
from dashboard.model.reading import Unit

_RUNS = 'gen_ai_invoke_agent_duration_seconds_count{namespace="$namespace", gen_ai_operation_name="invoke_agent"'
_BY_TRACK = "service_name, track"
_BY_AGENT = f"{_BY_TRACK}, gen_ai_agent_name"
_FAILED = f"{_RUNS}, {event_matchers.ANY_ERROR}}}"
_RUN = f"{_RUNS}}}"
_VIOLATIONS = f'agentgov_contract_evaluations_total{{namespace="$namespace", {event_matchers.VIOLATED}}}'

AGENT_ERROR_RATIO_NOW = Expression(
    name="agent_error_ratio_now",
    **shared(_FAILED, _RUN, _BY_AGENT),
    unit=Unit.RATIO,
    blind="Whether all agents of a track fail or only one.",
)
CONTRACT_VIOLATED_MOST = Expression(
    name="contract_violated_most",
    **counted(
        lambda violations: (
            f"topk by (service_name, track) (1, {per_second(once(violations, f'{_BY_TRACK}, contract'))} > 0)"
        ),
        _VIOLATIONS,
        total='agentgov_contract_evaluations_total{namespace="$namespace"}',
    ),
    unit=Unit.PER_SECOND,
    blind="Which contract an incident violates.",
)
BUDGET_REMAINING = Expression(
    name="budget_remaining",
    promql='1 - slo:agentgov_sli_errors:ratio_rate3d{namespace="$namespace"} / $budget',
    unit=Unit.LEFT,
    blind="How much of the error budget each objective has left.",
)
BURN_RATE_1H = Expression(
    name="burn_rate_1h",
    promql='slo:agentgov_sli_errors:ratio_rate1h{namespace="$namespace"} / $budget',
    unit=Unit.TIMES,
    blind="How many times too fast an error budget is spent.",
)
_NS = 'namespace="$namespace"'
_BY_COMPONENT = f"{_BY_TRACK}, component"
_ANSWERED = f"agentgov_component_requests_total{{{_NS}}}"
_BROKEN = f'agentgov_component_requests_total{{{_NS}, code=~"5.."}}'
_COST = f"agentgov_agent_cost_usd_total{{{_NS}}}"

_BY_POLICY = f"{_BY_TRACK}, policy"
_DECISIONS = f"agentgov_policy_decisions_total{{{_NS}}}"
_DENIALS = f"agentgov_policy_decisions_total{{{_NS}, {event_matchers.DENIED}}}"

DENIED = Expression(
    name="policy_denied",
    **counted(
        lambda denials, decisions: per_second(or_zero(once(denials, _BY_POLICY), once(decisions, _BY_POLICY))),
        _DENIALS,
        _DECISIONS,
        total=_DECISIONS,
    ),
    unit=Unit.PER_SECOND,
    blind="Which policy denies what agents want to do, and how often.",
)
DECISIONS = Expression(
    name="policy_decisions_by_word",
    **paced(_DECISIONS, f"{_BY_POLICY}, decision"),
    unit=Unit.PER_SECOND,
    blind="In which words policies say what they decided, and whether these are understood.",
)
DECIDED = Expression(
    name="policy_decided",
    **paced(_DECISIONS, _BY_TRACK),
    unit=Unit.PER_SECOND,
    blind="Whether policies decide at all, and which share of their decisions is a denial.",
)
WAITING = Expression(
    name="queue_waiting",
    promql=once(f"min_over_time(agentgov_agent_queue_depth{{{_NS}}}[$window])", f"{_BY_TRACK}, queue"),
    unit=Unit.COUNT,
    blind="Whether work waits that nobody does.",
)
OLDEST = Expression(
    name="queue_oldest",
    promql=f"max by ({_BY_TRACK}, queue) (agentgov_agent_queue_oldest_age_seconds{{{_NS}}})",
    unit=Unit.SECONDS,
    blind="How long the oldest task has waited.",
)
BROKEN_REQUESTS = Expression(
    name="component_broken_ratio",
    **shared(_BROKEN, _ANSWERED, _BY_COMPONENT),
    unit=Unit.RATIO,
    blind="Whether requests between components are lost or refused.",
)
COMPONENT_REQUESTS = Expression(
    name="component_answers",
    **paced(_ANSWERED, _BY_COMPONENT),
    unit=Unit.PER_SECOND,
    blind="How many requests each component answers, so whether a share of them rests on anything.",
)
BROKEN_CODES = Expression(
    name="component_broken_codes",
    **counted(lambda broken: per_second(once(broken, f"{_BY_COMPONENT}, code")), _BROKEN, total=_ANSWERED),
    unit=Unit.PER_SECOND,
    blind="With which codes components refuse requests.",
)
AUDIT_LAG = Expression(
    name="audit_lag",
    promql=f"max by (service_name, stream) (agentgov_audit_write_lag_seconds{{{_NS}}})",
    unit=Unit.SECONDS,
    blind="Whether what the governed system decides is still written to its audit.",
)
AUDIT_WRITTEN = Expression(
    name="audit_written",
    **paced(f"agentgov_audit_events_total{{{_NS}}}", "service_name"),
    unit=Unit.PER_SECOND,
    blind="Whether the audit of the governed system stands still.",
)
AUDIT_VALID = Expression(
    name="audit_valid",
    promql=f"min by (service_name, stream) (agentgov_audit_chain_valid{{{_NS}}})",
    unit=Unit.COUNT,
    blind="Whether a record of the audit was changed afterwards.",
)
COST_PER_RUN = Expression(
    name="track_cost_per_run",
    **counted(lambda cost, runs: f"{once(cost, _BY_TRACK)} / ({once(runs, _BY_TRACK)} > 0)", _COST, _RUN),
    unit=Unit.USD,
    blind="What a run of each track costs now.",
)
COST_BEFORE = Expression(
    name="track_cost_before",
    # The first values of new series lack in the cost and in the runs alike, so the quotient over 30 minutes stays true.
    promql=(
        f"{once(f'rate({_COST}[30m] offset $window)', _BY_TRACK)}"
        f" / ({once(f'rate({_RUN}[30m] offset $window)', _BY_TRACK)} > 0)"
    ),
    unit=Unit.USD,
    blind="What a run of each track cost before.",
)
CERTIFICATES = Expression(
    name="certificate_seconds_left",
    promql='min by (instance) (probe_ssl_earliest_cert_expiry{instance!=""}) - time()',
    unit=Unit.SECONDS,
    blind="Whether a certificate is about to end.",
)
PROBES = Expression(
    name="probe_seconds",
    promql='max by (instance) (avg_over_time(probe_duration_seconds{instance!=""}[$window]))',
    unit=Unit.SECONDS,
    blind="Whether a source of the deck answers late.",
)
LAST_ENDS = Expression(
    name="container_last_ends",
    promql=f"max by (pod, reason) (kube_pod_container_status_last_terminated_reason{{{_NS}}})",
    unit=Unit.COUNT,
    blind="Whether containers die of another cause than before.",
)
