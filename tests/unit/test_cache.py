"""The cache: one question under way, an answer for its time to live, last good answers that no failure erases."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from dashboard.model.reading import Reading, Source, State, empty, fresh
from dashboard.queries.cache import AnyReading, Cache, Ticket

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """A cache with a clock moved by hand and the questions that it asked."""

    def __init__(self, *, limit: int = 10, limit_bytes: int = 10**6) -> None:
        self.seconds = 0.0
        self.flights: list[Future[AnyReading]] = []
        self.cache = Cache(lambda: self.seconds, limit=limit, limit_bytes=limit_bytes)

    def take(self, key: str = "k", *, ttl_seconds: float = 4.0, family: str = "") -> Ticket:
        return self.cache.take(key, ttl_seconds=ttl_seconds, start=self._start, family=family)

    def land(self, value: float, key: str = "k") -> None:
        self.flights[-1].set_result(self.cache.put(key, _reading(value)))

    def land_text(self, text: str, key: str) -> None:
        reading = fresh(text, source=Source.PROMETHEUS, as_of=NOW)
        self.flights[-1].set_result(self.cache.put(key, reading))

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


def test_the_family_that_takes_most_makes_room_and_the_last_good_answers_of_others_stay():
    """Who pages through a hundred periods of one view costs no other page what it would show in an outage."""
    world = World(limit=10)
    for page in ("triage", "release", "agents"):
        world.take(page, family=page)
        world.land(1, page)

    for number in range(100):
        world.take(f"contracts-{number}", family="contracts")
        world.land(number, f"contracts-{number}")

    assert all(world.cache.last_good(page) is not None for page in ("triage", "release", "agents"))
    assert world.cache.last_good("contracts-99") is not None
    assert world.cache.held()[0] == 10


def test_within_a_family_the_least_recently_used_makes_room_and_a_last_good_answer_shown_counts_as_use():
    world = World(limit=2)
    for key in ("a", "b"):
        world.take(key, family="f")
        world.land(1, key)
    world.cache.last_good("a")  # what a viewer is shown while the source does not answer

    world.take("c", family="f")

    assert world.cache.last_good("a") is not None
    assert world.cache.last_good("b") is None


def test_memory_is_bounded_as_well_and_the_largest_family_makes_room():
    world = World(limit=1000, limit_bytes=200_000)
    world.take("small", family="small")
    world.land(1, "small")
    for number in range(100):
        world.take(f"large-{number}", family="large")
        world.land_text("x" * 20_000, f"large-{number}")

    count, size = world.cache.held()
    assert size <= 200_000
    assert 5 <= count <= 10
    assert world.cache.last_good("small") is not None


def test_an_answer_too_large_to_keep_reaches_who_waits_for_it_and_evicts_nobody():
    world = World(limit=1000, limit_bytes=100_000)
    world.take("small", family="small")
    world.land(1, "small")

    ticket = world.take("huge", family="huge")
    world.land_text("x" * 90_000, "huge")

    assert len(_redeemed(ticket).value) == 90_000
    assert world.cache.last_good("huge") is None
    assert world.cache.last_good("small") is not None


def test_what_is_under_way_is_not_forgotten_however_much_is_asked():
    world = World(limit=2)
    tickets = [world.take(f"k{number}", family="f") for number in range(5)]
    assert len(world.flights) == 5
    again = world.take("k0", family="f")

    assert again.flight is tickets[0].flight


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.integers(0, 30_000), st.booleans()), max_size=120)
)
def test_whatever_is_asked_the_bounds_hold(asked: list[tuple[str, int, int, bool]]):
    world = World(limit=7, limit_bytes=100_000)
    for family, key, length, fails in asked:
        world.seconds += 60
        world.take(f"{family}{key}", family=family)
        if fails:
            world.fail(f"{family}{key}")
        else:
            world.land_text("x" * length, f"{family}{key}")
        world.take("other", family="other")
        world.land(1, "other")
        count, size = world.cache.held()
        assert count <= 7
        assert size <= 100_000


def test_what_was_just_changed_is_asked_anew_and_its_last_answer_stays_for_an_outage():
    world = World()
    world.take("k", ttl_seconds=60.0, family="alerts")
    world.land(1)
    world.cache.outdate("alerts")

    ticket = world.take("k", ttl_seconds=60.0, family="alerts")
    assert len(world.flights) == 2
    assert ticket.shown is None
    world.fail()
    assert _redeemed(ticket).state is State.STALE
    assert _redeemed(ticket).value == 1


def test_only_the_family_that_was_changed_is_asked_anew():
    world = World()
    world.take("k", ttl_seconds=60.0, family="metrics")
    world.land(1)
    world.cache.outdate("alerts")
    world.take("k", ttl_seconds=60.0, family="metrics")
    assert len(world.flights) == 1
