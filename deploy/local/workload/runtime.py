"""The agent runtime: the governed service. Admits a run, asks for policy decisions, runs the agent, judges the run.

It is what is released blue-green, so everything that compares two releases is measured here, where the track is known.
"""

from __future__ import annotations

import random
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from deploy.local.workload.admission import Admission, QueueFullError
from deploy.local.workload.agents import AGENTS, DELEGATES, Agent
from deploy.local.workload.contracts import Evaluation, Outcome
from deploy.local.workload.execution import Tally, Walk, run_attributes
from deploy.local.workload.faults import FaultFile
from deploy.local.workload.governance import AFTER, BEFORE, Contracts, Governor
from deploy.local.workload.harm import Harm
from deploy.local.workload.metrics import AgentMetrics, ContractMetrics, QueueMetrics
from deploy.local.workload.peers import PeerError
from deploy.local.workload.planning import Plan, plan_run
from deploy.local.workload.running import RunningMean
from deploy.local.workload.server import Answer, Call, Component, Equipment, Handler, Refusal, choose
from deploy.local.workload.spans import Span, Trace

_RUNNING, _WAITING = 512, 256
_DEGRADED_ERROR_RATIO = 0.1
_STATES = ("running", "degraded", "quarantined", "stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ended: success, handoff (a person takes over) or failure; what it used up; how it was judged."""

    outcome: str
    error_type: str = ""
    tally: Tally = field(default_factory=Tally)
    judged: list[Evaluation]


class AgentRuntime(Component):
    def __init__(self, equipment: Equipment, faults_file: str = "", defect: str = "") -> None:
        identity = equipment.identity
        self._equipment = equipment
        self._metrics = AgentMetrics(equipment.registry)
        self._contract_metrics = ContractMetrics(equipment.registry)
        self._contracts = Contracts(equipment, self._inform)
        self._governor = Governor(equipment, self._contracts, self._contract_metrics)
        self._faults = FaultFile(faults_file, identity.track, self._tell_faults, defect)
        self._harm = Harm(lambda: self._faults.behaviour, lambda: self._contracts.loaded, equipment.log)
        self._admission = Admission(_RUNNING, _WAITING)
        self._errors: defaultdict[str, RunningMean] = defaultdict(lambda: RunningMean(0.0, 0.03))
        self._scores: defaultdict[str, RunningMean] = defaultdict(lambda: RunningMean(0.88, 0.03))
        self._start_gauges()

    def routes(self) -> dict[tuple[str, str], Handler]:
        return {("POST", "/v1/runs"): self.take_run}

    def not_ready_because(self) -> str:
        return "" if self._contracts.loaded else "no contracts yet"

    def background(self) -> list[Callable[[], Awaitable[None]]]:
        return [self._contracts.follow, self._faults.follow, self._harm.run, self._harm.burn]

    async def take_run(self, call: Call) -> Answer:
        """`{"agent", "task_id"?, "seed"?}` in; what became of the run out. A failed run is a 200 that says so."""
        order = call.json()
        agent = choose(order, "agent", AGENTS)
        if not self._contracts.loaded:
            raise Refusal(503, "no contracts yet: ungoverned agents do not run")
        task_id = order.get("task_id") or uuid.uuid4().hex
        seed = order.get("seed") if order.get("seed") is not None else task_id
        try:
            async with self._admission.slot():
                with self._metrics.active.labels(agent.name).track_inprogress():
                    result = await self._run(agent, task_id, seed, call)
        except QueueFullError:
            raise Refusal(503, "too many runs are waiting") from None
        return Answer(200, orjson.dumps(result))

    async def _run(self, agent: Agent, task_id: str, seed: Any, call: Call) -> dict[str, Any]:
        started = time.perf_counter()
        plan = plan_run(agent, random.Random(f"run-{seed}"), self._faults.behaviour)
        with call.trace.span(f"invoke_agent {agent.name}", parent=call.span) as span:
            ending = await self._governed(plan, task_id, seed, call.trace, span)
            span.error = call.span.error = ending.error_type
            span.attributes = self._attributes(agent, task_id, ending)
        seconds = time.perf_counter() - started
        self._measure(plan, ending, seconds, span)
        self._write(agent, task_id, ending, seconds, span)
        identity = self._equipment.identity
        return {
            "task_id": task_id,
            "trace_id": span.context.trace_id,
            "agent": agent.name,
            "track": identity.track,
            "version": identity.version,
            "outcome": ending.outcome,
            "error_type": ending.error_type,
            "cost_usd": round(ending.tally.cost_usd, 6),
            "duration_seconds": round(seconds, 4),
            "violations": [
                {"contract": e.contract.name, "rule": e.clause.rule, "severity": e.clause.severity}
                for e in ending.judged
                if e.outcome is Outcome.VIOLATION
            ],
        }

    async def _governed(self, plan: Plan, task_id: str, seed: Any, trace: Trace, span: Span) -> Ending:
        """The run between its contracts and policies."""
        agent = plan.agent
        facts: dict[str, Any] = {"budget_usd": agent.budget_usd, "granted_tools": [tool.name for tool in agent.tools]}
        judged = self._governor.judge(agent.name, facts, BEFORE, trace, span)
        if _denied(judged):
            return Ending(outcome="handoff", judged=judged)
        try:
            approval, denied = await self._decide(plan, task_id, seed, trace, span)
        except PeerError as error:
            # Fails closed: without a decision nothing runs.
            self._equipment.log.error(str(error), span.context, error__type="policy_unavailable")
            return Ending(outcome="failure", error_type="policy_unavailable", judged=judged)
        if denied or approval in ("rejected", "pending"):
            return Ending(outcome="handoff", judged=judged)
        tally = await Walk(self._metrics, trace, self._equipment.identity.version).take(agent, plan.steps, span)
        judged += self._governor.judge(agent.name, facts | _facts(plan, tally, approval), AFTER, trace, span)
        outcome = "failure" if plan.error_type else "handoff" if _denied(judged) else "success"
        return Ending(outcome=outcome, error_type=plan.error_type, tally=tally, judged=judged)

    async def _decide(self, plan: Plan, task_id: str, seed: Any, trace: Trace, span: Span) -> tuple[str, bool]:
        """The approval's outcome (empty: none needed), and whether a policy denies the run."""
        question = {
            "agent": plan.agent.name,
            "tools": plan.tools,
            "risky_tools": plan.risky_tools,
            "redacts": plan.pii_redacted > 0,
            "injection_suspected": plan.injection_suspected,
            "is_high_value": plan.is_high_value,
            "is_handed_out": bool(plan.agent.delegates),
            "task_id": task_id,
            "seed": seed,
        }
        answer = await self._equipment.peers.post(
            "policy-engine", "/v1/decisions", question, trace, span, timeout_seconds=3
        )
        for decision in answer["decisions"]:
            labels = decision["policy"], decision["decision"], decision["stage"]
            self._contract_metrics.decisions.labels(*labels).inc()
        return answer["approval"], any(d["decision"] == "deny" for d in answer["decisions"])

    def _measure(self, plan: Plan, ending: Ending, seconds: float, span: Span) -> None:
        name, error_type = plan.agent.name, ending.error_type
        exemplar = {"trace_id": span.context.trace_id} if span.context.sampled or error_type else None
        self._metrics.runs.labels(name, "invoke_agent", error_type).observe(seconds, exemplar)
        self._errors[name].add(float(bool(error_type)))
        self._scores[name].add(plan.groundedness_ratio)
        findings = self._contract_metrics.guardrail_findings
        if plan.pii_redacted:
            findings.labels("pii-scanner", "privacy", "medium", "redact").inc(plan.pii_redacted)
        if plan.injection_suspected:
            findings.labels("prompt-shield", "prompt_injection", "high", "block").inc()

    def _write(self, agent: Agent, task_id: str, ending: Ending, seconds: float, span: Span) -> None:
        attributes = {
            "gen_ai__agent__name": agent.name,
            "gen_ai__request__model": agent.model.name,
            "gen_ai__conversation__id": task_id,
            "outcome": ending.outcome,
            "duration_seconds": round(seconds, 4),
        }
        if ending.error_type:
            message = f"agent {agent.name} failed: {ending.error_type}"
            self._equipment.log.error(message, span.context, error__type=ending.error_type, **attributes)
        else:
            self._equipment.log.info("agent run finished", span.context, **attributes)

    def _attributes(self, agent: Agent, task_id: str, ending: Ending) -> dict[str, Any]:
        return run_attributes(agent, self._equipment.identity.version, ending.tally) | {
            "gen_ai.conversation.id": task_id,
            "agentgov.task.outcome": ending.outcome,
        }

    def _start_gauges(self) -> None:
        """Gauges that are read off when they are scraped, and the series that should be there before the first run."""
        metrics = self._metrics
        queue = QueueMetrics(self._equipment.registry)
        queue.depth.labels("runs").set_function(lambda: self._admission.depth)
        queue.age.labels("runs").set_function(lambda: self._admission.oldest_age_seconds)
        for agent in AGENTS.values():
            metrics.active.labels(agent.name).set(0)
            metrics.runs.labels(agent.name, "invoke_agent", "")
            metrics.score.labels(agent.name, "groundedness").set_function(partial(self._score, agent.name))
            for state in _STATES:
                metrics.state.labels(agent.name, state).set_function(partial(self._is_in, agent.name, state))

    def _inform(self) -> None:
        """Joins each agent with its versions, anew whenever the contracts change."""
        version = self._equipment.identity.version
        self._metrics.info.clear()
        for agent in (*AGENTS.values(), *DELEGATES.values()):
            contracts = self._contracts.of(agent.name)
            versions = ",".join(f"{contract.name}={contract.version}" for contract in contracts)
            self._metrics.info.labels(agent.name, version, agent.owner, versions).set(1)
            for contract in contracts:
                in_force = partial(self._contracts.exceptions, contract.name)
                self._contract_metrics.exceptions.labels(contract.name).set_function(in_force)

    def _score(self, agent: str) -> float:
        return self._scores[agent].value

    def _is_in(self, agent: str, state: str) -> float:
        degraded = self._errors[agent].value > _DEGRADED_ERROR_RATIO
        return float(state == ("degraded" if degraded else "running"))

    def _tell_faults(self, names: frozenset[str]) -> None:
        self._admission.stuck(self._faults.behaviour.is_stuck)
        self._equipment.log.event("faults changed", faults=sorted(names))


def _denied(judged: list[Evaluation]) -> bool:
    return any(e.outcome is not Outcome.PASS and e.contract.enforcement == "deny" for e in judged)


def _facts(plan: Plan, tally: Tally, approval: str) -> dict[str, Any]:
    """What the clauses may speak of. A run that failed has no output, so nothing in it."""
    has_output = not plan.error_type
    return {
        "error_type": plan.error_type,
        "cost_usd": tally.cost_usd,
        "tools": list(plan.tools),
        "risky_tools": list(plan.risky_tools),
        "approval": approval,
        "output_scanned": plan.output_scanned or not has_output,
        "pii_findings": plan.pii_findings if has_output else 0,
        "groundedness_ratio": plan.groundedness_ratio,
        "tool_errors": tally.tool_errors,
        "retries": tally.retries,
        "recovered": tally.recovered,
        "escalated": plan.error_type == "tool_failed",
    }
