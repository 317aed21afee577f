"""What the environment's small servers have in common: listen, work in the background, end on SIGTERM, plain errors."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path

from aiohttp import web

from deploy.local.errors import CommandError

METRICS = "text/plain; version=0.0.4; charset=utf-8"


async def serve(listen: str, routes: Iterable[web.AbstractRouteDef], work: Callable[[], Awaitable[None]]) -> None:
    """Serves `routes` on HOST:PORT while `work` runs, until SIGTERM or SIGINT, or until `work` fails."""
    app = web.Application()
    app.add_routes(routes)
    await serve_application(listen, app, work)


async def serve_application(listen: str, app: web.Application, work: Callable[[], Awaitable[None]]) -> None:
    """The same for an application with limits and middlewares of its own."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    host, _, port = listen.rpartition(":")
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        try:
            await web.TCPSite(runner, host, int(port)).start()
        except OSError as error:
            raise ListenError(listen, error) from error
        working, stopping = asyncio.ensure_future(work()), asyncio.ensure_future(stopped.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            working.result()
        working.cancel()
        await asyncio.wait({working})
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def over_tls(
    listen: str, routes: Iterable[web.AbstractRouteDef], certificate: Path, key: Path
) -> AsyncIterator[None]:
    """Serves `routes` on HOST:PORT over TLS as long as the block lasts."""
    app = web.Application()
    app.add_routes(routes)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    host, _, port = listen.rpartition(":")
    try:
        try:
            await web.TCPSite(runner, host, int(port), ssl_context=tls).start()
        except OSError as error:
            raise ListenError(listen, error) from error
        yield
    finally:
        await runner.cleanup()


class ListenError(OSError):
    """The address cannot be listened on."""

    def __init__(self, listen: str, cause: OSError) -> None:
        why = "is taken" if cause.errno == errno.EADDRINUSE else f"cannot be used ({cause.strerror})"
        super().__init__(f"{listen} {why}: name another address")


def guarded(run: Callable[[], None]) -> int:
    """The exit code of a server; what a person can mend is one line on stderr instead of a traceback."""
    try:
        run()
    except (CommandError, OSError, ValueError) as error:
        print(f"error {error}", file=sys.stderr)
        return 1
    return 0
