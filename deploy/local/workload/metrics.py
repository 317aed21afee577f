"""Every metric that the components emit, by subject. Names and labels stand in `deploy/monitoring/telemetry.md`.

Label values are passed by position, in the order given here: that is several times quicker than by keyword. The
labels that all metrics share (namespace, service_name, track, ...) are added by Prometheus, not here.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_GEN_AI_SECONDS = tuple(0.01 * 2**step for step in range(14))
_GEN_AI_TOKENS = tuple(float(4**step) for step in range(14))
# Denser than the conventions advise for model calls, around where the objectives of an agent run lie.
_RUN_SECONDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0)
_TOOL_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0)
_QUICK_SECONDS = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
_REQUEST_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CALLS = (0, 1, 2, 3, 4, 6, 8, 12)


class AgentMetrics:
    """Runs of agents, their model calls and their tools."""

    def __init__(self, registry: CollectorRegistry) -> None:
        agent, model = "gen_ai_agent_name", "gen_ai_request_model"
        self.runs = _runs(registry)
        self.inference_calls = Histogram(
            "gen_ai_invoke_agent_inference_calls",
            "Model calls of an agent run",
            [agent],
            buckets=_CALLS,
            registry=registry,
        )
        self.tool_calls = Histogram(
            "gen_ai_invoke_agent_tool_calls",
            "Tool calls of an agent run",
            [agent],
            buckets=_CALLS,
            registry=registry,
        )
        self.tools = Histogram(
            "gen_ai_execute_tool_duration_seconds",
            "Time of a tool call",
            ["gen_ai_tool_name", agent, "error_type"],
            buckets=_TOOL_SECONDS,
            registry=registry,
        )
        self.model_calls = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "Time of a model call",
            ["gen_ai_operation_name", "gen_ai_provider_name", model, "error_type"],
            buckets=_GEN_AI_SECONDS,
            registry=registry,
        )
        self.tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of a model call",
            ["gen_ai_token_type", model, "gen_ai_provider_name"],
            buckets=_GEN_AI_TOKENS,
            registry=registry,
        )
        self.first_chunk = Histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "Time to the first chunk of a streamed answer",
            [model],
            buckets=_GEN_AI_SECONDS,
            registry=registry,
        )
        self.cost = Counter(
            "agentgov_agent_cost_usd_total", "Cost of model calls", [agent, model, "source"], registry=registry
        )
        self.active = Gauge("agentgov_agent_runs_active", "Runs in progress", [agent], registry=registry)
        self.queue_depth = Gauge("agentgov_agent_queue_depth", "Runs waiting to start", ["queue"], registry=registry)
        self.queue_age = Gauge(
            "agentgov_agent_queue_oldest_age_seconds", "Age of the longest waiting run", ["queue"], registry=registry
        )
        self.retries = Counter(
            "agentgov_agent_retries_total", "Calls tried again", [agent, "reason"], registry=registry
        )
        self.info = Gauge(
            "agentgov_agent_info",
            "What an agent is; always 1",
            [agent, "gen_ai_agent_version", "owner", "contract_version"],
            registry=registry,
        )
        self.state = Gauge(
            "agentgov_agent_state", "1 for the state an agent is in", [agent, "state"], registry=registry
        )
        self.score = Gauge(
            "agentgov_agent_evaluation_score_ratio",
            "Running mean of an evaluation's score",
            [agent, "evaluation_name"],
            registry=registry,
        )


class WorkflowMetrics:
    """Workflows around agent runs, on the metric of the runs as the conventions have it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.runs = _runs(registry)


def _runs(registry: CollectorRegistry) -> Histogram:
    return Histogram(
        "gen_ai_invoke_agent_duration_seconds",
        "Time of an agent run; its count is the traffic, error_type tells the failures",
        ["gen_ai_agent_name", "gen_ai_operation_name", "error_type"],
        buckets=_RUN_SECONDS,
        registry=registry,
    )


