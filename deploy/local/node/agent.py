"""The node: registers itself, gives each of its pods an address, and starts and ends them as the API says."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from deploy.local.controllers.events import Events
from deploy.local.controllers.objects import is_finished, is_terminating, now_text
from deploy.local.kubeapi import ApiError, ConflictError, Informer, KubeApi, NotFoundError, Object
from deploy.local.node.pod import Pod, Surroundings, grace_of

_LOG = logging.getLogger("node")
_LEASES = "kube-node-lease"
_HEARTBEAT_SECONDS = 10.0
_LOGS_STAY_SECONDS = 60.0  # so that what a pod said last can still be collected
_RETRY_SECONDS = 0.5


class Agent:
    """Keeps the pods that are bound to this node running."""

    def __init__(
        self, api: KubeApi, name: str, *, pod_cidr: str, listen: str, root: Path, variables: Mapping[str, str]
    ) -> None:
        self._api, self._name = api, name
        self._host, _, self._port = listen.rpartition(":")
        self._network = ipaddress.IPv4Network(pod_cidr)
        self._hosts = iter(())
        self._events = Events(api, "node-agent", name)
        self._services = Informer(api, "services")
        self._informer = Informer(api, "pods", on_change=self._pod_changed, fieldSelector=f"spec.nodeName={name}")
        self.logs = root / "pods"
        self.logs.mkdir(parents=True, exist_ok=True)
        self._around = Surroundings(
            api=api,
            events=self._events,
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
                await self._register()
                tasks.create_task(self._services.run())
                await self._services.synced.wait()  # the variables by which pods find Services
                tasks.create_task(self._informer.run())
                await self._informer.synced.wait()
                self._sweep()
                self.is_ready = True
                tasks.create_task(self._beat())
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*(pod.end(0.5) for pod in self.pods.values()))

    def _pod_changed(self, _: Object | None, new: Object | None) -> None:
        if new is None:
            known = self._informer.objects
            there = {pod["metadata"]["uid"] for pod in known.values()}
            for uid in self.pods.keys() - there - self._ending:
                self._later(self._end(self.pods[uid], None))
            return
        uid = new["metadata"]["uid"]
        if is_terminating(new):
            if uid not in self._ending:
                self._later(self._end(self._pod(new), grace_of(new)))
        elif uid not in self.pods and not is_finished(new):
            pod = self._pod(new)
            self._tasks[uid] = asyncio.ensure_future(pod.run())
            self._tasks[uid].add_done_callback(_complain)

    def _pod(self, found: Object) -> Pod:
        uid = found["metadata"]["uid"]
        if uid not in self.pods:
            self.pods[uid] = Pod(found, found.get("status", {}).get("podIP") or self._address(), self._around)
        return self.pods[uid]

    async def _end(self, pod: Pod, grace_seconds: float | None) -> None:
        """Stops a pod; without a grace its object is gone already."""
        self._ending.add(pod.uid)
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

    def _address(self) -> str:
        """An address that no pod of this node has, not the one that was freed last: clients may still hold that."""
        taken = {pod.ip for pod in self.pods.values()}
        taken |= {pod.get("status", {}).get("podIP", "") for pod in self._informer.objects.values()}
        for _ in range(2):
            for host in self._hosts:
                if str(host) not in taken and int(host) & 0xFF not in (0, 1):
                    return str(host)
            self._hosts = self._network.hosts()
        raise RuntimeError(f"no address is left in {self._network}")

    async def _register(self) -> None:
        while True:
            try:
                with contextlib.suppress(ConflictError):
                    await self._api.create("nodes", "", _node(self._name, self._network))
                await self._api.patch("nodes", "", self._name, {"status": self._status()}, sub="status")
                for kind, name in (("namespaces", _LEASES), ("leases", self._name)):
                    with contextlib.suppress(ConflictError):
                        await self._api.create(kind, _LEASES if kind == "leases" else "", _named(kind, name))
                return
            except ApiError as error:
                _LOG.warning("not registered error=%s", error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _beat(self) -> None:
        """Tells that this node lives."""
        while True:
            lease = {"spec": {"holderIdentity": self._name, "leaseDurationSeconds": 40, "renewTime": _micro_time()}}
            try:
                await self._api.patch("leases", _LEASES, self._name, lease)
            except NotFoundError:
                await self._register()
            except ApiError as error:
                _LOG.warning("no heartbeat error=%s", error)
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    def _status(self) -> dict[str, Any]:
        now = now_text()
        memory = psutil.virtual_memory().total // 1024
        amounts = {"cpu": str(os.cpu_count() or 1), "memory": f"{memory}Ki", "pods": "110"}
        return {
            "capacity": amounts,
            "allocatable": amounts,
            "addresses": [
                {"type": "InternalIP", "address": self._host},
                {"type": "Hostname", "address": self._name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": int(self._port)}},
            "nodeInfo": {
                "kubeletVersion": "tealdeck-local",
                "operatingSystem": "linux",
                "architecture": os.uname().machine,
                "kernelVersion": os.uname().release,
                "osImage": "processes of one machine",
                "containerRuntimeVersion": "process://1",
                "bootID": "",
                "machineID": "",
                "systemUUID": "",
                "kubeProxyVersion": "",
            },
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "AgentReady",
                    "message": "the node agent runs",
                    "lastHeartbeatTime": now,
                    "lastTransitionTime": now,
                }
            ],
        }

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        task.add_done_callback(_complain)


def _complain(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOG.error("pod worker failed", exc_info=error)


def _node(name: str, network: ipaddress.IPv4Network) -> dict[str, Any]:
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "topology.kubernetes.io/zone": "local"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"podCIDR": str(network), "podCIDRs": [str(network)]},
    }


def _named(kind: str, name: str) -> dict[str, Any]:
    if kind == "namespaces":
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name, "namespace": _LEASES}}


def _micro_time() -> str:
    return now_text().replace("Z", ".000000Z")
