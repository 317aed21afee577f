"""`python -m bench.cluster`: does the API server hold 10,000 pods and 50 watchers, and lose no event on the way?

Starts an API server of its own, fills it, measures it, and follows changes with the official client's list and watch as
an informer does, through reconnects and forgotten versions.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
from kubernetes import client, config, watch

from bench import manifests
from deploy.local.kubeapi import KubeApi

_NAMESPACE = "default"
_AT_ONCE = 64
_PAGES = 20
_MIB = 2**20
_FORGOTTEN_CHANGES = 2100  # a little more than what the server remembers of a resource


@contextmanager
def api_server() -> Iterator[tuple[Path, int]]:
    """A server with nothing in it: its kubeconfig and its pid."""
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        command = [sys.executable, "-m", "deploy.local.apiserver", "--listen", "127.0.0.1:0"]
        places = ["--state", f"{folder}/state", "--kubeconfig", str(kubeconfig), "--service-cidr", "10.99.255.0/24"]
        with subprocess.Popen([*command, *places], stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert any("info ready" in line for line in process.stderr), "the API server did not start"
            try:
                yield kubeconfig, process.pid
            finally:
                process.terminate()


def pod(number: int) -> dict[str, Any]:
    """A pod of the size that a real one has."""
    template = manifests.deployment("blue")["spec"]["template"]
    name = f"echo-{number:06d}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {**template["metadata"]["labels"], "number": str(number)}},
        "spec": {**template["spec"], "nodeName": f"node-{number % 100}"},
    }


async def make_pods(kubeconfig: Path, count: int) -> None:
    """So many pods, which nobody runs."""
    async with KubeApi.from_kubeconfig(kubeconfig) as api:
        await _many(count, lambda number: api.create("pods", _NAMESPACE, pod(number)))


async def scale(kubeconfig: Path, pid: int, *, pods: int, watchers: int, events: int = 20) -> dict[str, float]:
    """Figures with so many pods and watchers."""
    await make_pods(kubeconfig, pods)
    async with KubeApi.from_kubeconfig(kubeconfig) as api:
        busy = _cpu_seconds(pid)
        pages = [await _page_seconds(api) for _ in range(_PAGES)]
        busy = _cpu_seconds(pid) - busy
        _, pod_version = await api.list("pods", _NAMESPACE)
        heard: asyncio.Queue[str] = asyncio.Queue()
        tasks = [asyncio.create_task(_listen(api, pod_version, heard)) for _ in range(watchers)]
        delays = []
        for number in range(events):
            begun = time.monotonic()
            body = {"metadata": {"annotations": {"n": str(number)}}}
            await api.patch("pods", _NAMESPACE, pod(0)["metadata"]["name"], body)
            for _ in range(watchers):
                await asyncio.wait_for(heard.get(), 30)
            delays.append(time.monotonic() - begun)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "pods": pods,
        "watchers": watchers,
        "page_of_500_ms": round(1000 * statistics.median(pages), 1),
        "page_of_500_worst_ms": round(1000 * max(pages), 1),
        "page_of_500_server_cpu_ms": round(1000 * busy / _PAGES, 1),
        "event_at_all_watchers_ms": round(1000 * statistics.median(delays), 1),
        "event_at_all_watchers_worst_ms": round(1000 * max(delays), 1),
        "server_mib": round(psutil.Process(pid).memory_info().rss / _MIB),
    }


async def _page_seconds(api: KubeApi) -> float:
    begun = time.monotonic()
    page = await api.call("GET", f"/api/v1/namespaces/{_NAMESPACE}/pods", params={"limit": "500"})
    assert page["items"]
    return time.monotonic() - begun


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def _listen(api: KubeApi, since: str, heard: asyncio.Queue[str]) -> None:
    async for event, item in api.watch("pods", _NAMESPACE, since):
        if event != "BOOKMARK":
            heard.put_nowait(item["metadata"]["resourceVersion"])


async def _many(count: int, make: Any) -> None:
    """So many writes, some of them at once."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await make(number)

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))


