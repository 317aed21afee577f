"""Questions about which metrics Prometheus has, as opposed to what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from connectors.errors import NotFound, Rejected, TimedOut
from connectors.prometheus import Prometheus
from dashboard.catalog.selectors import OURS, falls, latest, of_metric
from dashboard.decide import measured_as
from dashboard.decide.own_series import namespaces_of
from dashboard.model.concepts import Concept
from dashboard.model.mapping import Mapping as NameMapping
from dashboard.model.mapping import MetricNames
from dashboard.model.reading import Reading, Source, fresh
from dashboard.model.telemetry import Described, MetricFacts, Telemetry
from dashboard.queries import doctor
from dashboard.queries.presence import EVER, declared
from dashboard.queries.source_calls.call import INSTANT_SECONDS, RANGE_SECONDS, SourceCall, names_call

NAMES_OVER = timedelta(hours=1)
# So many series of a metric show which labels it has.
_MOST_LABEL_SETS = 200


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
            return fresh(self._had(OURS, NAMES_OVER, end), source=Source.PROMETHEUS, as_of=end, query=text)

        text = f"values of __name__ over {OURS}"
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

    def facts(self) -> SourceCall:
        """Whether the metrics that settings and presets name count what they should, and in which unit they are.

        Asks once, once more for counts of which no target says that they are counters, and once for each duration whose
        unit nothing else tells.
        """

        def fetch() -> Reading[MetricFacts]:
            end = self._clock()
            return fresh(self._facts(end), source=Source.PROMETHEUS, as_of=end, query=text)

        text = "GET /api/v1/metadata, and bounds of histograms whose unit nothing tells"
        return names_call("facts", "facts", text, fetch)

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

    def _facts(self, end: datetime) -> MetricFacts:
        described = self._described()
        units = {
            concept.key: measured_as.unit(
                concept,
                metric,
                measured_as.declared_as(metric.series or metric.total, described),
                self._evidence(concept, metric, end),
            )
            for concept, metric in measured_as.unsaid_units(self._mapping)
        }
        fallen = self._falls(measured_as.undeclared(self._mapping, described))
        unfit = {**measured_as.moving(self._mapping, fallen), **measured_as.unfit(self._mapping, described)}
        return MetricFacts(unfit=unfit, units=units)

    def _falls(self, names: Iterable[str]) -> Mapping[str, float]:
        """How often the value of each metric fell lately as no counter's does; nothing of one that did not fall."""
        wanted = tuple(names)
        if not wanted:
            return {}
        try:
            found = self._prometheus.instant(falls(wanted), at=None, timeout_seconds=INSTANT_SECONDS)
        except (TimedOut, Rejected):  # too much to look at: then names have to be believed, as before this look
            return {}
        return {point.labels.get("metric", ""): point.value for point in found.points if point.value is not None}

    def _described(self) -> Mapping[str, Described]:
        """What targets declare of each metric, where all of them declare the same."""
        try:
            found = self._prometheus.metadata(timeout_seconds=INSTANT_SECONDS)
        except (NotFound, Rejected):  # a backend that speaks PromQL and knows no metadata
            return {}
        return {
            name: Described(
                kind=_one_of(each.kind for each in told),
                unit=_one_of(each.unit for each in told),
                about=_one_of(each.about for each in told),
            )
            for name, told in found.items()
        }

    def _evidence(self, concept: Concept, metric: MetricNames, end: datetime) -> tuple[float, ...]:
        """The numbers that show a unit: of a histogram its bounds, of a time of day the latest one."""
        if concept.is_time:
            found = self._prometheus.instant(latest(metric.series), at=None, timeout_seconds=INSTANT_SECONDS)
            return tuple(point.value for point in found.points if point.value is not None)
        if not concept.is_histogram or not metric.series:
            return ()
        start = int((end - NAMES_OVER).timestamp())
        selector = of_metric(metric.name("_bucket"))
        return measured_as.bounds(
            self._prometheus.label_values(
                "le", selector, start=start, end=int(end.timestamp()), timeout_seconds=INSTANT_SECONDS
            )
        )

    def _telemetry(self, end: datetime) -> Telemetry:
        now, hour, ever = (int((end - ago).timestamp()) for ago in (timedelta(0), NAMES_OVER, EVER))
        recent = self._prometheus.label_values("__name__", start=hour, end=now, timeout_seconds=RANGE_SECONDS)
        past = self._prometheus.label_values("__name__", start=ever, end=now, timeout_seconds=RANGE_SECONDS)
        wanted = sorted((doctor.candidates() | doctor.carriers(self._mapping)) & set(recent))
        labels: dict[str, list[Mapping[str, str]]] = {}
        seen: dict[str, set[str]] = {}
        for one in self._series(wanted, start=hour, end=now):
            kept = labels.setdefault(one["__name__"], [])
            new = namespaces_of(one) - seen.setdefault(one["__name__"], set())
            if len(kept) < _MOST_LABEL_SETS or new:  # however many series the others have, ours are seen
                kept.append(one)
                seen[one["__name__"]] |= new
        return Telemetry(
            recent=frozenset(recent),
            ever=frozenset(past),
            labels={name: tuple(sets) for name, sets in labels.items()},
            facts=self._facts(end),
        )

    def _series(self, names: list[str], *, start: int, end: int) -> tuple[Mapping[str, str], ...]:
        if not names:  # without a selector Prometheus refuses
            return ()
        return tuple(
            self._prometheus.series(*map(of_metric, names), start=start, end=end, timeout_seconds=RANGE_SECONDS)
        )


def _one_of(words: Iterable[str]) -> str:
    """The word, where all are the same; "" else."""
    found = set(words)
    return found.pop() if len(found) == 1 else ""
