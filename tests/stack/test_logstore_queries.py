"""Queries of the log store through the official client: each clause finds what Elasticsearch finds, or is refused.

Covers the query DSL and what people type. Orders and pages, aggregations and writing have files beside this one.
"""

from __future__ import annotations

from typing import Any

import pytest
from elasticsearch import Elasticsearch
from logstore_process import LogStore, ids, log, refusal

pytest_plugins = ("logstore_process",)
pytestmark = pytest.mark.stack

STREAM = "logs-queries.otel-test"
ECS = "logs-queries-test"
INDEX = "queries"


@pytest.fixture(scope="module", autouse=True)
def documents(store: LogStore) -> None:
    store.write(
        STREAM,
        log(0, "connection refused by node-1", id="a", severity="ERROR", n=1, ratio=0.5, ok=True, tag=["x", "y"]),
        log(1, "connection closed", id="b", n=2, ratio=1.5, ok=False, tag="y"),
        log(
            2,
            "Tool call finished in 10.5 ms",
            id="c",
            n=10,
            resource={"service.name": "agents"},
            nested={"a": {"b": "v"}},
        ),
        log(3, "refused connection", id="d", severity="WARN", n=-3, path="/v1/runs:batch"),
    )
    store.write(
        ECS,
        {
            "@timestamp": "2026-03-01T12:00:00Z",
            "id": "e",
            "message": "Rollback approved",
            "event": {"action": "release-rollback", "created": "2026-02-28"},
            "seq": 7,
        },
    )
    store.write(
        INDEX,
        {"id": "p", "title": "Big Brown Fox", "count": 3, "when": "2026-03-02"},
        {"id": "q", "title": "fox", "count": 4.0},
    )


