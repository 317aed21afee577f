"""Approvals by people: asked for, pending for a while, then approved, rejected or expired. Who answers is a die.

The run that asks does not wait for a person: it ends as handed over, and the person goes on from there.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deploy.local.workload.metrics import PolicyMetrics

_EXPIRY_SECONDS = 120.0
_MEDIAN_SECONDS = 30.0
_APPROVED_RATIO = 0.85
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One request. When and how it will be answered is drawn when it is made, and told when it is due."""

    approval_id: str
    policy: str
    agent: str
    task_id: str
    asked_at: float
    due_at: float
    outcome: str

    def document(self) -> dict[str, Any]:
        return {
            "id": self.approval_id,
            "policy": self.policy,
            "agent": self.agent,
            "task_id": self.task_id,
            "age_seconds": round(time.monotonic() - self.asked_at, 1),
            "expires_in_seconds": round(self.asked_at + _EXPIRY_SECONDS - time.monotonic(), 1),
        }


class Approvals:
    """All that wait for a person. `on_answer` hears of each that is answered."""

    def __init__(self, metrics: PolicyMetrics, policy: str, on_answer: Callable[[Approval], None]) -> None:
        self._metrics, self._policy, self._on_answer = metrics, policy, on_answer
        self._pending: dict[str, Approval] = {}
        metrics.pending.labels(policy).set_function(lambda: len(self._pending))

    def ask(self, agent: str, task_id: str, dice: random.Random) -> Approval:
        """Asks a person. The same dice give the same answer after the same time."""
        now, wait_seconds = time.monotonic(), dice.expovariate(0.69 / _MEDIAN_SECONDS)
        answer = "approved" if dice.random() < _APPROVED_RATIO else "rejected"
        in_time = wait_seconds < _EXPIRY_SECONDS
        approval = Approval(
            approval_id=f"{dice.getrandbits(64):016x}",
            policy=self._policy,
            agent=agent,
            task_id=task_id,
            asked_at=now,
            due_at=now + min(wait_seconds, _EXPIRY_SECONDS),
            outcome=answer if in_time else "expired",
        )
        self._pending[approval.approval_id] = approval
        return approval

    def pending(self) -> list[dict[str, Any]]:
        """Those that wait, the longest first."""
        return [approval.document() for approval in self._pending.values()]

    async def run(self) -> None:
        """Answers what is due, until cancelled."""
        while True:
            self.answer_due(time.monotonic())
            await asyncio.sleep(_LOOK_SECONDS)

    def answer_due(self, now: float) -> None:
        for approval in [one for one in self._pending.values() if one.due_at <= now]:
            del self._pending[approval.approval_id]
            self._metrics.approvals.labels(approval.policy, approval.outcome).inc()
            self._metrics.approval_wait.labels(approval.policy).observe(approval.due_at - approval.asked_at)
            self._on_answer(approval)
