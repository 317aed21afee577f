"""`python -m deploy.local.logstore`: the log store as a server of its own."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
from datetime import timedelta
from pathlib import Path

import uvloop

from deploy.local import serving
from deploy.local.logstore.reading_api import ReadingApi
from deploy.local.logstore.server import application
from deploy.local.logstore.store import Store

_REFRESH_SECONDS = 1.0
_EXPIRE_SECONDS = 3600.0


async def _keep(store: Store, reading: ReadingApi) -> None:
    """Refreshes what was written, and drops what is too old or not asked for any more."""
    since_expiry = _EXPIRE_SECONDS
    while True:
        if since_expiry >= _EXPIRE_SECONDS:
            await asyncio.to_thread(store.expire)
            since_expiry = 0.0
        await asyncio.to_thread(store.refresh)
        reading.forget_expired()
        await asyncio.sleep(_REFRESH_SECONDS)
        since_expiry += _REFRESH_SECONDS


def main() -> int:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.logstore", description=__doc__)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument("--data", required=True, type=Path, metavar="DIR")
    parser.add_argument("--keep-days", type=float, default=14.0, help="older documents go (default: %(default)s)")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)

    def run() -> None:
        with contextlib.closing(Store(options.data, timedelta(days=options.keep_days))) as store:
            reading = ReadingApi(store)
            uvloop.run(
                serving.serve_application(options.listen, application(store, reading), lambda: _keep(store, reading))
            )

    return serving.guarded(run)


if __name__ == "__main__":
    sys.exit(main())
