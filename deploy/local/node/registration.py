"""The Node objects of this agent: created once, then renewed at each heartbeat with current conditions.

One agent may be several nodes, so that one machine can show what draining or losing a node means.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from deploy.local.controllers.objects import now_text
from deploy.local.kubeapi import ApiError, ConflictError, KubeApi, NotFoundError

_LOG = logging.getLogger("node")
LEASES = "kube-node-lease"
HEARTBEAT_SECONDS = 10.0
LEASE_SECONDS = 40
_RETRY_SECONDS = 0.5
_LEAST_MEMORY_BYTES = 100 * 2**20  # the kubelet's own limits
_LEAST_DISK_RATIO = 0.1
_LEAST_DISK_BYTES = 2**30


class Registration:
    """Keeps the Node objects and their Leases."""

    def __init__(
        self, api: KubeApi, networks: Mapping[str, ipaddress.IPv4Network], *, listen: str, folder: Path
    ) -> None:
        self._api, self._networks, self._folder = api, networks, folder
        self._host, _, self._port = listen.rpartition(":")
        self._conditions: dict[str, dict[str, Any]] = {}
        self._last_heartbeat = 0.0

    async def register(self) -> None:
        """Returns when all Nodes are there; an API server that is away is asked again."""
        while True:
            try:
                with contextlib.suppress(ConflictError):
                    await self._api.create("namespaces", "", _object("v1", "Namespace", LEASES))
                for name, network in self._networks.items():
                    with contextlib.suppress(ConflictError):
                        await self._api.create("nodes", "", _node(name, network))
                    with contextlib.suppress(ConflictError):
                        lease = _object("coordination.k8s.io/v1", "Lease", name, namespace=LEASES)
                        await self._api.create("leases", LEASES, lease)
                await self._tell()
                return
            except ApiError as error:
                _LOG.warning("not registered error=%s", error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def keep_alive(self) -> None:
        """Renews the Leases and the status until cancelled."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                await self._tell()
            except NotFoundError:
                await self.register()
            except ApiError as error:
                _LOG.warning("no heartbeat error=%s", error)

    async def _tell(self) -> None:
        status = self._status()
        for name in self._networks:
            lease = {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": _micro_time()}
            await self._api.patch("leases", LEASES, name, {"spec": lease})
            addresses = [{"type": "InternalIP", "address": self._host}, {"type": "Hostname", "address": name}]
            await self._api.patch("nodes", "", name, {"status": {**status, "addresses": addresses}}, sub="status")
        self._last_heartbeat = time.monotonic()

    def _status(self) -> dict[str, Any]:
        system = os.uname()
        capacity = _amounts(1)
        return {
            "capacity": capacity,
            # The nodes are one machine: what each may give away is its part of it.
            "allocatable": _amounts(len(self._networks)),
            "daemonEndpoints": {"kubeletEndpoint": {"Port": int(self._port)}},
            "nodeInfo": {
                "kubeletVersion": "tealdeck-local",
                "operatingSystem": "linux",
                "architecture": system.machine,
                "kernelVersion": system.release,
                "osImage": "processes of one machine",
                "containerRuntimeVersion": "process://1",
                **dict.fromkeys(("bootID", "machineID", "systemUUID", "kubeProxyVersion"), ""),
            },
            "conditions": self._current_conditions(),
        }

    def _current_conditions(self) -> list[dict[str, Any]]:
        disk = shutil.disk_usage(self._folder)
        is_disk_short = disk.free < min(_LEAST_DISK_BYTES, _LEAST_DISK_RATIO * disk.total)
        is_memory_short = psutil.virtual_memory().available < _LEAST_MEMORY_BYTES
        # After a silence longer than the Lease the node was marked as lost: it becomes ready anew.
        if self._last_heartbeat and time.monotonic() - self._last_heartbeat > LEASE_SECONDS:
            self._conditions.clear()
        return [
            self._condition("MemoryPressure", is_memory_short, "KubeletHasSufficientMemory", "KubeletHasLittleMemory"),
            self._condition("DiskPressure", is_disk_short, "KubeletHasNoDiskPressure", "KubeletHasDiskPressure"),
            self._condition("Ready", True, "KubeletNotReady", "KubeletReady"),
        ]

    def _condition(self, kind: str, is_true: bool, reason_false: str, reason_true: str) -> dict[str, Any]:
        now, status = now_text(), str(is_true)
        old = self._conditions.get(kind)
        since = old["lastTransitionTime"] if old and old["status"] == status else now
        found = {
            "type": kind,
            "status": status,
            "reason": reason_true if is_true else reason_false,
            "lastHeartbeatTime": now,
            "lastTransitionTime": since,
        }
        self._conditions[kind] = found
        return found


def _amounts(share: int) -> dict[str, str]:
    memory_kib, milli_cores = psutil.virtual_memory().total // 1024, 1000 * (os.cpu_count() or 1) // share
    return {
        "cpu": f"{milli_cores}m" if milli_cores % 1000 else str(milli_cores // 1000),
        "memory": f"{memory_kib // share}Ki",
        "pods": "110",
    }


def _node(name: str, network: ipaddress.IPv4Network) -> dict[str, Any]:
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "topology.kubernetes.io/zone": "local"}
    return {
        **_object("v1", "Node", name, labels=labels),
        "spec": {"podCIDR": str(network), "podCIDRs": [str(network)]},
    }


def _object(api_version: str, kind: str, name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **metadata}}


def _micro_time() -> str:
    return now_text().replace("Z", ".000000Z")
