"""The policy engine: decides once a run, for all its stages in one batch, and obtains the approvals that it demands.

The decisions are counted by the runtime that enforces them; here their time is measured, and the approvals.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import orjson

from deploy.local.workload.agents import AGENTS
from deploy.local.workload.metrics import PolicyMetrics, RequestMetrics
from deploy.local.workload.server import Answer, Call, Component, Equipment, Handler, Refusal, choose

_QUESTION = frozenset({"tools", "risky_tools", "redacts", "seed"})
_APPROVAL_POLICY = "risky-tool-approval"
_APPROVAL_PROBABILITY = 0.97


class PolicyEngine(Component):
    def __init__(self, equipment: Equipment) -> None:
        self.requests = RequestMetrics(equipment.registry, "policy_engine")
        self._metrics = PolicyMetrics(equipment.registry)
        self._metrics.kill_switch.labels("global").set(0)
        self._metrics.pending.labels(_APPROVAL_POLICY).set(0)
        self._equipment = equipment

    def routes(self) -> dict[tuple[str, str], Handler]:
        return {("POST", "/v1/decisions"): self.decide}

    async def decide(self, call: Call) -> Answer:
        """`{"agent", "tools", "risky_tools", "redacts", "seed"}` in; decisions and the approval's outcome out."""
        run = call.json()
        granted = {tool.name for tool in choose(run, "agent", AGENTS).tools}
        if missing := _QUESTION - run.keys():
            raise Refusal(400, f"the question lacks {', '.join(sorted(missing))}")
        decisions = [
            self._timed("input-screening", "input", lambda: "allow"),
            self._timed("tool-allowlist", "tool", lambda: "allow" if set(run["tools"]) <= granted else "deny"),
            self._timed("output-redaction", "output", lambda: "modify" if run["redacts"] else "allow"),
        ]
        approval = ""
        if run["risky_tools"]:
            decisions.append(self._timed(_APPROVAL_POLICY, "tool", lambda: "escalate"))
            approval = await self._approval(random.Random(f"approval-{run['seed']}"))
        call.span.attributes["agentgov.policy.decisions"] = [f"{d['policy']}={d['decision']}" for d in decisions]
        return Answer(200, orjson.dumps({"decisions": decisions, "approval": approval}))

    def _timed(self, policy: str, stage: str, rule: Callable[[], str]) -> dict[str, str]:
        started = time.perf_counter()
        decision = rule()
        self._metrics.duration.labels(policy, stage).observe(time.perf_counter() - started)
        return {"policy": policy, "stage": stage, "decision": decision}

    async def _approval(self, dice: random.Random) -> str:
        """What a person would answer: nearly always yes, and here within milliseconds."""
        pending = self._metrics.pending.labels(_APPROVAL_POLICY)
        seconds = dice.uniform(0.02, 0.08)
        with pending.track_inprogress():
            await asyncio.sleep(seconds)
        outcome = "approved" if dice.random() < _APPROVAL_PROBABILITY else "rejected"
        self._metrics.approvals.labels(_APPROVAL_POLICY, outcome).inc()
        self._metrics.approval_wait.labels(_APPROVAL_POLICY).observe(seconds)
        return outcome
