"""Circuit breaker: a dead source must not cost every view its timeout, and its return must be noticed.

After three failures in a row no question is sent; a probe in the background asks every two seconds until it gets an
answer. A timeout or a 5xx alone proves nothing, since the question may be the cause: the source is probed at once, and
is down only if the probe fails too. So no viewer's slow question closes a source for others. `Retry-After` is honoured.
Safe for threads.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from connectors.errors import (
    BadAnswer,
    Conflict,
    ConnectionBroken,
    Gone,
    NotFound,
    RateLimited,
    Rejected,
    SourceError,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from dashboard.model.health import SourceHealth
from dashboard.model.reading import Source

FAILURES_TO_OPEN = 3
PROBE_SECONDS = 2.0
# The longest Retry-After that is honoured: with a longer one nobody would notice that the source is back.
LONGEST_RETRY_AFTER_SECONDS = 300.0
NOT_ASKED = "not asked yet"

# The source said no: it lives, and asking something else may well succeed, unless it does not know us at all.
_ANSWERED = (Rejected, NotFound, Conflict, Gone)
# One of these errors means an outage; one slow or odd answer does not.
_DOWN = (Unreachable, Unauthorized)
# The question may be at fault, not the source: it asked for too much, or for what the source cannot compute.
_DOUBTFUL = (TimedOut, BadAnswer, ConnectionBroken)
# After this long without an answer a source gets a heartbeat: a quiet watch alone would not notice that it hangs.
SILENCE = timedelta(seconds=4)
_AGAIN = timedelta(seconds=2.5)

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The clock of the readings."""
    return datetime.now(UTC)


