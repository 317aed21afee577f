"""Questions about logs: to Elasticsearch, and for a container's own log to the API server."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import astuple
from datetime import datetime
from typing import Any, assert_never

from connectors.elasticsearch import Elasticsearch
from connectors.kubernetes import Kubernetes
from dashboard.model.reading import Reading, Source, fresh
from dashboard.queries import search
from dashboard.queries.fit import Right
from dashboard.queries.grid import Grid
from dashboard.queries.logs import LogReader
from dashboard.queries.request import LogContext, LogDocument, LogPatterns, LogRequest, Logs, MoreLogs, PodLog, Stream
from dashboard.queries.resolution import Resolution
from dashboard.queries.source_calls.call import (
    LONG,
    LONGEST_STEP_SECONDS,
    RANGE_SECONDS,
    UNCHANGING_SECONDS,
    SourceCall,
    answered,
    ttl_seconds,
)
from dashboard.settings import EnvironmentSettings


class LogCalls:
    """Questions about the log streams of one environment."""

    def __init__(
        self, environment: EnvironmentSettings, elasticsearch: Elasticsearch, clock: Callable[[], datetime]
    ) -> None:
        self._environment = environment
        self._clock = clock
        self._reader = LogReader(elasticsearch, words=environment.words.tables(), own=environment.fields)

    def of(self, request: LogRequest) -> SourceCall:
        """The search that `request` stands for."""
        streams = self.pattern(request.stream)

        def fetch() -> Reading[Any]:
            read = self._reader.read(streams, request, budget_seconds=RANGE_SECONDS)
            value = () if read.value is None else read.value
            return answered(value, Source.ELASTICSEARCH, self._clock(), read.query, read.left_out, read.nothing)

        window = request if isinstance(request, Logs) else getattr(request, "logs", None)
        is_long = window is not None and window.end - window.start > LONG
        return SourceCall(
            source=Source.ELASTICSEARCH,
            key=("logs", streams, self._entries(request)),
            family=("logs", type(request).__name__, streams, is_long),
            is_long=is_long,
            text=search.about(streams, request),
            ttl_seconds=self._ttl_seconds(request),
            timeout_seconds=RANGE_SECONDS,
            fetch=fetch,
        )

    def fields(self, stream: Stream) -> SourceCall:
        """What the index pattern of a stream matches, and which concept has a field in which index."""
        pattern = self.pattern(stream)

        def fetch() -> Reading[Resolution]:
            found = self._reader.fields(pattern, stream, timeout_seconds=RANGE_SECONDS)
            return fresh(found, source=Source.ELASTICSEARCH, as_of=self._clock(), query=text)

        text = f"GET {pattern}/_field_caps"
        return SourceCall(
            source=Source.ELASTICSEARCH,
            key=("fields", pattern, stream),
            family="fields",
            text=text,
            ttl_seconds=LONGEST_STEP_SECONDS,
            timeout_seconds=RANGE_SECONDS,
            fetch=fetch,
        )

    def _ttl_seconds(self, request: LogRequest) -> float:
        if isinstance(request, MoreLogs | LogDocument):
            return UNCHANGING_SECONDS
        if isinstance(request, Logs) and request.kept_seconds:
            return request.kept_seconds
        step_seconds = request.step_seconds if isinstance(request, Logs) else 1
        return ttl_seconds(self._environment.refresh_seconds, min(step_seconds, LONGEST_STEP_SECONDS))

    def pattern(self, stream: Stream) -> str:
        """The index pattern of a stream."""
        if stream == "audit":
            return self._environment.audit_streams
        named: str = getattr(self._environment.elasticsearch, stream)
        return named

    def _entries(self, request: LogRequest) -> Hashable:
        """Equal for requests that ask for the same entries."""
        match request:
            case Logs():
                grid = Grid.of(request.start, request.end, request.step_seconds)
                return (search.shape(request), grid.family(self._clock()))
            case LogPatterns():
                return ("patterns", request.sample, self._entries(request.logs))
            case MoreLogs():
                # The window stays as it was when the first page was shown.
                return ("more", request.cursor, search.shape(request.logs), request.logs.start, request.logs.end)
            case LogContext():
                filters = tuple(sorted(request.filters.items()))
                size = (request.before, request.after)
                return ("context", request.namespace, request.document, filters, size, request.tracks)
            case LogDocument():
                return ("document", request.namespace, request.document, request.tracks)
            case _:
                assert_never(request)


def refused_call(
    wanted: tuple[Right, ...], kubernetes: Kubernetes, *, clock: Callable[[], datetime], ttl_seconds: float
) -> SourceCall:
    """Which of these the cluster does not permit, by one access review each."""
    text = f"{len(wanted)} access reviews"

    def fetch() -> Reading[tuple[Right, ...]]:
        refused = (one for one in wanted if not kubernetes.may(*astuple(one)))
        return fresh(tuple(refused), source=Source.KUBERNETES, as_of=clock(), query=text)

    return SourceCall(
        source=Source.KUBERNETES,
        key=("refused", wanted),
        family="refused",
        text=text,
        ttl_seconds=ttl_seconds,
        timeout_seconds=2 * RANGE_SECONDS,
        fetch=fetch,
    )


def pod_log_call(
    request: PodLog, kubernetes: Kubernetes, *, clock: Callable[[], datetime], ttl_seconds: float
) -> SourceCall:
    """The last lines of one container, or of its previous run."""
    text = f"log of {request.namespace}/{request.pod}/{request.container}"

    def fetch() -> Reading[str]:
        lines = kubernetes.pod_log(
            request.namespace,
            request.pod,
            request.container,
            tail_lines=request.tail_lines,
            previous=request.previous,
            timeout_seconds=RANGE_SECONDS,
        )
        return fresh(lines, source=Source.KUBERNETES, as_of=clock(), query=text)

    return SourceCall(
        source=Source.KUBERNETES,
        key=request,
        family="pod log",
        text=text,
        ttl_seconds=ttl_seconds,
        timeout_seconds=RANGE_SECONDS,
        fetch=fetch,
    )
