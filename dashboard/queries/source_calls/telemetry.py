"""Questions about which metrics Prometheus has, as opposed to what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from connectors.errors import NotFound, Rejected
from connectors.prometheus import Prometheus
from dashboard.model.mapping import Mapping as NameMapping
from dashboard.model.reading import Reading, Source, fresh
from dashboard.model.telemetry import Telemetry
from dashboard.queries import doctor
from dashboard.queries.presence import EVER, declared
from dashboard.queries.source_calls.call import INSTANT_SECONDS, RANGE_SECONDS, SourceCall, names_call

NAMES_OVER = timedelta(hours=1)
# So many series of a metric show which labels it has.
_MOST_LABEL_SETS = 200
_OURS = '{__name__=~"gen_ai_.+|agentgov_.+|kube_.+|container_.+|up|.+:.+"}'  # with a colon: recorded by our rules


class TelemetryCalls:
    """Questions about the names of metrics and labels in one Prometheus."""

    def __init__(self, prometheus: Prometheus, mapping: NameMapping, clock: Callable[[], datetime]) -> None:
        self._prometheus = prometheus
        self._mapping = mapping
        self._clock = clock

    def names(self) -> SourceCall:
        """Which metrics of ours Prometheus has had in the last hour."""

        def fetch() -> Reading[frozenset[str]]:
            end = self._clock()
            return fresh(self._had(_OURS, NAMES_OVER, end), source=Source.PROMETHEUS, as_of=end, query=text)

        text = f"values of __name__ over {_OURS}"
        return names_call("names", "names", text, fetch)

    def present(self, selector: str) -> SourceCall:
        """Which metrics have had these labels since `presence.EVER`, or are declared by targets now."""

        def fetch() -> Reading[frozenset[str]]:
            end = self._clock()
            found = self._had(selector, EVER, end) | self._declared(selector)
            return fresh(found, source=Source.PROMETHEUS, as_of=end, query=text)

        text = f"values of __name__ over {selector}, {EVER.days} days"
        return names_call(("present", selector), "present", text, fetch)

    def with_labels(self) -> SourceCall:
        """Which metrics there are and were, and with which labels: for the check whether they fit. Asks three times."""

        def fetch() -> Reading[Telemetry]:
            end = self._clock()
            return fresh(self._telemetry(end), source=Source.PROMETHEUS, as_of=end, query=text)

        text = "names of all metrics, and labels of those that a concept may be read from"
        return names_call("telemetry", "telemetry", text, fetch, timeout_seconds=3 * RANGE_SECONDS, is_long=True)

    def retention(self) -> SourceCall:
        """How long Prometheus keeps samples, in its own words; "" where it does not say."""

        def fetch() -> Reading[str]:
            try:
                found = self._prometheus.retention(timeout_seconds=INSTANT_SECONDS)
            except (NotFound, Rejected):  # a backend that speaks PromQL and has no such page
                found = ""
            return fresh(found, source=Source.PROMETHEUS, as_of=self._clock(), query=text)

        text = "GET /api/v1/status/runtimeinfo"
        return names_call("retention", "retention", text, fetch)

    def _had(self, selector: str, span: timedelta, end: datetime) -> frozenset[str]:
        start = int((end - span).timestamp())
        found = self._prometheus.label_values(
            "__name__", selector, start=start, end=int(end.timestamp()), timeout_seconds=INSTANT_SECONDS
        )
        return frozenset(found)

    def _declared(self, selector: str) -> frozenset[str]:
        try:
            types = self._prometheus.declared(selector, timeout_seconds=INSTANT_SECONDS)
        except (NotFound, Rejected):  # a backend that speaks PromQL and scrapes nothing itself
            return frozenset()
        return declared(types)

    def _telemetry(self, end: datetime) -> Telemetry:
        now, hour, ever = (int((end - ago).timestamp()) for ago in (timedelta(0), NAMES_OVER, EVER))
        recent = self._prometheus.label_values("__name__", start=hour, end=now, timeout_seconds=RANGE_SECONDS)
        past = self._prometheus.label_values("__name__", start=ever, end=now, timeout_seconds=RANGE_SECONDS)
        wanted = sorted((doctor.candidates() | doctor.carriers(self._mapping)) & set(recent))
        labels: dict[str, list[Mapping[str, str]]] = {}
        for one in self._series(wanted, start=hour, end=now):
            kept = labels.setdefault(one["__name__"], [])
            if len(kept) < _MOST_LABEL_SETS:
                kept.append(one)
        return Telemetry(
            recent=frozenset(recent),
            ever=frozenset(past),
            labels={name: tuple(sets) for name, sets in labels.items()},
        )

    def _series(self, names: list[str], *, start: int, end: int) -> tuple[Mapping[str, str], ...]:
        if not names:  # without a selector Prometheus refuses
            return ()
        selectors = [f'{{__name__="{name}"}}' for name in names]
        return tuple(self._prometheus.series(*selectors, start=start, end=end, timeout_seconds=RANGE_SECONDS))
