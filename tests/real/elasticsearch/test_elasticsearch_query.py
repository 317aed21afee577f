"""Each clause of the query language finds the documents that it names, on both servers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.real.elasticsearch.log_stores import DOCUMENTS, STREAM, Json, Store, at

pytestmark = pytest.mark.stack

_AGENT = "attributes.agent.name"
_TEXT = "body.text"
_ALL = list(DOCUMENTS)


def _text(clause: str, query: str, **options: Any) -> Json:
    return {clause: {_TEXT: {"query": query, **options} if options else query}}


def _simple(query: str, **options: Any) -> Json:
    return {"simple_query_string": {"query": query, "fields": [_TEXT], **options}}


_EXACT: dict[str, tuple[Json, list[str]]] = {
    "everything": ({"match_all": {}}, _ALL),
    "nothing": ({"match_none": {}}, []),
    "a keyword": ({"term": {_AGENT: "planner"}}, ["d0", "d1", "d4"]),
    "a keyword, by its object form": ({"term": {_AGENT: {"value": "critic"}}}, ["d2", "d3"]),
    "a keyword of other case": ({"term": {_AGENT: "Planner"}}, []),
    "a number": ({"term": {"severity_number": 13}}, ["d3", "d4"]),
    "a truth": ({"term": {"attributes.retry": True}}, ["d1", "d5"]),
    "a field that nothing has": ({"term": {"attributes.colour": "red"}}, []),
    "one of several": ({"terms": {"severity_text": ["ERROR", "WARN"]}}, ["d1", "d3", "d4", "d5"]),
    "a range of numbers": ({"range": {"attributes.cost": {"gt": 1.5, "lte": 3.5}}}, ["d2", "d3"]),
    "a range of times": ({"range": {"@timestamp": {"gte": at(2), "lt": at(61)}}}, ["d2", "d3"]),
    "a range relative to now": ({"range": {"@timestamp": {"gte": "now-1d", "lte": "now"}}}, _ALL),
    "a rounded range": ({"range": {"@timestamp": {"gte": f"{at(30)}||/h", "lte": f"{at(30)}||/h"}}}, _ALL[:4]),
    "a field that is there": ({"exists": {"field": "attributes.retry"}}, ["d0", "d1", "d2", "d5"]),
    "text that is there": ({"exists": {"field": _TEXT}}, _ALL),
    "an object that is there": ({"exists": {"field": "attributes"}}, _ALL[:7]),
    "ids": ({"ids": {"values": ["d5", "d2", "nobody"]}}, ["d2", "d5"]),
    "a prefix": ({"prefix": {_AGENT: "reviewer"}}, ["d5", "d6"]),
    "a prefix, by its object form": ({"prefix": {_AGENT: {"value": "crit"}}}, ["d2", "d3"]),
}
_WORDS: dict[str, tuple[Json, list[str]]] = {
    "any word": (_text("match", "tool plan"), ["d0", "d1", "d2", "d4", "d5", "d6"]),
    "all words": (_text("match", "planner the", operator="and"), ["d0", "d4"]),
    "words of any case": (_text("match", "TOOL"), ["d1", "d2", "d4"]),
    "a word of a keyword": ({"match": {"severity_text": "WARN"}}, ["d3", "d4"]),
    "a number by match": ({"match": {"severity_number": 9}}, ["d0", "d2", "d6", "d7"]),
    "a phrase": (_text("match_phrase", "tool call"), ["d1", "d2"]),
    "a phrase that is in another order": (_text("match_phrase", "call tool"), []),
    "simple: any word": (_simple("timeout slowly"), ["d1", "d3"]),
    "simple: all words": (_simple("tool call", default_operator="and"), ["d1", "d2"]),
    "simple: a phrase": (_simple('"call failed"'), ["d1"]),
    "simple: without a word": (_simple("tool -call", default_operator="and"), ["d4"]),
    "simple: either": (_simple("timeout | rejected", default_operator="and"), ["d1", "d5"]),
    "simple: a beginning": (_simple("succe*"), ["d2"]),
    "simple: groups": (_simple("tool + (failed | succeeded)"), ["d1", "d2"]),
    "simple: a quote that is left open": (_simple('"timeout'), ["d1"]),
}
_ERRORS = {"term": {"severity_text": "ERROR"}}
_PLANNER = {"term": {_AGENT: "planner"}}
_COMBINED: dict[str, tuple[Json, list[str]]] = {
    "must and filter": ({"bool": {"must": _text("match", "tool"), "filter": [_PLANNER]}}, ["d1", "d4"]),
    "must not": ({"bool": {"filter": [_PLANNER], "must_not": [_ERRORS]}}, ["d0", "d4"]),
    "only must not": ({"bool": {"must_not": [_PLANNER]}}, ["d2", "d3", "d5", "d6", "d7"]),
    "should alone": ({"bool": {"should": [_ERRORS, _PLANNER]}}, ["d0", "d1", "d4", "d5"]),
    "should beside filter is no condition": ({"bool": {"filter": [_ERRORS], "should": [_PLANNER]}}, ["d1", "d5"]),
    "at least two": ({"bool": {"should": [_ERRORS, _PLANNER], "minimum_should_match": 2}}, ["d1"]),
    "an empty one": ({"bool": {}}, _ALL),
    "one in another": ({"bool": {"must_not": {"bool": {"should": [_ERRORS, _PLANNER]}}}}, ["d2", "d3", "d6", "d7"]),
}


def _rows(table: dict[str, tuple[Json, list[str]]]) -> Any:
    rows = [pytest.param(query, expected, id=name) for name, (query, expected) in table.items()]
    return pytest.mark.parametrize(("query", "expected"), rows)


@_rows(_EXACT)
def test_an_exact_clause_finds(store: Store, query: Json, expected: list[str]) -> None:
    assert store.ids(query) == expected


@_rows(_WORDS)
def test_words_find(store: Store, query: Json, expected: list[str]) -> None:
    assert store.ids(query) == expected


@_rows(_COMBINED)
def test_combined_clauses_find(store: Store, query: Json, expected: list[str]) -> None:
    assert store.ids(query) == expected


def test_a_count_is_of_what_matches(store: Store) -> None:
    assert store.client.count(index=STREAM)["count"] == len(DOCUMENTS)
    assert store.client.count(index=STREAM, query=_PLANNER)["count"] == 3
