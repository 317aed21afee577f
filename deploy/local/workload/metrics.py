"""Every metric that the components emit, by subject. Names and labels stand in `deploy/monitoring/telemetry.md`.

Label values are passed by position, in the order given here: that is several times quicker than by keyword. The
labels that all metrics share (namespace, service_name, track, ...) are added by Prometheus, not here.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_GEN_AI_SECONDS = tuple(0.01 * 2**step for step in range(14))
_GEN_AI_TOKENS = tuple(float(4**step) for step in range(14))
# Denser than the conventions advise for model calls, around where the objectives of an agent run lie.
_RUN_SECONDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0)
_TOOL_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0)
_QUICK_SECONDS = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
_REQUEST_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_APPROVAL_SECONDS = (0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 120.0, 300.0)
_CALLS = (0, 1, 2, 3, 4, 6, 8, 12)
_AGENT = "gen_ai_agent_name"
_MODEL = "gen_ai_request_model"


class _Table:
    """Makes metrics in one registry: name, what it says, labels."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(name, says, labels, registry=self._registry)

    def gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(name, says, labels, registry=self._registry)

    def histogram(self, name: str, says: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, says, labels, buckets=buckets, registry=self._registry)

    def runs(self) -> Histogram:
        """Of agents and, as the conventions have it, of the workflows around them: whoever sums both counts twice."""
        name, operation = "gen_ai_invoke_agent_duration_seconds", "gen_ai_operation_name"
        return self.histogram(name, "Time of a run", _RUN_SECONDS, _AGENT, operation, "error_type")


class AgentMetrics:
    """Runs of agents, their model calls and their tools."""

    def __init__(self, registry: CollectorRegistry) -> None:
        table, provider = _Table(registry), "gen_ai_provider_name"
        counter, gauge, histogram = table.counter, table.gauge, table.histogram
        self.runs = table.runs()
        self.inference_calls = histogram(
            "gen_ai_invoke_agent_inference_calls", "Model calls of an agent run", _CALLS, _AGENT
        )
        self.tool_calls = histogram("gen_ai_invoke_agent_tool_calls", "Tool calls of an agent run", _CALLS, _AGENT)
        self.tools = histogram(
            "gen_ai_execute_tool_duration_seconds",
            "Time of a tool call",
            _TOOL_SECONDS,
            "gen_ai_tool_name",
            _AGENT,
            "error_type",
        )
        self.model_calls = histogram(
            "gen_ai_client_operation_duration_seconds",
            "Time of a model call",
            _GEN_AI_SECONDS,
            "gen_ai_operation_name",
            provider,
            _MODEL,
            "error_type",
        )
        self.tokens = histogram(
            "gen_ai_client_token_usage", "Tokens of a model call", _GEN_AI_TOKENS, "gen_ai_token_type", _MODEL, provider
        )
        self.first_chunk = histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds", "Time to a first chunk", _GEN_AI_SECONDS, _MODEL
        )
        self.first_token = histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "Time to a first token, of our own models",
            _GEN_AI_SECONDS,
            _MODEL,
        )
        self.cost = counter("agentgov_agent_cost_usd_total", "Cost of model calls", _AGENT, _MODEL, "source")
        self.active = gauge("agentgov_agent_runs_active", "Runs in progress", _AGENT)
        self.retries = counter("agentgov_agent_retries_total", "Calls tried again", _AGENT, "reason")
        self.info = gauge(
            "agentgov_agent_info",
            "What an agent is; always 1",
            _AGENT,
            "gen_ai_agent_version",
            "owner",
            "contract_version",
        )
        self.state = gauge("agentgov_agent_state", "1 for the state an agent is in", _AGENT, "state")
        self.score = gauge(
            "agentgov_agent_evaluation_score_ratio", "Running mean of a score", _AGENT, "evaluation_name"
        )


class QueueMetrics:
    """What waits: runs for a slot, tasks for another try."""

    def __init__(self, registry: CollectorRegistry) -> None:
        table = _Table(registry)
        self.depth = table.gauge("agentgov_agent_queue_depth", "Waiting", "queue")
        self.age = table.gauge("agentgov_agent_queue_oldest_age_seconds", "Age of what waits longest", "queue")


