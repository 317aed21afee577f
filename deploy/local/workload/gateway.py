"""The door: takes a task, writes it down, has it run, and counts what the business gets out of it.

Who sends `Prefer: respond-async` is answered as soon as the task is safe, and asks `/v1/tasks/ID` what became of it.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import orjson

from deploy.local.workload.agents import BY_TASK_TYPE
from deploy.local.workload.metrics import BusinessMetrics, QueueMetrics, RequestMetrics
from deploy.local.workload.peers import PeerError
from deploy.local.workload.running import RunningMean
from deploy.local.workload.server import SYNTHETIC_HEADER, Answer, Call, Component, Equipment, Handler, Refusal, choose
from deploy.local.workload.spans import Span, Trace
from deploy.local.workload.tasks import COMPLETED, FAILED, PENDING, Task, Tasks

_MONTHLY_BUDGET_USD = 25_000.0
_SATISFACTION = {"success": 1.0, "handoff": 0.5, "failure": 0.0}
_ADOPT_SECONDS = 2.0
_ATTEMPTS = 4
_PAUSE_SECONDS = 2.0


class Gateway(Component):
    def __init__(self, equipment: Equipment, tasks_folder: str = "") -> None:
        self.requests = RequestMetrics(equipment.registry, "gateway")
        self._business = BusinessMetrics(equipment.registry)
        self._business.budget.labels("month").set(_MONTHLY_BUDGET_USD)
        self._satisfaction: defaultdict[str, RunningMean] = defaultdict(lambda: RunningMean(1.0, 0.02))
        self._equipment = equipment
        self._tasks = Tasks(tasks_folder, equipment.identity.pod)
        self._later: dict[str, asyncio.Task[None]] = {}
        queue = QueueMetrics(equipment.registry)
        queue.depth.labels("tasks").set_function(lambda: len(self._later))
        queue.age.labels("tasks").set_function(self._tasks.oldest_age_seconds)

    def routes(self) -> dict[tuple[str, str], Handler]:
        return {
            ("POST", "/v1/tasks"): self.take_task,
            ("GET", "/v1/tasks"): self.counts,
            ("GET", "/v1/tasks/"): self.show_task,
        }

    def background(self) -> list[Callable[[], Awaitable[None]]]:
        self._resume(self._tasks.open())
        return [self._tasks.run, self._adopt]

    async def take_task(self, call: Call) -> Answer:
        """`{"task_type", "seed"?}` in; the workflow's result out. A failed agent run is a 200 that says so."""
        order = call.json()
        task = Task(
            task_id=call.headers.get("idempotency-key") or uuid.uuid4().hex,
            task_type=choose(order, "task_type", BY_TASK_TYPE).task_type,
            seed=order.get("seed"),
            synthetic=call.headers.get(SYNTHETIC_HEADER) == "true",
        )
        waits = call.headers.get("prefer") != "respond-async"
        if (known := self._tasks.get(task.task_id)) is not None:
            return await self._known(known, waits)
        try:
            await self._tasks.accept(task)
        except OSError as error:
            raise Refusal(503, f"the task cannot be stored: {error.strerror}") from error
        if not waits:
            self._resume([task])
            return _accepted(task)
        try:
            result = await self._run(task, call.trace, call.span)
        except PeerError as error:
            self._fail(task, str(error))
            raise
        return Answer(200, orjson.dumps(result))

    async def counts(self, call: Call) -> Answer:
        """How many tasks were accepted, completed and failed, and how many are pending."""
        return Answer(200, orjson.dumps(self._tasks.document()))

    async def show_task(self, call: Call) -> Answer:
        """What became of one task."""
        task = self._tasks.get(call.name)
        if task is None:
            raise Refusal(404, f"task {call.name!r} is not known here, or was done long ago")
        return Answer(200, orjson.dumps(task.document()))

    async def _known(self, task: Task, waits: bool) -> Answer:
        """A task that came before: it is not run a second time."""
        if not waits:
            return _accepted(task)
        if task.state == PENDING:
            task.done = task.done or asyncio.Event()
            await task.done.wait()
        return Answer(200 if task.state == COMPLETED else 502, orjson.dumps(task.answer))

    async def _run(self, task: Task, trace: Trace, span: Span) -> dict[str, Any]:
        """Has the task run once. Raises PeerError; the task is pending then."""
        order = {"task_id": task.task_id, "task_type": task.task_type, "seed": task.seed}
        synthetic = {SYNTHETIC_HEADER: "true"} if task.synthetic else {}
        started = time.perf_counter()
        result = await self._equipment.peers.post(
            "orchestrator", "/v1/workflows", order, trace, span, timeout_seconds=30, headers=synthetic
        )
        seconds = time.perf_counter() - started
        self._tasks.finish(task, COMPLETED, result)
        self._count(task.task_type, result["outcome"], seconds)
        span.error = result["error_type"]
        self._equipment.log.info(
            "task finished",
            span.context,
            task__id=task.task_id,
            task__type=task.task_type,
            outcome=result["outcome"],
            duration_seconds=round(seconds, 4),
        )
        return result

    def _fail(self, task: Task, reason: str) -> None:
        self._tasks.finish(task, FAILED, {"error": reason})
        self._count(task.task_type, "failure", time.monotonic() - task.accepted_at)

    def _resume(self, tasks: Iterable[Task]) -> None:
        for task in tasks:
            working = asyncio.ensure_future(self._insist(task))
            self._later[task.task_id] = working
            working.add_done_callback(lambda _, task_id=task.task_id: self._later.pop(task_id))

    async def _insist(self, task: Task) -> None:
        """A task that nobody waits for: tried some times, then failed where everybody sees it."""
        for attempt in range(1, _ATTEMPTS + 1):
            trace = Trace(self._equipment.spans, None)
            try:
                with trace.span("process task") as span:
                    span.attributes = {"task.id": task.task_id, "task.attempt": attempt}
                    await self._run(task, trace, span)
                return
            except PeerError as error:
                reason = str(error)
                self._equipment.log.warning(f"task not done: {reason}", task__id=task.task_id, task__attempt=attempt)
            finally:
                trace.close()
            await asyncio.sleep(_PAUSE_SECONDS)
        self._fail(task, reason)
        self._equipment.log.error("task failed for good", task__id=task.task_id, error__type="task_failed")

    async def _adopt(self) -> None:
        """Looks for what other gateways left. What is not done at the end is left to them."""
        try:
            while True:
                if adopted := await self._tasks.adopt():
                    self._equipment.log.event("tasks taken over", tasks=len(adopted))
                    self._resume(adopted)
                await asyncio.sleep(_ADOPT_SECONDS)
        finally:
            for working in self._later.values():
                working.cancel()

    def _count(self, task_type: str, outcome: str, seconds: float) -> None:
        business = self._business
        business.tasks.labels(task_type, outcome).inc()
        business.duration.labels(task_type).observe(seconds)
        if outcome == "success":
            business.value.labels(task_type).inc(BY_TASK_TYPE[task_type].value_usd)
        mean = self._satisfaction[task_type]
        mean.add(_SATISFACTION[outcome])
        business.satisfaction.labels(task_type).set(mean.value)


def _accepted(task: Task) -> Answer:
    where = f"/v1/tasks/{task.task_id}"
    return Answer(202, orjson.dumps({"task_id": task.task_id, "state": task.state}), {"Location": where})
