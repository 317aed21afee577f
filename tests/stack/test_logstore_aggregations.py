"""Aggregations of the log store through the official client, against counts that a reader can do in the head."""

from __future__ import annotations

from typing import Any

import pytest
from elasticsearch import Elasticsearch
from logstore_process import LogStore, log, millis, refusal

pytest_plugins = ("logstore_process",)
pytestmark = pytest.mark.stack

STREAM = "logs-aggregations.otel-test"
TIME = "@timestamp"
HOUR = 3600
DAY = 24 * HOUR


@pytest.fixture(scope="module", autouse=True)
def documents(store: LogStore) -> None:
    store.write(
        STREAM,
        log(0, n=1, agent="x", ok=True),
        log(0.25, n=2, agent="x", ok=False, severity="ERROR"),
        log(10, n=3, agent="y", tag=["p", "q"]),
        log(HOUR, n=4, agent="z", severity="ERROR"),
        log(28 * DAY, n=10, agent="z"),
    )


def ask(es: Elasticsearch, aggregation: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The answer of one aggregation over all documents, or those of a query."""
    return es.search(index=STREAM, size=0, aggs={"a": aggregation}, **more)["aggregations"]["a"]


def counts(answer: dict[str, Any]) -> list[tuple[Any, int]]:
    return [(bucket["key"], bucket["doc_count"]) for bucket in answer["buckets"]]


FIRST_DAY = {"range": {TIME: {"lt": "2026-03-02"}}}


def test_a_histogram_counts_steps_of_equal_length_and_fills_gaps(es: Elasticsearch) -> None:
    answer = ask(
        es,
        {"date_histogram": {"field": TIME, "fixed_interval": "5s"}},
        query={"range": {TIME: {"lt": "2026-03-01T13:00:00Z"}}},
    )
    assert counts(answer) == [(millis(0), 2), (millis(5), 0), (millis(10), 1)]
    assert answer["buckets"][0]["key_as_string"] == "2026-03-01T12:00:00.000Z"


def test_a_histogram_has_steps_below_a_second(es: Elasticsearch) -> None:
    body = {"field": TIME, "fixed_interval": "250ms", "min_doc_count": 1}
    assert counts(ask(es, {"date_histogram": body}, query=FIRST_DAY)) == [
        (millis(0), 1),
        (millis(0.25), 1),
        (millis(10), 1),
        (millis(HOUR), 1),
    ]


def test_terms_count_the_most_frequent_values(es: Elasticsearch) -> None:
    answer = ask(es, {"terms": {"field": "attributes.agent", "size": 2}})
    assert counts(answer) == [("x", 2), ("z", 2)]
    assert (answer["sum_other_doc_count"], answer["doc_count_error_upper_bound"]) == (1, 0)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"field": "attributes.ok"}, [(0, 1), (1, 1)]),
        ({"field": "attributes.tag"}, [("p", 1), ("q", 1)]),
        ({"field": "attributes.n", "size": 2}, [(1, 1), (2, 1)]),
        ({"field": "attributes.zip"}, []),
        ({"field": "service.name"}, [("gateway", 5)]),
    ],
    ids=str,
)
def test_values_of_every_type_are_terms(es: Elasticsearch, options: dict[str, Any], expected: Any) -> None:
    assert counts(ask(es, {"terms": options})) == expected


def test_booleans_have_a_number_and_a_name(es: Elasticsearch) -> None:
    buckets = ask(es, {"terms": {"field": "attributes.ok"}})["buckets"]
    assert [(one["key"], one["key_as_string"]) for one in buckets] == [(0, "false"), (1, "true")]


def test_buckets_hold_any_aggregation_below_them(es: Elasticsearch) -> None:
    hours = {"date_histogram": {"field": TIME, "fixed_interval": "1h", "min_doc_count": 1}}
    below = {
        "hours": hours,
        "errors": {"filter": {"term": {"severity_text": "ERROR"}}, "aggs": {"n": {"sum": {"field": "attributes.n"}}}},
        "biggest": {"max": {"field": "attributes.n"}},
    }
    x, z, y = ask(es, {"terms": {"field": "attributes.agent"}, "aggs": below})["buckets"]
    assert [one["doc_count"] for one in z["hours"]["buckets"]] == [1, 1]
    assert [one["doc_count"] for one in x["hours"]["buckets"]] == [2]
    assert (x["errors"]["doc_count"], x["errors"]["n"]["value"]) == (1, 2.0)
    assert [one["biggest"]["value"] for one in (x, y, z)] == [2, 3, 10]
    first, *_ = ask(es, {**hours, "aggs": {"errors": {"filter": {"term": {"severity_text": "ERROR"}}}}})["buckets"]
    assert first["errors"]["doc_count"] == 1


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("min", {"field": "attributes.n"}, {"value": 1.0}),
        ("max", {"field": "attributes.n"}, {"value": 10.0}),
        ("sum", {"field": "attributes.n"}, {"value": 20.0}),
        ("avg", {"field": "attributes.n"}, {"value": 4.0}),
        ("value_count", {"field": "attributes.tag"}, {"value": 2}),
        ("cardinality", {"field": "attributes.agent"}, {"value": 3}),
        ("max", {"field": TIME}, {"value": float(millis(28 * DAY)), "value_as_string": "2026-03-29T12:00:00.000Z"}),
        ("max", {"field": "attributes.zip"}, {"value": None}),
        ("sum", {"field": "attributes.zip"}, {"value": 0.0}),
        ("avg", {"field": "attributes.zip"}, {"value": None}),
        ("cardinality", {"field": "attributes.zip"}, {"value": 0}),
    ],
    ids=str,
)
def test_a_number_over_all(es: Elasticsearch, kind: str, options: dict[str, Any], expected: dict[str, Any]) -> None:
    assert ask(es, {kind: options}) == expected


def test_aggregations_follow_the_query(es: Elasticsearch) -> None:
    answer = es.search(
        index=STREAM,
        size=0,
        query={"term": {"severity_text": "ERROR"}},
        aggs={
            "a": {"terms": {"field": "attributes.agent"}},
            "b": {"max": {"field": "attributes.n"}},
        },
    )["aggregations"]
    assert (counts(answer["a"]), answer["b"]["value"]) == ([("x", 1), ("z", 1)], 4.0)


@pytest.mark.parametrize(
    ("aggregation", "kind", "words"),
    [
        ({"significant_terms": {"field": "a"}}, "parsing_exception", "[significant_terms]"),
        ({"terms": {"field": "body.text"}}, "illegal_argument_exception", "Fielddata is disabled"),
        ({"terms": {"field": "attributes.agent", "sise": 3}}, "x_content_parse_exception", "[sise]"),
        ({"terms": {"field": "attributes.agent", "size": 0}}, "illegal_argument_exception", "[size]"),
        ({"terms": {"size": 3}}, "parsing_exception", "field"),
        ({"max": {"field": "attributes.n", "missing": 1}}, "x_content_parse_exception", "[missing]"),
        ({"avg": {"field": "attributes.agent"}}, "illegal_argument_exception", "[avg]"),
        ({"date_histogram": {"field": TIME}}, "illegal_argument_exception", "interval"),
        ({"date_histogram": {"field": TIME, "fixed_interval": "1M"}}, "illegal_argument_exception", "[1M]"),
        (
            {"date_histogram": {"field": "attributes.n", "fixed_interval": "1h"}},
            "illegal_argument_exception",
            "date_histogram",
        ),
        (
            {"date_histogram": {"field": TIME, "fixed_interval": "1ms"}},
            "too_many_buckets_exception",
            "too many buckets",
        ),
        (
            {"max": {"field": "attributes.n"}, "aggs": {"b": {"min": {"field": "a"}}}},
            "aggregation_initialization_exception",
            "[a]",
        ),
        ({"filter": {"trem": {}}}, "parsing_exception", "[trem]"),
    ],
    ids=str,
)
def test_what_is_not_known_is_refused_by_name(es: Elasticsearch, aggregation: Any, kind: str, words: str) -> None:
    status, said, reason = refusal(lambda: ask(es, aggregation))
    assert (status, said) == (400, kind)
    assert words in reason
