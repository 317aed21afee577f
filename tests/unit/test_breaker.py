"""The breaker: opens at the third failure in a row, says since when, and closes when a probe is answered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import (
    BadAnswer,
    ConnectionBroken,
    NotFound,
    RateLimited,
    Rejected,
    SourceError,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from dashboard.model.reading import Source
from dashboard.queries import breaker as module
from dashboard.queries.breaker import Breaker
from tests.waiting import eventually

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
REFUSED = Unreachable("prometheus", "connection refused")
SLOW = TimedOut("prometheus", "no answer within 2 s")
DOUBTFUL = [
    SLOW,
    BadAnswer("prometheus", "it failed (HTTP 503): query processing would load too many samples"),
    ConnectionBroken("prometheus", "the connection broke"),
]


class Probe:
    """Answers a version, or raises what it is told to."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.times = 0
        self.asked = threading.Event()

    def __call__(self) -> str:
        self.times += 1
        self.asked.set()
        if self.error is not None:
            raise self.error
        return "2.42.0"


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
def breaker(probe: Probe):
    made = Breaker(Source.PROMETHEUS, probe, clock=iter_clock())
    yield made
    made.close()


def until(condition: Callable[[], bool]) -> None:
    eventually(condition, "what the breaker was to find out", 10)


def iter_clock():
    """A clock that goes on by one second at each look."""
    seconds = iter(range(100_000))
    return lambda: NOW + timedelta(seconds=next(seconds))


def test_two_failures_leave_it_closed_and_the_third_opens_it(breaker: Breaker):
    breaker.succeeded(0.1)
    breaker.failed(REFUSED)
    breaker.failed(REFUSED)
    assert breaker.refusal() is None

    breaker.failed(REFUSED)
    assert breaker.refusal() is not None


def test_the_first_silence_of_a_source_that_never_answered_opens_it(breaker: Breaker, probe: Probe):
    probe.error = SLOW
    breaker.probe()

    assert breaker.refusal() == "prometheus does not answer since 12:00:01 UTC: no answer within 2 s"


def test_the_reason_says_since_the_first_failure_and_why(breaker: Breaker):
    for _ in range(3):
        breaker.failed(REFUSED)

    assert breaker.refusal() == "prometheus does not answer since 12:00:01 UTC: connection refused"


def test_an_answer_between_failures_keeps_it_closed(breaker: Breaker):
    for _ in range(5):
        breaker.succeeded(0.1)
        breaker.failed(REFUSED)
        breaker.failed(REFUSED)

    assert breaker.refusal() is None


@pytest.mark.parametrize("error", DOUBTFUL)
def test_slow_or_failing_questions_never_open_it_while_the_source_answers(breaker: Breaker, error: SourceError):
    """They may ask for too much: a long range, an odd filter."""
    breaker.succeeded(0.1)
    for _ in range(20):
        breaker.failed(error)
        assert breaker.refusal() is None
    until(lambda: breaker.health().reason == "")

    assert breaker.health().reachable is True


@pytest.mark.parametrize("error", DOUBTFUL)
def test_a_question_that_fails_is_followed_by_a_probe_and_that_decides(
    breaker: Breaker, probe: Probe, error: SourceError
):
    breaker.succeeded(0.1)
    probe.error = error
    breaker.failed(error)

    until(lambda: breaker.refusal() is not None)
    assert breaker.health().reachable is False


@pytest.mark.parametrize("error", DOUBTFUL)
def test_a_late_timeout_does_not_close_it_again(breaker: Breaker, probe: Probe, error: SourceError):
    probe.error = REFUSED
    for _ in range(3):
        breaker.failed(REFUSED)
    breaker.failed(error)

    assert breaker.refusal() is not None


def test_questions_of_a_source_that_has_never_answered_do_not_open_it_either(breaker: Breaker):
    for _ in range(5):
        breaker.failed(SLOW)
        assert breaker.refusal() is None
    until(lambda: breaker.health().reachable is True)


def test_a_probe_that_meets_what_nobody_expected_is_a_failure_logged_once_and_probing_goes_on(
    breaker: Breaker, probe: Probe, monkeypatch, caplog
):
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.01)
    probe.error = RecursionError("too deep")
    for _ in range(3):
        breaker.failed(REFUSED)
    assert probe.asked.wait(5)
    until(lambda: "the deck cannot read its answer (RecursionError)" in breaker.health().reason)
    asked = probe.times
    until(lambda: probe.times > asked + 3)
    assert [record.levelname for record in caplog.records].count("ERROR") == 1

    probe.error = None
    until(lambda: breaker.refusal() is None)


