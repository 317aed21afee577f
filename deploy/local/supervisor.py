"""Starts the environment's processes, watches them, and stops all of them on request or when one of them ends.

A child starts as soon as its dependencies are ready. A child that ends unexpectedly stops the whole environment, with
the end of its log as the message: half an environment would mislead. Only the load generator may be replaced while the
rest runs (SIGUSR1), and the history job may end at any time.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp

from deploy.local import cluster
from deploy.local.children import HISTORY, LOAD, Child, environment, load_generator
from deploy.local.errors import CommandError
from deploy.local.kubeapi import ApiError
from deploy.local.layout import Layout, read_json, write_whole
from deploy.local.ports import Addresses
from deploy.local.processes import spawn, stop
from deploy.local.source_faults import SourceFaults

_STOP_SECONDS = 4.0
_FULL_BYTES = 2**20
_LAST_BYTES = 2000
# Whoever uses others goes before them, so that nobody complains of what is only being stopped.
_STOP_FIRST = frozenset({LOAD, HISTORY, "dashboard", "node", "proxy", "collector"})


@dataclass(slots=True)
class Running:
    """A child that was started."""

    child: Child
    process: asyncio.subprocess.Process
    since: datetime


@dataclass(slots=True)
class Supervisor:
    """One environment's processes. `on_ready` is called once, when all of it can be used."""

    layout: Layout
    addresses: Addresses
    children: Sequence[Child]
    on_ready: Callable[[dict[str, str]], None]
    job: Child | None = None
    _running: dict[str, Running] = field(default_factory=dict)
    _ready: dict[str, asyncio.Event] = field(default_factory=dict)
    _gateway: asyncio.Event = field(default_factory=asyncio.Event)
    _load_changed: asyncio.Event = field(default_factory=asyncio.Event)
    _source_faults: SourceFaults = field(init=False)

    def __post_init__(self) -> None:
        self._source_faults = SourceFaults(self.layout.faults, self._pid)

    async def run(self) -> None:
        """Returns when it was asked to stop (SIGTERM, SIGINT, or the end of its terminal).

        Raises CommandError when something ended by itself. In both cases nothing runs any more.
        """
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, asked.set)
        loop.add_signal_handler(signal.SIGUSR1, self._load_changed.set)
        self._ready = {child.name: asyncio.Event() for child in self.children}
        life = asyncio.create_task(self._live())
        asking = asyncio.create_task(asked.wait())
        try:
            await asyncio.wait({life, asking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asking.cancel()
            life.cancel()
            await asyncio.wait({life})
            await self._stop_all()
        if not life.cancelled() and (error := life.exception()):
            raise _first(error)

    async def _live(self) -> None:
        # Without verification: only readiness is asked here, and the certificate may not be written yet.
        connector = aiohttp.TCPConnector(ssl=False)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as tasks:
            for child in self.children:
                tasks.create_task(self._keep(child, session))
            tasks.create_task(self._source_faults.run())
            tasks.create_task(self._bring_up())
            tasks.create_task(self._keep_load())
            if self.job:
                tasks.create_task(self._run(self.job))

    async def _bring_up(self) -> None:
        since = datetime.now(UTC).replace(microsecond=0)
        await self._ready["apiserver"].wait()
        await cluster.replace_pods(self.layout.kubeconfig)
        await cluster.apply_manifests(self.layout.kubeconfig)
        for name in ("controllers", "node", "proxy", "collector"):
            await self._ready[name].wait()
        patience_seconds = max(child.patience_seconds for child in self.children)
        gateway = await cluster.wait_until_available(self.layout.kubeconfig, since, patience_seconds)
        self._gateway.set()
        for ready in self._ready.values():
            await ready.wait()
        endpoints = {
            "dashboard": self.addresses.url("dashboard") if "dashboard" in self._ready else "",
            "prometheus": self.addresses.url("prometheus"),
            "alertmanager": self.addresses.url("alertmanager"),
            "elasticsearch": self.addresses.url("logstore"),
            "kubeconfig": str(self.layout.kubeconfig),
            "gateway": gateway,
        }
        write_whole(self.layout.endpoints, endpoints)
        self.on_ready(endpoints)

    async def _keep(self, child: Child, session: aiohttp.ClientSession) -> None:
        """Starts a child when its time has come; again when a fault has ended it. Raises when it ends otherwise."""
        for name in child.after:
            await self._ready[name].wait()
        while True:
            process = await self._start(child)
            async with asyncio.TaskGroup() as tasks:
                probing = tasks.create_task(self._probe(child, session))
                code = await process.wait()
                probing.cancel()
            if not await self._source_faults.end_was_asked(child.name):
                raise CommandError(self._exit_message(child, code))

    async def _run(self, job: Child) -> None:
        """Runs what is done once, when everything is ready; says so if it failed, and goes on."""
        for ready in self._ready.values():
            await ready.wait()
        process = await self._start(job)
        code = await process.wait()
        del self._running[job.name]
        self._record()
        if code:
            print(f"{job.name} failed; see {self.layout.log(job.name)}.", file=sys.stderr, flush=True)

    async def _probe(self, child: Child, session: aiohttp.ClientSession) -> None:
        deadline = time.monotonic() + child.patience_seconds
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(child.ready, timeout=aiohttp.ClientTimeout(total=2)) as answer:
                    if answer.status == 200:
                        return self._ready[child.name].set()
            if time.monotonic() > deadline:
                log = self.layout.log(child.name)
                raise CommandError(f"{child.name} is not ready after {child.patience_seconds:.0f} s; see {log}.")
            await asyncio.sleep(0.1)

    async def _keep_load(self) -> None:
        """Runs the load generator at the rate that the file asks for; none at 0."""
        await self._gateway.wait()
        while True:
            self._load_changed.clear()
            asked = read_json(self.layout.load) or {"rate": 0}
            rate = float(asked["rate"])
            changed = asyncio.create_task(self._load_changed.wait())
            if rate:
                child = load_generator(self.layout, rate, asked.get("seed"))
                process = await self._start(child)
                ended = asyncio.create_task(process.wait())
                await asyncio.wait({changed, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not changed.done():
                    changed.cancel()
                    raise CommandError(self._exit_message(child, ended.result()))
                await stop(process, _STOP_SECONDS)
                del self._running[LOAD]
                self._record()
            await changed

    async def _start(self, child: Child) -> asyncio.subprocess.Process:
        try:
            with self.layout.log(child.name).open("wb") as log:
                process = await spawn(
                    child.command, output=log, folder=child.folder, environment=environment(self.layout)
                )
        except OSError as error:
            raise CommandError(f"{child.name} cannot be started: {error}.") from error
        self._running[child.name] = Running(child, process, datetime.now(UTC))
        self._record()
        return process

    def _pid(self, name: str) -> int | None:
        running = self._running.get(name)
        return running.process.pid if running and running.process.returncode is None else None

    def _record(self) -> None:
        write_whole(
            self.layout.processes,
            [
                {
                    "name": name,
                    "pid": running.process.pid,
                    "since": running.since.isoformat(timespec="seconds"),
                    "address": self.addresses.listen.get(name, ""),
                    "health": running.child.ready,
                    "log": str(self.layout.log(name)),
                    "command": running.child.command,
                }
                for name, running in self._running.items()
            ],
        )

    def _exit_message(self, child: Child, code: int) -> str:
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if shutil.disk_usage(self.layout.root).free < _FULL_BYTES:
            how += f" on a full disk ({self.layout.root})"
        log = self.layout.log(child.name)
        lines = log.read_bytes()[-_LAST_BYTES:].decode(errors="replace").strip().splitlines()[-5:]
        return "\n  ".join([f"{child.name} {how}, so everything was stopped. Its log is {log} and ends with:", *lines])

    async def _stop_all(self) -> None:
        self.layout.endpoints.unlink(missing_ok=True)
        first = [running.process for name, running in self._running.items() if name in _STOP_FIRST]
        rest = [running.process for name, running in self._running.items() if name not in _STOP_FIRST]
        for wave in (first, rest):
            await asyncio.gather(*(stop(process, _STOP_SECONDS) for process in wave))
        self.layout.processes.unlink(missing_ok=True)


def _first(error: BaseException) -> BaseException:
    """What the person is told: of several things that went wrong at once, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return CommandError(f"The API server failed: {error}.") if isinstance(error, ApiError) else error
