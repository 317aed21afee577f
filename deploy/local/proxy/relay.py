"""One client's connection: its requests one after another, each to a pod of its own choosing.

A pod that leaves gets no new request, and finishes those it has. A request is sent a second time only where the first
pod cannot have begun it: the connection was refused, or a kept one turned out closed and the method may be repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from deploy.local.proxy.backends import Backends, Connection, Endpoint
from deploy.local.proxy.http import (
    Body,
    MalformedError,
    Request,
    Response,
    chunk_length,
    parse_request,
    parse_response,
    plain,
)
from deploy.local.proxy.routes import Port

_PATIENCE_SECONDS = 2.0
_HELD_BYTES = 64 * 1024  # bodies up to this are read whole before a pod is chosen, so that they can be sent again
_CHUNK = 64 * 1024

Write = Callable[[bytes], Awaitable[None]]


class _GoneError(Exception):
    """The pod ended the connection before it answered anything."""


@dataclass(frozen=True, slots=True)
class Relay:
    """Serves the clients of one port of a Service."""

    port: Port
    backends: Backends

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the client goes or its connection cannot carry another request."""
        try:
            while (head := await _head(reader)) is not None:
                request = parse_request(head)
                if not await self._exchange(request, reader, writer):
                    break
        except (MalformedError, asyncio.LimitOverrunError) as error:
            writer.write(plain(400, "Bad Request", f"The proxy cannot pass this on: {error}."))
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass  # the client is gone; nobody is left to be told
        finally:
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            writer.close()

    async def _exchange(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its response; whether the client's connection can carry another."""
        if request.awaits_continue:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        held: bytes | None = b""
        if request.body:
            small = isinstance(request.body, int) and request.body <= _HELD_BYTES
            held = await reader.readexactly(int(request.body)) if small else None
        refused: set[Endpoint] = set()
        fresh = False
        while True:
            endpoint = await self.backends.pick(self.port, refused, 0 if refused else _PATIENCE_SECONDS)
            if endpoint is None:
                writer.write(plain(503, "Service Unavailable", self._nobody(refused), retry_seconds=1))
                return False
            try:
                connection = await self.backends.connect(endpoint, fresh=fresh)
            except (OSError, TimeoutError):
                refused.add(endpoint)
                continue
            try:
                return await self._over(connection, request, held, reader, writer)
            except _GoneError:
                if connection.is_used and request.is_idempotent and held is not None:
                    fresh = True
                    continue
                writer.write(plain(502, "Bad Gateway", "The pod ended the connection before it answered."))
                return False

    async def _over(
        self,
        connection: Connection,
        request: Request,
        held: bytes | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Raises _GoneError when the pod went without an answer."""
        reusable = False
        sending: asyncio.Task[None] | None = None
        try:
            if self.backends.loses(connection):
                raise _GoneError
            connection.writer.write(request.forwarded + (held or b""))
            if held is None:
                sending = asyncio.ensure_future(_copy(request.body, reader, connection.writer))
            response = await _answer(connection, request, writer)
            if response.status == 101:
                writer.write(response.head(close=False))
                await _splice(reader, writer, connection)
                return False
            # An answer before the whole request was sent: what is left of it would be taken for the next request.
            cut = sending is not None and not sending.done()
            keeps = request.keeps_alive and not cut and response.body != "until close"
            writer.write(response.head(close=not keeps))
            await _copy(response.body, connection.reader, writer)
            reusable = response.keeps_alive and not cut
            return keeps
        finally:
            if sending is not None:
                sending.cancel()
                await asyncio.wait({sending})
            self.backends.give_back(connection, reusable=reusable)

    def _nobody(self, refused: set[Endpoint]) -> str:
        namespace, service, _ = self.port
        why = "every ready pod refused the connection" if refused else "no pod is ready"
        return f"Service {namespace}/{service}: {why}."


async def _head(reader: asyncio.StreamReader) -> bytes | None:
    """The next head; None when the client has ended the connection between two requests."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial.strip():
            raise MalformedError("the connection ended within a request's head") from None
        return None


async def _answer(connection: Connection, request: Request, writer: asyncio.StreamWriter) -> Response:
    """The final response's head; those that only inform are passed on."""
    while True:
        try:
            head = await connection.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise _GoneError from error
        response = parse_response(head, request.method)
        if response.status >= 200 or response.status == 101:
            return response
        writer.write(response.head(close=False))


async def _copy(body: Body, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body, passed on as it comes."""
    match body:
        case "chunked":
            await _copy_chunks(reader, writer)
        case "until close":
            while data := await reader.read(_CHUNK):
                await _write(writer, data)
        case length:
            await _copy_bytes(length, reader, writer)


async def _copy_bytes(length: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while length:
        data = await reader.read(min(length, _CHUNK))
        if not data:
            raise asyncio.IncompleteReadError(b"", length)
        length -= len(data)
        await _write(writer, data)


async def _copy_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        line = await reader.readuntil(b"\r\n")
        length = chunk_length(line)
        writer.write(line)
        if length == 0:
            break
        await _copy_bytes(length + 2, reader, writer)
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":  # trailers
        writer.write(line)
    await _write(writer, b"\r\n")


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def _splice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: Connection) -> None:
    """Bytes both ways until either side ends: what was agreed on is no longer HTTP."""
    ways = {
        asyncio.ensure_future(_copy("until close", reader, connection.writer)),
        asyncio.ensure_future(_copy("until close", connection.reader, writer)),
    }
    _, open_ways = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in open_ways:
        way.cancel()
    await asyncio.wait(ways)
