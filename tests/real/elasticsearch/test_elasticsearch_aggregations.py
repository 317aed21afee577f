"""Each aggregation counts and measures what it says, on both servers."""

from __future__ import annotations

import pytest

from tests.real.elasticsearch.log_stores import START, Json, Store, at

pytestmark = pytest.mark.stack

_COST = "attributes.cost"
_AGENT = "attributes.agent.name"


def _counts(answer: Json) -> list[tuple[object, int]]:
    return [(bucket["key"], bucket["doc_count"]) for bucket in answer["buckets"]]


def test_terms_are_counted_the_most_frequent_first(store: Store) -> None:
    found = store.aggregate(agents={"terms": {"field": _AGENT, "size": 2}})["agents"]
    assert _counts(found) == [("planner", 3), ("critic", 2)]
    assert (found["sum_other_doc_count"], found["doc_count_error_upper_bound"]) == (2, 0)


def test_numbers_and_truths_are_terms_too(store: Store) -> None:
    found = store.aggregate(
        number={"terms": {"field": "severity_number"}}, truth={"terms": {"field": "attributes.retry"}}
    )
    assert _counts(found["number"])[0] == (9, 4)
    truth = [(bucket["key"], bucket["key_as_string"], bucket["doc_count"]) for bucket in found["truth"]["buckets"]]
    assert truth == [(0, "false", 2), (1, "true", 2)]


def test_a_histogram_has_its_empty_buckets(store: Store) -> None:
    found = store.aggregate(per={"date_histogram": {"field": "@timestamp", "fixed_interval": "30m"}})["per"]
    milliseconds = int(START.timestamp() * 1000)
    assert _counts(found) == [(milliseconds, 4), (milliseconds + 1_800_000, 0), (milliseconds + 3_600_000, 4)]
    assert found["buckets"][0]["key_as_string"] == at(0)


def test_a_histogram_leaves_out_what_is_too_small(store: Store) -> None:
    options = {"field": "@timestamp", "fixed_interval": "30m", "min_doc_count": 1}
    found = store.aggregate(per={"date_histogram": options})["per"]["buckets"]
    assert [bucket["doc_count"] for bucket in found] == [4, 4]


def test_one_aggregation_lies_in_another(store: Store) -> None:
    per_hour = {
        "date_histogram": {"field": "@timestamp", "fixed_interval": "1h"},
        "aggs": {
            "agents": {"terms": {"field": _AGENT}, "aggs": {"cost": {"avg": {"field": _COST}}}},
        },
    }
    first, second = store.aggregate(per_hour=per_hour)["per_hour"]["buckets"]
    costs = [(bucket["key"], bucket["cost"]["value"]) for bucket in first["agents"]["buckets"]]
    assert costs == [("critic", 3.0), ("planner", 1.0)]
    assert [bucket["key"] for bucket in second["agents"]["buckets"]] == ["planner", "reviewer", "reviewer-eu"]


def test_a_filter_narrows(store: Store) -> None:
    errors, planner = {"term": {"severity_text": "ERROR"}}, {"term": {_AGENT: "planner"}}
    found = store.aggregate(
        one={"filter": errors, "aggs": {"cost": {"sum": {"field": _COST}}}},
        other={"filter": planner},
    )
    assert (found["one"]["doc_count"], found["one"]["cost"]["value"]) == (2, 7.0)
    assert found["other"] == {"doc_count": 3}


def test_measures_of_a_number(store: Store) -> None:
    names = ("min", "max", "avg", "sum", "value_count")
    found = store.aggregate(**{name: {name: {"field": _COST}} for name in names})
    assert [found[name]["value"] for name in names] == [0.5, 5.5, 3.0, 18.0, 6]


def test_measures_of_nothing_say_so(store: Store) -> None:
    names = ("min", "max", "avg")
    found = store.aggregate({"match_none": {}}, **{name: {name: {"field": _COST}} for name in names})
    assert [found[name]["value"] for name in names] == [None, None, None]


def test_the_newest_time_is_a_measure_too(store: Store) -> None:
    assert store.aggregate(newest={"max": {"field": "@timestamp"}})["newest"]["value_as_string"] == at(64)


def test_distinct_values_are_counted(store: Store) -> None:
    found = store.aggregate(agents={"cardinality": {"field": _AGENT}}, cost={"cardinality": {"field": _COST}})
    assert (found["agents"]["value"], found["cost"]["value"]) == (4, 6)


def test_only_what_matches_is_aggregated(store: Store) -> None:
    found = store.aggregate({"term": {"severity_text": "ERROR"}}, agents={"terms": {"field": _AGENT}})["agents"]
    assert sorted(_counts(found)) == [("planner", 1), ("reviewer", 1)]
