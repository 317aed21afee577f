"""The only way from a page's questions to the sources: every answer comes back as a reading.

A question is turned into a call to a source, or is answered from copies of the cluster's objects
(`cluster_copies.py`). Calls are checked (`call_checks.py`) and sent (`dispatch.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from dashboard import connections
from dashboard.catalog.translation import NotMeasuredError, UnitNotKnownError
from dashboard.decide.blue_green import TRACK_OBJECTS, with_seen
from dashboard.decide.measured_as import unsaid_units
from dashboard.decide.own_series import within
from dashboard.model.bad_events import BadEvents, SeenEvents
from dashboard.model.blue_green import BlueGreen
from dashboard.model.health import SourceHealth
from dashboard.model.metric_units import UNIT_NOT_KNOWN
from dashboard.model.reading import Reading, Source, missing, unmeasured
from dashboard.model.release import Track
from dashboard.model.telemetry import MetricFacts, Telemetry
from dashboard.queries.breaker import utc_now
from dashboard.queries.cache import AnyReading
from dashboard.queries.call_checks import NAMES_PATIENCE_SECONDS, CallChecks
from dashboard.queries.cluster_copies import ClusterCopies
from dashboard.queries.dispatch import Awaiting, Dispatcher, at_once
from dashboard.queries.fit import LogCheck, Right, log_check
from dashboard.queries.readings import Readings
from dashboard.queries.request import (
    AlertGroups,
    Alerting,
    Alerts,
    Instant,
    Logs,
    Objects,
    PodLog,
    Range,
    Request,
    Routes,
    Silences,
    Stream,
    namespace_of,
    track_of,
)
from dashboard.queries.source_calls import SourceCall, SourceCalls, Sources
from dashboard.queries.source_calls.alerts import ALERTING
from dashboard.queries.source_calls.call import INSTANT_SECONDS, LONG
from dashboard.settings import EnvironmentSettings

__all__ = [
    "AlertGroups",
    "Alerts",
    "Ask",
    "Instant",
    "Logs",
    "Objects",
    "PodLog",
    "Range",
    "Readings",
    "Request",
    "Routes",
    "Silences",
    "build_ask",
]


class Ask:
    """Answers questions about one environment. Safe for threads; one for all viewers.

    Args:
        clock: the time of the readings.
        seconds: counts seconds for the cache and never goes back.
    """

    def __init__(
        self,
        environment: EnvironmentSettings,
        sources: Sources,
        *,
        clock: Callable[[], datetime] = utc_now,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.environment = environment
        self._sources = sources
        self._clock = clock
        self._calls = SourceCalls(environment, sources, clock)
        probes = _probes(environment, sources)
        self._dispatcher = Dispatcher(environment.name, sources, probes, clock=clock, seconds=seconds)
        self._copies = ClusterCopies(sources.kubernetes, self._dispatcher, clock=clock, seconds=seconds)
        self._checks = CallChecks(environment, self._calls, self._dispatcher)

    def gather(self, requests: Mapping[str, Request]) -> Readings:
        """All answers, asked in parallel. Takes at most the longest timeout among them, however a source fails.

        Raises:
            KeyError, ValueError: a request cannot be asked; a bug in the program, never a fault of a source.
        """
        began = time.monotonic()
        names = self._names_for(requests.values())
        tracks = self._tracks_of(requests.values())
        facts = self._facts_for(requests.values())
        calls = {key: self._call(request, names, tracks, facts) for key, request in requests.items()}
        present = self._checks.present(call for call in calls.values() if isinstance(call, SourceCall))
        waiting = {key: call if callable(call) else self._checks.begin(call, present) for key, call in calls.items()}
        return Readings(requests, {key: finish(time.monotonic() - began) for key, finish in waiting.items()})

    def health(self) -> tuple[SourceHealth, ...]:
        """The health of each source; see `Dispatcher.health`."""
        return self._dispatcher.health()

    @property
    def is_well(self) -> bool:
        """Whether every source answers and has our clock, as far as is known without asking."""
        return self._dispatcher.is_well

    def alerts_changed(self) -> None:
        """Somebody acknowledged or silenced something: what Alertmanager said of that before is no longer shown."""
        for family in ALERTING:
            self._dispatcher.outdate(family)

    def close(self) -> None:
        """Ends the background work."""
        self._copies.close()
        self._dispatcher.close()

    def metric_names(self, *, patience_seconds: float = INSTANT_SECONDS) -> Reading[frozenset[str]]:
        """The names of the metrics of ours that Prometheus has had in the last hour, as of some minutes ago."""
        return self._dispatcher.begin(self._calls.telemetry.names())(INSTANT_SECONDS - patience_seconds)

    def telemetry(self) -> Reading[Telemetry]:
        """Which metrics Prometheus has and had, with labels: for the check whether they fit. Takes seconds."""
        found = self._dispatcher.begin(self._calls.telemetry.with_labels())(0.0)
        return found.map(lambda telemetry: within(telemetry, self.environment.namespaces))

    def seen_events(self, several: Iterable[BadEvents]) -> tuple[Reading[SeenEvents], ...]:
        """How the series of the last day say that their events ended, for each; empty where there are no series."""
        began = time.monotonic()
        looks = [self._checks.begin_seen(told, None, LONG.total_seconds()) for told in several]
        return tuple(_seen_events(*look(time.monotonic() - began)) for look in looks)

    def log_check(self, stream: Stream) -> Reading[LogCheck]:
        """What the index pattern of a stream matches and lacks."""
        pattern = self._calls.pattern(stream)
        found = self._dispatcher.begin(self._calls.fields(stream))(0.0)
        return found.map(lambda fields: log_check(stream, pattern, fields))

    def refused(self, wanted: tuple[Right, ...]) -> Reading[tuple[Right, ...]]:
        """Which of these the cluster does not permit. Takes seconds."""
        return self._dispatcher.begin(self._calls.refused(wanted))(0.0)

    def retention(self) -> Reading[str]:
        """How long Prometheus keeps samples, in its own words; "" where it does not say."""
        return self._dispatcher.begin(self._calls.telemetry.retention())(0.0)

    def _names_for(self, requests: Iterable[Request]) -> Collection[str]:
        """The metrics that Prometheus has, if that matters to one of the requests; empty while it is not known."""
        matters = any(
            isinstance(r, Instant | Range) and (r.expression.aliases or r.expression.recorded) for r in requests
        )
        return self.metric_names(patience_seconds=NAMES_PATIENCE_SECONDS).value or () if matters else ()

    def _facts_for(self, requests: Iterable[Request]) -> MetricFacts:
        """What is known of the metrics that settings and presets name; without it no unit is known that they lack."""
        mapping = self.environment.mapping
        if not mapping.metrics or not any(isinstance(one, Instant | Range) for one in requests):
            return MetricFacts()
        known = self._dispatcher.begin(self._calls.telemetry.facts())(INSTANT_SECONDS - NAMES_PATIENCE_SECONDS).value
        unknown = {concept.key: UNIT_NOT_KNOWN for concept, _ in unsaid_units(mapping)}
        return known or MetricFacts(units=unknown)

    def _tracks_of(self, requests: Iterable[Request]) -> Mapping[str, BlueGreen]:
        """What tracks are called in each namespace, where the settings leave it to the values that are seen."""
        known = self.environment.blue_green.known
        if known.is_fixed:
            return {}
        speaking = {namespace_of(one) for one in requests if not isinstance(one, Alerting | Objects | PodLog)}
        began = time.monotonic()
        return {
            namespace: self._seen(known, namespace, began)
            for namespace in sorted(speaking & set(self.environment.namespaces), key=str)
            if namespace
        }

    def _seen(self, known: BlueGreen, namespace: str, began: float) -> BlueGreen:
        waiting = {kind: self._copies.begin(Objects(kind, namespace)) for kind in TRACK_OBJECTS}
        return with_seen(known, *(finish(time.monotonic() - began).value or () for finish in waiting.values()))

    def _call(
        self, request: Request, names: Collection[str], tracks: Mapping[str, BlueGreen], facts: MetricFacts
    ) -> SourceCall | Awaiting:
        """The call to the source, or a function that waits for an answer already known or requested."""
        namespace = namespace_of(request)
        if namespace is not None and namespace not in self.environment.namespaces:
            # Each namespace costs watches and cache entries, and may be another team's.
            raise ValueError(f"the settings of {self.environment.name} do not list the namespace {namespace!r}")
        if isinstance(request, Objects):
            return self._copies.begin(request)
        spoken = tracks.get(namespace or "")
        if spoken is not None and track_of(request) in tuple(Track) and not spoken.values(Track(track_of(request))):
            why = f"no governed Service shows which value of {spoken.track_label} is {track_of(request)}"
            return at_once(missing(why, source=Source.KUBERNETES))
        try:
            call = self._calls.of(request, names, spoken, facts.units)
        except NotMeasuredError as error:
            return at_once(unmeasured(str(error), source=Source.PROMETHEUS))
        except UnitNotKnownError as error:
            return at_once(missing(str(error), source=Source.PROMETHEUS))
        unfit = next((facts.unfit[name] for name, _ in call.series if name in facts.unfit), "")
        return at_once(missing(unfit, source=Source.PROMETHEUS, query=call.text)) if unfit else call


def build_ask(environment: EnvironmentSettings) -> Ask:
    """The sources of `environment`, wired; one per environment and process. Asks nothing yet."""
    return Ask(
        environment,
        Sources(
            prometheus=connections.prometheus(environment.prometheus),
            alertmanager=connections.alertmanager(environment.alertmanager),
            elasticsearch=connections.elasticsearch(environment.elasticsearch),
            kubernetes=connections.kubernetes(environment.kubernetes),
        ),
    )


def _probes(environment: EnvironmentSettings, sources: Sources) -> dict[Source, Callable[[], str]]:
    """How each source that the settings name is asked for its version. The cluster needs no address: it may be ours."""
    probes: dict[Source, Callable[[], str]] = {Source.KUBERNETES: sources.kubernetes.version}
    if environment.prometheus.url:
        probes[Source.PROMETHEUS] = sources.prometheus.version
    if environment.alertmanager.url:
        probes[Source.ALERTMANAGER] = sources.alertmanager.version
    if environment.elasticsearch.url:
        probes[Source.ELASTICSEARCH] = sources.elasticsearch.version
    return probes


def _seen_events(rows: AnyReading, before: AnyReading) -> Reading[SeenEvents]:
    if before.value is None and rows.value is not None:
        return before.map(lambda _: SeenEvents(rows=()))
    return rows.map(lambda found: SeenEvents(rows=found, failed_before=before.value or frozenset()))
