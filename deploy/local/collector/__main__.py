"""`python -m deploy.local.collector`: tails container logs and takes spans over OTLP/HTTP, for Elasticsearch."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections import deque
from pathlib import Path

import aiohttp
import orjson
import uvloop
from aiohttp import web

from deploy.local import serving
from deploy.local.collector.documents import Document, span_documents
from deploy.local.collector.shipper import AwayError, Counters, ship
from deploy.local.collector.tail import Tail

_LOG = logging.getLogger("collector")
_SCAN_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 10.0
_MOST_SPANS = 20_000  # held while the store is away; about 40 MB
_BULK = 2_000


class Collector:
    """Two ways in, logs and spans, each with its own patience when the store is away."""

    def __init__(self, url: str, tail: Tail, environment: str) -> None:
        self._url, self._tail, self._environment = url.rstrip("/"), tail, environment
        self._spans: deque[tuple[str, Document]] = deque()
        self._arrived = asyncio.Event()
        self.logs, self.spans = Counters(), Counters()
        self.is_ready = False

    async def run(self) -> None:
        """Until cancelled; then what has arrived is sent once more."""
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._ship_logs(session))
                    tasks.create_task(self._ship_spans(session))
                    self.is_ready = True
            finally:
                await self._last_words(session)

    async def take_spans(self, request: web.Request) -> web.StreamResponse:
        """An export of spans: answered when it is held, or 429 when no more can be."""
        try:
            entries = list(span_documents(orjson.loads(await request.read()), self._environment))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            return web.json_response({"code": 3, "message": f"no OTLP export of spans: {error!r}"}, status=400)
        if len(self._spans) + len(entries) > _MOST_SPANS:
            return web.json_response({"code": 8, "message": "too many spans wait for the store"}, status=429)
        self._spans.extend(entries)
        self._arrived.set()
        return web.json_response({})

    async def _ship_logs(self, session: aiohttp.ClientSession) -> None:
        pause = _SCAN_SECONDS
        while True:
            try:
                while await self._ship_new_logs(session):
                    pass
                pause = _SCAN_SECONDS
            except AwayError as error:
                pause = min(pause * 2, _LONGEST_RETRY_SECONDS)
                _LOG.warning("logs wait retry_seconds=%.0f error=%s", pause, error)
            await asyncio.sleep(pause)

    async def _ship_new_logs(self, session: aiohttp.ClientSession) -> bool:
        """Whether there was anything: a file that grows fast is read on without a pause."""
        stream = f"logs-agentgov.app.otel-{self._environment}"
        batches = await asyncio.to_thread(self._tail.new)
        there_was = bool(batches)
        try:
            while batches:
                taken, count = [], 0
                while batches and (not taken or count + len(batches[0].entries) <= _BULK):
                    taken.append(batches.pop(0))
                    count += len(taken[-1].entries)
                entries = [entry for batch in taken for entry in batch.entries]
                await ship(session, self._url, stream, entries, self.logs)
                for batch in taken:
                    self._tail.shipped(batch)
        finally:
            self._tail.save()
        return there_was

    async def _ship_spans(self, session: aiohttp.ClientSession) -> None:
        pause = _SCAN_SECONDS
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            await asyncio.sleep(_SCAN_SECONDS)  # so that a bulk is worth its while
            try:
                while self._spans:
                    await self._ship_some_spans(session)
                pause = _SCAN_SECONDS
            except AwayError as error:
                pause = min(pause * 2, _LONGEST_RETRY_SECONDS)
                _LOG.warning("spans wait retry_seconds=%.0f held=%d error=%s", pause, len(self._spans), error)
                await asyncio.sleep(pause)
                self._arrived.set()

    async def _ship_some_spans(self, session: aiohttp.ClientSession) -> None:
        entries = [self._spans[index] for index in range(min(_BULK, len(self._spans)))]
        await ship(session, self._url, f"traces-agentgov.otel-{self._environment}", entries, self.spans)
        for _ in entries:
            self._spans.popleft()

    async def _last_words(self, session: aiohttp.ClientSession) -> None:
        """What arrived since the last bulk; spans are not kept over a restart, logs are still in their files."""
        try:
            async with asyncio.timeout(1):
                while self._spans:
                    await self._ship_some_spans(session)
        except (AwayError, TimeoutError) as error:
            _LOG.warning("spans lost count=%d error=%s", len(self._spans), error)


def routes(collector: Collector) -> list[web.RouteDef]:
    """OTLP/HTTP for spans, and health with what was done."""

    async def health(_: web.Request) -> web.Response:
        document = {
            "logs": {"sent": collector.logs.sent, "refused": collector.logs.refused},
            "spans": {"sent": collector.spans.sent, "refused": collector.spans.refused},
        }
        return web.json_response(document, status=200 if collector.is_ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        counts = {
            "otelcol_exporter_sent_log_records_total": collector.logs.sent,
            "otelcol_exporter_send_failed_log_records_total": collector.logs.refused,
            "otelcol_exporter_sent_spans_total": collector.spans.sent,
            "otelcol_exporter_send_failed_spans_total": collector.spans.refused,
        }
        text = "".join(f"# TYPE {name} counter\n{name} {count}\n" for name, count in counts.items())
        return web.Response(text=text, headers={"Content-Type": serving.METRICS})

    return [
        web.post("/v1/traces", collector.take_spans),
        web.get("/healthz", health),
        web.get("/metrics", metrics),
    ]


async def _run(options: argparse.Namespace) -> None:
    tail = Tail(options.pod_logs, options.environment, options.pod_logs / "shipped.json")
    collector = Collector(options.elasticsearch, tail, options.environment)
    await serving.serve(options.listen, routes(collector), collector.run)


def main() -> int:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.collector", description=__doc__)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT", help="for OTLP/HTTP and health")
    parser.add_argument("--elasticsearch", required=True, metavar="URL")
    parser.add_argument(
        "--pod-logs", required=True, type=Path, metavar="DIR", help="the node's folder of container logs"
    )
    parser.add_argument("--environment", required=True, help="the namespace of the data streams")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    return serving.guarded(lambda: uvloop.run(_run(options)))


if __name__ == "__main__":
    sys.exit(main())
