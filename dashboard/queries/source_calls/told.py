"""Questions about how bad events are told from the others: which words and labels their series have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from connectors.prometheus import Prometheus
from dashboard.catalog.bad_events import looked_over
from dashboard.model.bad_events import BadEvents
from dashboard.model.reading import Reading, Source, fresh
from dashboard.model.series import Sample
from dashboard.queries import presence
from dashboard.queries.source_calls.call import (
    INSTANT_SECONDS,
    LONG,
    NOTHING_NOW,
    RANGE_SECONDS,
    UNCHANGING_SECONDS,
    SourceCall,
    answered,
    names_call,
)
from dashboard.queries.source_calls.metrics import finite


class ToldCalls:
    """Questions about the words of outcomes in one Prometheus."""

    def __init__(self, prometheus: Prometheus, clock: Callable[[], datetime], ttl_seconds: float) -> None:
        self._prometheus = prometheus
        self._clock = clock
        self._ttl_seconds = ttl_seconds

    def seen(self, told: BadEvents, at: datetime | None, over_seconds: float = 0.0) -> SourceCall:
        """The series of a period, by all labels that may tell how events ended.

        Args:
            at: the end of the period; None is now.
            over_seconds: how long it is at least; an hour if that is longer.
        """
        query = looked_over(told, over_seconds)
        is_long = query != told.lookup
        timeout_seconds = RANGE_SECONDS if is_long else INSTANT_SECONDS

        def fetch() -> Reading[tuple[Sample, ...]]:
            answer = self._prometheus.instant(query, at=at, timeout_seconds=timeout_seconds)
            rows = tuple(Sample(labels=point.labels, value=finite(point.value)) for point in answer.points)
            return answered(rows, Source.PROMETHEUS, self._clock(), query, answer.warnings, NOTHING_NOW)

        return names_call(
            ("seen", query, at),
            "seen",
            query,
            fetch,
            ttl_seconds=self._ttl_seconds if at is None and not is_long else UNCHANGING_SECONDS,
            timeout_seconds=timeout_seconds,
            is_long=over_seconds > LONG.total_seconds(),
        )

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