def found(es: Elasticsearch, query: dict[str, Any], index: str = STREAM) -> str:
    """The ids that match, in alphabetical order."""
    return "".join(sorted(ids(es.search(index=index, query=query))))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"match_all": {}}, "abcd", id="everything"),
        pytest.param({"match_none": {}}, "", id="nothing"),
        pytest.param({"term": {"severity_text": "ERROR"}}, "a", id="a keyword"),
        pytest.param({"term": {"severity_text": "error"}}, "", id="a keyword has its case"),
        pytest.param({"term": {"attributes.n": 10}}, "c", id="a number"),
        pytest.param({"term": {"attributes.n": "10"}}, "c", id="a number as text"),
        pytest.param({"term": {"attributes.n": 1.5}}, "", id="a fraction of a whole number"),
        pytest.param({"term": {"attributes.ratio": 0.5}}, "a", id="a fraction"),
        pytest.param({"term": {"attributes.ok": False}}, "b", id="a boolean"),
        pytest.param({"term": {"attributes.tag": "y"}}, "ab", id="one of several values"),
        pytest.param({"term": {"@timestamp": "2026-03-01T12:00:01Z"}}, "b", id="a time"),
        pytest.param({"term": {"@timestamp": "2026-03-01"}}, "abcd", id="a day"),
        pytest.param({"term": {"attributes.unknown": "x"}}, "", id="a field that nothing has"),
        pytest.param({"term": {"_id": "b"}}, "b", id="an id"),
        pytest.param({"term": {"body.text": "refused"}}, "ad", id="a word"),
        pytest.param({"terms": {"attributes.n": [1, 2]}}, "ab", id="one of several numbers"),
        pytest.param({"terms": {"severity_text": []}}, "", id="none of no values"),
        pytest.param({"ids": {"values": ["a", "d", "z"]}}, "ad", id="ids"),
        pytest.param({"exists": {"field": "attributes.ok"}}, "ab", id="a field that is there"),
        pytest.param({"exists": {"field": "body.text"}}, "abcd", id="a text that is there"),
        pytest.param({"exists": {"field": "attributes"}}, "abcd", id="an object that is there"),
        pytest.param({"exists": {"field": "attributes.zip"}}, "", id="a field that is not there"),
        pytest.param({"range": {"attributes.n": {"gte": 1, "lt": 10}}}, "ab", id="numbers between"),
        pytest.param({"range": {"attributes.n": {"lt": 0}}}, "d", id="numbers below zero"),
        pytest.param({"range": {"attributes.n": {"gt": 1.5}}}, "bc", id="whole numbers above a fraction"),
        pytest.param({"range": {"attributes.ratio": {"gt": 0.5}}}, "b", id="fractions above"),
        pytest.param(
            {"range": {"@timestamp": {"gt": "2026-03-01T12:00:00Z", "lte": "2026-03-01T12:00:02Z"}}},
            "bc",
            id="times between",
        ),
        pytest.param(
            {"range": {"@timestamp": {"gte": "2026-03-01T12:00:02Z||-1s", "lt": "2026-03-01T12:00:00Z||+1m/m"}}},
            "bcd",
            id="date maths",
        ),
        pytest.param({"range": {"@timestamp": {"gt": "2026-03-01"}}}, "", id="above a day is behind its end"),
        pytest.param({"range": {"@timestamp": {"gte": "2026-03-01T13:00:02+01:00"}}}, "cd", id="a time in a zone"),
        pytest.param({"range": {"@timestamp": {"gte": "now-15m"}}}, "", id="the last quarter of an hour"),
        pytest.param(
            {"range": {"@timestamp": {"gte": None, "lt": "now/d"}}}, "abcd", id="a limit that is null is none"
        ),
        pytest.param({"match": {"body.text": "CONNECTION finished"}}, "abcd", id="any word"),
        pytest.param(
            {"match": {"body.text": {"query": "connection refused", "operator": "and"}}}, "ad", id="every word"
        ),
        pytest.param({"match": {"attributes.n": "2"}}, "b", id="a match on a number"),
        pytest.param({"match_phrase": {"body.text": "connection refused"}}, "a", id="words in order"),
        pytest.param({"match_phrase": {"body.text": "10.5"}}, "c", id="a decimal is one word"),
        pytest.param({"prefix": {"attributes.path": "/v1/"}}, "d", id="a beginning"),
        pytest.param({"prefix": {"body.text": "conn"}}, "abd", id="the beginning of a word"),
        pytest.param({"bool": {}}, "abcd", id="no condition"),
        pytest.param(
            {
                "bool": {
                    "must": {"match": {"body.text": "connection"}},
                    "must_not": {"term": {"severity_text": "ERROR"}},
                }
            },
            "bd",
            id="all but",
        ),
        pytest.param(
            {"bool": {"filter": [{"term": {"attributes.tag": "y"}}], "should": [{"term": {"attributes.n": 1}}]}},
            "ab",
            id="optional beside a filter",
        ),
        pytest.param(
            {"bool": {"should": [{"term": {"attributes.n": 1}}, {"term": {"attributes.n": 10}}]}},
            "ac",
            id="one of several",
        ),
        pytest.param(
            {
                "bool": {
                    "should": [
                        {"term": {"attributes.tag": "x"}},
                        {"term": {"attributes.tag": "y"}},
                        {"term": {"attributes.n": 2}},
                    ],
                    "minimum_should_match": 2,
                }
            },
            "ab",
            id="two of several",
        ),
        pytest.param({"bool": {"must_not": [{"exists": {"field": "attributes.ok"}}]}}, "cd", id="without a field"),
        pytest.param({"term": {"service.name": "agents"}}, "c", id="an attribute by its own name"),
        pytest.param({"term": {"log.level": "WARN"}}, "d", id="an alias"),
        pytest.param({"match": {"message": "finished"}}, "c", id="an alias of text"),
        pytest.param({"term": {"attributes.nested.a.b": "v"}}, "c", id="an object below attributes is flattened"),
    ],
)
def test_a_clause_finds(es: Elasticsearch, query: dict[str, Any], expected: str) -> None:
    assert found(es, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"term": {"title": "Fox"}}, "", id="a word of text is in lower case"),
        pytest.param({"term": {"title.keyword": "fox"}}, "q", id="text has a keyword below it"),
        pytest.param({"match": {"title": "FOX"}}, "pq", id="text by word"),
        pytest.param(
            {"range": {"when": {"gte": "2026-03-02", "lte": "2026-03-02"}}}, "p", id="a string like a date is one"
        ),
        pytest.param({"term": {"count": 4}}, "q", id="a fraction that is whole"),
        pytest.param({"range": {"@timestamp": {"gte": "now-1d"}}}, "", id="no time at all"),
    ],
)
def test_an_index_without_a_template_is_mapped_as_elasticsearch_does(es: Elasticsearch, query, expected: str) -> None:
    assert found(es, query, INDEX) == expected


