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
        log(28 * DAY, n=10, agent="z"),  # 29 March, noon: the day the clocks of Berlin go forward
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


def test_a_histogram_reaches_as_far_as_asked_and_no_further(es: Elasticsearch) -> None:
    bounds = {"min": "2026-03-01T11:00:00Z", "max": "2026-03-01T14:00:00Z"}
    body = {"field": TIME, "fixed_interval": "1h", "extended_bounds": bounds}
    assert [count for _, count in counts(ask(es, {"date_histogram": body}, query=FIRST_DAY))] == [0, 3, 1, 0]
    hard = {"field": TIME, "fixed_interval": "1h", "hard_bounds": {"min": millis(0), "max": millis(HOUR) - 1}}
    assert counts(ask(es, {"date_histogram": hard})) == [(millis(0), 3)]


def test_a_histogram_begins_where_its_zone_and_offset_say(es: Elasticsearch) -> None:
    body = {"field": TIME, "fixed_interval": "1d", "time_zone": "+02:00"}
    (bucket,) = ask(es, {"date_histogram": body}, query=FIRST_DAY)["buckets"]
    assert (bucket["key"], bucket["key_as_string"]) == (millis(-14 * HOUR), "2026-03-01T00:00:00.000+02:00")
    moved = {"field": TIME, "fixed_interval": "1d", "offset": "-6h"}
    assert counts(ask(es, {"date_histogram": moved}, query=FIRST_DAY)) == [(millis(-18 * HOUR), 4)]


def test_days_months_and_years_are_those_of_the_calendar(es: Elasticsearch) -> None:
    days = {"field": TIME, "calendar_interval": "day", "min_doc_count": 1}
    assert counts(ask(es, {"date_histogram": days})) == [(millis(-12 * HOUR), 4), (millis(28 * DAY - 12 * HOUR), 1)]
    assert len(ask(es, {"date_histogram": {"field": TIME, "calendar_interval": "1d"}})["buckets"]) == 29
    weeks = {"field": TIME, "calendar_interval": "week", "min_doc_count": 1, "format": "yyyy-MM-dd"}
    assert [one["key_as_string"] for one in ask(es, {"date_histogram": weeks})["buckets"]] == [
        "2026-02-23",
        "2026-03-23",
    ]
    for unit, first in (("month", "2026-03-01"), ("quarter", "2026-01-01"), ("year", "2026-01-01")):
        answer = ask(es, {"date_histogram": {"field": TIME, "calendar_interval": unit, "format": "yyyy-MM-dd"}})
        assert [(one["key_as_string"], one["doc_count"]) for one in answer["buckets"]] == [(first, 5)]


def test_a_day_has_the_length_that_its_zone_gives_it(es: Elasticsearch) -> None:
    body = {"field": TIME, "calendar_interval": "day", "time_zone": "Europe/Berlin", "min_doc_count": 1}
    body |= {"extended_bounds": {"min": "2026-03-30", "max": "2026-03-30"}, "min_doc_count": 0}
    buckets = ask(es, {"date_histogram": body})["buckets"]
    assert buckets[0]["key_as_string"] == "2026-03-01T00:00:00.000+01:00"
    assert buckets[-1]["key_as_string"] == "2026-03-30T00:00:00.000+02:00"
    assert (buckets[-1]["key"] - buckets[-2]["key"]) == 23 * HOUR * 1000
    assert buckets[-2]["doc_count"] == 1


def test_terms_count_the_most_frequent_values(es: Elasticsearch) -> None:
    answer = ask(es, {"terms": {"field": "attributes.agent", "size": 2}})
    assert counts(answer) == [("x", 2), ("z", 2)]
    assert (answer["sum_other_doc_count"], answer["doc_count_error_upper_bound"]) == (1, 0)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"order": {"_key": "desc"}}, [("z", 2), ("y", 1), ("x", 2)]),
        ({"order": {"_count": "asc"}}, [("y", 1), ("x", 2), ("z", 2)]),
        ({"order": [{"_count": "desc"}, {"_key": "asc"}]}, [("x", 2), ("z", 2), ("y", 1)]),
        ({"min_doc_count": 2}, [("x", 2), ("z", 2)]),
        ({"include": ["x", "y"]}, [("x", 2), ("y", 1)]),
        ({"exclude": "x|z"}, [("y", 1)]),
        ({"field": "attributes.ok"}, [(0, 1), (1, 1)]),
        ({"field": "attributes.ok", "order": {"_key": "desc"}}, [(1, 1), (0, 1)]),
        ({"field": "attributes.tag", "missing": "none"}, [("none", 4), ("p", 1), ("q", 1)]),
        ({"field": "attributes.n", "size": 2, "order": {"_key": "desc"}}, [(10, 1), (4, 1)]),
        ({"field": "attributes.zip"}, []),
        ({"field": "service.name"}, [("gateway", 5)]),
    ],
    ids=str,
)
def test_terms_are_ordered_and_chosen_as_asked(es: Elasticsearch, options: dict[str, Any], expected: Any) -> None:
    assert counts(ask(es, {"terms": {"field": "attributes.agent", **options}})) == expected