class Breaker:
    """The state of one source. `probe` answers the source's version or raises a `SourceError`."""

    def __init__(self, source: Source, probe: Callable[[], str], *, clock: Callable[[], datetime] = utc_now) -> None:
        self.source = source
        self._probe = probe
        self._clock = clock
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._failures = 0
        self._failing_since = clock()
        self._wait_until = self._heard_at = self._failing_since
        self._heartbeat_at = self._failing_since - _AGAIN
        self._error: SourceError = Unreachable(source, NOT_ASKED)
        self._probing = False
        self._probe_failed = False  # since the last answer
        self._versioned = False
        self._health = SourceHealth(source=source, reachable=None, reason=NOT_ASKED)

    def refusal(self) -> str | None:
        """Why no question may be sent now; None while they may."""
        now = self._clock()
        with self._lock:
            if now < self._wait_until:
                at = f"{self._wait_until:%H:%M:%S} UTC"
                return f"{self.source} is asked again at {at}, as it asked: {self._error.detail}"
            if self._failures < FAILURES_TO_OPEN:
                return None
            return no_answer(self.source, self._failing_since, self._error)

    def health(self) -> SourceHealth:
        """What is known, without asking."""
        with self._lock:
            return self._health

    @property
    def versioned(self) -> bool:
        """Whether a probe was answered once: only probes ask for the version."""
        with self._lock:
            return self._versioned

    def succeeded(self, latency_seconds: float | None = None, *, version: str = "", note: str = "") -> None:
        """The source answered; `note` is its objection, if it made one."""
        now = self._clock()
        with self._lock:
            known = self._health
            came_up = known.reachable is False
            self._failures, self._probe_failed = 0, False
            self._heard_at = now
            self._health = replace(
                known,
                reachable=True,
                since=known.since if known.reachable else now,
                last_answer=now,
                latency_seconds=known.latency_seconds if latency_seconds is None else latency_seconds,
                reason=note,
                version=version or known.version,
            )
        if came_up:
            log.info("source_up source=%s down_since=%s", self.source, known.since)

    def failed(self, error: SourceError) -> None:
        """A question met `error`. The third in a row opens the breaker; one in doubt only once a probe failed too."""
        if isinstance(error, _ANSWERED) and not isinstance(error, Unauthorized):
            self.succeeded(note=error.detail)
            return
        with self._lock:
            in_doubt = isinstance(error, _DOUBTFUL) and not self._probe_failed
            most = FAILURES_TO_OPEN - 1 if in_doubt else FAILURES_TO_OPEN
            failures = max(self._failures, min(self._failures + 1, most))
            self._count(error, failures, is_down=isinstance(error, _DOWN) and not in_doubt)
        self._keep_probing(at_once=in_doubt)

    def _probe_met(self, error: SourceError) -> None:
        """After a failed probe: the source is down if a question failed as well, or if it never answered."""
        with self._lock:
            # Who opens a page of a process that has just started should wait for a source that hangs only once.
            is_stranger = isinstance(error, TimedOut) and self._health.last_answer is None
            failures = FAILURES_TO_OPEN if self._failures > 0 or is_stranger else 1
            self._probe_failed = True
            self._count(error, failures, is_down=isinstance(error, _DOWN))
        self._keep_probing(at_once=False)

    def _keep_probing(self, *, at_once: bool) -> None:
        """Ensures that one thread probes until the source answers, if it is down or, with `at_once`, in doubt."""
        with self._lock:
            if self._probing or not (at_once or self._failures >= FAILURES_TO_OPEN):
                return
            self._probing = True
        pause = 0.0 if at_once else PROBE_SECONDS
        threading.Thread(target=self._probe_until_up, args=(pause,), name=f"probe-{self.source}", daemon=True).start()

    def _count(self, error: SourceError, failures: int, *, is_down: bool) -> None:
        """Notes a failure; the lock is held. `is_down`: the source is, although the breaker may still be closed."""
        now, known = self._clock(), self._health
        if self._failures == 0:
            self._failing_since = now
        opened = failures >= FAILURES_TO_OPEN > self._failures
        self._failures, self._error, self._heard_at = failures, error, now
        if isinstance(error, RateLimited) and error.retry_after_seconds:
            wait = timedelta(seconds=min(error.retry_after_seconds, LONGEST_RETRY_AFTER_SECONDS))
            self._wait_until = max(self._wait_until, now + wait)
        is_open = failures >= FAILURES_TO_OPEN
        reachable = False if is_open or is_down else known.reachable
        self._health = replace(
            known,
            reachable=reachable,
            since=self._failing_since if reachable is False else known.since,
            reason=error.detail,
        )
        if opened:
            log.warning("source_down source=%s reason=%s", self.source, error.detail)

    def heartbeat_is_due(self) -> bool:
        """Whether to probe it: it was never heard, not for a while, or the last thing heard was a failure.

        Whoever gets True is to call `probe`; until it has answered, others get False.
        """
        now = self._clock()
        with self._lock:
            quiet = now - self._heard_at >= SILENCE or self._failures > 0 or self._health.last_answer is None
            is_free = not self._probing and now >= max(self._wait_until, self._heartbeat_at + _AGAIN)
            if quiet and is_free:
                self._heartbeat_at = now
            return quiet and is_free

    def probe(self) -> bool:
        """Probes the source once. True when it answered."""
        with self._lock:
            self._versioned = True
        began = time.monotonic()
        try:
            version = self._probe()
        except _ANSWERED as error:
            if not isinstance(error, Unauthorized):
                self.succeeded(note=error.detail)
                return True
            self._probe_met(error)
        except SourceError as error:
            self._probe_met(error)
        except Exception as error:
            if unreadable(error) not in self.health().reason:  # once, not every other second
                log.exception("probe_broken source=%s", self.source)
            self._probe_met(BadAnswer(self.source, unreadable(error)))
        else:
            self.succeeded(time.monotonic() - began, version=version)
            return True
        return False

    def close(self) -> None:
        """Ends the probe."""
        self._closing.set()

    def _probe_until_up(self, pause: float) -> None:
        while not self._closing.wait(pause):
            pause = PROBE_SECONDS
            if self._clock() < self._wait_until:
                continue
            self.probe()
            with self._lock:
                if self._failures == 0:
                    self._probing = False
                    return


def unreadable(error: Exception) -> str:
    """The words for an answer that the deck itself stumbled over; the log has the rest."""
    return f"the deck cannot read its answer ({type(error).__name__})"


def no_answer(source: Source, since: datetime, error: SourceError) -> str:
    """The sentence for a source that is down, by how it is."""
    match error:
        case Rejected():
            does = "refuses us"
        case BadAnswer():
            does = "gives no usable answer"
        case _:
            does = "does not answer"
    return f"{source} {does} since {since:%H:%M:%S} UTC: {error.detail}"
