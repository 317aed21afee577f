"""The policy engine: decides once a run, for all its stages in one batch, and obtains the approvals that it demands.

The decisions are counted by the runtime that enforces them; here their time is measured, and the approvals.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import orjson

from deploy.local.workload.agents import AGENTS
from deploy.local.workload.approvals import Approval, Approvals
from deploy.local.workload.audit import Audit
from deploy.local.workload.faults import AUDIT, KILL_SWITCH, FaultFile
from deploy.local.workload.metrics import PolicyMetrics, RequestMetrics
from deploy.local.workload.rules import BY_PEOPLE, ON_DUTY, RULES
from deploy.local.workload.server import Answer, Call, Component, Equipment, Handler, Refusal, choose

_QUESTION = frozenset({"tools", "risky_tools", "redacts", "injection_suspected", "is_high_value", "is_handed_out"})
_APPROVED_RATIO = 0.97
_GRANTED = {name: [tool.name for tool in agent.tools] for name, agent in AGENTS.items()}


class PolicyEngine(Component):
    def __init__(self, equipment: Equipment, faults_file: str = "") -> None:
        self.requests = RequestMetrics(equipment.registry, "policy_engine")
        self._metrics = PolicyMetrics(equipment.registry)
        self._is_stopped = False
        self._metrics.kill_switch.labels("global").set_function(lambda: self._is_stopped)
        self._faults = FaultFile(faults_file, "", self._stop_or_go)
        self._on_duty = self._metrics.pending.labels(ON_DUTY)
        self._audit = Audit(equipment.registry, equipment.log)
        self._approvals = Approvals(self._metrics, BY_PEOPLE, self._answered)
        self._durations = {
            rule.policy: self._metrics.duration.labels(rule.policy, rule.stage).observe for rule in RULES
        }

    def routes(self) -> dict[tuple[str, str], Handler]:
        return {("POST", "/v1/decisions"): self.decide, ("GET", "/v1/approvals"): self.pending}

    def background(self) -> list[Callable[[], Awaitable[None]]]:
        return [self._approvals.run, self._faults.follow]

    async def decide(self, call: Call) -> Answer:
        """The facts of a run in; decisions and the approval's outcome out ("pending": a person is asked)."""
        run = call.json()
        agent = choose(run, "agent", AGENTS).name
        if missing := (_QUESTION | {"seed"}) - run.keys():
            raise Refusal(400, f"the question lacks {', '.join(sorted(missing))}")
        stopped = self._is_stopped
        decisions = list(self._decisions({**run, "granted": _GRANTED[agent], "is_stopped": stopped}))
        approval = await self._approval(agent, run) if run["risky_tools"] and not stopped else ""
        call.span.attributes["agentgov.policy.decisions"] = [f"{d['policy']}={d['decision']}" for d in decisions]
        call.span.attributes["agentgov.approval.outcome"] = approval
        denied = [decision["policy"] for decision in decisions if decision["decision"] == "deny"]
        if denied:
            self._audit.record("run-denied", "success", policy=denied[0], agent=agent)
        return Answer(200, orjson.dumps({"decisions": decisions, "approval": approval}))

    async def pending(self, call: Call) -> Answer:
        """The approvals that wait for a person."""
        return Answer(200, orjson.dumps({"approvals": self._approvals.pending()}))

    def _decisions(self, facts: dict[str, Any]) -> Iterator[dict[str, str]]:
        """What each rule says that has something to say."""
        for rule in RULES:
            started = time.perf_counter()
            decision = rule.decision if rule.holds(facts) else rule.otherwise
            if decision:
                self._durations[rule.policy](time.perf_counter() - started)
                yield {"policy": rule.policy, "stage": rule.stage, "decision": decision}

    async def _approval(self, agent: str, run: dict[str, Any]) -> str:
        """Where much is at stake a person is asked; else whoever is on duty says nearly always yes, within moments."""
        dice = random.Random(f"approval-{run['seed']}")
        if run["is_high_value"]:
            approval = self._approvals.ask(agent, str(run.get("task_id", "")), dice)
            self._audit.record("approval-requested", "success", approval=approval.approval_id, agent=agent)
            return "pending"
        seconds = dice.uniform(0.02, 0.08)
        with self._on_duty.track_inprogress():
            await asyncio.sleep(seconds)
        outcome = "approved" if dice.random() < _APPROVED_RATIO else "rejected"
        self._metrics.approvals.labels(ON_DUTY, outcome).inc()
        self._metrics.approval_wait.labels(ON_DUTY).observe(seconds)
        return outcome

    def _stop_or_go(self, names: frozenset[str]) -> None:
        self._audit.hold(AUDIT in names)
        if self._is_stopped is not (KILL_SWITCH in names):
            self._is_stopped = KILL_SWITCH in names
            action = f"kill-switch-{'engaged' if self._is_stopped else 'released'}"
            self._audit.record(action, "success", scope="global")

    def _answered(self, approval: Approval) -> None:
        outcome = "success" if approval.outcome == "approved" else "failure"
        self._audit.record(f"approval-{approval.outcome}", outcome, approval=approval.approval_id, agent=approval.agent)
