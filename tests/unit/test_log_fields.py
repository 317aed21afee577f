"""Fields of two generations of telemetry: whatever a backend has is reached, and nothing is counted twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.elasticsearch import FieldType, FieldTypes, Found, Hit
from connectors.errors import Rejected, Unreachable
from dashboard.catalog.fields import FIELDS
from dashboard.model.words import WORDS
from dashboard.queries import clauses, search
from dashboard.queries.entries import Reader
from dashboard.queries.request import Logs
from dashboard.queries.resolution import Resolution, UsableField, resolve
from dashboard.queries.resolver import KEPT_SECONDS, Resolver
from tests.unit.fake_logs import NOW, FakeLogs, known

OTEL, ECS = "resource.attributes.service.name", "service.name"


def _logs(**more: Any) -> Logs:
    return Logs(stream="logs", namespace="agents", start=NOW - timedelta(hours=1), end=NOW, **more)


@pytest.mark.parametrize(
    ("there", "fields"),
    [
        pytest.param({OTEL: "ab"}, (OTEL,), id="OpenTelemetry alone"),
        pytest.param({ECS: "ab"}, (ECS,), id="ECS alone"),
        pytest.param({OTEL: "ab", ECS: "ab"}, (OTEL,), id="ECS names that are aliases of the others"),
        pytest.param({OTEL: "a", ECS: "b"}, (OTEL, ECS), id="one index of each"),
        pytest.param({OTEL: "a", ECS: "ab"}, (OTEL, ECS), id="one with both, one with ECS alone"),
        pytest.param({}, (OTEL,), id="neither: the standard name, which nothing matches"),
    ],
)
def test_a_concept_is_asked_by_the_names_that_reach_every_index(there: dict[str, str], fields: tuple[str, ...]):
    types = known(**{"@timestamp": "ab", **there})

    assert resolve("logs", types).fields("service") == fields


_indices = st.frozensets(st.sampled_from("abc"))


@given(st.fixed_dictionaries({name: _indices for concept in FIELDS["logs"].values() for name in concept}))
def test_whatever_is_there_every_index_is_reached_and_no_name_is_superfluous(there: dict[str, frozenset[str]]):
    found = resolve("logs", known(**{**there, "@timestamp": "abc"}))

    for concept, candidates in FIELDS["logs"].items():
        having = frozenset[str]().union(*(there.get(name, frozenset()) for name in candidates))
        if concept == "time":
            continue
        fields = found.fields(concept)
        assert (concept in found.lacking) == (not having)
        assert having == frozenset[str]().union(*(there[name] for name in fields))
        for place, name in enumerate(fields[1:], start=1):
            assert there[name] - frozenset[str]().union(*(there[earlier] for earlier in fields[:place]))


def test_text_that_is_also_kept_by_value_is_filtered_and_counted_by_value():
    text = FieldType(type="text", aggregatable=False, indices=frozenset("a"))
    types = known(**{"@timestamp": "a", "service.name.keyword": "a"})
    types = FieldTypes(indices=types.indices, by_name={**types.by_name, "service.name": (text,)})

    assert resolve("logs", types).fields("service") == ("service.name.keyword",)


def test_a_message_is_text_and_no_lack():
    text = FieldType(type="match_only_text", aggregatable=False, indices=frozenset("a"))
    found = resolve("logs", FieldTypes(indices=frozenset("a"), by_name={"message": (text,)}))

    assert found.fields("message") == ("message",)
    assert "message" not in found.lacking


def test_where_no_index_is_nothing_is_said_to_lack():
    assert resolve("logs", FieldTypes(indices=frozenset(), by_name={})).lacking == frozenset()


BOTH = Resolution(stream="logs", found={"service": (UsableField(OTEL), UsableField(ECS))}, lacking=frozenset({"track"}))


def test_a_filter_takes_documents_of_either_generation():
    clause = clauses.filters({"service": "gateway"}, BOTH, WORDS)[0]

    assert clause["bool"]["should"] == [{"term": {OTEL: "gateway"}}, {"term": {ECS: "gateway"}}]
    assert clause["bool"]["minimum_should_match"] == 1


def test_a_document_with_both_names_is_counted_once():
    request = _logs(terms=("service",))
    asked = search.aggregations(request, BOTH, 1)
    assert asked["service+1"]["filter"] == {"bool": {"must_not": [{"exists": {"field": OTEL}}]}}

    first = {"buckets": [{"key": "gateway", "doc_count": 5}, {"key": "agents", "doc_count": 4}]}
    second = {"doc_count": 3, "values": {"buckets": [{"key": "agents", "doc_count": 3}]}}
    found = Found(hits=(), total=12, total_is_lower_bound=False, aggregations={"service": first, "service+1": second})

    assert search.page(request, found, (), BOTH, 1).terms == {"service": (("agents", 7), ("gateway", 5))}


def test_a_page_says_which_of_its_questions_no_document_can_answer():
    found = Found(hits=(), total=0, total_is_lower_bound=False)

    page = search.page(_logs(filters={"track": "green", "service": "a", "agent": ""}), found, (), BOTH, 1)

    assert page.lacking == ("track",)


def test_documents_of_both_generations_are_the_same_entry():
    otel = {
        "@timestamp": "2026-01-01T12:00:00Z",
        "body": {"text": "contract broken"},
        "severity_text": "ERROR",
        "trace_id": "t",
        "span_id": "s",
        "attributes": {"gen_ai.agent.name": "planner", "error.type": "timeout"},
        "resource": {"attributes": {"service.name": "a", "k8s.pod.name": "p", "tealdeck.track": "green"}},
    }
    ecs = {
        "@timestamp": "2026-01-01T12:00:00Z",
        "message": "contract broken",
        "log.level": "ERROR",
        "trace": {"id": "t"},
        "span": {"id": "s"},
        "error": {"type": "timeout"},
        "labels": {"gen_ai_agent_name": "planner", "tealdeck_track": "green"},
        "service": {"name": "a"},
        "kubernetes": {"pod": {"name": "p"}},
    }

    one, other = (Reader(stream="logs").entry(Hit(id="1", index="i", source=source)) for source in (otel, ecs))

    for name in ("at", "severity", "message", "service", "track", "pod", "trace_id", "span_id"):
        assert getattr(one, name) == getattr(other, name), name
    assert {"gen_ai.agent.name": "planner", "error.type": "timeout"}.items() <= other.attributes.items()


def test_spans_of_classic_apm_take_as_long_as_they_say():
    source = {"@timestamp": "2026-01-01T12:00:00Z", "span": {"name": "chat", "duration": {"us": 1_500_000}}}

    entry = Reader(stream="traces").entry(Hit(id="1", index="i", source=source))

    assert (entry.message, entry.duration_seconds) == ("chat", 1.5)


def _resolver(store: FakeLogs) -> Resolver:
    return Resolver(cast(Any, store), seconds=lambda: store.passed)


def test_the_fields_of_an_index_pattern_are_asked_once_and_again_after_a_while():
    store = FakeLogs()
    store.known = known(**{ECS: "a"})
    resolver = _resolver(store)

    assert {resolver.resolution("logs", "logs-*").fields("service") for _ in range(3)} == {(ECS,)}
    assert store.asked_fields == 1
    store.passed = KEPT_SECONDS
    resolver.resolution("logs", "logs-*")
    assert store.asked_fields == 2


def test_what_was_known_holds_while_the_backend_does_not_say():
    store = FakeLogs()
    store.known = known(**{ECS: "a"})
    resolver = _resolver(store)
    resolver.resolution("logs", "logs-*")
    store.passed, store.known = 2 * KEPT_SECONDS, Unreachable("elasticsearch", "gone")

    assert resolver.resolution("logs", "logs-*").fields("service") == (ECS,)
    with pytest.raises(Unreachable):
        resolver.resolution("traces", "traces-*")


def test_who_may_search_but_not_look_at_fields_gets_the_standard_names():
    store = FakeLogs()
    store.known = Rejected("elasticsearch", "HTTP 403")

    found = _resolver(store).resolution("logs", "logs-*")

    assert (found.fields("service"), found.lacking) == ((OTEL,), frozenset())


def test_a_pattern_without_an_index_is_asked_again_at_once():
    store = FakeLogs()
    store.known = FieldTypes(indices=frozenset(), by_name={})
    resolver = _resolver(store)
    resolver.resolution("logs", "logs-*")
    store.known = known(**{ECS: "a"})

    assert resolver.resolution("logs", "logs-*").fields("service") == (ECS,)