@dataclass(slots=True)
class Follower:
    """What an informer on the official client has seen: its state, and whatever came twice or backwards."""

    core: client.CoreV1Api
    is_over: Callable[[], bool]
    interrupt_every: int
    believed: dict[str, int] = field(default_factory=dict)
    events: int = 0
    lists: int = 0
    watches: int = 0
    wrong: list[str] = field(default_factory=list)
    _last_version: int = 0

    def follow(self, last: int) -> None:
        """Lists and watches until all ConfigMaps are at their last number.

        The connection is dropped again and again; every third time only taken up when its version is forgotten.
        """
        version = ""
        while not (self.is_over() and self.believed and set(self.believed.values()) == {last}):
            if not version:
                version = self._list()
            try:
                version = self._watch(version)
            except client.ApiException as error:
                if error.status != 410:
                    raise
                version = ""
            if self.watches % 3 == 0:
                self._wait_until_forgotten()

    def _list(self) -> str:
        self.lists += 1
        found = self.core.list_namespaced_config_map(_NAMESPACE)
        self.believed = {item.metadata.name: int(item.data["n"]) for item in found.items}
        self._last_version = int(found.metadata.resource_version)
        return str(self._last_version)

    def _watch(self, version: str) -> str:
        """Until it was interrupted or has ended; where to go on from."""
        self.watches += 1
        stream = watch.Watch()
        listing = self.core.list_namespaced_config_map
        for seen, event in enumerate(
            stream.stream(listing, _NAMESPACE, resource_version=version, timeout_seconds=3), start=1
        ):
            self._take(event["object"])
            if seen >= self.interrupt_every:
                stream.stop()
        return str(self._last_version)

    def _take(self, item: client.V1ConfigMap) -> None:
        name, number, version = item.metadata.name, int(item.data["n"]), int(item.metadata.resource_version)
        if version <= self._last_version:
            self.wrong.append(f"{name} at {version} after {self._last_version}")
        if number != self.believed.get(name, -1) + 1:
            self.wrong.append(f"{name}: {number} after {self.believed.get(name)}")
        self._last_version, self.believed[name] = version, number
        self.events += 1

    def _wait_until_forgotten(self) -> None:
        while not self.is_over():
            newest = self.core.list_namespaced_config_map(_NAMESPACE, limit=1).metadata.resource_version
            if int(newest) > self._last_version + _FORGOTTEN_CHANGES:
                return
            time.sleep(0.1)


def _write(kubeconfig: Path, changes: int, objects: int) -> float:
    """In a process of its own; how long it took."""
    begun = time.monotonic()
    asyncio.run(write_changes(kubeconfig, changes=changes, objects=objects))
    return time.monotonic() - begun


async def write_changes(kubeconfig: Path, *, changes: int, objects: int) -> None:
    """Counts each of some ConfigMaps up, one step at a write."""
    async with KubeApi.from_kubeconfig(kubeconfig) as api:

        async def count(name: str) -> None:
            for number in range(1, changes // objects + 1):
                await api.patch("configmaps", _NAMESPACE, name, {"data": {"n": str(number)}})

        await asyncio.gather(*(count(f"counter-{index}") for index in range(objects)))


async def prepare_counters(kubeconfig: Path, objects: int) -> None:
    """The ConfigMaps at 0."""
    async with KubeApi.from_kubeconfig(kubeconfig) as api:
        for index in range(objects):
            body = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": f"counter-{index}"},
                "data": {"n": "0"},
            }
            await api.create("configmaps", _NAMESPACE, body)


def follow_changes(kubeconfig: Path, *, changes: int, objects: int, interrupt_every: int) -> tuple[Follower, float]:
    """The official client follows while another process writes; what it saw, and the changes a second."""
    asyncio.run(prepare_counters(kubeconfig, objects))
    core = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        writing = pool.submit(_write, kubeconfig, changes, objects)
        # A writer that failed says so here, and is not waited for.
        follower = Follower(core, lambda: writing.done() and writing.result() > 0, interrupt_every)
        follower.follow(changes // objects)
        return follower, changes / writing.result()


def main() -> int:
    """Exit code 1 when an event was lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--watchers", type=int, default=50)
    parser.add_argument("--changes", type=int, default=100_000)
    options = parser.parse_args()
    with api_server() as (kubeconfig, pid):
        figures = asyncio.run(scale(kubeconfig, pid, pods=options.pods, watchers=options.watchers))
        print(json.dumps(figures, indent=2), flush=True)
        follower, rate = follow_changes(kubeconfig, changes=options.changes, objects=20, interrupt_every=2000)
    names = ("events", "lists", "watches", "wrong")
    print(json.dumps({**{n: getattr(follower, n) for n in names}, "written_per_second": round(rate)}, indent=2))
    return 1 if follower.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