class WorkflowMetrics:
    """Workflows around agent runs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.runs = _Table(registry).runs()


class ContractMetrics:
    """Contracts as they are evaluated, and policy decisions as they are enforced."""

    def __init__(self, registry: CollectorRegistry) -> None:
        table, contract = _Table(registry), "contract"
        self.evaluations = table.counter(
            "agentgov_contract_evaluations_total",
            "Clauses held against runs",
            contract,
            _AGENT,
            "clause_type",
            "outcome",
        )
        self.violations = table.counter(
            "agentgov_contract_violations_total",
            "Clauses that a run broke",
            contract,
            "rule",
            "severity",
            _AGENT,
            "enforcement",
        )
        self.duration = table.histogram(
            "agentgov_contract_evaluation_duration_seconds", "Time to evaluate a contract", _QUICK_SECONDS, contract
        )
        self.compliance = table.gauge(
            "agentgov_contract_compliance_ratio", "Running share of evaluations that pass", contract, _AGENT
        )
        self.drift = table.gauge(
            "agentgov_contract_drift_score_ratio", "Distance of compliance from its long mean", contract, _AGENT
        )
        self.recoveries = table.counter(
            "agentgov_contract_recoveries_total", "Runs that had to recover", contract, "outcome"
        )
        self.last_evaluation = table.gauge(
            "agentgov_contract_last_evaluation_timestamp_seconds", "When a contract was last evaluated", contract
        )
        self.exceptions = table.gauge("agentgov_contract_exceptions_active", "Waivers in force", contract)
        self.guardrail_findings = table.counter(
            "agentgov_guardrail_findings_total",
            "What guardrails found in outputs",
            "guardrail",
            "risk_category",
            "severity",
            "action",
        )
        # Counted where a decision is enforced, not where it is made: only there is the track known.
        self.decisions = table.counter(
            "agentgov_policy_decisions_total", "Policy decisions enforced", "policy", "decision", "stage"
        )


class PolicyMetrics:
    """The policy engine's own work: decisions it took and approvals it obtained."""

    def __init__(self, registry: CollectorRegistry) -> None:
        table = _Table(registry)
        self.duration = table.histogram(
            "agentgov_policy_decision_duration_seconds", "Time of a policy decision", _QUICK_SECONDS, "policy", "stage"
        )
        self.approvals = table.counter("agentgov_approval_requests_total", "Approvals asked for", "policy", "outcome")
        self.approval_wait = table.histogram(
            "agentgov_approval_wait_seconds", "Time until an approval was answered", _APPROVAL_SECONDS, "policy"
        )
        self.pending = table.gauge("agentgov_approvals_pending", "Approvals not yet answered", "policy")
        self.kill_switch = table.gauge("agentgov_kill_switch_engaged", "1 while all agents are stopped", "scope")


class AuditMetrics:
    """What was audited, and whether its chain holds."""

    def __init__(self, registry: CollectorRegistry) -> None:
        table = _Table(registry)
        self.events = table.counter("agentgov_audit_events_total", "Audited", "event_action", "event_outcome")
        self.valid = table.gauge("agentgov_audit_chain_valid", "1 while no record was changed", "stream")
        self.lag = table.gauge("agentgov_audit_write_lag_seconds", "Time to write the last record", "stream")


class RequestMetrics:
    """Requests of one platform component."""

    def __init__(self, registry: CollectorRegistry, component: str) -> None:
        table, label = _Table(registry), "component"
        self._component = component
        self._requests = table.counter("agentgov_component_requests_total", "Requests answered", label, "code")
        self._duration = table.histogram(
            "agentgov_component_request_duration_seconds", "Time of a request", _REQUEST_SECONDS, label
        ).labels(component)
        self.up = table.gauge("agentgov_component_up", "1 while the component serves", label).labels(component)

    def observe(self, code: int, seconds: float) -> None:
        self._requests.labels(self._component, str(code)).inc()
        self._duration.observe(seconds)


class BusinessMetrics:
    """Tasks as the business sees them, counted once, at the door."""

    def __init__(self, registry: CollectorRegistry) -> None:
        table, label = _Table(registry), "task_type"
        self.tasks = table.counter("agentgov_business_tasks_total", "Tasks finished", label, "outcome")
        self.duration = table.histogram(
            "agentgov_business_task_duration_seconds", "Time of a task", _RUN_SECONDS, label
        )
        self.value = table.counter("agentgov_business_value_usd_total", "Worth of finished tasks", label)
        self.satisfaction = table.gauge("agentgov_business_satisfaction_ratio", "Running mean of outcomes", label)
        self.budget = table.gauge("agentgov_business_budget_usd", "Budget for agents", "period")
