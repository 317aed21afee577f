"""What the Contracts page asks: evaluations, violations, budgets, policy decisions, approvals and waivers.

Counts over a period are rounded, since Prometheus extrapolates. Compliance is the share that passed of the evaluations
that passed, found a violation or ended in an error, as in the recorded SLO: one that was skipped, or whose word nobody
understands, is neither kept nor broken.
"""

from __future__ import annotations

from dashboard.catalog import recorded
from dashboard.catalog.counting import counted, once, or_zero, paced, per_second, present, share, shared
from dashboard.catalog.expression import Expression
from dashboard.model.event_matchers import BROKEN, DENIED, JUDGED
from dashboard.model.reading import Unit

SERVICE = 'namespace="$namespace", service_name=~"$service", track=~"$track"'
SCOPE = f'{SERVICE}, contract=~"$contract", gen_ai_agent_name=~"$agent"'
# A separate component decides policies, so these series carry that component's name and no track.
PLATFORM = 'namespace="$namespace"'

_ALL = f"agentgov_contract_evaluations_total{{{SCOPE}}}"
_JUDGED = f"agentgov_contract_evaluations_total{{{SCOPE}, {JUDGED}}}"
_BROKEN = f"agentgov_contract_evaluations_total{{{SCOPE}, {BROKEN}}}"
_VIOLATIONS = f"agentgov_contract_violations_total{{{SCOPE}}}"
_DECISIONS = f"agentgov_policy_decisions_total{{{PLATFORM}}}"
_DENIALS = f"agentgov_policy_decisions_total{{{PLATFORM}, {DENIED}}}"
# The same, recorded.
_R_ALL = f"agent:agentgov_contract_evaluations:rate5m{{{SCOPE}}}"
_R_JUDGED = f"agent:agentgov_contract_evaluations:rate5m{{{SCOPE}, {JUDGED}}}"
_R_BROKEN = f"agent:agentgov_contract_evaluations:rate5m{{{SCOPE}, {BROKEN}}}"
_R_VIOLATIONS = f"agent:agentgov_contract_violations:rate5m{{{SCOPE}}}"
_R_DECISIONS = f"policy:agentgov_policy_decisions:rate5m{{{PLATFORM}}}"
_R_DENIALS = f"policy:agentgov_policy_decisions:rate5m{{{PLATFORM}, {DENIED}}}"
_R_DRIFT = f"contract:agentgov_contract_drift_score_ratio:max{{{SCOPE}}}"


