"""`python -m deploy.local.controllers`: all controllers in one process, with metrics and Prometheus' list of pods."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable

import orjson
import uvloop
from aiohttp import web

from deploy.local import serving
from deploy.local.controllers import state_metrics
from deploy.local.controllers.accounts import DefaultAccounts
from deploy.local.controllers.autoscaling import Autoscalers
from deploy.local.controllers.deployments import Deployments
from deploy.local.controllers.endpoints import EndpointSlices
from deploy.local.controllers.events import Events
from deploy.local.controllers.nodes import NodeLifecycle
from deploy.local.controllers.objects import owner_of
from deploy.local.controllers.placement import DisruptionBudgets, Scheduler
from deploy.local.controllers.queue import Key, Queue
from deploy.local.controllers.quotas import ResourceQuotas
from deploy.local.controllers.replicasets import ReplicaSets
from deploy.local.controllers.usage import UseOfPods
from deploy.local.discovery import pod_targets
from deploy.local.kubeapi import Informer, KubeApi, Object

_KINDS = (
    "pods", "replicasets", "deployments", "services", "endpointslices", "nodes", "leases",
    "poddisruptionbudgets", "horizontalpodautoscalers", "resourcequotas", "namespaces", "serviceaccounts",
)  # fmt: skip


class Controllers:
    """Informers, the controllers on them, and who is told of which change."""

    def __init__(self, api: KubeApi) -> None:
        events = Events(api, "controllers")
        self.informers = {kind: Informer(api, kind, on_change=self._changed(kind)) for kind in _KINDS}
        of = self.informers
        self.deployments = Deployments(api, of["deployments"], of["replicasets"], events)
        self.replica_sets = ReplicaSets(api, of["replicasets"], of["pods"], events)
        self.slices = EndpointSlices(api, of["services"], of["pods"], of["endpointslices"])
        self.scheduler = Scheduler(api, of["pods"], of["nodes"], events)
        self.budgets = DisruptionBudgets(api, of["poddisruptionbudgets"], of["pods"])
        self.nodes = NodeLifecycle(api, of["nodes"], of["leases"], of["pods"], events)
        self.autoscalers = Autoscalers(api, of["horizontalpodautoscalers"], of["pods"], UseOfPods(of["nodes"]), events)
        self.quotas = ResourceQuotas(api, of["resourcequotas"], of["pods"])
        self.accounts = DefaultAccounts(api, of["namespaces"], of["serviceaccounts"])

    @property
    def queues(self) -> tuple[Queue, ...]:
        controllers = (
            self.deployments, self.replica_sets, self.slices, self.scheduler, self.budgets, self.nodes,
            self.autoscalers, self.quotas, self.accounts,
        )  # fmt: skip
        return tuple(controller.queue for controller in controllers)

    async def run(self) -> None:
        """Watches first, works when everything there is was seen: half a view would create what is there already."""
        async with asyncio.TaskGroup() as tasks:
            for informer in self.informers.values():
                tasks.create_task(informer.run())
            for informer in self.informers.values():
                await informer.synced.wait()
            for queue in self.queues:
                tasks.create_task(queue.run())

    @property
    def is_synced(self) -> bool:
        return all(informer.synced.is_set() for informer in self.informers.values())

    def _changed(self, kind: str) -> Callable[[Object | None, Object | None], None]:
        def tell(old: Object | None, new: Object | None) -> None:
            item = new or old
            if item is not None:
                self._tell(kind, _key(item), item, old, new)

        return tell

    def _tell(self, kind: str, key: Key, item: Object, old: Object | None, new: Object | None) -> None:
        match kind:
            case "deployments":
                self.deployments.queue.add(key)
            case "replicasets":
                self.replica_sets.queue.add(key)
                self._tell_owner(item, "deployments", self.deployments.queue)
            case "pods":
                self._tell_owner(item, "replicasets", self.replica_sets.queue)
                self.slices.pod_changed(old, new)
                self.scheduler.queue.add(key)
                self._tell_namespace("poddisruptionbudgets", key[0], self.budgets.queue)
                self._tell_namespace("resourcequotas", key[0], self.quotas.queue)
            case "services":
                self.slices.queue.add(key)
            case "endpointslices":
                self._tell_owner(item, "services", self.slices.queue)
            case "nodes":
                for pod in self.scheduler.waiting():
                    self.scheduler.queue.add(pod)
                self.nodes.queue.add(key)
            case "horizontalpodautoscalers":
                if old is None:  # from then on it is looked at by time
                    self.autoscalers.queue.add(key)
            case "resourcequotas":
                self.quotas.queue.add(key)
            case "namespaces":
                self.accounts.queue.add(key)
            case "serviceaccounts":
                self.accounts.queue.add(("", key[0]))
            case "poddisruptionbudgets":
                self.budgets.queue.add(key)

    def _tell_owner(self, item: Object, kind: str, queue: Queue) -> None:
        uid = owner_of(item)
        for key, owner in self.informers[kind].objects.items():
            if owner["metadata"]["uid"] == uid:
                queue.add(key)

    def _tell_namespace(self, kind: str, namespace: str, queue: Queue) -> None:
        for key in self.informers[kind].objects:
            if key[0] == namespace:
                queue.add(key)


def routes(controllers: Controllers) -> list[web.RouteDef]:
    """Health, kube-state-metrics' names, and the pods as Prometheus' HTTP discovery reads them."""

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if controllers.is_synced else web.Response(status=503, text="not synced yet\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text=state_metrics.render(controllers.informers), headers={"Content-Type": serving.METRICS})

    async def pods(_: web.Request) -> web.Response:
        targets = pod_targets(controllers.informers["pods"].objects.values())
        return web.Response(body=orjson.dumps(targets), content_type="application/json")

    return [web.get("/healthz", health), web.get("/metrics", metrics), web.get("/sd/pods", pods)]


def serve(program: str, about: str | None, controllers: Callable[[KubeApi], Controllers]) -> int:
    """Runs controllers with their metrics until SIGTERM; returns the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=about)
    parser.add_argument("--kubeconfig", required=True, metavar="FILE")
    parser.add_argument("--metrics-listen", required=True, metavar="HOST:PORT", help="for /metrics, /sd/pods, /healthz")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)

    async def run() -> None:
        async with KubeApi.from_kubeconfig(options.kubeconfig) as api:
            made = controllers(api)
            await serving.serve(options.metrics_listen, routes(made), made.run)

    return serving.guarded(lambda: uvloop.run(run()))


def _key(item: Object) -> Key:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


if __name__ == "__main__":
    sys.exit(serve("deploy.local.controllers", __doc__, Controllers))
