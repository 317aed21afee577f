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


def test_terms_are_ordered_by_key_and_by_a_measure(store: Store) -> None:
    by_key = {"terms": {"field": "severity_text", "order": {"_key": "desc"}}}
    assert _counts(store.aggregate(by_key=by_key)["by_key"]) == [("WARN", 2), ("INFO", 4), ("ERROR", 2)]
    by_cost = {"terms": {"field": _AGENT, "order": {"cost": "desc"}}, "aggs": {"cost": {"max": {"field": _COST}}}}
    found = store.aggregate({"range": {_COST: {"lte": 5}}}, by_cost=by_cost)["by_cost"]["buckets"]
    assert [(bucket["key"], bucket["cost"]["value"]) for bucket in found] == [("planner", 4.5), ("critic", 3.5)]


def test_numbers_and_truths_are_terms_too(store: Store) -> None:
    found = store.aggregate(
        number={"terms": {"field": "severity_number"}}, truth={"terms": {"field": "attributes.retry"}}
    )
    assert _counts(found["number"])[0] == (9, 4)
    truth = [(bucket["key"], bucket["key_as_string"], bucket["doc_count"]) for bucket in found["truth"]["buckets"]]
    assert truth == [(0, "false", 2), (1, "true", 2)]


def test_terms_are_selected_and_kept_above_a_count(store: Store) -> None:
    found = store.aggregate(
        frequent={"terms": {"field": _AGENT, "min_doc_count": 2}},
        named={"terms": {"field": _AGENT, "include": ["critic", "reviewer"], "order": {"_key": "asc"}}},
        absent={"terms": {"field": _AGENT, "missing": "nobody", "size": 10, "order": {"_key": "asc"}}},
    )
    assert _counts(found["frequent"]) == [("planner", 3), ("critic", 2)]
    assert _counts(found["named"]) == [("critic", 2), ("reviewer", 1)]
    assert ("nobody", 1) in _counts(found["absent"])


def test_a_histogram_has_its_empty_buckets(store: Store) -> None:
    found = store.aggregate(per={"date_histogram": {"field": "@timestamp", "fixed_interval": "30m"}})["per"]
    milliseconds = int(START.timestamp() * 1000)
    assert _counts(found) == [(milliseconds, 4), (milliseconds + 1_800_000, 0), (milliseconds + 3_600_000, 4)]
    assert found["buckets"][0]["key_as_string"] == at(0)


def test_a_histogram_goes_as_far_as_it_is_told(store: Store) -> None:
    bounds = {"min": at(-60), "max": at(119)}
    options = {"field": "@timestamp", "calendar_interval": "hour", "extended_bounds": bounds}
    found = store.aggregate(per={"date_histogram": options})["per"]["buckets"]
    assert [(bucket["key_as_string"], bucket["doc_count"]) for bucket in found] == [
        (at(-60), 0),
        (at(0), 4),
        (at(60), 4),
    ]


def test_a_histogram_leaves_out_what_is_too_small(store: Store) -> None:
    options = {"field": "@timestamp", "fixed_interval": "30m", "min_doc_count": 1}
    found = store.aggregate(per={"date_histogram": options})["per"]["buckets"]
    assert [bucket["doc_count"] for bucket in found] == [4, 4]


def test_a_histogram_of_days_starts_at_midnight(store: Store) -> None:
    found = store.aggregate(per={"date_histogram": {"field": "@timestamp", "calendar_interval": "day"}})["per"][
        "buckets"
    ]
    assert sum(bucket["doc_count"] for bucket in found) == 8
    assert all(bucket["key_as_string"].endswith("T00:00:00.000Z") for bucket in found)


def test_one_aggregation_lies_in_another(store: Store) -> None:
    per_hour = {
        "date_histogram": {"field": "@timestamp", "fixed_interval": "1h"},
        "aggs": {
            "agents": {
                "terms": {"field": _AGENT, "order": {"_key": "asc"}},
                "aggs": {"cost": {"avg": {"field": _COST}}},
            }
        },
    }
    first, second = store.aggregate(per_hour=per_hour)["per_hour"]["buckets"]
    costs = [(bucket["key"], bucket["cost"]["value"]) for bucket in first["agents"]["buckets"]]
    assert costs == [("critic", 3.0), ("planner", 1.0)]
    assert [bucket["key"] for bucket in second["agents"]["buckets"]] == ["planner", "reviewer", "reviewer-eu"]


