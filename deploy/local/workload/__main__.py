"""`python -m deploy.local.workload COMPONENT --listen HOST:PORT`: runs one component until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

import uvloop

from deploy.local.workload.assembly import COMPONENTS, open_component
from deploy.local.workload.contracts import ContractError
from deploy.local.workload.server import ListenError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.workload", description=__doc__)
    parser.add_argument("component", choices=sorted(COMPONENTS))
    parser.add_argument("--listen", required=True, type=_address, metavar="HOST:PORT")
    options = parser.parse_args(arguments)
    host, port = options.listen
    try:
        return uvloop.run(_serve(options.component, host, port))
    except ListenError as error:
        return _complain(f"{error}; choose a free one with --listen")
    except ContractError as error:
        return _complain(f"{error}; mend the document under deploy/local/workload/contracts")


async def _serve(name: str, host: str, port: int) -> int:
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
    return 0


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def _complain(message: str) -> int:
    print(f"error workload {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