COMPLIANCE = Expression(
    name="contract_compliance",
    **counted(
        lambda broken, judged: f"1 - {share(broken, judged, zero=present(_JUDGED))}", _BROKEN, _JUDGED, total=_ALL
    ),
    recorded=f"1 - {recorded.ratio(_R_BROKEN, _R_JUDGED)}",
    unit=Unit.RATIO,
    blind="whether the agents keep their contracts",
)
BROKEN_RATIO_BY_TRACK = Expression(
    name="contract_broken_ratio_by_track",
    **shared(_BROKEN, _JUDGED, "track"),
    recorded=recorded.ratio(_R_BROKEN, _R_JUDGED, "track"),
    unit=Unit.RATIO,
    blind="which track breaks contracts",
)
EVALUATION_RATE = Expression(
    name="contract_evaluation_rate",
    **paced(_ALL),
    recorded=recorded.mean(recorded.summed(_R_ALL)),
    unit=Unit.PER_SECOND,
    blind="whether contracts are evaluated at all",
)
VIOLATION_RATE = Expression(
    name="contract_violation_rate",
    **counted(lambda violations, all_of: per_second(or_zero(once(violations), once(all_of))), _VIOLATIONS, _ALL),
    recorded=recorded.mean(f"sum ({_R_VIOLATIONS}) or 0 * sum ({_R_ALL})"),
    unit=Unit.PER_SECOND,
    blind="how often contracts are violated",
)
VIOLATION_RATE_BY_RULE = Expression(
    name="contract_violation_rate_by_rule",
    **counted(lambda violations: f"{per_second(once(violations, 'rule'))} > 0", _VIOLATIONS),
    recorded=f"{recorded.mean_of_rare(_R_VIOLATIONS, 'rule', _R_ALL)} > 0",
    unit=Unit.PER_SECOND,
    blind="which rule is violated over time",
)
VIOLATIONS_BY_RULE = Expression(
    name="contract_violations_by_rule",
    **counted(lambda grown: f"round({once(grown, 'contract, rule, severity, enforcement')}) > 0", _VIOLATIONS),
    recorded=f"{recorded.count(_R_VIOLATIONS, 'contract, rule, severity, enforcement')} > 0",
    unit=Unit.COUNT,
    blind="which clause is violated, how gravely, and what was done about it",
)
EVALUATIONS_BY_CONTRACT = Expression(
    name="contract_evaluations_by_contract",
    **counted(lambda grown: f"round({once(grown, 'contract')})", _ALL),
    recorded=recorded.count(_R_ALL, "contract"),
    unit=Unit.COUNT,
    blind="how often each contract is evaluated",
)
COMPLIANCE_BY_CONTRACT = Expression(
    name="contract_compliance_by_contract",
    **counted(
        lambda broken, judged: f"1 - {share(broken, judged, 'contract', zero=present(_JUDGED, 'contract'))}",
        _BROKEN,
        _JUDGED,
        total=_ALL,
    ),
    recorded=f"1 - {recorded.ratio(_R_BROKEN, _R_JUDGED, 'contract')}",
    unit=Unit.RATIO,
    blind="which contract is not kept",
)
BROKEN_BY_CLAUSE = Expression(
    name="contract_broken_by_clause",
    **counted(lambda grown: f"round({once(grown, 'clause_type, outcome')})", _ALL),
    recorded=recorded.count(_R_ALL, "clause_type, outcome"),
    unit=Unit.COUNT,
    blind="which kind of clause breaks",
)
LAST_EVALUATION_AGE = Expression(
    name="contract_last_evaluation_age",
    promql=(
        "time() - max by (contract) "
        f'(agentgov_contract_last_evaluation_timestamp_seconds{{{SERVICE}, contract=~"$contract"}})'
    ),
    unit=Unit.SECONDS,
    blind="which contract is no longer evaluated",
)
DRIFT = Expression(
    name="contract_drift",
    promql=f"max (agentgov_contract_drift_score_ratio{{{SCOPE}}})",
    recorded=f"max ({_R_DRIFT})",
    unit=Unit.RATIO,
    blind="how far behaviour has moved from what the contract was written for",
)
DRIFT_BY_CONTRACT = Expression(
    name="contract_drift_by_contract",
    promql=f"max by (contract) (agentgov_contract_drift_score_ratio{{{SCOPE}}})",
    recorded=f"max by (contract) ({_R_DRIFT})",
    unit=Unit.RATIO,
    blind="which contract's behaviour has moved",
)
WAIVERS = Expression(
    name="contract_waivers",
    # Every replica reports the same waivers, so the largest count is right.
    promql=f'sum (max by (contract) (agentgov_contract_exceptions_active{{{SERVICE}, contract=~"$contract"}}))',
    recorded=(
        "sum (max by (contract) (contract:agentgov_contract_exceptions_active:max"
        f'{{{SERVICE}, contract=~"$contract"}}))'
    ),
    unit=Unit.COUNT,
    blind="how many exceptions are granted",
)
BUDGET_REMAINING = Expression(
    name="contract_budget_remaining",
    promql=(
        '1 - max (slo:agentgov_sli_errors:ratio_rate3d{namespace="$namespace", service_name=~"$service", '
        'slo="contract-compliance", track=~"$track"}) / $budget'
    ),
    unit=Unit.LEFT,
    blind="how much of the contract budget is left",
)
BURN_RATE = Expression(
    name="contract_burn_rate",
    promql=(
        'max (slo:agentgov_sli_errors:ratio_rate1h{namespace="$namespace", service_name=~"$service", '
        'slo="contract-compliance", track=~"$track"}) / $budget'
    ),
    unit=Unit.TIMES,
    blind="how fast the contract budget is spent",
)
APPROVALS_PENDING = Expression(
    name="approvals_pending",
    promql=once(f"agentgov_approvals_pending{{{PLATFORM}}}"),
    recorded=f"sum (namespace:agentgov_approvals_pending:sum{{{PLATFORM}}})",
    unit=Unit.COUNT,
    blind="how many agents wait for a person",
)
DENIAL_RATIO = Expression(
    name="policy_denial_ratio",
    **shared(_DENIALS, _DECISIONS),
    recorded=recorded.ratio(_R_DENIALS, _R_DECISIONS),
    unit=Unit.RATIO,
    blind="how often policy says no",
)
DECISIONS = Expression(
    name="policy_decisions",
    **counted(lambda grown: f"round({once(grown, 'policy, stage, decision')})", _DECISIONS),
    recorded=recorded.count(_R_DECISIONS, "policy, stage, decision"),
    unit=Unit.COUNT,
    blind="which policy decides what",
)
