"""The workload's components for tests: all in one process on ephemeral ports, or one as a process of its own."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.workload.assembly import open_component
from deploy.local.workload.identity import Identity
from deploy.local.workload.logs import Log

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
TASK_TYPES = ("support-case", "invoice-check", "code-review", "research-brief")


@dataclass
class Collector:
    """Takes OTLP batches as the collector does."""

    url: str = ""
    spans: list[dict[str, Any]] = field(default_factory=list)

    async def receive(self, request: web.BaseRequest) -> web.Response:
        for group in orjson.loads(await request.read())["resourceSpans"]:
            resource = {a["key"]: a["value"]["stringValue"] for a in group["resource"]["attributes"]}
            for span in group["scopeSpans"][0]["spans"]:
                self.spans.append(span | {"service": resource["service.name"]})
        return web.json_response({})


@dataclass
class System:
    """The running components, and what a test does with them."""

    session: aiohttp.ClientSession
    collector: Collector
    faults: Path
    environ: dict[str, str]
    logs: dict[str, io.BytesIO] = field(default_factory=dict)
    stops: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)

    def url(self, component: str, path: str) -> str:
        name = component.upper().replace("-", "_")
        return f"http://{HOST}:{self.environ[f'{name}_SERVICE_PORT']}{path}"

    async def task(self, task_type: str = "support-case", **headers: str) -> tuple[int, dict[str, Any]]:
        return await self.post("gateway", "/v1/tasks", {"task_type": task_type}, headers)

    async def post(
        self, component: str, path: str, document: Any, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        async with self.session.post(self.url(component, path), json=document, headers=headers or {}) as answer:
            return answer.status, await answer.json()

    async def get(self, component: str, path: str) -> tuple[int, dict[str, Any]]:
        async with self.session.get(self.url(component, path)) as answer:
            return answer.status, await answer.json()

    async def field(self, component: str, path: str, name: str) -> Any:
        return (await self.get(component, path))[1].get(name)

    async def counts(self) -> dict[str, int]:
        """How many tasks the gateway accepted, and what became of them."""
        return (await self.get("gateway", "/v1/tasks"))[1]

    async def many(self, count: int) -> list[dict[str, Any]]:
        """That many tasks at once, of all types, and the same ones at every call."""
        tasks = ({"task_type": TASK_TYPES[seed % 4], "seed": seed} for seed in range(count))
        answers = await asyncio.gather(*(self.post("gateway", "/v1/tasks", task) for task in tasks))
        return [body for _, body in answers]

    async def status(self, component: str, path: str) -> int:
        async with self.session.get(self.url(component, path)) as answer:
            return answer.status

    async def metrics(self, component: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        async with self.session.get(self.url(component, "/metrics"), headers={"Accept": "text/plain"}) as answer:
            families = list(text_string_to_metric_families(await answer.text()))
        return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}

    async def total(self, component: str, name: str, **labels: str) -> float:
        """The sum over all series of a metric that have these labels."""
        series = await self.metrics(component)
        return sum(value for (n, have), value in series.items() if n == name and labels.items() <= dict(have).items())

    def lines(self, component: str, level: str) -> list[dict[str, Any]]:
        lines = map(orjson.loads, self.logs[component].getvalue().splitlines())
        return [line for line in lines if line["level"] == level]

    def fault(self, *names: str) -> None:
        faults = [{"name": name, "track": "green", "since": "2026-01-01T00:00:00Z"} for name in names]
        fresh = self.faults.with_suffix(".new")
        fresh.write_bytes(orjson.dumps({"faults": faults}))
        fresh.replace(self.faults)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def system(tmp_path: Path, *without: str) -> AsyncIterator[System]:
    """All components on ephemeral ports, in the order in which they need each other."""
    collector = Collector()
    runner = web.ServerRunner(web.Server(collector.receive))
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    collector.url = f"http://{HOST}:{runner.addresses[0][1]}"
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "TEALDECK_FAULTS_FILE": str(tmp_path / "faults.json"),
        "TEALDECK_TASKS_DIR": str(tmp_path / "tasks"),
        "SERVICE_VERSION": "1.8.0",
        "POD_NAMESPACE": "agents",
    }
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        running = System(session, collector, tmp_path / "faults.json", environ)
        for component in ("contract-registry", "policy-engine", "agent-runtime", "orchestrator", "gateway"):
            name = component.upper().replace("-", "_")
            environ |= {f"{name}_SERVICE_HOST": HOST, f"{name}_SERVICE_PORT": "1"}
            if component in without:
                continue
            own = environ | {"TEALDECK_TRACK": "green"} if component == "agent-runtime" else environ
            running.logs[component] = io.BytesIO()
            log = Log(Identity.from_environment(component, own), running.logs[component])
            opened = open_component(component, HOST, 0, own, log, linger_seconds=0)
            _, _, port = await stack.enter_async_context(opened)
            environ[f"{name}_SERVICE_PORT"] = str(port)
        if not {"contract-registry", "agent-runtime"} & set(without):
            await until(lambda: gives(running.status("agent-runtime", "/readyz"), 200))
        yield running


async def gives(answer: Awaitable[Any], wanted: Any) -> bool:
    return bool(await answer == wanted)


def play(scenario: Callable[[System], Coroutine[Any, Any, None]], tmp_path: Path, *without: str) -> None:
    async def run() -> None:
        async with system(tmp_path, *without) as running:
            await scenario(running)

    asyncio.run(run())


@dataclass
class Process:
    process: asyncio.subprocess.Process
    url: str


def free_port() -> int:
    """A port of this machine that is free at the moment."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        number: int = taken.getsockname()[1]
        return number


@asynccontextmanager
async def process(component: str, port: int, **environ: str) -> AsyncIterator[Process]:
    """The component as a pod runs it; killed at the end if the test has not ended it."""
    arguments = [sys.executable, "-m", "deploy.local.workload", component, "--listen", f"{HOST}:{port}"]
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(
        *arguments, cwd=ROOT, env=os.environ | environ, stdout=pipe, stderr=pipe
    )
    try:
        yield Process(started, f"http://{HOST}:{port}")
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


async def is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url + "/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientConnectionError:
        return False