def test_an_audit_stream_has_text_keywords_dates_and_numbers(es: Elasticsearch) -> None:
    for query in (
        {"match": {"message": "approved"}},
        {"term": {"event.action": "release-rollback"}},
        {"range": {"event.created": {"lt": "2026-03-01"}}},
        {"term": {"seq": 7}},
    ):
        assert found(es, query, ECS) == "e"


def test_streams_that_differ_in_a_type_are_searched_together(es: Elasticsearch, store: LogStore) -> None:
    store.write("logs-differ.one-test", {"@timestamp": 1, "id": "n", "code": 5})
    store.write("logs-differ.two-test", {"@timestamp": 1, "id": "k", "code": "5"})
    assert found(es, {"term": {"code": 5}}, "logs-differ.*") == "kn"


SIMPLE = [
    ("connection refused", "or", "abd", "any of two words"),
    ('"connection node"~2', "and", "a", "a phrase with words between"),
    ("connection refused", "and", "ad", "both words"),
    ('"connection refused"', "and", "a", "a phrase"),
    ("connection -refused", "and", "b", "with and without"),
    ("refused + node", "or", "a", "both by a plus"),
    ("closed | finished", "and", "bc", "one of two"),
    ("(closed | finished) + connection", "and", "b", "a group"),
    ("conn*", "and", "abd", "a beginning"),
    ('say "hello', "and", "", "a quote that does not end"),
    ("", "and", "", "nothing"),
]


@pytest.mark.parametrize(("text", "operator", "expected"), [pytest.param(t, o, e, id=name) for t, o, e, name in SIMPLE])
def test_simple_query_string_reads(es: Elasticsearch, text: str, operator: str, expected: str) -> None:
    body = {"query": text, "fields": ["body.text"], "default_operator": operator}
    assert found(es, {"simple_query_string": body}) == expected


@pytest.mark.parametrize(
    ("query", "kind", "words"),
    [
        ({"more_like_this": {}}, "parsing_exception", "unknown query [more_like_this]"),
        ({"term": {"a": {"value": 1, "foo": 2}}}, "parsing_exception", "[term] query does not support [foo]"),
        ({"term": {"a": 1, "b": 2}}, "parsing_exception", "multiple fields"),
        ({"bool": {"musst": []}}, "parsing_exception", "[musst]"),
        ({"terms": {"a": 1}}, "parsing_exception", "array of terms"),
        ({"match": {"body.text": {"query": "a", "operator": "xor"}}}, "illegal_argument_exception", "xor"),
        ({"match": {"body.text": {"query": "a", "fuzziness": 2}}}, "parsing_exception", "[fuzziness]"),
        ({"range": {"@timestamp": {"gte": "yesterday"}}}, "parse_exception", "yesterday"),
        ({"range": {"@timestamp": {"gte": "now-15x"}}}, "parse_exception", "now-15x"),
        ({"range": {"severity_text": {"gte": "a"}}}, "query_shard_exception", "range queries"),
        ({"range": {"body.text": {"gte": "a"}}}, "query_shard_exception", "range queries"),
        ({"term": {"attributes.n": "ten"}}, "query_shard_exception", "ten"),
        ({"prefix": {"attributes.n": "1"}}, "query_shard_exception", "prefix"),
        ({"simple_query_string": {"query": "a", "flags": "OR"}}, "parsing_exception", "[flags]"),
        ({"bool": {"should": [], "minimum_should_match": "75%"}}, "illegal_argument_exception", "75%"),
        ({"exists": {"fields": "a"}}, "parsing_exception", "[fields]"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_not_known_is_refused_by_name(es: Elasticsearch, query: dict[str, Any], kind: str, words: str) -> None:
    status, said, reason = refusal(lambda: es.search(index=STREAM, query=query))
    assert (status, said) == (400, kind)
    assert words in reason
