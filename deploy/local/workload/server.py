"""The HTTP server that all components share: routes, probes, metrics, request spans, and an end without losses.

When asked to stop, a component first says that it is not ready and keeps answering while the news spreads, then
closes its door and finishes what runs. Connections live a few seconds only, so that callers with keep-alive follow
a Service to its new endpoints soon.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from deploy.local.serving import ListenError
from deploy.local.workload.identity import Identity
from deploy.local.workload.logs import Log
from deploy.local.workload.metrics import RequestMetrics
from deploy.local.workload.peers import PeerError, Peers
from deploy.local.workload.spans import KEPT_HEADER, SERVER, Span, SpanExporter, Trace, parse_traceparent

_CONNECTION_SECONDS = 5.0
Choice = TypeVar("Choice")
SYNTHETIC_HEADER = "x-tealdeck-synthetic"


class Refusal(Exception):  # noqa: N818 - an answer to the caller, not a mishap here
    """The request cannot be served; the caller gets this status and reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(slots=True)
class Call:
    """One request on its way through a component."""

    headers: Mapping[str, str]
    body: bytes
    trace: Trace
    span: Span
    name: str = ""
    """What stands behind the path of a route that ends with a slash."""

    def json(self) -> dict[str, Any]:
        """The body as an object; Refusal 400 if it is none."""
        try:
            document = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Refusal(400, f"the body is not JSON: {error}") from error
        if not isinstance(document, dict):
            raise Refusal(400, "the body is not a JSON object")
        return document


def choose(document: Mapping[str, Any], key: str, choices: Mapping[str, Choice]) -> Choice:
    """What the document's key names; Refusal 400 if it names nothing of the choices."""
    value = document.get(key)
    if not isinstance(value, str) or value not in choices:
        raise Refusal(400, f"{key} {value!r} is not one of {', '.join(choices)}")
    return choices[value]


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] | None = None


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Equipment:
    """What every component is handed: who it is and how it tells the world what it does."""

    identity: Identity
    registry: CollectorRegistry
    log: Log
    spans: SpanExporter
    peers: Peers


class Component:
    """One component of the governed system: its routes, its readiness and its background work."""

    requests: RequestMetrics | None = None

    def routes(self) -> dict[tuple[str, str], Handler]:
        raise NotImplementedError

    def not_ready_because(self) -> str:
        """Why no requests should come yet; empty when they may."""
        return ""

    def background(self) -> list[Callable[[], Awaitable[None]]]:
        """What runs beside the requests, until the component ends."""
        return []


class _AgeingServer(web.Server):
    """Knows how long each connection has been open."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(handler, access_log=None)
        self._opened: dict[Any, float] = {}

    def connection_made(self, handler: Any, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._opened[handler] = time.monotonic()

    def connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
        self._opened.pop(handler, None)
        super().connection_lost(handler, exc)

    def is_old(self, request: web.BaseRequest) -> bool:
        return time.monotonic() - self._opened.get(request.protocol, 0.0) > _CONNECTION_SECONDS


class ComponentServer:
    """Serves one component on one address."""

    def __init__(self, component: Component, equipment: Equipment) -> None:
        self._component = component
        self._equipment = equipment
        self._routes = component.routes()
        self._server = _AgeingServer(self._handle)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=30.0)
        self._background: list[asyncio.Task[None]] = []
        self._draining = False

    async def start(self, host: str, port: int) -> int:
        """Listens and starts the background work; returns the port. Raises ListenError if the address is taken."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ListenError(f"{host}:{port}", error) from error
        jobs = [*self._component.background(), lambda: self._equipment.spans.run(self._equipment.peers.session)]
        self._background = [asyncio.ensure_future(job()) for job in jobs]
        if self._component.requests:
            self._component.requests.up.set(1)
        return int(self._runner.addresses[0][1])

    async def stop(self, linger_seconds: float = 0.5) -> None:
        """Says not ready, answers a little longer, then finishes the running requests and the background work."""
        self._draining = True
        await asyncio.sleep(linger_seconds)
        await self._runner.cleanup()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    async def failed(self) -> None:
        """Returns never, unless background work dies: then its error is raised."""
        done, _ = await asyncio.wait(self._background, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        handler, name = self._routes.get((request.method, request.path)), ""
        if handler is None:
            folder, _, name = request.path.rpartition("/")
            handler = self._routes.get((request.method, f"{folder}/"))
        response = await self._work(request, handler, name) if handler else self._own(request)
        if self._draining or self._server.is_old(request):
            response.force_close()
        return response

    def _own(self, request: web.BaseRequest) -> web.Response:
        match request.path:
            case "/healthz":
                return web.Response(text="ok\n")
            case "/readyz":
                reason = "draining" if self._draining else self._component.not_ready_because()
                return web.Response(status=503 if reason else 200, text=(reason or "ok") + "\n")
            case "/metrics":
                encode, content_type = choose_encoder(request.headers.get("Accept", ""))
                return web.Response(body=encode(self._equipment.registry), headers={"Content-Type": content_type})
        return _json(Answer(404, orjson.dumps({"error": f"no route {request.method} {request.path}"})))

    async def _work(self, request: web.BaseRequest, handler: Handler, name: str) -> web.Response:
        started = time.perf_counter()
        body = await request.read()
        trace = Trace(self._equipment.spans, parse_traceparent(request.headers.get("traceparent")))
        with trace.span(f"{request.method} {request.path}", SERVER) as span:
            span.attributes = {"http.request.method": request.method, "url.path": request.path}
            if request.headers.get(SYNTHETIC_HEADER) == "true":
                span.attributes["tealdeck.synthetic"] = True
            answer = await self._answer(handler, Call(request.headers, body, trace, span, name))
            span.attributes["http.response.status_code"] = answer.status
            if answer.status >= 500:
                span.error = span.error or str(answer.status)
        trace.close()
        if self._component.requests:
            self._component.requests.observe(answer.status, time.perf_counter() - started)
        response = _json(answer)
        if trace.kept:
            response.headers[KEPT_HEADER] = "1"
        return response

    async def _answer(self, handler: Handler, call: Call) -> Answer:
        try:
            return await handler(call)
        except Refusal as refusal:
            status, reason = refusal.status, str(refusal)
        except PeerError as error:
            status, reason = error.status, str(error)
        except Exception as error:  # noqa: BLE001 - the border of the process: the caller gets an answer, the log the error
            status, reason = 500, f"{type(error).__name__}: {error}"
        if status >= 500:
            self._equipment.log.error(
                reason, call.span.context, error__type=str(status), url__path=call.span.attributes["url.path"]
            )
        return Answer(status, orjson.dumps({"error": reason}))


def _json(answer: Answer) -> web.Response:
    headers = answer.headers or {}
    return web.Response(status=answer.status, body=answer.body, headers=headers, content_type="application/json")
