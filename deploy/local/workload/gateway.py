"""The door: takes a task, starts its trace, and counts what the business gets out of it."""

from __future__ import annotations

import time
import uuid
from collections import defaultdict

import orjson

from deploy.local.workload.agents import BY_TASK_TYPE
from deploy.local.workload.metrics import BusinessMetrics, RequestMetrics
from deploy.local.workload.peers import PeerError
from deploy.local.workload.running import RunningMean
from deploy.local.workload.server import SYNTHETIC_HEADER, Answer, Call, Component, Equipment, Handler, choose

_MONTHLY_BUDGET_USD = 25_000.0
_SATISFACTION = {"success": 1.0, "handoff": 0.5, "failure": 0.0}


class Gateway(Component):
    def __init__(self, equipment: Equipment) -> None:
        self.requests = RequestMetrics(equipment.registry, "gateway")
        self._business = BusinessMetrics(equipment.registry)
        self._business.budget.labels("month").set(_MONTHLY_BUDGET_USD)
        self._satisfaction: defaultdict[str, RunningMean] = defaultdict(lambda: RunningMean(1.0, 0.02))
        self._equipment = equipment

    def routes(self) -> dict[tuple[str, str], Handler]:
        return {("POST", "/v1/tasks"): self.take_task}

    async def take_task(self, call: Call) -> Answer:
        """`{"task_type", "seed"?}` in; the workflow's result out. A failed agent run is a 200 that says so."""
        task = call.json()
        task_type = choose(task, "task_type", BY_TASK_TYPE).task_type
        order = {
            "task_id": call.headers.get("idempotency-key") or uuid.uuid4().hex,
            "task_type": task_type,
            "seed": task.get("seed"),
        }
        synthetic = {SYNTHETIC_HEADER: "true"} if call.headers.get(SYNTHETIC_HEADER) == "true" else {}
        started = time.perf_counter()
        try:
            result = await self._equipment.peers.post(
                "orchestrator", "/v1/workflows", order, call.trace, call.span, timeout_seconds=30, headers=synthetic
            )
        except PeerError:
            self._count(task_type, "failure", time.perf_counter() - started)
            raise
        self._count(task_type, result["outcome"], time.perf_counter() - started)
        call.span.error = result["error_type"]
        self._equipment.log.info(
            "task finished",
            call.span.context,
            task__id=order["task_id"],
            task__type=task_type,
            outcome=result["outcome"],
            duration_seconds=round(time.perf_counter() - started, 4),
        )
        return Answer(200, orjson.dumps(result))

    def _count(self, task_type: str, outcome: str, seconds: float) -> None:
        business = self._business
        business.tasks.labels(task_type, outcome).inc()
        business.duration.labels(task_type).observe(seconds)
        if outcome == "success":
            business.value.labels(task_type).inc(BY_TASK_TYPE[task_type].value_usd)
        mean = self._satisfaction[task_type]
        mean.add(_SATISFACTION[outcome])
        business.satisfaction.labels(task_type).set(mean.value)
