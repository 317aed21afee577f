"""Spans of one request, W3C trace context, and the OTLP/HTTP JSON exporter.

Which trace is kept is decided at its head, a few a second; one in which something failed is kept nevertheless, and the
answer's header tells the callers to keep their part too. The exporter's queue is bounded: under pressure spans are
dropped and counted, requests never wait.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from deploy.local.workload.clock import Clock
from deploy.local.workload.identity import Identity

KEPT_HEADER = "x-trace-kept"
INTERNAL, SERVER, CLIENT = 1, 2, 3
_ERROR = 2
_random = random.Random()


@dataclass(frozen=True, slots=True)
class Context:
    """What crosses a process border: the trace, the span that caused the call, and whether the trace is kept."""

    trace_id: str
    span_id: str
    sampled: bool

    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def parse_traceparent(header: str | None) -> Context | None:
    """The caller's context; None when there is none or it is not one (the specification says: start a new trace)."""
    if not header or len(header) < 55:
        return None
    version, trace_id, span_id, flags = header[:2], header[3:35], header[36:52], header[53:55]
    if version == "ff" or header[2] + header[35] + header[52] != "---":
        return None
    try:
        valid = int(trace_id, 16) and int(span_id, 16)
        sampled = bool(int(flags, 16) & 1)
    except ValueError:
        return None
    return Context(trace_id, span_id, sampled) if valid else None


class HeadSampler:
    """Keeps at most `per_second` new traces a second: the first ones of each second, so that idle is fully seen."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._second = -1
        self._taken = 0

    def __call__(self) -> bool:
        second = int(self._clock())
        if second != self._second:
            self._second, self._taken = second, 0
        self._taken += 1
        return self._taken <= self._per_second


@dataclass(slots=True)
class Span:
    """One timed piece of work. Times are nanoseconds since the epoch."""

    name: str
    kind: int
    context: Context
    parent_span_id: str
    start_ns: int
    attributes: dict[str, Any] = field(default_factory=dict)
    end_ns: int = 0
    error: str = ""

    def otlp(self) -> dict[str, Any]:
        return {
            "traceId": self.context.trace_id,
            "spanId": self.context.span_id,
            "parentSpanId": self.parent_span_id,
            "name": self.name,
            "kind": self.kind,
            "startTimeUnixNano": str(self.start_ns),
            "endTimeUnixNano": str(self.end_ns),
            "attributes": attributes_otlp(self.attributes | ({"error.type": self.error} if self.error else {})),
            "status": {"code": _ERROR, "message": self.error} if self.error else {},
        }


class Trace:
    """The spans of one request in this process, in the order they ended."""

    __slots__ = ("_exporter", "_now_ns", "caller", "kept", "spans")

    def __init__(self, exporter: SpanExporter, caller: Context | None) -> None:
        self.caller = caller or Context(f"{_random.getrandbits(128) or 1:032x}", "", exporter.sample())
        self.spans: list[Span] = []
        self.kept = self.caller.sampled
        self._exporter = exporter
        self._now_ns = exporter.clock.now_ns

    @contextmanager
    def span(self, name: str, kind: int = INTERNAL, parent: Span | None = None, **attributes: Any) -> Iterator[Span]:
        """Times a block. Keyword names stand for attributes with `__` in place of dots."""
        above = parent.context if parent else self.caller
        context = Context(above.trace_id, f"{_random.getrandbits(64) or 1:016x}", above.sampled)
        span = Span(name, kind, context, above.span_id, self._now_ns())
        span.attributes = {key.replace("__", "."): value for key, value in attributes.items()}
        try:
            yield span
        except BaseException as error:
            span.error = span.error or type(error).__name__
            raise
        finally:
            span.end_ns = self._now_ns()
            self.kept = self.kept or bool(span.error)
            self.spans.append(span)

    def close(self) -> None:
        """Hands the spans over if the trace is kept."""
        if self.kept:
            self._exporter.add(self.spans)


class SpanExporter:
    """Sends spans in batches to an OTLP/HTTP endpoint; an empty endpoint switches it off."""

    def __init__(
        self,
        identity: Identity,
        endpoint: str,
        *,
        traces_per_second: int = 2,
        capacity: int = 2048,
        interval_seconds: float = 1.0,
        clock: Clock | None = None,
        on_trouble: Callable[[str, int], None] = lambda reason, dropped: None,
    ) -> None:
        self.dropped = 0
        self.clock = clock or Clock()
        self.sample = HeadSampler(traces_per_second)
        self._resource = attributes_otlp(dict(identity.resource()))
        self._url = endpoint.rstrip("/") + "/v1/traces" if endpoint else ""
        self._capacity = capacity
        self._interval = interval_seconds
        self._queue: deque[Span] = deque()
        self._on_trouble = on_trouble
        self._reported = 0

    def add(self, spans: list[Span]) -> None:
        """Queues spans; what does not fit is dropped and counted."""
        room = self._capacity - len(self._queue) if self._url else 0
        self._queue.extend(spans[:room])
        if self._url:
            self.dropped += max(0, len(spans) - room)

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Exports until cancelled; then sends what is left, once."""
        try:
            while True:
                await asyncio.sleep(self._interval)
                await self._flush(session)
        except asyncio.CancelledError:
            await self._flush(session)

    async def _flush(self, session: aiohttp.ClientSession) -> None:
        reason = "queue full"
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(512, len(self._queue)))]
            try:
                await self._send(session, batch)
            except (aiohttp.ClientError, TimeoutError) as error:
                # Traces are a help, not a ledger: a batch that the collector does not take is gone.
                self.dropped += len(batch)
                reason = f"{type(error).__name__}: {error}"[:200]
                break
        if self.dropped > self._reported:
            self._on_trouble(reason, self.dropped - self._reported)
            self._reported = self.dropped

    async def _send(self, session: aiohttp.ClientSession, batch: list[Span]) -> None:
        scope = {"scope": {"name": "tealdeck.workload"}, "spans": [span.otlp() for span in batch]}
        body = {"resourceSpans": [{"resource": {"attributes": self._resource}, "scopeSpans": [scope]}]}
        timeout = aiohttp.ClientTimeout(total=3)
        headers = {"Content-Type": "application/json"}
        async with session.post(self._url, data=orjson.dumps(body), headers=headers, timeout=timeout) as answer:
            answer.raise_for_status()


def attributes_otlp(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes in OTLP's JSON form."""
    return [{"key": key, "value": _value_otlp(value)} for key, value in attributes.items()]


def _value_otlp(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list() | tuple():
            return {"arrayValue": {"values": [_value_otlp(item) for item in value]}}
        case _:
            return {"stringValue": str(value)}
