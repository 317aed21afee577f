"""One pod on this node: its containers, and its status as the API should show it, written when it changes."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.addresses import to_loopback
from deploy.local.controllers.events import Events
from deploy.local.controllers.objects import now_text
from deploy.local.kubeapi import ApiError, ConflictError, Informer, KubeApi, NotFoundError, Object
from deploy.local.node import manifest
from deploy.local.node.container import Container, ContainerContext

_LOG = logging.getLogger("node")
_RETRY_SECONDS = 0.5
_LEAVE_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeContext:
    """What all pods of the node share. `variables` are set in every container."""

    api: KubeApi
    events: Events
    services: Informer
    logs: Path
    folder: Path
    variables: Mapping[str, str]


class Pod:
    """Runs one pod from its start to the deletion of its object."""

    def __init__(self, pod: Object, ip: str, node: NodeContext) -> None:
        self._node = node
        self._object: Object = {**pod, "status": {**pod.get("status", {}), "podIP": ip}}
        self._started_at = pod.get("status", {}).get("startTime") or now_text()
        self._changed = asyncio.Event()
        self._conditions: dict[str, dict[str, Any]] = {
            condition["type"]: condition for condition in pod.get("status", {}).get("conditions", [])
        }
        self._shown: dict[str, Any] = {}
        self._problem = ""
        spec, before = pod["spec"], _by_name(pod.get("status", {}).get("containerStatuses", []))
        grace = float(spec.get("terminationGracePeriodSeconds", 30))
        self.containers = [
            Container(
                one,
                ContainerContext(
                    address=to_loopback(ip),
                    logs=self.log_folder / one["name"],
                    folder=node.folder,
                    restart_policy=spec.get("restartPolicy", "Always"),
                    grace_seconds=grace,
                    environment=self._environment,
                    changed=self._changed.set,
                    tell=self._tell,
                ),
                before.get(one["name"]),
            )
            for one in spec["containers"]
        ]

    @property
    def uid(self) -> str:
        return str(self._object["metadata"]["uid"])

    @property
    def ip(self) -> str:
        return str(self._object["status"]["podIP"])

    @property
    def namespace(self) -> str:
        return str(self._object["metadata"]["namespace"])

    @property
    def name(self) -> str:
        return str(self._object["metadata"]["name"])

    @property
    def log_folder(self) -> Path:
        return self._node.logs / f"{self.namespace}_{self.name}_{self.uid}"

    async def run(self) -> None:
        """Until cancelled, which leaves the processes to `end`."""
        try:
            manifest.check_supported(self._object)
        except manifest.ConfigError as error:
            self._problem = str(error)
            await self._tell("Failed", self._problem, True)
            await self._report()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report())
            for container in self.containers:
                tasks.create_task(container.run())

    async def end(self, grace_seconds: float) -> None:
        """Stops all containers, and takes the object away when they are gone."""
        if any(container.is_running for container in self.containers):
            await self._tell("Killing", "Stopping the containers", False)
        await asyncio.gather(*(container.stop(grace_seconds) for container in self.containers))

    async def leave(self) -> None:
        """The node itself ends: no hook would have the time that it wants, and nobody takes the pod away."""
        await asyncio.gather(*(container.stop(_LEAVE_SECONDS, hook=False) for container in self.containers))

    async def remove(self) -> None:
        """The last word of a pod that was deleted: its object goes. Tries until the API server took it."""
        while True:
            try:
                await self._node.api.delete(
                    "pods", self.namespace, self.name, gracePeriodSeconds=0, preconditions={"uid": self.uid}
                )
                return
            except (NotFoundError, ConflictError):
                return  # gone already, or another pod has the name by now
            except ApiError as error:
                _LOG.warning("pod not removed pod=%s error=%s", self.name, error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def kill(self) -> None:
        """For a pod whose object is gone: nothing to be polite for."""
        await asyncio.gather(*(container.stop(0) for container in self.containers))

    def status(self) -> dict[str, Any]:
        """The status as it is now."""
        ready = bool(self.containers) and all(container.ready for container in self.containers)
        conditions = [
            self._condition("PodScheduled", True),
            self._condition("Initialized", not self._problem),
            self._condition("ContainersReady", ready),
            self._condition("Ready", ready),
        ]
        found: dict[str, Any] = {
            "phase": self._phase(),
            "conditions": conditions,
            "hostIP": "127.0.0.1",
            "podIP": self.ip,
            "podIPs": [{"ip": self.ip}],
            "startTime": self._started_at,
            "containerStatuses": [container.status() for container in self.containers],
        }
        if self._problem:
            found["message"] = self._problem
        return found

    def shown_otherwise(self, pod: Object) -> bool:
        """Whether the API contradicts what was written last, as it does after the node was called lost."""
        written = next((c for c in self._shown.get("conditions", []) if c["type"] == "Ready"), None)
        return written is not None and written not in pod.get("status", {}).get("conditions", [])

    def report_again(self) -> None:
        self._shown = {}
        self._changed.set()

    def _phase(self) -> str:
        if self._problem:
            return "Pending"
        ends = [container.ended_well for container in self.containers]
        if all(end is not None for end in ends):
            return "Succeeded" if all(ends) else "Failed"
        begun = any(container.is_running or container.status()["restartCount"] for container in self.containers)
        return "Running" if begun else "Pending"

    def _condition(self, kind: str, is_true: bool) -> dict[str, Any]:
        status = "True" if is_true else "False"
        old = self._conditions.get(kind)
        if old is None or old["status"] != status:
            reason = {"reason": "ContainersNotReady"} if not is_true and kind.endswith("Ready") else {}
            old = {"type": kind, "status": status, "lastTransitionTime": now_text(), **reason}
            self._conditions[kind] = old
        return old

    async def _report(self) -> None:
        """Writes the status whenever it differs from what was written last."""
        self._changed.set()
        while True:
            await self._changed.wait()
            self._changed.clear()
            status = self.status()
            if status == self._shown:
                continue
            try:
                await self._node.api.patch("pods", self.namespace, self.name, {"status": status}, sub="status")
                self._shown = status
            except NotFoundError:
                return
            except ApiError as error:
                _LOG.warning("status not written pod=%s error=%s", self.name, error)
                self._changed.set()
                await asyncio.sleep(_RETRY_SECONDS)

    async def _tell(self, reason: str, message: str, warning: bool) -> None:
        await self._node.events.tell(self._object, reason, message, warning=warning)

    async def _environment(self, container: Mapping[str, Any]) -> dict[str, str]:
        """What a container's process gets, read at each start: a changed ConfigMap reaches the next one."""
        base = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOSTNAME": self.name,
            "PYTHONUNBUFFERED": "1",
            **manifest.service_links(self._node.services.objects.values(), self.namespace),
            **self._node.variables,
        }
        maps = {name: await self._config(name) for name in manifest.config_names(container)}
        return manifest.environment(self._object, container, base, maps)

    async def _config(self, name: str) -> dict[str, str]:
        try:
            return (await self._node.api.get("configmaps", self.namespace, name)).get("data") or {}
        except ApiError as error:
            raise manifest.ConfigError(f"configmap {name}: {error}") from error


def grace_of(pod: Object) -> float:
    """How long a deleted pod may take, counted from now."""
    return float(
        pod["metadata"].get("deletionGracePeriodSeconds", pod["spec"].get("terminationGracePeriodSeconds", 30))
    )


def _by_name(statuses: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {status["name"]: status for status in statuses}
