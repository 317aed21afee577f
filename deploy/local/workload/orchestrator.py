"""Turns a task into a workflow: picks the agent and runs it on the track that the Service selects at the moment."""

from __future__ import annotations

import time

import orjson

from deploy.local.workload.agents import BY_TASK_TYPE
from deploy.local.workload.metrics import RequestMetrics, WorkflowMetrics
from deploy.local.workload.peers import PeerError
from deploy.local.workload.server import SYNTHETIC_HEADER, Answer, Call, Component, Equipment, Handler, choose


class Orchestrator(Component):
    def __init__(self, equipment: Equipment) -> None:
        self.requests = RequestMetrics(equipment.registry, "orchestrator")
        self._workflows = WorkflowMetrics(equipment.registry)
        self._equipment = equipment

    def routes(self) -> dict[tuple[str, str], Handler]:
        return {("POST", "/v1/workflows"): self.run_workflow}

    async def run_workflow(self, call: Call) -> Answer:
        order = call.json()
        agent = choose(order, "task_type", BY_TASK_TYPE)
        run = {"task_id": order.get("task_id"), "agent": agent.name, "seed": order.get("seed")}
        synthetic = {SYNTHETIC_HEADER: "true"} if call.headers.get(SYNTHETIC_HEADER) == "true" else {}
        started = time.perf_counter()
        with call.trace.span(f"invoke_workflow {agent.task_type}", parent=call.span) as span:
            span.attributes = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": agent.task_type}
            try:
                result = await self._equipment.peers.post(
                    "agent-runtime", "/v1/runs", run, call.trace, span, timeout_seconds=20, headers=synthetic
                )
            except PeerError as error:
                self._observe(agent.task_type, f"http_{error.status}", started)
                raise
            span.error = result["error_type"]
        self._observe(agent.task_type, result["error_type"], started)
        return Answer(200, orjson.dumps(result))

    def _observe(self, workflow: str, error_type: str, started: float) -> None:
        self._workflows.runs.labels(workflow, "invoke_workflow", error_type).observe(time.perf_counter() - started)
