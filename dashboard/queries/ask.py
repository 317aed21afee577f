"""The only way from a page's questions to the sources: every answer comes back as a reading.

This is the only place that catches a source's errors. A question passes, in this order, the cache that all viewers
share, the breaker of its source, the source's bulkhead of threads, and the timing of the call.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime
from typing import Any

from prometheus_client import Histogram

from connectors.clock import SourceClock
from connectors.errors import SourceError
from connectors.kubernetes import KINDS
from dashboard import connections
from dashboard.catalog.translation import NotMeasuredError, UnitNotKnownError
from dashboard.decide.bad_events import by_place, doubts
from dashboard.decide.blue_green import TRACK_OBJECTS, with_seen
from dashboard.decide.measured_as import unsaid_units
from dashboard.model.bad_events import BadEvents, Place, SeenEvents
from dashboard.model.blue_green import BlueGreen
from dashboard.model.health import SourceHealth, clock_is_off, clock_words
from dashboard.model.mapping import UNIT_NOT_KNOWN
from dashboard.model.reading import Reading, Source, State, Unit, missing, unmeasured
from dashboard.model.release import Track
from dashboard.model.telemetry import MetricFacts, Telemetry
from dashboard.model.written import number
from dashboard.queries.believed import doubted
from dashboard.queries.breaker import Breaker, unreadable, utc_now
from dashboard.queries.cache import AnyReading, Cache, Ticket, aged
from dashboard.queries.fit import LogCheck, Right, log_check
from dashboard.queries.informer import Informer
from dashboard.queries.presence import lacking
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
from dashboard.queries.selector import matcher
from dashboard.queries.source_calls import SourceCall, SourceCalls, Sources
from dashboard.queries.source_calls.alerts import ALERTING
from dashboard.queries.source_calls.call import INSTANT_SECONDS, LONG, NAMES_SECONDS
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

# Threads per source and environment: the bound on concurrent questions. A slow source fills only its own bulkhead,
# never another environment's. Long ranges have a separate one, so that they never delay questions about the present.
BULKHEADS = {Source.PROMETHEUS: 6, Source.ELASTICSEARCH: 4, Source.KUBERNETES: 3, Source.ALERTMANAGER: 2}
LONG_BULKHEADS = {Source.PROMETHEUS: 4, Source.ELASTICSEARCH: 2}
# How long to wait for a new answer before the last one is shown instead.
GRACE_SECONDS = 0.08
# The names of metrics are asked before the questions that depend on them; the answer is cached for minutes.
NAMES_PATIENCE_SECONDS = 0.5
# A metric that was missing may exist by now, so its absence is cached for seconds only.
NEW_NAMES_SECONDS = 5.0
# On top of the connector's own timeout, for the hand-over between threads.
MARGIN_SECONDS = 0.2

log = logging.getLogger(__name__)
_duration = Histogram(
    "agentgov_dashboard_query_duration_seconds",
    "Time that a source took to answer a question of the deck",
    ["source", "outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0),
)


# Waits for an answer, given the seconds that have passed since it was asked for.
Awaiting = Callable[[float], AnyReading]


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
        self._words = environment.words.tables()
        self._sources = sources
        self._clock = clock
        self._seconds = seconds
        self._calls = SourceCalls(environment, sources, clock)
        self._cache = Cache(seconds)
        self._clocks: Mapping[Source, SourceClock] = {
            Source.PROMETHEUS: sources.prometheus.clock,
            Source.ALERTMANAGER: sources.alertmanager.clock,
            Source.ELASTICSEARCH: sources.elasticsearch.clock,
            Source.KUBERNETES: sources.kubernetes.clock,
        }
        self._bulkheads = {
            source: ThreadPoolExecutor(width, thread_name_prefix=f"ask-{environment.name}-{source}")
            for source, width in BULKHEADS.items()
        }
        self._long_bulkheads = {
            source: ThreadPoolExecutor(width, thread_name_prefix=f"ask-{environment.name}-{source}-long")
            for source, width in LONG_BULKHEADS.items()
        }
        # Heartbeats have their own threads: they tell whether a source that delays questions is dead.
        self._heartbeats = ThreadPoolExecutor(len(Source), thread_name_prefix=f"heartbeat-{environment.name}")
        self._told: set[tuple[Source, str]] = set()
        self._breakers = {
            source: Breaker(source, probe, clock=clock) for source, probe in _probes(environment, sources).items()
        }
        self._informers: dict[tuple[str, str | None], Informer] = {}
        self._starting = threading.Lock()

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
        present = self._present(call for call in calls.values() if isinstance(call, SourceCall))
        waiting = {key: call if callable(call) else self._begin_believed(call, present) for key, call in calls.items()}
        return Readings(requests, {key: finish(time.monotonic() - began) for key, finish in waiting.items()})

    def health(self) -> tuple[SourceHealth, ...]:
        """The health of each source. A source that was never asked is asked now, for up to 2 s.

        A source that was not asked for a while gets a heartbeat in the background, so that its death is noticed even if
        no page needs it.
        """
        never = [breaker for breaker in self._breakers.values() if breaker.health().reachable is None]
        others = [breaker for breaker in self._breakers.values() if breaker not in never]
        wait([self._heartbeats.submit(b.probe) for b in never], timeout=INSTANT_SECONDS + MARGIN_SECONDS)
        for breaker in others:
            if breaker.heartbeat_is_due() or (breaker.health().reachable and not breaker.versioned):
                self._heartbeats.submit(breaker.probe)
        return tuple(map(self._known_of, Source))

    @property
    def is_well(self) -> bool:
        """Whether every source answers and has our clock, as far as is known without asking."""
        return all(self._known_of(source).is_well for source in self._breakers)

    def _known_of(self, source: Source) -> SourceHealth:
        if source not in self._breakers:
            return _not_set(source)
        known = self._breakers[source].health()
        return replace(known, clock_ahead_seconds=self._clocks[source].ahead_seconds)

    def alerts_changed(self) -> None:
        """Somebody acknowledged or silenced something: what Alertmanager said of that before is no longer shown."""
        for family in ALERTING:
            self._cache.outdate(family)

    def close(self) -> None:
        """Ends the background work."""
        for informer in self._informers.values():
            informer.close()
        for breaker in self._breakers.values():
            breaker.close()
        for threads in (*self._bulkheads.values(), *self._long_bulkheads.values(), self._heartbeats):
            threads.shutdown(wait=False, cancel_futures=True)

    def metric_names(self, *, patience_seconds: float = INSTANT_SECONDS) -> Reading[frozenset[str]]:
        """The names of the metrics of ours that Prometheus has had in the last hour, as of some minutes ago."""
        return self._begin_call(self._calls.telemetry.names())(INSTANT_SECONDS - patience_seconds)

    def telemetry(self) -> Reading[Telemetry]:
        """Which metrics Prometheus has and had, with labels: for the check whether they fit. Takes seconds."""
        return self._begin_call(self._calls.telemetry.with_labels())(0.0)

    def seen_events(self, several: Iterable[BadEvents]) -> tuple[Reading[SeenEvents], ...]:
        """How the series of the last day say that their events ended, for each; empty where there are no series."""
        began = time.monotonic()
        looks = [self._begin_seen(told, None, LONG.total_seconds()) for told in several]
        return tuple(_seen_events(*look(time.monotonic() - began)) for look in looks)

    def log_check(self, stream: Stream) -> Reading[LogCheck]:
        """What the index pattern of a stream matches and lacks."""
        pattern = self._calls.pattern(stream)
        found = self._begin_call(self._calls.fields(stream))(0.0)
        return found.map(lambda fields: log_check(stream, pattern, fields))

    def refused(self, wanted: tuple[Right, ...]) -> Reading[tuple[Right, ...]]:
        """Which of these the cluster does not permit. Takes seconds."""
        return self._begin_call(self._calls.refused(wanted))(0.0)

    def retention(self) -> Reading[str]:
        """How long Prometheus keeps samples, in its own words; "" where it does not say."""
        return self._begin_call(self._calls.telemetry.retention())(0.0)

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
        known = self._begin_call(self._calls.telemetry.facts())(INSTANT_SECONDS - NAMES_PATIENCE_SECONDS).value
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
        waiting = {kind: self._begin_objects(Objects(kind, namespace)) for kind in TRACK_OBJECTS}
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
            return self._begin_objects(request)
        spoken = tracks.get(namespace or "")
        if spoken is not None and track_of(request) in tuple(Track) and not spoken.values(Track(track_of(request))):
            why = f"no governed Service shows which value of {spoken.track_label} is {track_of(request)}"
            return _at_once(missing(why, source=Source.KUBERNETES))
        try:
            call = self._calls.of(request, names, spoken, facts.units)
        except NotMeasuredError as error:
            return _at_once(unmeasured(str(error), source=Source.PROMETHEUS))
        except UnitNotKnownError as error:
            return _at_once(missing(str(error), source=Source.PROMETHEUS))
        unfit = next((facts.unfit[name] for name, _ in call.series if name in facts.unfit), "")
        return _at_once(missing(unfit, source=Source.PROMETHEUS, query=call.text)) if unfit else call

    def _present(self, calls: Iterable[SourceCall]) -> Mapping[str, frozenset[str] | None]:
        """The metrics that there have been, for each selector of namespace and service that the calls read.

        Where metrics are missing, the question is repeated soon: they may exist by now.
        """
        return self._present_of([call.series for call in calls])

    def _present_of(self, asked: Collection[tuple[tuple[str, str], ...]]) -> Mapping[str, frozenset[str] | None]:
        selectors = {selector for series in asked for _, selector in series if selector}
        present = self._present_within(selectors, NAMES_SECONDS)
        short = {selector for series in asked if lacking(series, present) for _, selector in series if selector}
        return {**present, **self._present_within(short, NEW_NAMES_SECONDS)}

    def _present_within(self, selectors: Iterable[str], ttl_seconds: float) -> dict[str, frozenset[str] | None]:
        calls = {selector: self._calls.telemetry.present(selector) for selector in selectors}
        patience = NAMES_PATIENCE_SECONDS
        begun = {
            selector: self._begin_call(replace(call, ttl_seconds=ttl_seconds, timeout_seconds=patience))
            for selector, call in calls.items()
        }
        return {selector: finish(0.0).value for selector, finish in begun.items()}

    def _begin_believed(self, call: SourceCall, present: Mapping[str, frozenset[str] | None]) -> Awaiting:
        """Sets the call going, and beside it the look at how its bad events are told."""
        answering = self._begin_measured(call, present)
        if not call.bad_events and call.series_of is None:
            return answering
        looks = [(told, self._begin_seen(told, call.told_at, call.told_over_seconds)) for told in call.bad_events]

        def finish(passed: float) -> AnyReading:
            answer = answering(passed)
            if answer.value is None and answer.state is not State.EMPTY:
                return answer
            doubtful = by_place(self._doubts(told, look(passed)) for told, look in looks)
            return doubted(answer, doubtful, self._unmeasured_of(call, answer))

        return finish

    def _begin_seen(
        self, told: BadEvents, at: datetime | None, over_seconds: float
    ) -> Callable[[float], tuple[AnyReading, AnyReading]]:
        rows = self._begin_call(self._calls.told.seen(told, at, over_seconds))
        before = self._begin_call(self._calls.told.failed_before(told))
        return lambda passed: (rows(passed), before(passed))

    def _doubts(self, told: BadEvents, found: tuple[AnyReading, AnyReading]) -> Mapping[Place, str]:
        """Why bad events may be missing, by place; of all places while nobody knows how they are told."""
        rows, before = found
        if rows.state is State.EMPTY:
            return {}
        if rows.value is None or before.value is None:
            silent = rows if rows.value is None else before
            return {("", ""): f"which events of {told.metric} are bad is not known: {silent.reason}"}
        return doubts(told, SeenEvents(rows=rows.value, failed_before=before.value), self._words)

    def _unmeasured_of(self, call: SourceCall, answer: AnyReading) -> Mapping[str, str]:
        """By service of an answer about a whole namespace, what nothing has ever measured of it."""
        if call.series_of is None:
            return {}
        services = {row.labels.get("service_name", "") for row in answer.value or ()} - {""}
        series = {service: call.series_of(service) for service in sorted(services)}
        present = self._present_of(series.values())
        return {service: why for service, asked in series.items() if (why := lacking(asked, present))}

    def _begin_measured(self, call: SourceCall, present: Mapping[str, frozenset[str] | None]) -> Awaiting:
        """Starts the call, unless nothing here has ever measured what it asks for."""
        if reason := lacking(call.series, present):
            named = self.environment.named_metrics & {name for name, _ in call.series}
            if named and lacking(tuple(pair for pair in call.series if pair[0] in named), present):
                # The settings name it, so its absence is a mistake or an outage and holds a release.
                return _at_once(missing(f"the settings name it, but there is {reason}", source=call.source))
            return _at_once(unmeasured(reason, source=call.source, query=call.text))
        return self._begin_call(call)

    def _begin_call(self, call: SourceCall) -> Awaiting:
        breaker = self._breakers.get(call.source)
        if breaker is None:
            return _at_once(missing(_not_set(call.source).reason, source=call.source, query=call.text))
        refusal = breaker.refusal()
        if refusal is not None:
            last_good = self._cache.last_good(call.key)
            return _at_once(aged(last_good, refusal, source=call.source, query=call.text))
        ticket = self._cache.take(
            call.key, ttl_seconds=call.ttl_seconds, start=lambda: self._start(call, breaker), family=call.family
        )
        return lambda passed: self._timed(_redeem(ticket, call, passed))

    def _start(self, call: SourceCall, breaker: Breaker) -> Future[AnyReading]:
        if breaker.heartbeat_is_due():
            self._heartbeats.submit(breaker.probe)  # by the time that the question times out, more is known
        long = self._long_bulkheads.get(call.source) if call.is_long else None
        return (long or self._bulkheads[call.source]).submit(self._fly, call, breaker, time.monotonic())

    def _fly(self, call: SourceCall, breaker: Breaker, asked_at: float) -> AnyReading:
        """Asks the source, within a bulkhead. The one place where a source's error becomes a reading."""
        refusal = breaker.refusal()
        if refusal is not None:  # opened while this waited for its turn
            return aged(self._cache.last_good(call.key), refusal, source=call.source, query=call.text)
        began = time.monotonic()
        if began - asked_at > call.timeout_seconds + MARGIN_SECONDS:
            return self._failed(
                call, "not asked yet: the deck is busy with other questions and asks again soon"
            )  # nobody waits for it any more
        try:
            answer = call.fetch()
        except SourceError as error:
            _measured(call.source, _outcome(error), began)
            breaker.failed(error)
            return self._failed(call, error.detail)
        except Exception as error:  # noqa: BLE001 - one odd answer must cost a page no more than its own figure
            self._tell_once(call, error)
            _measured(call.source, "unreadable", began)
            return self._failed(call, unreadable(error))
        breaker.succeeded(_measured(call.source, answer.state, began))
        return self._cache.put(call.key, self._timed(answer))

    def _failed(self, call: SourceCall, why: str) -> AnyReading:
        return self._cache.put_failure(call.key, f"{call.source}: {why}", source=call.source, query=call.text)

    def _tell_once(self, call: SourceCall, error: Exception) -> None:
        """Logs an error that no connector knows, once of its kind: each refresh meets it again."""
        kind = (call.source, type(error).__name__)
        if kind not in self._told:
            self._told.add(kind)
            log.error("answer_unreadable source=%s query=%s", call.source, call.text[:300], exc_info=error)

    def _begin_objects(self, request: Objects) -> Awaiting:
        if request.kind not in KINDS:
            raise ValueError(f"unknown kind {request.kind!r}: one of {', '.join(KINDS)}")
        chosen = matcher(request.selector)
        informer = self._informer(request.kind, request.namespace)
        breaker = self._breakers[Source.KUBERNETES]
        if breaker.heartbeat_is_due():
            self._heartbeats.submit(breaker.probe)

        def finish(passed: float) -> Reading[tuple[Mapping[str, Any], ...]]:
            found = informer.reading(patience_seconds=INSTANT_SECONDS - passed, refusal=breaker.refusal())
            return self._timed(found.map(lambda objects: tuple(filter(chosen, objects))))

        return finish

    def _timed(self, answer: AnyReading) -> AnyReading:
        """The answer; no better than partial where the source's clock differs from ours."""
        ahead = self._clocks[answer.source].ahead_seconds
        if ahead is None or not clock_is_off(ahead) or answer.state not in (State.FRESH, State.EMPTY):
            return answer
        reason = f"{answer.source}: {clock_words(ahead)}, so its times may be wrong"
        if answer.value is None:  # nothing at another time is not nothing
            return missing(reason, source=answer.source, query=answer.query)
        return replace(answer, state=State.PARTIAL, reason=reason)

    def _informer(self, kind: str, namespace: str | None) -> Informer:
        breaker = self._breakers[Source.KUBERNETES]

        def heard(error: SourceError | None) -> None:
            if error is None:
                breaker.succeeded()
            else:
                breaker.failed(error)

        with self._starting:
            key = (kind, namespace if KINDS[kind].namespaced else None)
            for idle in [other for other, one in self._informers.items() if other != key and one.is_idle]:
                self._informers.pop(idle).close()
            if key not in self._informers:
                self._informers[key] = Informer(
                    self._sources.kubernetes,
                    *key,
                    heard=heard,
                    refusal=breaker.refusal,
                    clock=self._clock,
                    seconds=self._seconds,
                )
            return self._informers[key]


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


