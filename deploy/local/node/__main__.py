"""`python -m deploy.local.node`: the node agent with its logs, measures and health over HTTP."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop
from aiohttp import web

from deploy.local import serving
from deploy.local.kubeapi import KubeApi
from deploy.local.node import logs, usage
from deploy.local.node.agent import Agent


def routes(agent: Agent) -> list[web.RouteDef]:
    """What an API server and Prometheus ask a node."""

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if agent.is_ready else web.Response(status=503, text="not registered yet\n")

    async def metrics(_: web.Request) -> web.Response:
        measured = [
            usage.Measured(
                namespace=pod.namespace,
                pod=pod.name,
                container=container.name,
                image=str(container.spec.get("image", "")),
                id=container.id,
                usage=used,
                out_of_memory=container.out_of_memory,
            )
            for pod in agent.pods.values()
            for container in pod.containers
            if (used := container.usage()) is not None
        ]
        return web.Response(text=usage.render(measured), headers={"Content-Type": serving.METRICS})

    async def container_log(request: web.Request) -> web.StreamResponse:
        where = request.match_info
        folders = list(agent.logs.glob(f"{where['namespace']}_{where['pod']}_*/{where['container']}"))
        runs = logs.runs(folders[0]) if folders else []
        previous = request.query.get("previous") == "true"
        if not runs or (previous and len(runs) < 2):
            what = "previous terminated container" if previous else "container"
            return web.Response(status=400, text=f'{what} "{where["container"]}" in pod "{where["pod"]}" not found')
        answer = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await answer.prepare(request)
        tail, seconds = request.query.get("tailLines"), request.query.get("sinceSeconds")
        chunks = logs.read(
            runs[-2] if previous else runs[-1],
            tail_lines=int(tail) if tail else None,
            since=datetime.now(UTC) - timedelta(seconds=int(seconds)) if seconds else None,
            timestamps=request.query.get("timestamps") == "true",
            follow=request.query.get("follow") == "true",
        )
        async for chunk in chunks:
            await answer.write(chunk)
        return answer

    return [
        web.get("/healthz", health),
        web.get("/metrics/cadvisor", metrics),
        web.get("/containerLogs/{namespace}/{pod}/{container}", container_log),
    ]


async def _run(options: argparse.Namespace) -> None:
    variables = dict(pair.split("=", 1) for pair in options.env)
    async with KubeApi.from_kubeconfig(options.kubeconfig) as api:
        agent = Agent(
            api,
            dict(options.node),
            listen=options.listen,
            root=options.root,
            variables=variables,
        )
        if options.plain_listen is None:
            await serving.serve(options.listen, routes(agent), agent.run)
            return
        async with serving.over_tls(options.listen, routes(agent), *options.tls):
            await serving.serve(options.plain_listen, routes(agent), agent.run)


def _node(text: str) -> tuple[str, ipaddress.IPv4Network]:
    name, _, network = text.partition("=")
    return name, ipaddress.IPv4Network(network)


def main() -> int:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.node", description=__doc__)
    parser.add_argument("--kubeconfig", required=True, metavar="FILE")
    parser.add_argument(
        "--node",
        required=True,
        action="append",
        type=_node,
        metavar="NAME=10.N.M.0/24",
        help="a Node and its pods' addresses as the API shows them; may be given several times",
    )
    parser.add_argument("--listen", required=True, metavar="HOST:PORT", help="for logs, measures and health")
    parser.add_argument("--root", required=True, type=Path, metavar="DIR", help="for the pods' logs")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="given to every container")
    parser.add_argument(
        "--tls",
        nargs=2,
        type=Path,
        metavar=("CERTIFICATE", "KEY"),
        help="listen with TLS, as a real API server wants it",
    )
    parser.add_argument("--plain-listen", metavar="HOST:PORT", help="with --tls: for measures and health without it")
    options = parser.parse_args()
    if (options.tls is None) is not (options.plain_listen is None):
        parser.error("--tls and --plain-listen go together")
    if bad := [pair for pair in options.env if "=" not in pair]:
        parser.error(f"--env wants NAME=VALUE, not {bad[0]!r}")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    return serving.guarded(lambda: uvloop.run(_run(options)))


if __name__ == "__main__":
    sys.exit(main())
