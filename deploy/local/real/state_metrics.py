"""`python -m deploy.local.real.state_metrics`: what our controllers tell Prometheus, where real ones do the work.

It watches what they watch, answers what they answer (kube-state-metrics' names, the list of pods), and writes nothing.
"""

from __future__ import annotations

import argparse
import sys

import uvloop

from deploy.local import serving
from deploy.local.controllers.__main__ import Controllers, routes
from deploy.local.controllers.queue import Queue
from deploy.local.kubeapi import KubeApi


class Watching(Controllers):
    """The controllers' eyes without their hands: what waits in a queue is never taken up."""

    @property
    def queues(self) -> tuple[Queue, ...]:
        return ()


async def _run(options: argparse.Namespace) -> None:
    async with KubeApi.from_kubeconfig(options.kubeconfig) as api:
        watching = Watching(api)
        await serving.serve(options.metrics_listen, routes(watching), watching.run)


def main() -> int:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.real.state_metrics", description=__doc__)
    parser.add_argument("--kubeconfig", required=True, metavar="FILE")
    parser.add_argument("--metrics-listen", required=True, metavar="HOST:PORT", help="for /metrics, /sd/pods, /healthz")
    options = parser.parse_args()
    return serving.guarded(lambda: uvloop.run(_run(options)))


if __name__ == "__main__":
    sys.exit(main())