def test_booleans_have_a_number_and_a_name(es: Elasticsearch) -> None:
    buckets = ask(es, {"terms": {"field": "attributes.ok"}})["buckets"]
    assert [(one["key"], one["key_as_string"]) for one in buckets] == [(0, "false"), (1, "true")]


def test_terms_by_what_is_below_them(es: Elasticsearch) -> None:
    below = {"biggest": {"max": {"field": "attributes.n"}}, "all": {"stats": {"field": "attributes.n"}}}
    for order, expected in (("biggest", "zyx"), ("all.min", "zyx"), ("all.count", "xzy")):
        answer = ask(es, {"terms": {"field": "attributes.agent", "order": {order: "desc"}}, "aggs": below})
        assert "".join(one["key"] for one in answer["buckets"]) == expected
        assert {one["key"]: one["biggest"]["value"] for one in answer["buckets"]} == {"x": 2, "y": 3, "z": 10}


def test_buckets_hold_any_aggregation_below_them(es: Elasticsearch) -> None:
    below = {
        "days": {"date_histogram": {"field": TIME, "calendar_interval": "day", "min_doc_count": 1}},
        "errors": {"filter": {"term": {"severity_text": "ERROR"}}, "aggs": {"n": {"sum": {"field": "attributes.n"}}}},
        "newest": {"top_hits": {"size": 1, "sort": [{TIME: "desc"}], "_source": ["attributes.n"]}},
        "without": {"missing": {"field": "attributes.ok"}},
    }
    x, z, y = ask(es, {"terms": {"field": "attributes.agent"}, "aggs": below})["buckets"]
    assert [one["doc_count"] for one in z["days"]["buckets"]] == [1, 1]
    assert [one["doc_count"] for one in x["days"]["buckets"]] == [2]
    assert (x["errors"]["doc_count"], x["errors"]["n"]["value"]) == (1, 2.0)
    assert z["newest"]["hits"]["hits"][0]["_source"] == {"attributes": {"n": 10}}
    assert z["newest"]["hits"]["total"]["value"] == 2
    assert (x["without"]["doc_count"], y["without"]["doc_count"]) == (0, 1)
    hours = {"date_histogram": {"field": TIME, "fixed_interval": "1h", "min_doc_count": 1}}
    first, *_ = ask(
        es, {**hours, "aggs": {"by": {"filters": {"filters": {"e": {"term": {"severity_text": "ERROR"}}}}}}}
    )["buckets"]
    assert first["by"]["buckets"]["e"]["doc_count"] == 1


def test_filters_have_names_or_places(es: Elasticsearch) -> None:
    error, info = ({"term": {"severity_text": name}} for name in ("ERROR", "INFO"))
    named = ask(es, {"filters": {"filters": {"bad": error, "good": info}}})
    assert named["buckets"] == {"bad": {"doc_count": 2}, "good": {"doc_count": 3}}
    assert ask(es, {"filters": {"filters": [info, error]}})["buckets"] == [{"doc_count": 3}, {"doc_count": 2}]


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("min", {"field": "attributes.n"}, {"value": 1.0}),
        ("max", {"field": "attributes.n"}, {"value": 10.0}),
        ("sum", {"field": "attributes.n"}, {"value": 20.0}),
        ("avg", {"field": "attributes.n"}, {"value": 4.0}),
        ("stats", {"field": "attributes.n"}, {"count": 5, "min": 1.0, "max": 10.0, "avg": 4.0, "sum": 20.0}),
        ("value_count", {"field": "attributes.tag"}, {"value": 2}),
        ("cardinality", {"field": "attributes.agent"}, {"value": 3}),
        ("max", {"field": TIME}, {"value": float(millis(28 * DAY)), "value_as_string": "2026-03-29T12:00:00.000Z"}),
        ("max", {"field": "attributes.zip"}, {"value": None}),
        ("sum", {"field": "attributes.zip"}, {"value": 0.0}),
        ("avg", {"field": "attributes.zip"}, {"value": None}),
        ("cardinality", {"field": "attributes.zip"}, {"value": 0}),
        ("sum", {"field": "attributes.zip", "missing": 2}, {"value": 10.0}),
        ("percentiles", {"field": "attributes.zip", "percents": [50]}, {"values": {"50.0": None}}),
    ],
    ids=str,
)
def test_a_number_over_all(es: Elasticsearch, kind: str, options: dict[str, Any], expected: dict[str, Any]) -> None:
    assert ask(es, {kind: options}) == expected


