"""One container: its process started, probed, measured, restarted with back-off, and ended in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.controllers.objects import now_text
from deploy.local.node import manifest
from deploy.local.node.logs import LogFile, forget_old_runs
from deploy.local.node.probing import Target, ask, keep_asking
from deploy.local.node.usage import Usage, measure
from deploy.local.processes import spawn

_FIRST_BACK_OFF_SECONDS, _LAST_BACK_OFF_SECONDS = 10.0, 300.0
_LONG_LIFE_SECONDS = 600.0  # after which a crash is the first one again
_MEASURE_SECONDS = 2.0

Tell = Callable[[str, str, bool], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerContext:
    """Where a container runs: address, log folder and working folder, and the callbacks of its pod."""

    address: str
    logs: Path
    folder: Path
    restart_policy: str
    grace_seconds: float
    environment: Callable[[Mapping[str, Any]], Awaitable[dict[str, str]]]
    changed: Callable[[], None]
    tell: Tell


class Container:
    """Runs until its restart policy ends it, or until it is stopped. `status` is what the API shows."""

    def __init__(self, spec: Mapping[str, Any], context: ContainerContext, before: Mapping[str, Any] | None) -> None:
        self.spec, self._context = spec, context
        self.ready = False
        self.started = False
        self.ended_well: bool | None = None
        self.out_of_memory = 0
        self._restarts, self._last = _resumed(before)
        self._state: dict[str, Any] = {"waiting": {"reason": "ContainerCreating"}}
        self._process: asyncio.subprocess.Process | None = None
        self._reason = ""  # why we killed it, if we did
        self._stopping = False
        self._terminating = False
        self._target: Target | None = None

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def is_running(self) -> bool:
        return "running" in self._state

    @property
    def id(self) -> str:
        return f"process://{self._process.pid}" if self._process else ""

    def usage(self) -> Usage | None:
        """What it uses now; None when it does not run."""
        return measure(self._process.pid) if self._process and self.is_running else None

    def status(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "image": self.spec.get("image", ""),
            "imageID": "",
            "containerID": self.id,
            "ready": self.ready,
            "started": self.started,
            "restartCount": self._restarts,
            "state": self._state,
            "lastState": self._last,
        }

    async def run(self) -> None:
        """Returns when the container will not run again."""
        pause: float | None = None
        while not self._stopping:
            begun = time.monotonic()
            code = await self._run_once()
            if self._stopping or not self._again(code):
                self.ended_well = code == 0
                self._context.changed()
                return
            pause = next_back_off(pause, lived_seconds=time.monotonic() - begun)
            await self._back_off(pause)

    async def stop(self, grace_seconds: float, *, hook: bool = True) -> None:
        """Its preStop hook, SIGTERM, and SIGKILL when the grace has passed; all of it within the grace."""
        self._stopping = True
        self._terminating = self._terminating or not hook
        await self._terminate(grace_seconds)

    async def _terminate(self, grace_seconds: float) -> None:
        process, deadline = self._process, time.monotonic() + grace_seconds
        if process is None or process.returncode is not None:
            return
        hook = None if self._terminating else self.spec.get("lifecycle", {}).get("preStop")
        self._terminating = True
        if hook and self._target and grace_seconds > 0:
            reason = await ask(self._target, hook, grace_seconds)
            if reason:
                await self._context.tell("FailedPreStopHook", f"{self.name}: {reason}", True)
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(process.wait()), max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            self._kill("")

    async def _run_once(self) -> int:
        """One life of the process, from start to exit code."""
        try:
            environment = await self._context.environment(self.spec)
            words = manifest.command(self.spec, environment)
            process = await spawn(
                words,
                output=asyncio.subprocess.PIPE,
                errors=asyncio.subprocess.PIPE,
                folder=self._context.folder,
                environment=environment,
            )
        except manifest.ConfigError as error:
            return await self._never_started("CreateContainerConfigError", str(error))
        except OSError as error:
            return await self._never_started("RunContainerError", f"{error.strerror}: {error.filename}")
        self._process, self._reason, self._terminating = process, "", False
        self._state = {"running": {"startedAt": now_text()}}
        probes = {kind: manifest.probe(self.spec.get(f"{kind}Probe")) for kind in ("startup", "liveness", "readiness")}
        self.started, self.ready = probes["startup"] is None, False
        self._target = Target(
            address=self._context.address, container=self.spec, environment=environment, folder=self._context.folder
        )
        self._context.changed()
        await self._context.tell("Started", f"Started container {self.name}", False)
        forget_old_runs(self._context.logs)
        log = LogFile(self._context.logs / f"{self._restarts}.log")
        helpers = [asyncio.ensure_future(self._probe(probes)), asyncio.ensure_future(self._watch_memory())]
        copies = [
            asyncio.ensure_future(log.copy(stream, name))
            for stream, name in ((process.stdout, "stdout"), (process.stderr, "stderr"))
            if stream is not None
        ]
        try:
            code = await process.wait()
        finally:
            for helper in helpers:
                helper.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it left behind would hold its ports and its output
        self._end(code)
        await asyncio.wait(copies)
        log.close()
        return code

    async def _never_started(self, reason: str, message: str) -> int:
        self._process = None
        self._state = {"waiting": {"reason": reason, "message": message}}
        self._context.changed()
        await self._context.tell("Failed", f"{self.name}: {message}", True)
        return 128

    def _end(self, code: int) -> None:
        number = -code if code < 0 else 0
        terminated = {
            "exitCode": 128 + number if number else code,
            "reason": self._reason or ("Completed" if code == 0 else "Error"),
            "startedAt": self._state.get("running", {}).get("startedAt", now_text()),
            "finishedAt": now_text(),
            "containerID": self.id,
        }
        if number:
            terminated["signal"] = number
        self.ready = self.started = False
        self._state = {"terminated": terminated}
        self._context.changed()

    def _again(self, code: int) -> bool:
        policy = self._context.restart_policy
        return policy == "Always" or (policy == "OnFailure" and code != 0)

    async def _back_off(self, seconds: float) -> None:
        if "terminated" in self._state:
            self._last = self._state
            self._restarts += 1
        if not seconds:
            return
        if "terminated" in self._state:
            message = f"back-off {seconds:g}s restarting failed container={self.name}"
            self._state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        self._context.changed()
        await self._context.tell("BackOff", f"Back-off restarting failed container {self.name}", True)
        await asyncio.sleep(seconds)

    async def _probe(self, probes: Mapping[str, manifest.Probe | None]) -> None:
        """The startup probe first; the others begin when it has answered well."""
        assert self._target is not None  # noqa: S101  (set by the only caller)
        if (startup := probes["startup"]) is not None:
            await keep_asking(self._target, startup, self._started, until_success=True)
        if probes["readiness"] is None:
            self._readiness(True, "")
        loops = [
            keep_asking(self._target, probe, tell, until_success=False)
            for kind, tell in (("readiness", self._readiness), ("liveness", self._liveness))
            if (probe := probes[kind]) is not None
        ]
        await asyncio.gather(*loops)

    def _started(self, good: bool, reason: str) -> None:
        if not good:
            self._unhealthy("Startup", reason)
            return
        self.started = True
        self._context.changed()

    def _readiness(self, good: bool, reason: str) -> None:
        if self.ready and not good:
            _later(self._context.tell("Unhealthy", f"Readiness probe failed: {reason}", True))
        if self.ready is not good:
            self.ready = good
            self._context.changed()

    def _liveness(self, good: bool, reason: str) -> None:
        if not good:
            self._unhealthy("Liveness", reason)

    def _unhealthy(self, kind: str, reason: str) -> None:
        """Ends this run in the order of a stop; the policy says whether another follows."""
        if not self._terminating:
            _later(self._context.tell("Unhealthy", f"{kind} probe failed: {reason}", True))
            _later(
                self._context.tell(
                    "Killing", f"Container {self.name} failed {kind.lower()} probe, will be restarted", False
                )
            )
            _later(self._terminate(self._context.grace_seconds))

    async def _watch_memory(self) -> None:
        limit = manifest.memory_limit_bytes(self.spec)
        while limit is not None:
            await asyncio.sleep(_MEASURE_SECONDS)
            used = self.usage()
            if used is not None and used.memory_bytes > limit:
                self.out_of_memory += 1
                self._kill("OOMKilled")

    def _kill(self, reason: str) -> None:
        if self._process is not None and self._process.returncode is None:
            self._reason = reason
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


_TASKS: set[asyncio.Future[None]] = set()  # the loop itself keeps only weak references


def _later(work: Awaitable[None]) -> None:
    task = asyncio.ensure_future(work)
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)


def next_back_off(before_seconds: float | None, *, lived_seconds: float) -> float:
    """How long a container that ended waits: not at all the first time, then 10 s, then twice as long up to 5 min."""
    if before_seconds is None or lived_seconds > _LONG_LIFE_SECONDS:
        return 0.0
    return min(max(before_seconds * 2, _FIRST_BACK_OFF_SECONDS), _LAST_BACK_OFF_SECONDS)


def _resumed(before: Mapping[str, Any] | None) -> tuple[int, dict[str, Any]]:
    """Restarts and last state from a status that an earlier life of this node wrote: its processes died with it."""
    if not before or ("running" not in before.get("state", {}) and not before.get("restartCount")):
        return 0, {}
    died = {"exitCode": 137, "reason": "NodeRestarted", "finishedAt": now_text()}
    running = before.get("state", {}).get("running")
    last = {"terminated": {**died, **running}} if running else before.get("lastState", {})
    return before.get("restartCount", 0) + (1 if running else 0), last
