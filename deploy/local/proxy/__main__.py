"""`python -m deploy.local.proxy`: listens on the cluster address of every Service, in its loopback form."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from deploy.local import serving
from deploy.local.addresses import to_loopback
from deploy.local.kubeapi import Informer, KubeApi, Object
from deploy.local.proxy.backends import Backends
from deploy.local.proxy.http import LONGEST_HEAD
from deploy.local.proxy.losses import Losses
from deploy.local.proxy.relay import Relay
from deploy.local.proxy.routes import Port, splits

_LOG = logging.getLogger("proxy")
_RETRY_SECONDS = 1.0

Address = tuple[str, int]


class Proxy:
    """A listener for each port of each Service that has a cluster address."""

    def __init__(self, api: KubeApi, losses: Losses) -> None:
        self._backends = Backends(losses=losses)
        self._services = Informer(api, "services", on_change=lambda old, new: self._changed.set())
        self._slices = Informer(api, "endpointslices", on_change=self._slice_changed)
        self._routes = Informer(api, "httproutes", on_change=lambda old, new: self._changed.set())
        self._changed = asyncio.Event()
        self._listening: dict[Address, tuple[Port, asyncio.Server]] = {}
        self._told: set[str] = set()
        self.is_ready = False

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                watched = (self._services, self._slices, self._routes)
                for informer in watched:
                    tasks.create_task(informer.run())
                tasks.create_task(self._backends.losses.follow())
                for informer in watched:
                    await informer.synced.wait()
                self._backends.take(self._slices.objects.values())
                while True:
                    self._changed.clear()
                    self._split()
                    complete = await self._listen()
                    self.is_ready = True
                    if not complete:
                        asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._changed.set)
                    await self._changed.wait()
        finally:
            for _, server in self._listening.values():
                server.close()

    def _slice_changed(self, _: Object | None, __: Object | None) -> None:
        if self._slices.synced.is_set():
            self._backends.take(self._slices.objects.values())

    def _split(self) -> None:
        wanted, problems = splits(self._routes.objects.values(), self._services.objects.values())
        self._backends.split(wanted)
        for problem in set(problems) - self._told:
            _LOG.warning("%s", problem)
        self._told = set(problems)

    async def _listen(self) -> bool:
        """Brings the listeners in line with the Services; whether all of them could be."""
        wanted = dict(_wanted(self._services))
        for address, (port, server) in list(self._listening.items()):
            if wanted.get(address) != port:
                server.close()  # those who are connected stay until they are done
                del self._listening[address]
        complete = True
        for address, port in wanted.items():
            if address in self._listening:
                continue
            relay = Relay(port, self._backends)
            try:
                server = await asyncio.start_server(relay.serve, *address, limit=LONGEST_HEAD, backlog=1024)
            except OSError as error:
                complete = False
                _LOG.warning("cannot listen service=%s/%s address=%s:%d error=%s", *port[:2], *address, error.strerror)
                continue
            self._listening[address] = port, server
            _LOG.info("listening service=%s/%s address=%s:%d", *port[:2], *address)
        return complete


def _wanted(services: Informer) -> list[tuple[Address, Port]]:
    return [
        ((to_loopback(spec["clusterIP"]), port["port"]), (*key, port.get("name") or ""))
        for key, service in services.objects.items()
        if (spec := service["spec"]).get("clusterIP", "None") not in ("None", "")
        for port in spec.get("ports") or []
        if port.get("protocol", "TCP") == "TCP"
    ]


async def _run(options: argparse.Namespace) -> None:
    async with KubeApi.from_kubeconfig(options.kubeconfig) as api:
        proxy = Proxy(api, Losses(options.faults))

        async def health(_: web.Request) -> web.Response:
            return web.Response(text="ok\n") if proxy.is_ready else web.Response(status=503, text="not ready yet\n")

        await serving.serve(options.listen_metrics, [web.get("/healthz", health)], proxy.run)


def main() -> int:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.proxy", description=__doc__)
    parser.add_argument("--kubeconfig", required=True, metavar="FILE")
    parser.add_argument("--listen-metrics", required=True, metavar="HOST:PORT", help="for /healthz")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="says whether requests are lost, for trying")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    return serving.guarded(lambda: uvloop.run(_run(options)))


if __name__ == "__main__":
    sys.exit(main())
