"""Asking: everything at once, each question once, and a failing source costs its values alone, never an exception.

In which metric names is asked stands in test_ask_names.py, what the connectors make of the wire in tests/connectors/.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from connectors.elasticsearch import Found, Hit
from connectors.errors import NotFound, Rejected, SourceError, TimedOut
from connectors.prometheus import Line, Matrix, Point, Vector
from dashboard.catalog.expression import Expression
from dashboard.model.health import SourceHealth
from dashboard.model.reading import Source, State, Unit
from dashboard.queries.ask import Alerts, Instant, Logs, Objects, PodLog, Range
from dashboard.queries.dispatch import BULKHEADS, LONG_BULKHEADS
from dashboard.queries.informer import IDLE_SECONDS
from dashboard.queries.source_calls import metrics
from tests.unit.asking import NOW, REFUSED, UP, FakePrometheus, World, environment
from tests.waiting import eventually


@pytest.fixture
def world() -> Iterator[World]:
    world = World(environment())
    yield world
    world.prometheus.open.set()
    world.ask.close()
    world.cluster.ended.set()


def test_an_answer_is_a_fresh_reading_with_its_query_and_time(world: World):
    reading = world.scalar('a"b')

    assert (reading.value, reading.state, reading.as_of) == (1.0, State.FRESH, NOW)
    assert reading.query == 'up{instance="a\\"b"}'


def test_no_series_is_empty_and_not_zero(world: World):
    world.prometheus.answer = Vector(points=())

    reading = world.scalar()

    assert (reading.value, reading.state, reading.reason) == (None, State.EMPTY, "nothing was measured at this time")


@pytest.mark.parametrize("value", [None, float("inf")], ids=["not a number", "infinite"])
def test_a_value_divided_by_nothing_is_no_traffic(world: World, value: float | None):
    world.prometheus.answer = Vector(points=(Point(labels={}, at=0.0, value=value),))

    reading = world.scalar()

    assert (reading.value, reading.state) == (None, State.EMPTY)
    assert "no traffic" in reading.reason


def test_what_prometheus_left_out_makes_a_reading_partial(world: World):
    points = (Point(labels={}, at=0.0, value=1.0),)
    world.prometheus.answer = Vector(points=points, warnings=("a store did not answer",))

    reading = world.scalar()

    assert (reading.value, reading.state) == (1.0, State.PARTIAL)
    assert "a store did not answer" in reading.reason


@pytest.mark.parametrize("points", [(Point(labels={}, at=0.0, value=1.0),), ()], ids=["a value", "no value"])
def test_an_info_leaves_nothing_out_and_is_said_with_the_query(world: World, points: tuple[Point, ...]):
    world.prometheus.answer = Vector(
        points=points, infos=("metric might not be a counter,\nname does not end in _total",)
    )

    reading = world.scalar()

    assert reading.state is (State.FRESH if points else State.EMPTY)
    assert reading.query.splitlines()[1:] == ["# metric might not be a counter, name does not end in _total"]


def test_nothing_found_with_something_left_out_is_missing_and_not_empty(world: World):
    world.prometheus.answer = Vector(points=(), warnings=("a store did not answer",))

    assert world.scalar().state is State.MISSING


def test_a_range_lies_on_its_grid_with_gaps_where_no_sample_is(world: World):
    end = int(NOW.timestamp())
    world.prometheus.answer = Matrix(lines=(Line(labels={"t": "a"}, points=((end - 30.0, 1.0), (float(end), None))),))

    [series] = world.series(minutes=1).value

    assert series.times == (end - 60.0, end - 30.0, float(end))
    assert series.values == (None, 1.0, None)


def test_questions_are_asked_in_parallel_and_at_most_six_at_once(world: World):
    world.prometheus.open.clear()
    threading.Timer(0.0, lambda: (world.prometheus.all_here.wait(5), world.prometheus.open.set())).start()

    answers = world.ask.gather({str(n): Instant(UP, {"service": str(n)}) for n in range(20)})

    assert all(answers.scalar(str(n)).state is State.FRESH for n in range(20))
    assert world.prometheus.most_under_way == 6


def test_many_viewers_at_once_are_one_question(world: World):
    world.prometheus.open.clear()
    viewers = [threading.Thread(target=world.scalar) for _ in range(8)]
    for viewer in viewers:
        viewer.start()
    threading.Timer(0.05, world.prometheus.open.set).start()
    for viewer in viewers:
        viewer.join()

    assert len(world.prometheus.asked) == 1


def test_an_answer_is_shared_until_the_next_refresh(world: World):
    world.scalar()
    world.clock.move(3.9)
    world.scalar()
    assert len(world.prometheus.asked) == 1

    world.clock.move(1.1)
    world.scalar()
    assert len(world.prometheus.asked) == 2


def test_a_slow_new_answer_does_not_keep_the_last_one_from_being_shown(world: World):
    world.scalar()
    world.clock.move(5)
    world.prometheus.open.clear()

    reading = world.scalar()

    assert (reading.value, reading.as_of) == (1.0, NOW)
    assert len(world.prometheus.asked) == 2


def test_an_answer_of_long_ago_is_not_shown_as_the_present(world: World, monkeypatch):
    monkeypatch.setattr(metrics, "INSTANT_SECONDS", 0.01)
    world.scalar()
    world.clock.move(600)
    world.prometheus.open.clear()

    reading = world.scalar()

    assert (reading.value, reading.state, reading.as_of) == (1.0, State.STALE, NOW)
    assert reading.reason == "prometheus: no answer within 10 ms"


def test_a_source_that_hangs_costs_its_timeout_once_and_is_missing(world: World, monkeypatch):
    monkeypatch.setattr(metrics, "INSTANT_SECONDS", 0.01)
    world.prometheus.open.clear()

    answers = world.ask.gather({str(n): Instant(UP, {"service": str(n)}) for n in range(20)})

    assert {answers.scalar(str(n)).reason for n in range(20)} == {"prometheus: no answer within 10 ms"}


def test_a_failure_turns_the_last_good_answer_stale_with_the_reason(world: World):
    world.scalar()
    world.clock.move(10)
    world.prometheus.answer = REFUSED

    reading = world.scalar()

    assert (reading.value, reading.state, reading.as_of) == (1.0, State.STALE, NOW)
    assert reading.reason == "prometheus: connection refused"


def test_a_failed_question_is_not_asked_again_by_the_next_viewer(world: World):
    world.prometheus.answer = Rejected("prometheus", "HTTP 400: parse error")

    assert [world.scalar().state for _ in range(3)] == [State.MISSING] * 3
    assert len(world.prometheus.asked) == 1


def test_after_three_failures_nothing_is_asked_and_the_reason_says_since_when(world: World):
    world.fail_until_open()
    world.clock.move(60)
    asked = len(world.prometheus.asked)

    reading = world.scalar("another")

    assert reading.state is State.MISSING
    assert reading.reason == "prometheus does not answer since 12:00:00 UTC: connection refused"
    assert len(world.prometheus.asked) == asked


def test_a_moving_range_keeps_its_last_good_answer_when_the_source_dies(world: World):
    world.prometheus.answer = Matrix(lines=(Line(labels={}, points=((NOW.timestamp(), 5.0),)),))
    world.series()
    world.fail_until_open()
    world.clock.move(90)

    reading = world.series()

    assert (reading.state, reading.as_of) == (State.STALE, NOW)
    assert "does not answer since 12:00:00 UTC" in reading.reason


def test_a_query_that_is_refused_does_not_take_the_others_down(world: World):
    world.prometheus.answer = Rejected("prometheus", "HTTP 400: parse error")
    for number in range(5):
        world.scalar(f"bad-{number}")
    world.prometheus.answer = Vector(points=(Point(labels={}, at=0.0, value=2.0),))

    assert world.scalar("good").value == 2.0


def test_one_dead_source_leaves_the_others_alone(world: World):
    world.fail_until_open()

    answers = world.ask.gather({"alerts": Alerts(), "log": PodLog("agents", "p", "c")})

    assert [alert.name for alert in answers.alerts("alerts").value or ()] == ["TargetDown"]
    assert answers.text("log").value == "a line\n"


def test_a_source_that_hangs_leaves_the_same_source_of_another_environment_alone(world: World, monkeypatch):
    monkeypatch.setattr(metrics, "INSTANT_SECONDS", 0.01)
    world.prometheus.open.clear()
    world.ask.gather({str(n): Instant(UP, {"service": str(n)}) for n in range(20)})
    monkeypatch.undo()
    other = World(environment())

    assert other.scalar().state is State.FRESH
    other.ask.close()


@pytest.mark.parametrize(
    ("ahead", "words"),
    [(3600.0, "its clock is 1 h ahead of the deck's"), (-45.0, "its clock is 45 s behind the deck's")],
)
def test_what_a_source_with_another_clock_says_is_partial_and_says_why(world: World, ahead: float, words: str):
    world.prometheus.clock.ahead_seconds = ahead

    reading = world.scalar()

    assert (reading.value, reading.state) == (1.0, State.PARTIAL)
    assert reading.reason == f"prometheus: {words}, so its times may be wrong"
    assert not world.ask.is_well


def test_nothing_found_by_a_source_with_another_clock_is_missing_and_not_empty(world: World):
    world.prometheus.clock.ahead_seconds = 3600.0
    world.prometheus.answer = Vector(points=())

    assert world.scalar().state is State.MISSING


def test_a_clock_that_is_off_by_a_moment_is_nobodys_business(world: World):
    world.prometheus.clock.ahead_seconds = 5.0

    assert world.scalar().state is State.FRESH
    assert world.ask.is_well


def test_the_cluster_is_followed_only_while_somebody_looks(world: World):
    world.ask.gather({"pods": Objects("pods", "agents")})
    world.clock.move(IDLE_SECONDS + 1)
    world.ask.gather({"nodes": Objects("nodes", None)})
    world.ask.gather({"pods": Objects("pods", "agents")})

    assert world.cluster.lists.count(("pods", "agents")) == 2


def test_a_source_that_the_settings_do_not_name_is_missing_and_says_so():
    world = World(environment(prometheus=""))

    reading = world.scalar()

    assert (reading.state, reading.reason) == (State.MISSING, "the settings name no prometheus")


def test_health_asks_the_sources_that_nobody_asked_yet(world: World):
    world.prometheus.answer = REFUSED

    health = {found.source: found for found in world.ask.health()}

    assert set(health) == set(Source)
    assert health[Source.ALERTMANAGER].version == "0.25.0"
    assert (health[Source.PROMETHEUS].reachable, health[Source.PROMETHEUS].since) == (False, NOW)
    assert health[Source.PROMETHEUS].reason.endswith("connection refused")


def test_a_source_that_nobody_needs_any_more_is_still_found_to_be_down(world: World):
    world.ask.health()
    world.prometheus.answer = REFUSED
    world.clock.move(10.0)

    eventually(lambda: not _prometheus(world).is_well, "Prometheus is found to be down")
    assert _prometheus(world).reason == "connection refused"


def _prometheus(world: World) -> SourceHealth:
    return next(found for found in world.ask.health() if found.source is Source.PROMETHEUS)


def test_asking_for_an_answer_by_the_wrong_name_is_a_mistake_in_the_program(world: World):
    answers = world.ask.gather({"x": Alerts()})

    with pytest.raises(TypeError, match="'x' was asked as Alerts, not as Range"):
        answers.series("x")


def test_several_series_where_one_is_expected_are_a_mistake_in_the_program(world: World):
    point = Point(labels={}, at=0.0, value=1.0)
    world.prometheus.answer = Vector(points=(point, point))

    with pytest.raises(ValueError, match="'x' has 2 series"):
        world.scalar()


def test_a_value_that_is_missing_or_a_kind_that_is_not_is_a_mistake_in_the_program(world: World):
    with pytest.raises(KeyError):
        world.ask.gather({"x": Instant(UP, {})})
    with pytest.raises(ValueError, match="unknown kind"):
        world.ask.gather({"x": Objects("widgets", None)})


def test_each_asking_is_measured_with_its_outcome(world: World):
    def count(outcome: str) -> float:
        labels = {"source": "prometheus", "outcome": outcome}
        return REGISTRY.get_sample_value("agentgov_dashboard_query_duration_seconds_count", labels) or 0.0

    before = count("fresh"), count("timed_out")
    world.scalar("one")
    world.prometheus.answer = TimedOut("prometheus", "no answer within 2 s")
    world.scalar("two")

    assert (count("fresh") - before[0], count("timed_out") - before[1]) == (1, 1)


def test_objects_of_the_cluster_are_chosen_by_label_from_one_list_for_all(world: World):
    asked = {"all": Objects("pods", "agents"), "green": Objects("pods", "agents", "track=green")}
    for _ in range(3):
        answers = world.ask.gather(asked)

    names = {key: [item["metadata"]["name"] for item in answers.objects(key).value or ()] for key in asked}
    assert names == {"all": ["blue", "green"], "green": ["green"]}
    assert world.cluster.lists == [("pods", "agents")]


def test_a_kind_without_namespaces_is_listed_once_whatever_namespace_was_named(world: World):
    world.ask.gather({"a": Objects("nodes", "agents"), "b": Objects("nodes", None)})

    assert world.cluster.lists == [("nodes", None)]


def test_a_selector_that_cannot_be_read_is_a_mistake_in_the_program(world: World):
    with pytest.raises(ValueError, match="not a simple label selector"):
        world.ask.gather({"x": Objects("pods", None, "a in (b)")})


def _logs(**more: Any) -> Logs:
    return Logs(stream="logs", namespace="agents", start=NOW - timedelta(minutes=10), end=NOW, **more)


def test_a_search_is_asked_by_the_fields_names_and_answered_as_entries(world: World):
    source = {
        "@timestamp": "2026-01-01T11:59:00.5Z",
        "body": {"text": "contract violated"},
        "severity_text": "WARN",
        "trace_id": "t1",
        "attributes": {"gen_ai.agent.name": "planner", "http": {"status": 500}},
        "resource": {"attributes": {"service.name": "agent-runtime", "tealdeck.track": "green", "k8s.pod.name": "p"}},
    }
    world.elasticsearch.answer = Found(
        hits=(Hit(id="1", index="i", source=source),), total=1, total_is_lower_bound=False
    )

    page = world.ask.gather({"x": _logs(filters={"track": "green", "service": ("a", "b"), "pod": ""})}).logs("x").value

    assert page is not None
    [entry] = page.entries
    assert (entry.message, entry.severity, entry.service, entry.track, entry.pod, entry.trace_id, entry.span_id) == (
        *("contract violated", "WARN", "agent-runtime", "green", "p", "t1", ""),
    )
    assert entry.at == datetime(2026, 1, 1, 11, 59, 0, 500000, tzinfo=UTC)
    assert entry.attributes == {"gen_ai.agent.name": "planner", "http.status": 500}
    [asked] = world.elasticsearch.asked
    assert asked["index"] == "logs-agentgov.app.otel-*"
    assert asked["query"]["bool"]["filter"][1:] == [
        {"term": {"resource.attributes.k8s.namespace.name": "agents"}},
        {"term": {"resource.attributes.tealdeck.track": "green"}},
        {"terms": {"resource.attributes.service.name": ["a", "b"]}},
    ]


def test_a_histogram_has_every_bucket_of_the_window(world: World):
    start = int((NOW - timedelta(minutes=10)).timestamp())
    counts = {"histogram": {"buckets": [{"key": (start + 120) * 1000, "doc_count": 3}]}}
    world.elasticsearch.answer = Found(hits=(), total=3, total_is_lower_bound=False, aggregations=counts)

    page = world.ask.gather({"x": _logs(histogram_buckets=5)}).logs("x").value

    assert page is not None
    assert [count for _, count in page.histogram] == [0, 3, 0, 0, 0]


def test_no_match_is_a_fresh_page_with_a_total_of_nothing(world: World):
    reading = world.ask.gather({"x": _logs()}).logs("x")

    assert reading.state is State.FRESH
    assert reading.value is not None
    assert reading.value.total == 0


@pytest.mark.parametrize(
    "answer",
    [
        NotFound("elasticsearch", "HTTP 404: no such index"),
        Found(hits=(), total=0, total_is_lower_bound=False, shards=0),
    ],
    ids=["named", "by wildcard"],
)
def test_a_data_stream_that_does_not_exist_is_empty_by_name(world: World, answer: Found | SourceError):
    world.elasticsearch.answer = answer

    reading = world.ask.gather({"x": _logs()}).logs("x")

    assert (reading.state, reading.reason) == (State.EMPTY, "there is no data stream logs-agentgov.app.otel-*")


def test_failed_shards_make_a_page_partial_and_its_total_a_lower_bound(world: World):
    left_out = ("1 of 2 shards failed: disk gone",)
    world.elasticsearch.answer = Found(hits=(), total=3, total_is_lower_bound=False, left_out=left_out)

    reading = world.ask.gather({"x": _logs()}).logs("x")

    assert reading.state is State.PARTIAL
    assert "disk gone" in reading.reason
    assert reading.value is not None
    assert reading.value.total_is_lower_bound


def test_a_document_of_another_shape_costs_itself_alone(world: World):
    hits = (
        Hit(id="1", index="i", source={"message": "no time"}),
        Hit(id="2", index="i", source={"@timestamp": "2026-01-01T12:00:00Z", "message": "hello"}),
    )
    world.elasticsearch.answer = Found(hits=hits, total=2, total_is_lower_bound=False)

    reading = world.ask.gather({"x": _logs()}).logs("x")

    assert reading.value is not None
    assert (reading.state, [entry.id for entry in reading.value.entries]) == (State.PARTIAL, ["2"])
    assert "1 of 2 documents have no readable time" in reading.reason


class Picky(FakePrometheus):
    """Answers its version and most questions at once, and those about `slow` not in time."""

    def instant(self, query: str, *, at: datetime | None, timeout_seconds: float) -> Any:
        if "slow" in query:
            self.asked.append((query, at))
            raise TimedOut("prometheus", f"no answer within {timeout_seconds:.3g} s")
        return super().instant(query, at=at, timeout_seconds=timeout_seconds)


@pytest.fixture
def picky() -> Iterator[World]:
    made = World(environment(), prometheus=Picky())
    yield made
    made.ask.close()
    made.cluster.ended.set()


def test_the_slow_questions_of_one_viewer_leave_the_questions_of_others_alone(picky: World):
    """Also at the very beginning, when nobody knows yet whether the source is there."""
    for number in range(20):
        assert picky.scalar(f"slow-{number}").reason == "prometheus: no answer within 2 s"
        assert picky.scalar(f"quick-{number}").state is State.FRESH
        picky.clock.move(1)


def test_a_slow_question_says_so_and_the_source_is_said_to_be_well(picky: World):
    picky.scalar("slow")
    eventually(lambda: picky.ask.is_well, "the probe answers", 10)

    [prometheus] = [one for one in picky.ask.health() if one.source is Source.PROMETHEUS]
    assert (prometheus.reachable, prometheus.reason) == (True, "")


def test_questions_over_long_ranges_keep_nobody_waiting_who_looks_at_the_present(world: World):
    """Six of them would fill the bulkhead: long ranges have one of their own."""
    world.prometheus.open.clear()
    end = world.clock.now()
    far = {str(n): Range(UP, {"service": f"far-{n}"}, end - timedelta(days=30 + n), end) for n in range(12)}
    viewer = threading.Thread(target=lambda: world.ask.gather(far))
    viewer.start()
    eventually(lambda: world.prometheus.under_way == LONG_BULKHEADS[Source.PROMETHEUS], "the far ones are asked", 10)

    threading.Timer(0.2, world.prometheus.open.set).start()
    near = [threading.Thread(target=world.scalar, args=(f"near-{n}",)) for n in range(6)]
    for other in near:
        other.start()
    assert world.prometheus.all_here.wait(5), "the near ones wait for the far ones"
    for other in (*near, viewer):
        other.join()


@pytest.mark.parametrize("error", [RecursionError("deep"), OverflowError("date"), AssertionError()])
def test_an_answer_that_the_deck_stumbles_over_costs_its_own_figure_alone_and_is_logged_once(
    world: World, caplog: pytest.LogCaptureFixture, error: Exception
):
    world.prometheus.answer = error
    for number in range(5):
        reading = world.scalar(f"bad-{number}")
        assert reading.state is State.MISSING
        assert reading.reason == f"prometheus: the deck cannot read its answer ({type(error).__name__})"
    assert [record.message.split()[0] for record in caplog.records if record.levelname == "ERROR"] == [
        "answer_unreadable"
    ]

    world.prometheus.answer = Vector(points=(Point(labels={}, at=0.0, value=2.0),))
    assert world.scalar("good").value == 2.0


def test_a_question_that_nobody_waits_for_any_more_is_not_asked(world: World, monkeypatch):
    """Or what one viewer asked too much of would be worked off long after it was closed, before what others ask."""
    monkeypatch.setattr(metrics, "INSTANT_SECONDS", 0.01)
    world.prometheus.open.clear()
    world.ask.gather({str(n): Instant(UP, {"service": str(n)}) for n in range(40)})
    monkeypatch.undo()
    eventually(lambda: world.prometheus.under_way == 6, "six are under way", 10)
    threading.Timer(0.3, world.prometheus.open.set).start()

    assert world.scalar("another").value == 1.0
    assert len(world.prometheus.asked) == 7


def test_one_page_asked_a_thousand_ways_leaves_the_last_good_answers_of_the_others(world: World):
    other = Expression(name="other", promql='other{service_name="$service"}', unit=Unit.COUNT, blind="nothing")
    world.prometheus.ever = (*world.prometheus.ever, "other")
    world.ask.gather({"x": Instant(other, {"service": "a"})})
    for number in range(1200):
        world.scalar(f"filter-{number}")
    world.fail_until_open()

    reading = world.ask.gather({"x": Instant(other, {"service": "a"})}).scalar("x")

    assert (reading.value, reading.state) == (1.0, State.STALE)


def test_no_threads_are_added_however_much_is_asked_and_fails(picky: World):
    for number in range(10):
        picky.scalar(f"slow-{number}")
        picky.scalar(f"quick-{number}")
    eventually(lambda: picky.ask.is_well, "the probe answers", 10)
    before = threading.active_count()
    for number in range(200):
        picky.scalar(f"slow-a{number}")
        picky.scalar(f"quick-a{number}")
    most = sum(BULKHEADS.values()) + sum(LONG_BULKHEADS.values()) + len(Source)
    assert threading.active_count() <= before + most