def _at_once(reading: AnyReading) -> Awaiting:
    return lambda passed: reading


def _redeem(ticket: Ticket, call: SourceCall, passed: float) -> AnyReading:
    def too_late() -> AnyReading:
        reason = f"{call.source}: no answer within {number(call.timeout_seconds, Unit.SECONDS)}"
        return aged(ticket.last_good, reason, source=call.source, query=call.text)

    return ticket.redeem(
        patience_seconds=max(0.0, call.timeout_seconds + MARGIN_SECONDS - passed),
        grace_seconds=max(0.0, GRACE_SECONDS - passed),
        too_late=too_late,
    )


def _measured(source: Source, outcome: str, began: float) -> float:
    seconds = time.monotonic() - began
    _duration.labels(source, outcome).observe(seconds)
    return seconds


def _outcome(error: SourceError) -> str:
    """`TimedOut` as `timed_out`."""
    name = type(error).__name__
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name).lstrip("_")


def _seen_events(rows: AnyReading, before: AnyReading) -> Reading[SeenEvents]:
    if before.value is None and rows.value is not None:
        return before.map(lambda _: SeenEvents(rows=()))
    return rows.map(lambda found: SeenEvents(rows=found, failed_before=before.value or frozenset()))


def _not_set(source: Source) -> SourceHealth:
    return SourceHealth(source=source, reachable=None, reason=f"the settings name no {source}")