class ContractMetrics:
    """Contracts as they are evaluated, and policy decisions as they are enforced."""

    def __init__(self, registry: CollectorRegistry) -> None:
        agent = "gen_ai_agent_name"
        self.evaluations = Counter(
            "agentgov_contract_evaluations_total",
            "Clauses held against runs",
            ["contract", agent, "clause_type", "outcome"],
            registry=registry,
        )
        self.violations = Counter(
            "agentgov_contract_violations_total",
            "Clauses that a run broke",
            ["contract", "rule", "severity", agent, "enforcement"],
            registry=registry,
        )
        self.duration = Histogram(
            "agentgov_contract_evaluation_duration_seconds",
            "Time to evaluate a contract",
            ["contract"],
            buckets=_QUICK_SECONDS,
            registry=registry,
        )
        self.compliance = Gauge(
            "agentgov_contract_compliance_ratio",
            "Running share of evaluations that pass",
            ["contract", agent],
            registry=registry,
        )
        self.drift = Gauge(
            "agentgov_contract_drift_score_ratio",
            "How far compliance has lately moved from its long mean",
            ["contract", agent],
            registry=registry,
        )
        self.recoveries = Counter(
            "agentgov_contract_recoveries_total",
            "Runs that had to recover",
            ["contract", "outcome"],
            registry=registry,
        )
        self.last_evaluation = Gauge(
            "agentgov_contract_last_evaluation_timestamp_seconds",
            "When a contract was last evaluated",
            ["contract"],
            registry=registry,
        )
        self.exceptions = Gauge(
            "agentgov_contract_exceptions_active", "Waivers in force", ["contract"], registry=registry
        )
        self.guardrail_findings = Counter(
            "agentgov_guardrail_findings_total",
            "What guardrails found in outputs",
            ["guardrail", "risk_category", "severity", "action"],
            registry=registry,
        )
        # Counted where a decision is enforced, not where it is made: only there is the track known.
        self.decisions = Counter(
            "agentgov_policy_decisions_total",
            "Policy decisions enforced",
            ["policy", "decision", "stage"],
            registry=registry,
        )


class PolicyMetrics:
    """The policy engine's own work: decisions it took and approvals it obtained."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.duration = Histogram(
            "agentgov_policy_decision_duration_seconds",
            "Time of a policy decision",
            ["policy", "stage"],
            buckets=_QUICK_SECONDS,
            registry=registry,
        )
        self.approvals = Counter(
            "agentgov_approval_requests_total", "Approvals asked for", ["policy", "outcome"], registry=registry
        )
        self.approval_wait = Histogram(
            "agentgov_approval_wait_seconds",
            "Time until an approval was answered",
            ["policy"],
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )
        self.pending = Gauge("agentgov_approvals_pending", "Approvals not yet answered", ["policy"], registry=registry)
        self.kill_switch = Gauge(
            "agentgov_kill_switch_engaged", "1 while all agents are stopped", ["scope"], registry=registry
        )


class RequestMetrics:
    """Requests of one platform component."""

    def __init__(self, registry: CollectorRegistry, component: str) -> None:
        self._component = component
        self._requests = Counter(
            "agentgov_component_requests_total", "Requests answered", ["component", "code"], registry=registry
        )
        self._duration = Histogram(
            "agentgov_component_request_duration_seconds",
            "Time of a request",
            ["component"],
            buckets=_REQUEST_SECONDS,
            registry=registry,
        ).labels(component)
        self.up = Gauge(
            "agentgov_component_up", "1 while the component serves", ["component"], registry=registry
        ).labels(component)

    def observe(self, code: int, seconds: float) -> None:
        self._requests.labels(self._component, str(code)).inc()
        self._duration.observe(seconds)


class BusinessMetrics:
    """Tasks as the business sees them, counted once, at the door."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.tasks = Counter(
            "agentgov_business_tasks_total", "Tasks finished", ["task_type", "outcome"], registry=registry
        )
        self.duration = Histogram(
            "agentgov_business_task_duration_seconds",
            "Time of a task",
            ["task_type"],
            buckets=_RUN_SECONDS,
            registry=registry,
        )
        self.value = Counter(
            "agentgov_business_value_usd_total", "Worth of finished tasks", ["task_type"], registry=registry
        )
        self.satisfaction = Gauge(
            "agentgov_business_satisfaction_ratio", "Running mean of task outcomes", ["task_type"], registry=registry
        )
        self.budget = Gauge("agentgov_business_budget_usd", "Budget for agents", ["period"], registry=registry)