def test_one_thread_probes_however_many_questions_fail(breaker: Breaker, probe: Probe):
    probe.error = SLOW
    for _ in range(50):
        breaker.failed(SLOW)
    assert sum(thread.name == "probe-prometheus" for thread in threading.enumerate()) <= 1


@pytest.mark.parametrize("kind", [Rejected, NotFound])
def test_a_source_that_says_no_is_a_source_that_answers(breaker: Breaker, kind: type[SourceError]):
    for _ in range(5):
        breaker.failed(kind("prometheus", "HTTP 403: no"))

    assert breaker.refusal() is None
    assert (breaker.health().reachable, breaker.health().reason) == (True, "HTTP 403: no")


@pytest.mark.parametrize("error", [SLOW, BadAnswer("prometheus", "HTTP 500"), RateLimited("prometheus", "HTTP 429")])
def test_one_slow_or_odd_answer_is_no_outage(breaker: Breaker, error: SourceError):
    breaker.succeeded(0.1)
    breaker.failed(error)

    assert breaker.health().reachable is True
    assert breaker.refusal() is None


def test_a_refused_connection_is_an_outage_at_once(breaker: Breaker):
    breaker.succeeded(0.1)
    breaker.failed(REFUSED)

    assert breaker.health().reachable is False


def test_health_keeps_what_the_source_last_told(breaker: Breaker):
    assert breaker.health().reachable is None
    breaker.probe()
    breaker.succeeded(0.25)
    up = breaker.health()
    breaker.failed(REFUSED)
    down = breaker.health()

    assert (up.version, up.latency_seconds, up.reachable) == ("2.42.0", 0.25, True)
    assert (down.version, down.last_answer, down.reachable) == ("2.42.0", up.last_answer, False)


def test_an_open_breaker_is_closed_by_a_probe_in_the_background(breaker: Breaker, probe: Probe, monkeypatch):
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.01)
    probe.error = REFUSED
    for _ in range(3):
        breaker.failed(REFUSED)
    assert probe.asked.wait(5)
    assert breaker.refusal() is not None

    probe.error = None
    until(lambda: breaker.refusal() is None)
    assert breaker.health().reachable is True


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def timed(probe: Probe, clock: HandClock):
    made = Breaker(Source.PROMETHEUS, probe, clock=clock)
    yield made
    made.close()


def test_a_source_is_left_alone_until_the_time_it_named(timed: Breaker, clock: HandClock):
    timed.failed(RateLimited("prometheus", "it is asked too often", retry_after_seconds=30.0))

    assert timed.refusal() == "prometheus is asked again at 12:00:30 UTC, as it asked: it is asked too often"
    clock.move(29)
    assert timed.refusal() is not None
    clock.move(1)
    assert timed.refusal() is None


def test_a_source_cannot_keep_us_waiting_for_ever(timed: Breaker, clock: HandClock):
    timed.failed(RateLimited("prometheus", "it is asked too often", retry_after_seconds=1e300))
    clock.move(module.LONGEST_RETRY_AFTER_SECONDS)

    assert timed.refusal() is None


def test_the_probe_keeps_to_the_time_too(timed: Breaker, probe: Probe, clock: HandClock, monkeypatch):
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.01)
    for _ in range(3):
        timed.failed(RateLimited("prometheus", "it is asked too often", retry_after_seconds=30.0))
    assert not probe.asked.wait(0.1)

    clock.move(31)
    assert probe.asked.wait(5)


def test_credentials_that_are_not_accepted_are_an_outage_at_once(timed: Breaker):
    timed.succeeded(0.1)
    for _ in range(3):
        timed.failed(Unauthorized("prometheus", "it does not accept our credentials"))

    assert timed.health().reachable is False
    assert timed.refusal() == "prometheus refuses us since 12:00:00 UTC: it does not accept our credentials"


def test_answers_of_no_use_are_told_as_such(timed: Breaker, probe: Probe):
    probe.error = BadAnswer("prometheus", "its answer ends in the middle")
    for _ in range(2):
        timed.probe()

    assert timed.refusal() == ("prometheus gives no usable answer since 12:00:00 UTC: its answer ends in the middle")


def test_a_silent_source_is_asked_for_a_sign_of_life_by_one_viewer_only(timed: Breaker, clock: HandClock):
    timed.succeeded()
    assert not timed.heartbeat_is_due()

    clock.move(module.SILENCE.total_seconds())
    assert [timed.heartbeat_is_due() for _ in range(3)] == [True, False, False]


def test_a_sign_of_life_that_does_not_come_is_asked_for_again_soon(timed: Breaker, probe: Probe, clock: HandClock):
    timed.succeeded()
    clock.move(10)
    assert timed.heartbeat_is_due()
    probe.error = SLOW
    timed.probe()
    clock.move(2.5)

    assert timed.heartbeat_is_due()