def test_filters_divide(store: Store) -> None:
    errors, planner = {"term": {"severity_text": "ERROR"}}, {"term": {_AGENT: "planner"}}
    found = store.aggregate(
        one={"filter": errors, "aggs": {"cost": {"sum": {"field": _COST}}}},
        named={"filters": {"filters": {"errors": errors, "planner": planner}}},
        listed={"filters": {"filters": [errors, planner]}},
    )
    assert (found["one"]["doc_count"], found["one"]["cost"]["value"]) == (2, 7.0)
    assert {name: bucket["doc_count"] for name, bucket in found["named"]["buckets"].items()} == {
        "errors": 2, "planner": 3,
    }  # fmt: skip
    assert [bucket["doc_count"] for bucket in found["listed"]["buckets"]] == [2, 3]


def test_measures_of_a_number(store: Store) -> None:
    names = ("min", "max", "avg", "sum", "value_count")
    found = store.aggregate(**{name: {name: {"field": _COST}} for name in names})
    assert [found[name]["value"] for name in names] == [0.5, 5.5, 3.0, 18.0, 6]
    stats = store.aggregate(all={"stats": {"field": _COST}})["all"]
    assert stats == {"count": 6, "min": 0.5, "max": 5.5, "avg": 3.0, "sum": 18.0}


def test_measures_of_nothing_say_so(store: Store) -> None:
    names = ("min", "max", "avg")
    found = store.aggregate({"match_none": {}}, **{name: {name: {"field": _COST}} for name in names})
    assert [found[name]["value"] for name in names] == [None, None, None]


def test_the_newest_time_is_a_measure_too(store: Store) -> None:
    assert store.aggregate(newest={"max": {"field": "@timestamp"}})["newest"]["value_as_string"] == at(64)


def test_distinct_values_are_counted(store: Store) -> None:
    found = store.aggregate(agents={"cardinality": {"field": _AGENT}}, cost={"cardinality": {"field": _COST}})
    assert (found["agents"]["value"], found["cost"]["value"]) == (4, 6)


def test_percentiles_are_by_name_and_as_a_list(store: Store) -> None:
    found = store.aggregate(
        named={"percentiles": {"field": _COST, "percents": [50, 95]}},
        listed={"percentiles": {"field": _COST, "percents": [50], "keyed": False}},
    )
    # Of six values, one server takes the middle between two and the other takes a neighbour.
    assert 2.4 < found["named"]["values"]["50.0"] < 3.6
    assert 4.4 < found["named"]["values"]["95.0"] < 5.6
    assert [entry["key"] for entry in found["listed"]["values"]] == [50.0]


def test_what_lacks_a_field_is_counted(store: Store) -> None:
    found = store.aggregate(
        silent={"missing": {"field": "attributes.retry"}, "aggs": {"of": {"terms": {"field": "severity_text"}}}}
    )["silent"]
    assert found["doc_count"] == 4
    assert _counts(found["of"]) == [("INFO", 2), ("WARN", 2)]


def test_each_bucket_shows_its_newest_documents(store: Store) -> None:
    newest = {"top_hits": {"size": 1, "sort": [{"@timestamp": "desc"}], "_source": ["severity_text"]}}
    found = store.aggregate(agents={"terms": {"field": _AGENT, "size": 2}, "aggs": {"newest": newest}})["agents"]
    hits = [bucket["newest"]["hits"]["hits"][0] for bucket in found["buckets"]]
    assert [(hit["_id"], hit["_source"]) for hit in hits] == [
        ("d4", {"severity_text": "WARN"}), ("d3", {"severity_text": "WARN"}),
    ]  # fmt: skip


def test_only_what_matches_is_aggregated(store: Store) -> None:
    found = store.aggregate({"term": {"severity_text": "ERROR"}}, agents={"terms": {"field": _AGENT}})["agents"]
    assert sorted(_counts(found)) == [("planner", 1), ("reviewer", 1)]
