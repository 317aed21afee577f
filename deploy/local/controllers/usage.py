"""What pods use, as their nodes measure it: CPU as a rate between two looks, memory as it is."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.kubeapi import Informer

_LOG = logging.getLogger("controllers")
_CPU, _MEMORY = "container_cpu_usage_seconds_total", "container_memory_working_set_bytes"
_FRESH_SECONDS = 10.0

Pod = tuple[str, str]  # namespace and name


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Cores and bytes of one pod."""

    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    cpu_seconds: Mapping[tuple[Pod, str], float]  # by pod and container id: a restarted one counts from 0 again
    memory_bytes: Mapping[Pod, float]


class UseOfPods:
    """Asks the node agents, at most once in ten seconds however many autoscalers there are."""

    def __init__(self, nodes: Informer) -> None:
        self._nodes = nodes
        self._old = self._new = _Sample(0.0, {}, {})

    async def now(self) -> dict[Pod, Use]:
        """By pod; a pod that was seen once only, or whose node does not answer, is not there."""
        if time.monotonic() - self._new.at > _FRESH_SECONDS:
            self._old, self._new = self._new, await self._sample()
        elapsed = self._new.at - self._old.at
        cores: defaultdict[Pod, float] = defaultdict(float)
        for (pod, container), seconds in self._new.cpu_seconds.items():
            if (before := self._old.cpu_seconds.get((pod, container))) is not None:
                cores[pod] += max(0.0, seconds - before) / elapsed
        return {pod: Use(cpu=cpu, memory=self._new.memory_bytes.get(pod, 0.0)) for pod, cpu in cores.items()}

    async def _sample(self) -> _Sample:
        cpu: dict[tuple[Pod, str], float] = {}
        memory: defaultdict[Pod, float] = defaultdict(float)
        at = time.monotonic()
        for text in await asyncio.gather(*map(_ask, self._agents())):
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    pod = sample.labels.get("namespace", ""), sample.labels.get("pod", "")
                    if sample.name == _CPU:
                        cpu[pod, sample.labels["id"]] = sample.value
                    elif sample.name == _MEMORY:
                        memory[pod] += sample.value
        return _Sample(at, cpu, memory)

    def _agents(self) -> set[str]:
        """Where the agents listen: several nodes may share one."""
        found = set()
        for node in self._nodes.objects.values():
            status = node.get("status", {})
            port = status.get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port")
            for address in status.get("addresses", []):
                if address["type"] == "InternalIP" and port:
                    found.add(f"http://{address['address']}:{port}/metrics/cadvisor")
        return found


async def _ask(url: str) -> str:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(url, raise_for_status=True) as answer,
        ):
            return await answer.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        _LOG.warning("node agent does not answer url=%s error=%s", url, error or type(error).__name__)
        return ""
