"""`python -m deploy.local.workload COMPONENT --listen HOST:PORT`: runs one component until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

import uvloop

from deploy.local.serving import guarded
from deploy.local.workload.assembly import COMPONENTS, open_component


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.workload", description=__doc__)
    parser.add_argument("component", choices=sorted(COMPONENTS))
    parser.add_argument("--listen", required=True, type=_address, metavar="HOST:PORT")
    options = parser.parse_args(arguments)
    return guarded(lambda: uvloop.run(_serve(options.component, *options.listen)))


async def _serve(name: str, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_component(name, host, port, os.environ) as (server, log, _):
        log.event("started", component=name, address=f"{host}:{port}")
        waiting = {asyncio.ensure_future(stop.wait()), asyncio.ensure_future(server.failed())}
        done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for task in done:
            task.result()
        log.event("stopping", component=name)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


if __name__ == "__main__":
    sys.exit(main())
