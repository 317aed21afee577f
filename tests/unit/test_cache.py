"""The cache: one question under way, an answer for its time to live, last good answers that no failure erases."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime

from dashboard.model.reading import Reading, Source, State, empty, fresh
from dashboard.queries.cache import AnyReading, Cache, Ticket

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """A cache with a clock moved by hand and the questions that it asked."""

    def __init__(self, *, limit: int = 10) -> None:
        self.seconds = 0.0
        self.flights: list[Future[AnyReading]] = []
        self.cache = Cache(lambda: self.seconds, limit=limit)

    def take(self, key: str = "k", *, ttl_seconds: float = 4.0) -> Ticket:
        return self.cache.take(key, ttl_seconds=ttl_seconds, start=self._start)

    def land(self, value: float, key: str = "k") -> None:
        self.flights[-1].set_result(self.cache.put(key, _reading(value)))

    def fail(self, key: str = "k") -> None:
        failure = self.cache.put_failure(key, "it is down", source=Source.PROMETHEUS, query="up")
        self.flights[-1].set_result(failure)

    def _start(self) -> Future[AnyReading]:
        self.flights.append(Future())
        return self.flights[-1]


def _reading(value: float) -> Reading[float]:
    return fresh(value, source=Source.PROMETHEUS, as_of=NOW, query="up")


def _redeemed(ticket: Ticket) -> AnyReading:
    return ticket.redeem(patience_seconds=0.0, grace_seconds=0.0, too_late=lambda: _reading(-1))


def test_two_takers_wait_for_one_question():
    world = World()
    tickets = [world.take(), world.take()]
    world.land(1)

    assert len(world.flights) == 1
    assert [_redeemed(ticket).value for ticket in tickets] == [1, 1]


def test_the_age_of_an_answer_counts_from_when_it_was_asked_for():
    """Or else who looks every 5 s would be shown a figure of 10 s ago as soon as the source takes a second."""
    world = World()
    world.take(ttl_seconds=4.5)
    world.seconds = 1.0
    world.land(1)
    world.seconds = 5.0
    world.take(ttl_seconds=4.5)

    assert len(world.flights) == 2


def test_who_waits_in_vain_is_told_so():
    assert _redeemed(World().take()).value == -1


def test_past_its_time_the_last_answer_is_shown_until_the_new_one_lands():
    world = World()
    world.take()
    world.land(1)
    world.seconds = 4.0

    ticket = world.take()

    assert _redeemed(ticket).value == 1
    world.land(2)
    assert _redeemed(ticket).value == 2


def test_an_answer_far_past_its_time_is_not_shown_in_place_of_the_new_one():
    world = World()
    world.take()
    world.land(1)
    world.seconds = 30.0

    ticket = world.take()

    assert ticket.shown is None
    assert ticket.last_good is not None


def test_a_failure_is_shared_for_its_time_and_then_asked_again():
    world = World()
    world.take()
    world.fail()

    assert _redeemed(world.take()).state is State.MISSING
    assert len(world.flights) == 1
    world.seconds = 4.0
    world.take()
    assert len(world.flights) == 2


def test_the_failure_of_a_long_lived_question_is_asked_again_soon():
    world = World()
    world.take(ttl_seconds=48.0)
    world.fail()
    world.seconds = 4.0
    world.take(ttl_seconds=48.0)

    assert len(world.flights) == 2


def test_what_is_not_whole_is_asked_again_soon_and_shown_until_then():
    world = World()
    world.take(ttl_seconds=48.0)
    part = replace(_reading(1), state=State.PARTIAL, reason="a shard failed")
    world.flights[-1].set_result(world.cache.put("k", part))
    world.seconds = 4.0

    ticket = world.take(ttl_seconds=48.0)

    assert (len(world.flights), _redeemed(ticket)) == (2, part)


def test_failures_turn_a_good_answer_stale_however_often_they_come():
    world = World()
    world.take()
    world.land(1)
    for seconds in (5.0, 10.0):
        world.seconds = seconds
        world.take()
        world.fail()

    reading = _redeemed(world.take())

    assert (reading.value, reading.state, reading.reason, reading.as_of) == (1, State.STALE, "it is down", NOW)


def test_a_good_answer_takes_the_failures_place():
    world = World()
    world.take()
    world.fail()
    world.seconds = 4.0
    world.take()
    world.land(3)

    assert _redeemed(world.take()).state is State.FRESH


def test_there_is_nothing_to_show_stale_of_an_empty_answer():
    world = World()
    nothing: Reading[float] = empty("no traffic", source=Source.PROMETHEUS, as_of=NOW)
    world.cache.put("k", nothing)

    failure = world.cache.put_failure("k", "it is down", source=Source.PROMETHEUS, query="up")

    assert (failure.state, failure.reason) == (State.MISSING, "it is down")


def test_the_answer_that_nobody_took_for_longest_makes_room():
    world = World(limit=2)
    for number, key in enumerate(("a", "b", "a", "c")):
        world.take(key)
        if not world.flights[-1].done():
            world.land(number, key)

    assert world.cache.last_good("a") is not None
    assert world.cache.last_good("b") is None
