"""Sends calls to the sources: every answer comes back as a reading, and takes no longer than the call's timeout.

This is the only place that catches a source's errors. A call passes, in this order, the cache that all viewers share,
the breaker of its source, the source's bulkhead of threads, and the timing of the call.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime

from prometheus_client import Histogram

from connectors.clock import SourceClock
from connectors.errors import SourceError
from dashboard.model.health import SourceHealth, clock_is_off, clock_words
from dashboard.model.reading import Source, State, Unit, missing
from dashboard.model.written import number
from dashboard.queries.breaker import Breaker, unreadable
from dashboard.queries.cache import AnyReading, Cache, Ticket, aged
from dashboard.queries.source_calls import SourceCall, Sources
from dashboard.queries.source_calls.call import INSTANT_SECONDS

# Threads per source and environment: the bound on concurrent questions. A slow source fills only its own bulkhead,
# never another environment's. Long ranges have a separate one, so that they never delay questions about the present.
BULKHEADS = {Source.PROMETHEUS: 6, Source.ELASTICSEARCH: 4, Source.KUBERNETES: 3, Source.ALERTMANAGER: 2}
LONG_BULKHEADS = {Source.PROMETHEUS: 4, Source.ELASTICSEARCH: 2}
# How long to wait for a new answer before the last one is shown instead.
GRACE_SECONDS = 0.08
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


class Dispatcher:
    """Sends the calls of one environment. Safe for threads; one for all viewers.

    Args:
        probes: how each source that the settings name is asked whether it lives.
        clock: the time of the readings.
        seconds: counts seconds for the cache and never goes back.
    """

    def __init__(
        self,
        environment: str,
        sources: Sources,
        probes: Mapping[Source, Callable[[], str]],
        *,
        clock: Callable[[], datetime],
        seconds: Callable[[], float],
    ) -> None:
        self._cache = Cache(seconds)
        self._clocks: Mapping[Source, SourceClock] = {
            Source.PROMETHEUS: sources.prometheus.clock,
            Source.ALERTMANAGER: sources.alertmanager.clock,
            Source.ELASTICSEARCH: sources.elasticsearch.clock,
            Source.KUBERNETES: sources.kubernetes.clock,
        }
        self._bulkheads = {
            source: ThreadPoolExecutor(width, thread_name_prefix=f"ask-{environment}-{source}")
            for source, width in BULKHEADS.items()
        }
        self._long_bulkheads = {
            source: ThreadPoolExecutor(width, thread_name_prefix=f"ask-{environment}-{source}-long")
            for source, width in LONG_BULKHEADS.items()
        }
        # Heartbeats have their own threads: they tell whether a source that delays questions is dead.
        self._heartbeats = ThreadPoolExecutor(len(Source), thread_name_prefix=f"heartbeat-{environment}")
        self._told: set[tuple[Source, str]] = set()
        self.breakers = {source: Breaker(source, probe, clock=clock) for source, probe in probes.items()}

    def health(self) -> tuple[SourceHealth, ...]:
        """The health of each source. A source that was never asked is asked now, for up to 2 s.

        A source that was not asked for a while gets a heartbeat in the background, so that its death is noticed even if
        no page needs it.
        """
        never = [breaker for breaker in self.breakers.values() if breaker.health().reachable is None]
        others = [breaker for breaker in self.breakers.values() if breaker not in never]
        wait([self._heartbeats.submit(b.probe) for b in never], timeout=INSTANT_SECONDS + MARGIN_SECONDS)
        for breaker in others:
            if breaker.heartbeat_is_due() or (breaker.health().reachable and not breaker.versioned):
                self._heartbeats.submit(breaker.probe)
        return tuple(map(self._known_of, Source))

    @property
    def is_well(self) -> bool:
        """Whether every source answers and has our clock, as far as is known without asking."""
        return all(self._known_of(source).is_well for source in self.breakers)

    def timed(self, answer: AnyReading) -> AnyReading:
        """The answer; no better than partial where the source's clock differs from ours."""
        ahead = self._clocks[answer.source].ahead_seconds
        if ahead is None or not clock_is_off(ahead) or answer.state not in (State.FRESH, State.EMPTY):
            return answer
        reason = f"{answer.source}: {clock_words(ahead)}, so its times may be wrong"
        if answer.value is None:  # nothing at another time is not nothing
            return missing(reason, source=answer.source, query=answer.query)
        return replace(answer, state=State.PARTIAL, reason=reason)

    def outdate(self, family: str) -> None:
        """Answers of this family are no longer shown."""
        self._cache.outdate(family)

    def heartbeat(self, breaker: Breaker) -> None:
        """Look in the background whether a source lives, where that is due."""
        if breaker.heartbeat_is_due():
            self._heartbeats.submit(breaker.probe)

    def close(self) -> None:
        """Ends the background work."""
        for breaker in self.breakers.values():
            breaker.close()
        for threads in (*self._bulkheads.values(), *self._long_bulkheads.values(), self._heartbeats):
            threads.shutdown(wait=False, cancel_futures=True)

    def begin(self, call: SourceCall) -> Awaiting:
        """Set a call going; what is returned waits for its answer."""
        breaker = self.breakers.get(call.source)
        if breaker is None:
            return at_once(missing(_not_set(call.source).reason, source=call.source, query=call.text))
        refusal = breaker.refusal()
        if refusal is not None:
            last_good = self._cache.last_good(call.key)
            return at_once(aged(last_good, refusal, source=call.source, query=call.text))
        ticket = self._cache.take(
            call.key, ttl_seconds=call.ttl_seconds, start=lambda: self._start(call, breaker), family=call.family
        )
        return lambda passed: self.timed(_redeem(ticket, call, passed))

    def _known_of(self, source: Source) -> SourceHealth:
        if source not in self.breakers:
            return _not_set(source)
        known = self.breakers[source].health()
        return replace(known, clock_ahead_seconds=self._clocks[source].ahead_seconds)

    def _start(self, call: SourceCall, breaker: Breaker) -> Future[AnyReading]:
        self.heartbeat(breaker)  # by the time that the question times out, more is known
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
        return self._cache.put(call.key, self.timed(answer))

    def _failed(self, call: SourceCall, why: str) -> AnyReading:
        return self._cache.put_failure(call.key, f"{call.source}: {why}", source=call.source, query=call.text)

    def _tell_once(self, call: SourceCall, error: Exception) -> None:
        """Logs an error that no connector knows, once of its kind: each refresh meets it again."""
        kind = (call.source, type(error).__name__)
        if kind not in self._told:
            self._told.add(kind)
            log.error("answer_unreadable source=%s query=%s", call.source, call.text[:300], exc_info=error)


def at_once(reading: AnyReading) -> Awaiting:
    """An answer that is there already."""
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


def _not_set(source: Source) -> SourceHealth:
    return SourceHealth(source=source, reachable=None, reason=f"the settings name no {source}")
