"""A relay that counts bytes: what a browser and the deck really send each other, WebSocket and headers included."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_CHUNK = 256 * 1024


class Relay:
    """Passes every connection on; `received` counts the bytes from the server to the browser."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.received = 0
        self.address = ""

    async def open(self) -> asyncio.Server:
        """Begin to listen on a free port of loopback."""
        server = await asyncio.start_server(self._pair, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _pair(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pump(reader, far_writer, False), self._pump(far_reader, writer, True))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, counts: bool) -> None:
        with suppress(OSError):
            while chunk := await source.read(_CHUNK):
                self.received += len(chunk) if counts else 0
                sink.write(chunk)
                await sink.drain()
        sink.close()


@contextmanager
def relay(target: str) -> Iterator[Relay]:
    """A relay to the server at `target`, in a thread of its own, closed at the end."""
    loop, found = asyncio.new_event_loop(), Relay(target)
    server = loop.run_until_complete(found.open())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)
