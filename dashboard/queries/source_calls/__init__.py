"""A request as it goes to its source: under which key it is shared, for how long, and how the answer becomes a reading.

Connectors answer with their own types and errors; the errors pass through here untouched, for `ask.py` to catch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import assert_never

from dashboard.model.blue_green import BlueGreen
from dashboard.queries.fit import Right
from dashboard.queries.request import (
    AlertGroups,
    Alerting,
    Alerts,
    Instant,
    LogContext,
    LogDocument,
    LogPatterns,
    LogRequest,
    Logs,
    MoreLogs,
    PodLog,
    Range,
    Routes,
    Silences,
    Stream,
    in_words_of,
)
from dashboard.queries.source_calls.alerts import alerting_call
from dashboard.queries.source_calls.call import NAMES_SECONDS, SourceCall, Sources, ttl_seconds
from dashboard.queries.source_calls.logs import LogCalls, pod_log_call, refused_call
from dashboard.queries.source_calls.metrics import MetricCalls
from dashboard.queries.source_calls.telemetry import TelemetryCalls
from dashboard.queries.source_calls.told import ToldCalls
from dashboard.settings import EnvironmentSettings

__all__ = ["SourceCall", "SourceCalls", "SourceRequest", "Sources"]

SourceRequest = Instant | Range | Alerting | LogRequest | PodLog


class SourceCalls:
    """Turns requests into questions to the sources of one environment.

    Attributes:
        telemetry: questions about which metrics there are.
        told: questions about how bad events are told from the others.
    """

    def __init__(self, environment: EnvironmentSettings, sources: Sources, clock: Callable[[], datetime]) -> None:
        self._sources = sources
        self._clock = clock
        self._tracks = environment.blue_green.known
        self._own_labels = environment.alert_labels
        self._ttl_seconds = ttl_seconds(environment.refresh_seconds)
        self._metrics = MetricCalls(environment, sources.prometheus, clock)
        self._logs = LogCalls(environment, sources.elasticsearch, clock)
        self.telemetry = TelemetryCalls(sources.prometheus, environment.mapping, clock)
        self.told = ToldCalls(sources.prometheus, clock, self._ttl_seconds)

    def fields(self, stream: Stream) -> SourceCall:
        """Which fields the documents of a stream have."""
        return self._logs.fields(stream)

    def pattern(self, stream: Stream) -> str:
        """The index pattern of a stream."""
        return self._logs.pattern(stream)

    def refused(self, wanted: tuple[Right, ...]) -> SourceCall:
        """Which of these the cluster does not permit."""
        kubernetes = self._sources.kubernetes
        return refused_call(wanted, kubernetes, clock=self._clock, ttl_seconds=NAMES_SECONDS)

    def of(
        self,
        request: SourceRequest,
        names: Collection[str] = (),
        tracks: BlueGreen | None = None,
        units: Mapping[str, str] | None = None,
    ) -> SourceCall:
        """The question for `request`.

        Args:
            names: the metrics that Prometheus has, where that is known.
            tracks: what tracks are called in the request's namespace; None: as the settings say.
            units: by concept, the unit of metrics that neither the settings nor their names say.

        Raises:
            KeyError, ValueError: the request cannot be asked: a value is missing or does not fit its place.
            NotMeasuredError: the settings say that nothing here carries what is asked for.
            UnitNotKnownError: it asks for values in a unit that nothing tells.
        """
        tracks = tracks or self._tracks
        match request:
            case Instant():
                return self._metrics.instant(request, names, tracks, units or {})
            case Range():
                return self._metrics.range(request, names, tracks, units or {})
            case Alerts() | AlertGroups() | Silences() | Routes():
                alertmanager = self._sources.alertmanager
                return alerting_call(
                    request,
                    alertmanager,
                    own_labels=self._own_labels,
                    clock=self._clock,
                    ttl_seconds=self._ttl_seconds,
                )
            case Logs() | MoreLogs() | LogContext() | LogDocument() | LogPatterns():
                return self._logs.of(in_words_of(request, tracks))
            case PodLog():
                kubernetes = self._sources.kubernetes
                return pod_log_call(request, kubernetes, clock=self._clock, ttl_seconds=self._ttl_seconds)
            case _:
                assert_never(request)
