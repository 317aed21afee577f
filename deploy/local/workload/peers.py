"""Calls from one component to another: pooled connections, trace context, and a second try where nothing was accepted.

Addresses come from the service variables that every pod is given (AGENT_RUNTIME_SERVICE_HOST and _PORT), else from
the Service's name in DNS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson

from deploy.local.workload.spans import KEPT_HEADER, Span, Trace

# Together as long as a component with one replica needs to come back.
_PAUSES_SECONDS = (0.05, 0.25, 0.7, 1.5)


class PeerError(Exception):
    """Another component gave no usable answer; `status` is what the own caller should get."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Peers:
    """The other components, by the names of their Services."""

    def __init__(self, session: aiohttp.ClientSession, environ: Mapping[str, str]) -> None:
        self.session = session
        self._environ = environ

    def url(self, service: str) -> str:
        variable = service.upper().replace("-", "_")
        host = self._environ.get(f"{variable}_SERVICE_HOST", service)
        return f"http://{host}:{self._environ.get(f'{variable}_SERVICE_PORT', '8080')}"

    async def post(
        self,
        service: str,
        path: str,
        document: Mapping[str, Any],
        trace: Trace,
        span: Span,
        *,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The answer's JSON object. Raises PeerError after the last try.

        A broken connection or a 503 is tried again: either the peer was going away, or it took nothing on. A run that
        died half-way may so be begun twice; the caller still sees one answer.
        """
        url, body = self.url(service) + path, orjson.dumps(document)
        sent = {"Content-Type": "application/json", "traceparent": span.context.traceparent(), **(headers or {})}
        timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        for pause in (*_PAUSES_SECONDS, None):
            try:
                async with self.session.post(url, data=body, headers=sent, timeout=timeout) as answer:
                    text = await answer.read()
                    trace.kept = trace.kept or KEPT_HEADER in answer.headers
                    if answer.status < 300:
                        result: dict[str, Any] = orjson.loads(text)
                        return result
                    error = PeerError(_status(answer.status), f"{service} answered {answer.status}: {_reason(text)}")
                    if answer.status != 503:
                        raise error
            except TimeoutError as late:
                raise PeerError(504, f"{service} gave no answer within {timeout_seconds:g} s") from late
            except (aiohttp.ClientError, orjson.JSONDecodeError) as broken:
                error = PeerError(502, f"{service} cannot be reached: {type(broken).__name__}: {broken}"[:300])
            if pause is None:
                break
            await asyncio.sleep(pause)
        raise error


def _status(status: int) -> int:
    """A peer's refusal of the request is passed on; its own trouble becomes ours towards the caller."""
    return status if status < 500 or status in (503, 504) else 502


def _reason(text: bytes) -> str:
    try:
        return str(orjson.loads(text)["error"])[:200]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return text[:200].decode(errors="replace")


def open_session() -> aiohttp.ClientSession:
    """A session whose pool is as large as the load asks for."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=4.0, use_dns_cache=True)
    return aiohttp.ClientSession(connector=connector, auto_decompress=False)