def test_percentiles_are_near_the_truth(es: Elasticsearch) -> None:
    values = ask(es, {"percentiles": {"field": "attributes.n", "percents": [0, 50, 100]}})["values"]
    assert list(values) == ["0.0", "50.0", "100.0"]
    assert list(values.values()) == pytest.approx([1, 3, 10], rel=0.02)
    assert (
        ask(es, {"percentiles": {"field": "attributes.n", "percents": [100], "keyed": False}})["values"][0]["key"]
        == 100
    )


def test_composite_pages_hold_every_bucket_once(es: Elasticsearch) -> None:
    sources = [
        {"agent": {"terms": {"field": "attributes.agent", "order": "desc"}}},
        {"hour": {"date_histogram": {"field": TIME, "fixed_interval": "1h"}}},
    ]
    below = {"n": {"sum": {"field": "attributes.n"}}}
    seen, after = [], {}
    while True:
        body = {"composite": {"size": 2, "sources": sources, **after}, "aggs": below}
        answer = ask(es, body)
        seen += [(one["key"]["agent"], one["key"]["hour"], one["n"]["value"]) for one in answer["buckets"]]
        if not answer["buckets"]:
            break
        after = {"after": answer["after_key"]}
    assert seen == [
        ("z", millis(HOUR), 4.0),
        ("z", millis(28 * DAY), 10.0),
        ("y", millis(0), 3.0),
        ("x", millis(0), 3.0),
    ]


def test_composite_counts_numbers_and_what_is_missing(es: Elasticsearch) -> None:
    ok = {"sources": [{"ok": {"terms": {"field": "attributes.ok", "missing_bucket": True}}}]}
    assert [one["doc_count"] for one in ask(es, {"composite": ok})["buckets"]] == [3, 1, 1]
    numbers: dict[str, Any] = {"size": 3, "sources": [{"n": {"terms": {"field": "attributes.n"}}}]}
    first = ask(es, {"composite": numbers})
    assert [one["key"]["n"] for one in first["buckets"]] == [1, 2, 3]
    rest = ask(es, {"composite": {**numbers, "after": first["after_key"]}})
    assert [one["key"]["n"] for one in rest["buckets"]] == [4, 10]


def test_aggregations_follow_the_query_and_keep_their_meta(es: Elasticsearch) -> None:
    answer = es.search(
        index=STREAM,
        size=0,
        query={"term": {"severity_text": "ERROR"}},
        aggs={
            "a": {"terms": {"field": "attributes.agent"}, "meta": {"color": "red"}},
            "b": {"max": {"field": "attributes.n"}},
        },
    )["aggregations"]
    assert (counts(answer["a"]), answer["a"]["meta"], answer["b"]["value"]) == (
        [("x", 1), ("z", 1)],
        {"color": "red"},
        4.0,
    )


@pytest.mark.parametrize(
    ("aggregation", "kind", "words"),
    [
        ({"significant_terms": {"field": "a"}}, "parsing_exception", "[significant_terms]"),
        ({"terms": {"field": "body.text"}}, "illegal_argument_exception", "Fielddata is disabled"),
        ({"terms": {"field": "attributes.agent", "sise": 3}}, "x_content_parse_exception", "[sise]"),
        ({"terms": {"field": "attributes.agent", "size": 0}}, "illegal_argument_exception", "[size]"),
        ({"terms": {"size": 3}}, "parsing_exception", "field"),
        ({"terms": {"field": "attributes.agent", "order": {"n": "asc"}}}, "illegal_argument_exception", "[n]"),
        ({"avg": {"field": "attributes.agent"}}, "illegal_argument_exception", "[avg]"),
        ({"date_histogram": {"field": TIME}}, "illegal_argument_exception", "interval"),
        ({"date_histogram": {"field": TIME, "calendar_interval": "2d"}}, "illegal_argument_exception", "[2d]"),
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
        ({"composite": {"sources": []}}, "illegal_argument_exception", "[sources]"),
    ],
    ids=str,
)
def test_what_is_not_known_is_refused_by_name(es: Elasticsearch, aggregation: Any, kind: str, words: str) -> None:
    status, said, reason = refusal(lambda: ask(es, aggregation))
    assert (status, said) == (400, kind)
    assert words in reason
