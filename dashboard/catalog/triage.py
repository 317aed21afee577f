"""Expressions that only Triage asks: which part fails, which contract suffers, which budget is left."""

from __future__ import annotations

from dashboard.catalog.counting import once, or_zero, share
from dashboard.catalog.expression import Expression
from dashboard.model import mapping
from dashboard.model.reading import Unit

_RUNS = 'gen_ai_invoke_agent_duration_seconds_count{namespace="$namespace", gen_ai_operation_name="invoke_agent"'
_BY_AGENT = "service_name, track, gen_ai_agent_name"
_FAILING = f"rate({_RUNS}, {mapping.ANY_ERROR}}}[$window])"
_RUNNING = f"rate({_RUNS}}}[$window])"
_VIOLATED = once(
    f'rate(agentgov_contract_evaluations_total{{namespace="$namespace", {mapping.VIOLATED}}}[$window])',
    "service_name, track, contract",
)

AGENT_ERROR_RATIO_NOW = Expression(
    name="agent_error_ratio_now",
    promql=share(_FAILING, _RUNNING, _BY_AGENT),
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
_NS = 'namespace="$namespace"'
_BY_TRACK = "service_name, track"
_BY_COMPONENT = "service_name, track, component"
_ANSWERED = f"rate(agentgov_component_requests_total{{{_NS}}}[$window])"
_BROKEN = f'rate(agentgov_component_requests_total{{{_NS}, code=~"5.."}}[$window])'
_COST = f"agentgov_agent_cost_usd_total{{{_NS}}}"
_RUN = f"{_RUNS}}}"

_BY_POLICY = f"{_BY_TRACK}, policy"
_DECISIONS = f"agentgov_policy_decisions_total{{{_NS}"
_DENIALS = once(f"rate({_DECISIONS}, {mapping.DENIED}}}[$window])", _BY_POLICY)
_DECIDED = f"rate({_DECISIONS}}}[$window])"

DENIED = Expression(
    name="policy_denied",
    promql=or_zero(_DENIALS, once(_DECIDED, _BY_POLICY)),
    unit=Unit.PER_SECOND,
    blind="Which policy denies what agents want to do, and how often.",
)
DECISIONS = Expression(
    name="policy_decisions_by_word",
    promql=once(_DECIDED, f"{_BY_POLICY}, decision"),
    unit=Unit.PER_SECOND,
    blind="In which words policies say what they decided, and whether these are understood.",
)
DECIDED = Expression(
    name="policy_decided",
    promql=once(_DECIDED, _BY_TRACK),
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
    promql=share(_BROKEN, _ANSWERED, _BY_COMPONENT),
    unit=Unit.RATIO,
    blind="Whether requests between components are lost or refused.",
)
COMPONENT_REQUESTS = Expression(
    name="component_answers",
    promql=once(_ANSWERED, _BY_COMPONENT),
    unit=Unit.PER_SECOND,
    blind="How many requests each component answers, so whether a share of them rests on anything.",
)
BROKEN_CODES = Expression(
    name="component_broken_codes",
    promql=once(_BROKEN, f"{_BY_COMPONENT}, code"),
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
    promql=once(f"rate(agentgov_audit_events_total{{{_NS}}}[$window])", "service_name"),
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
    promql=f"{once(f'rate({_COST}[$window])', _BY_TRACK)} / ({once(f'rate({_RUN}[$window])', _BY_TRACK)} > 0)",
    unit=Unit.USD,
    blind="What a run of each track costs now.",
)
COST_BEFORE = Expression(
    name="track_cost_before",
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
