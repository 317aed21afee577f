"""Questions about how bad events are told from the others: which words and labels their series have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from connectors.prometheus import Prometheus
from dashboard.model.bad_events import BadEvents
from dashboard.model.reading import Reading, Source, fresh
from dashboard.model.series import Sample
from dashboard.queries import presence
from dashboard.queries.source_calls.call import INSTANT_SECONDS, UNCHANGING_SECONDS, SourceCall, answered, names_call
from dashboard.queries.source_calls.metrics import finite


class ToldCalls:
    """Questions about the words of outcomes in one Prometheus."""

    def __init__(self, prometheus: Prometheus, clock: Callable[[], datetime], ttl_seconds: float) -> None:
        self._prometheus = prometheus
        self._clock = clock
        self._ttl_seconds = ttl_seconds

    def seen(self, told: BadEvents, at: datetime | None) -> SourceCall:
        """The series of an hour, by all labels that may tell how events ended; `at` None is the last hour."""

        def fetch() -> Reading[tuple[Sample, ...]]:
            answer = self._prometheus.instant(told.lookup, at=at, timeout_seconds=INSTANT_SECONDS)
            rows = tuple(Sample(labels=point.labels, value=finite(point.value)) for point in answer.points)
            return answered(rows, Source.PROMETHEUS, self._clock(), told.lookup, answer.warnings, "no such series")

        ttl = self._ttl_seconds if at is None else UNCHANGING_SECONDS
        return names_call(("seen", told.lookup, at), "seen", told.lookup, fetch, ttl_seconds=ttl)

    def failed_before(self, told: BadEvents) -> SourceCall:
        """The services that have had bad events since `presence.EVER`. The first one of all shows in `seen`."""

        def fetch() -> Reading[frozenset[str]]:
            end = self._clock()
            values = self._prometheus.label_values(
                told.service_label or "__name__",
                told.retained,
                start=int((end - presence.EVER).timestamp()),
                end=int(end.timestamp()),
                timeout_seconds=INSTANT_SECONDS,
            )
            found = presence.services_of(told, values)
            return fresh(found, source=Source.PROMETHEUS, as_of=end, query=told.retained)

        key = ("failed before", told.service_label, told.retained)
        return names_call(key, "failed before", told.retained, fetch)
