"""`python -m deploy.local.apiserver`: the API server as a process. See `--help`."""

import argparse
import asyncio
import ipaddress
import os
import signal
import ssl
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from deploy.local.errors import CommandError
from deploy.local.formats import claim

from . import bootstrap, errors, pki
from .api import wire
from .collector import Collector
from .journal import DamagedStateError, Journal
from .server import application
from .store import Store


class StartError(Exception):
    """Why the server cannot start, with the mend."""


def main() -> int:
    options = _parser().parse_args()
    try:
        uvloop.run(_serve(options))
    except StartError as error:
        print(f"error {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(options: argparse.Namespace) -> None:
    journal, store, made = _open(options.state)
    api = wire(store, options.service_cidr)
    try:
        await bootstrap.make_first_objects(api)
    except errors.ApiError as error:
        raise StartError(f"{error.message}; make room in {options.state}, or name another with --state") from error
    runner = web.AppRunner(application(api, made.token), access_log=None, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    tls = made.ssl_context()
    host, port = await _listen(runner, options.listen, tls)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        # Written last: whoever waits for the file finds a server behind it.
        pki.write_kubeconfig(options.kubeconfig, f"https://{host}:{port}", made)
    except OSError as error:
        raise StartError(
            f"cannot write {options.kubeconfig}: {error.strerror}; name a file with --kubeconfig"
        ) from error
    async with asyncio.TaskGroup() as tasks:
        work = (store.run(), Collector(api).run(), pki.follow(tls, made))
        background = [tasks.create_task(one) for one in work]
        print(f"info ready listen={host}:{port} version={store.version}", file=sys.stderr, flush=True)
        await stop.wait()
        api.hub.end_all()
        await runner.cleanup()
        for task in background:
            task.cancel()
    journal.close()


def _open(state: Path) -> tuple[Journal, Store, pki.Credentials]:
    """What the state folder holds. Raises StartError."""
    try:
        claim(state, "apiserver")
        journal = Journal(state)
        return journal, Store(journal), pki.credentials(state / "pki")
    except OSError as error:
        why = f"cannot use the state folder {state}: {error.strerror}; give a writable one with --state"
        raise StartError(why) from error
    except CommandError as error:
        raise StartError(str(error)) from error
    except DamagedStateError as error:
        raise StartError(f"{error}; move {state} away to start empty") from error


async def _listen(runner: web.AppRunner, address: tuple[str, int], tls: ssl.SSLContext) -> tuple[str, int]:
    """Open the port; returns what was bound. Raises StartError."""
    host, port = address
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise StartError(f"cannot listen on {host}:{port}: {why}; give a free port with --listen") from error
    return host, runner.addresses[0][1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.apiserver", description=__doc__)
    parser.add_argument("--listen", required=True, type=_address, metavar="HOST:PORT", help="port 0 takes any free one")
    parser.add_argument("--state", required=True, type=Path, help="folder for objects and certificates")
    parser.add_argument("--service-cidr", required=True, type=_cidr, help="range of the Services' cluster addresses")
    parser.add_argument("--kubeconfig", required=True, type=Path, help="file to write for clients")
    return parser


def _cidr(text: str) -> str:
    return str(ipaddress.IPv4Network(text))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    sys.exit(main())
