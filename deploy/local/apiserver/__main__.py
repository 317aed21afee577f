"""`python -m deploy.local.apiserver`: the API server as a process. See `--help`."""

import argparse
import asyncio
import ipaddress
import signal
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from . import pki
from .api import wire
from .collector import Collector
from .journal import DamagedStateError, Journal
from .server import application
from .store import Store


def main() -> int:
    options = _parser().parse_args()
    host, _, port = options.listen.rpartition(":")
    try:
        journal = Journal(options.state)
        store = Store(journal)
        made = pki.credentials(options.state / "pki")
    except OSError as error:
        return _fail(f"cannot use the state folder {options.state}: {error.strerror}; give a writable one with --state")
    except DamagedStateError as error:
        return _fail(f"{error}; move {options.state} away to start empty")
    try:
        uvloop.run(_serve(store, made, host=host, port=int(port), options=options))
    except OSError as error:
        return _fail(f"cannot start on {options.listen}: {error.strerror or error}; give a free port with --listen")
    finally:
        journal.close()
    return 0


async def _serve(store: Store, made: pki.Credentials, *, host: str, port: int, options: argparse.Namespace) -> None:
    api = wire(store, options.service_cidr)
    runner = web.AppRunner(application(api, made.token), access_log=None, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, host, port, ssl_context=made.ssl_context())
    await site.start()
    bound = runner.addresses[0][1]
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as tasks:
        background = [tasks.create_task(store.run()), tasks.create_task(Collector(api).run())]
        # Written last: whoever waits for the file finds a server behind it.
        pki.write_kubeconfig(options.kubeconfig, f"https://{host}:{bound}", made)
        print(f"info ready listen={host}:{bound} version={store.version}", file=sys.stderr, flush=True)
        await stop.wait()
        api.hub.end_all()
        await runner.cleanup()
        for task in background:
            task.cancel()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.apiserver", description=__doc__)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT", help="port 0 takes any free one")
    parser.add_argument("--state", required=True, type=Path, help="folder for objects and certificates")
    parser.add_argument("--service-cidr", required=True, type=_cidr, help="range of the Services' cluster addresses")
    parser.add_argument("--kubeconfig", required=True, type=Path, help="file to write for clients")
    return parser


def _cidr(text: str) -> str:
    return str(ipaddress.IPv4Network(text))


def _fail(message: str) -> int:
    print(f"error {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
