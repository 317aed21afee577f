"""The pods of this machine's nodes: gives each an address, and starts and ends them as the API says."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local.controllers.events import Events
from deploy.local.controllers.objects import is_finished, is_terminating
from deploy.local.kubeapi import Informer, KubeApi, Object
from deploy.local.node.pod import NodeContext, Pod, grace_of
from deploy.local.node.registration import Registration

_LOG = logging.getLogger("node")
_LOGS_STAY_SECONDS = 60.0  # so that what a pod said last can still be collected


class Agent:
    """Keeps the pods of its nodes running. `networks` has the nodes' names with their pods' addresses."""

    def __init__(
        self,
        api: KubeApi,
        networks: Mapping[str, ipaddress.IPv4Network],
        *,
        listen: str,
        root: Path,
        variables: Mapping[str, str],
    ) -> None:
        self._networks = networks
        self._hosts = {name: iter(()) for name in networks}
        self._registration = Registration(api, networks, listen=listen, folder=root)
        self._services = Informer(api, "services")
        self._informer = Informer(api, "pods", on_change=self._pod_changed)
        self.logs = root / "pods"
        self.logs.mkdir(parents=True, exist_ok=True)
        self._context = NodeContext(
            api=api,
            events=Events(api, "node-agent"),
            services=self._services,
            logs=self.logs,
            folder=Path.cwd(),
            variables=variables,
        )
        self.pods: dict[str, Pod] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: set[str] = set()
        self._background: set[asyncio.Task[None]] = set()
        self.is_ready = False

    async def run(self) -> None:
        """Until cancelled; then every pod's processes are stopped quickly."""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._registration.register()
                tasks.create_task(self._services.run())
                await self._services.synced.wait()  # the variables by which pods find Services
                tasks.create_task(self._informer.run())
                await self._informer.synced.wait()
                self._sweep()
                self.is_ready = True
                tasks.create_task(self._registration.keep_alive())
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*(pod.leave() for pod in self.pods.values()))

    def _pod_changed(self, _: Object | None, new: Object | None) -> None:
        if new is None:
            known = self._informer.objects
            there = {pod["metadata"]["uid"] for pod in known.values()}
            for uid in self.pods.keys() - there - self._ending:
                self._end_later(self.pods[uid], None)
            return
        if new["spec"].get("nodeName") not in self._networks:
            return
        uid = new["metadata"]["uid"]
        if is_terminating(new):
            if uid not in self._ending:
                self._end_later(self._pod(new), grace_of(new))
        elif uid not in self.pods and not is_finished(new):
            pod = self._pod(new)
            self._tasks[uid] = asyncio.ensure_future(pod.run())
            self._tasks[uid].add_done_callback(_complain)
        elif uid in self.pods and self.pods[uid].shown_otherwise(new):
            self.pods[uid].report_again()

    def _pod(self, found: Object) -> Pod:
        uid = found["metadata"]["uid"]
        if uid not in self.pods:
            self.pods[uid] = Pod(
                found, found.get("status", {}).get("podIP") or self._address(found["spec"]["nodeName"]), self._context
            )
        return self.pods[uid]

    def _end_later(self, pod: Pod, grace_seconds: float | None) -> None:
        self._ending.add(pod.uid)  # now and not in the task: another event may come before that begins
        self._later(self._end(pod, grace_seconds))

    async def _end(self, pod: Pod, grace_seconds: float | None) -> None:
        """Stops a pod; without a grace its object is gone already."""
        await (pod.kill() if grace_seconds is None else pod.end(grace_seconds))
        if (task := self._tasks.pop(pod.uid, None)) is not None:
            task.cancel()
            await asyncio.wait({task})
        if grace_seconds is not None:
            await pod.remove()
        del self.pods[pod.uid]
        self._ending.discard(pod.uid)
        self._later(self._forget(pod.log_folder))

    async def _forget(self, folder: Path) -> None:
        await asyncio.sleep(_LOGS_STAY_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)

    def _sweep(self) -> None:
        """Logs of pods that went while this node was away."""
        for folder in self.logs.iterdir():
            if folder.is_dir() and folder.name.rsplit("_", 1)[-1] not in self.pods:
                self._later(self._forget(folder))

    def _address(self, node: str) -> str:
        """An address that no pod has, not the one that was freed last: clients may still hold that."""
        network = self._networks[node]
        taken = {pod.ip for pod in self.pods.values()}
        taken |= {pod.get("status", {}).get("podIP", "") for pod in self._informer.objects.values()}
        for _ in range(2):
            for host in self._hosts[node]:
                if str(host) not in taken and int(host) & 0xFF not in (0, 1):
                    return str(host)
            self._hosts[node] = network.hosts()
        raise RuntimeError(f"no address is left in {network}")

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        task.add_done_callback(_complain)


def _complain(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOG.error("pod worker failed", exc_info=error)
