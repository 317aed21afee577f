"""A relay between the deck and a source that can be told to misbehave; over plain HTTP and TLS at once.

It runs in a thread with a loop of its own, so that a test that blocks does not block it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext, suppress
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from connectors.body import LARGEST_BYTES
from deploy.local.apiserver.pki import Credentials
from tests.faultproxy.fault import CLOCK_AHEAD_SECONDS, RETRY_AFTER_SECONDS, STANDS_STILL, Fault
from tests.faultproxy.shift import shifted, shifted_pairs

LOGIN_PAGE = "<!DOCTYPE html><html><title>Sign in</title><body>Please sign in.</body></html>"
# Of the hop alone, or wrong once the body was touched.
_OF_THE_HOP = ("Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Content-Encoding", "Date", "Server")
_RESET = struct.pack("ii", 1, 0)
_TRICKLE_SECONDS = 0.1
_BLANKS = b" " * 2**20


class FaultProxy:
    """One source behind a relay. `url` and `plain_url` are its addresses; `fault` is what it suffers now.

    Args:
        upstream: base URL of the source; its certificate is not checked.
        good: credentials that the deck is told to trust. `strange`: others.
    """

    def __init__(self, upstream: str, good: Credentials, strange: Credentials) -> None:
        self._upstream = URL(upstream)
        self._strange = strange.ssl_context()
        self._good = good.ssl_context()
        self._good.sni_callback = self._choose_certificate
        self.fault: Fault | None = None
        self.asked: list[str] = []  # path and query of each request since the last change of the fault
        self._transports: set[asyncio.Transport] = set()
        self._loop = asyncio.new_event_loop()
        self._changed = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faultproxy", daemon=True)
        self._thread.start()
        self.plain_port, self.port = self._call(self._start()).result(10)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def plain_url(self) -> str:
        return f"http://localhost:{self.plain_port}"

    @contextmanager
    def suffering(self, fault: Fault) -> Iterator[None]:
        """The fault, from now to the end of the block."""
        with _nameless({self.port, self.plain_port}) if fault is Fault.NO_NAME else nullcontext():
            self._call(self._set(fault)).result(10)
            try:
                yield
            finally:
                self._call(self._set(None)).result(10)

    def close(self) -> None:
        self._call(self._stop()).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, order: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(order, self._loop)

    async def _start(self) -> tuple[int, int]:
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=False, limit=0),
            auto_decompress=True,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        application = web.Application(client_max_size=2**26)
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        for tls in (None, self._good):
            await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        plain, encrypted = (address[1] for address in self._runner.addresses)
        return plain, encrypted

    async def _stop(self) -> None:
        await self._set(None)
        await self._tear_down()
        await self._runner.cleanup()
        await self._client.close()

    async def _set(self, fault: Fault | None) -> None:
        self.fault, before = fault, self.fault
        self.asked = []
        self._changed.set()
        self._changed = asyncio.Event()
        if (fault is not None and fault not in STANDS_STILL) or before in STANDS_STILL:
            await self._tear_down()

    async def _tear_down(self) -> None:
        """Returns when all connections are gone: a client that asks after that finds its own dead."""
        standing = [transport for transport in self._transports if not transport.is_closing()]
        raw = [transport.get_extra_info("socket") for transport in standing]
        for transport in standing:
            _reset(transport)
        self._transports.clear()
        while any(one.fileno() != -1 for one in raw):
            await asyncio.sleep(0)

    def _choose_certificate(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        if self.fault is Fault.WRONG_CA:
            connection.context = self._strange

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        self._transports = {one for one in self._transports if not one.is_closing()} | {transport}
        self.asked.append(request.path_qs)
        is_watch = request.query.get("watch") == "true"
        match self.fault:
            case Fault.HANG:
                await self._changed.wait()
                return _reset(transport)
            case Fault.RESET | Fault.NO_NAME | Fault.WRONG_CA:
                return _reset(transport)
            case Fault.SERVER_ERROR:
                return web.json_response({"message": "the disk is full"}, status=500)
            case Fault.TOO_MANY:
                headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
                return web.json_response({"message": "slow down"}, status=429, headers=headers)
            case Fault.EXPIRED:
                return web.json_response({"message": "the token has expired"}, status=401)
            case Fault.HTML:
                return web.Response(text=LOGIN_PAGE, content_type="text/html")
            case Fault.OVERSIZED:
                return await _oversized(request)
            case Fault.GONE if is_watch:
                status = {"code": 410, "reason": "Expired", "message": "too old resource version"}
                return web.Response(text=json.dumps({"type": "ERROR", "object": status}) + "\n")
            case Fault.WATCH_CLOSES if is_watch:
                with suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        return await self._streamed(request)
                return _reset(transport)
        return await (self._streamed(request) if is_watch else self._relayed(request, transport))

    async def _relayed(self, request: web.Request, transport: asyncio.Transport) -> web.StreamResponse:
        ahead = CLOCK_AHEAD_SECONDS if self.fault is Fault.CLOCK_AHEAD else 0
        async with await self._ask(request, ahead) as answer:
            body = await answer.read()
            headers = _headers(answer.headers, ahead)
        if self.fault is Fault.TRICKLE:
            return await self._trickled(transport, answer.status, headers, body)
        if "json" in headers.get("Content-Type", ""):
            body = _rewritten(body, self.fault)
        return web.Response(status=answer.status, headers=headers, body=body)

    async def _streamed(self, request: web.Request) -> web.StreamResponse:
        """A watch: each line as it comes; it stands still while the source hangs."""
        ahead = CLOCK_AHEAD_SECONDS if self.fault is Fault.CLOCK_AHEAD else 0
        async with await self._ask(request, ahead) as answer:
            response = web.StreamResponse(status=answer.status, headers=_headers(answer.headers, ahead))
            await response.prepare(request)
            async for line in _lines(answer.content):
                while self.fault in STANDS_STILL:
                    await self._changed.wait()
                moved = json.dumps(shifted(json.loads(line), ahead, now=time.time())).encode() if ahead else line
                await response.write(moved.rstrip(b"\n") + b"\n")
            await response.write_eof()
            return response

    async def _ask(self, request: web.Request, ahead: float) -> Any:
        query, body = parse_qsl(request.query_string, keep_blank_values=True), await request.read()
        now = time.time()
        if ahead:
            query = shifted_pairs(query, -ahead, now=now)
            if "json" in request.content_type and body:
                body = json.dumps(shifted(json.loads(body), -ahead, now=now)).encode()
            elif request.content_type == "application/x-www-form-urlencoded":
                body = urlencode(shifted_pairs(parse_qsl(body.decode()), -ahead, now=now)).encode()
        headers = CIMultiDict(request.headers)
        for name in ("Host", "Content-Length", "Connection"):
            headers.popall(name, None)
        url = self._upstream.with_path(request.raw_path.partition("?")[0], encoded=True).with_query(query)
        return self._client.request(request.method, url, headers=headers, data=body, allow_redirects=False)

    async def _trickled(
        self, transport: asyncio.Transport, status: int, headers: CIMultiDict[str], body: bytes
    ) -> web.StreamResponse:
        headers["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        for byte in f"HTTP/1.1 {status} OK\r\n{head}\r\n".encode() + body:
            if transport.is_closing() or self.fault is not Fault.TRICKLE:
                break
            transport.write(bytes((byte,)))
            await asyncio.sleep(_TRICKLE_SECONDS)
        return _reset(transport)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line


async def _oversized(request: web.Request) -> web.StreamResponse:
    """Blanks, which JSON may begin with, until the other side has had enough."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "X-Elastic-Product": "Elasticsearch"})
    await response.prepare(request)
    with suppress(ConnectionError):
        for _ in range(10 * LARGEST_BYTES // len(_BLANKS)):
            await response.write(_BLANKS)
        await response.write(b"{}")
    return response


def _headers(given: Any, ahead: float) -> CIMultiDict[str]:
    headers: CIMultiDict[str] = CIMultiDict(given)
    for name in _OF_THE_HOP:
        headers.popall(name, None)
    headers["Date"] = formatdate(time.time() + ahead, usegmt=True)
    return headers


def _rewritten(body: bytes, fault: Fault | None) -> bytes:
    match fault:
        case Fault.CUT:
            return body[: len(body) // 2]
        case Fault.CLOCK_AHEAD if body:
            return json.dumps(shifted(json.loads(body), CLOCK_AHEAD_SECONDS, now=time.time())).encode()
        case Fault.SHARD_FAILS if b'"_shards"' in body:
            answer = json.loads(body)
            why = {"shard": 1, "reason": {"type": "io_exception", "reason": "disk gone"}}
            answer["_shards"] |= {"total": 2, "successful": 1, "failed": 1, "failures": [why]}
            return json.dumps(answer).encode()
    return body


def _reset(transport: asyncio.Transport) -> web.StreamResponse:
    """Tears the connection down so that the other side hears of it as an error."""
    if not transport.is_closing():
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    return web.Response()  # nobody reads it


@contextmanager
def _nameless(ports: set[int]) -> Iterator[None]:
    """In this process, no name can be looked up for these ports."""
    real = socket.getaddrinfo

    def lookup(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if port in ports:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, port, *args, **kwargs)

    socket.getaddrinfo = lookup
    try:
        yield
    finally:
        socket.getaddrinfo = real
