"""Prometheus over its HTTP API: instant and range queries as plain frozen values.

The queries go through prometheus-api-client; what it leaves out (warnings, typed errors, NaN, deadlines) is added here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prometheus_api_client import PrometheusConnect
from urllib3.util.retry import Retry

from connectors.errors import NotFound, understood
from connectors.session import Session

SOURCE = "prometheus"
INSTANT_SECONDS = 2.0
RANGE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One labelled value; `at` is epoch seconds, NaN is None, infinity stays infinity."""

    labels: Mapping[str, str]
    at: float
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One labelled line of (epoch seconds, value) pairs; steps without a sample are left out."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """The answer to an instant query. `warnings` say what Prometheus left out."""

    points: tuple[Point, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The answer to a range query. `warnings` say what Prometheus left out."""

    lines: tuple[Line, ...]
    warnings: tuple[str, ...] = ()


class Prometheus:
    """One Prometheus, or what speaks its API. Safe for threads. Every method may raise a `SourceError`."""

    def __init__(self, url: str, *, ca_file: str = "", verify_tls: bool = True, token_file: str = "") -> None:
        self._url = url.rstrip("/")
        self._session = Session(SOURCE, ca_file=ca_file, verify_tls=verify_tls, token_file=token_file)
        never = Retry(total=0, redirect=0, status=0)
        self._client = PrometheusConnect(self._url, session=self._session, retry=never)

    def instant(self, query: str, *, at: datetime | None = None, timeout_seconds: float = INSTANT_SECONDS) -> Vector:
        """The value of `query` at one instant (None: now). One GET /api/v1/query."""
        params = {"timeout": f"{timeout_seconds:g}s"} | ({} if at is None else {"time": str(at.timestamp())})
        with understood(SOURCE):
            result = self._client.custom_query(query, params=params, timeout=timeout_seconds)
            return Vector(points=_points(result), warnings=self._warnings())

    def range(
        self, query: str, *, start: int, end: int, step_seconds: int, timeout_seconds: float = RANGE_SECONDS
    ) -> Matrix:
        """The values of `query` from `start` to `end` (epoch seconds, both included). One GET /api/v1/query_range."""
        with understood(SOURCE):
            result = self._client.custom_query_range(
                query,
                start_time=datetime.fromtimestamp(start, UTC),
                end_time=datetime.fromtimestamp(end, UTC),
                step=str(step_seconds),
                params={"timeout": f"{timeout_seconds:g}s"},
                timeout=timeout_seconds,
            )
            return Matrix(lines=tuple(map(_line, result)), warnings=self._warnings())

    def version(self, *, timeout_seconds: float = INSTANT_SECONDS) -> str:
        """Asks whether it is up, then what it is. Empty where a relative of Prometheus does not tell."""
        # Relatives of Prometheus may lack either page: that they answer so is sign of life enough.
        with suppress(NotFound):
            self._session.request("GET", f"{self._url}/-/healthy", timeout=timeout_seconds)
        with suppress(NotFound), understood(SOURCE):
            told = self._session.get_json(f"{self._url}/api/v1/status/buildinfo", timeout=timeout_seconds)
            return str(told["data"]["version"])
        return ""

    def _warnings(self) -> tuple[str, ...]:
        """What the client library drops from the answer; looked for first, since decoding it again costs."""
        response = self._session.last_answer()
        if b'"warnings"' not in response.content:
            return ()
        return tuple(map(str, response.json().get("warnings") or ()))


def _points(result: Any) -> tuple[Point, ...]:
    """A vector's points; a scalar is one without labels."""
    if result and not isinstance(result[0], dict):
        return (Point(labels={}, at=float(result[0]), value=_number(result[1])),)
    return tuple(
        Point(labels=found["metric"], at=float(found["value"][0]), value=_number(found["value"][1])) for found in result
    )


def _line(found: Any) -> Line:
    return Line(labels=found["metric"], points=tuple((float(at), _number(value)) for at, value in found["values"]))


def _number(text: str) -> float | None:
    number = float(text)
    return None if math.isnan(number) else number
