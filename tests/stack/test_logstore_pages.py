"""What a search of the log store answers beside the hits' names: orders, pages, totals, parts of documents.

Covers sort, search_after, points in time, totals and _source, through the official client.
"""

from __future__ import annotations

from typing import Any

import pytest
from elasticsearch import Elasticsearch, NotFoundError
from logstore_process import LogStore, ids, log, millis, refusal

from tests.waiting import eventually

pytest_plugins = ("logstore_process",)
pytestmark = pytest.mark.stack

STREAM = "logs-pages.otel-test"
TIME = "@timestamp"


@pytest.fixture(scope="module", autouse=True)
def documents(store: LogStore) -> None:
    store.write(
        STREAM,
        log(0, "First. The second sentence fails here. Third.", id="a", n=3, agent="x"),
        log(1, "fails again and fails", id="b", n=1, agent="y"),
        log(1, "fine", id="c", n=3, agent="x", ratio=0.25),
        log(2, "fine", id="d", agent="z"),
        log(3, "fails", id="e", n=2, agent="x", tag=["p", "q"]),
    )
    store.write("logs-pages.other-test", log(0))  # a part of the store that has none of the fields


def order(es: Elasticsearch, *sort: Any, **more: Any) -> str:
    return "".join(ids(es.search(index=STREAM, sort=list(sort), **more)))


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        pytest.param([{TIME: "asc"}], "abcde", id="by time"),
        pytest.param([{TIME: {"order": "desc"}}], "edcba", id="newest first"),
        pytest.param([{"attributes.n": "asc"}, {TIME: "desc"}], "becad", id="by a number, without it last"),
        pytest.param([{"attributes.n": "desc"}, {TIME: "asc"}], "acebd", id="by a number downwards"),
        pytest.param([{"attributes.agent": "desc"}, {TIME: "asc"}], "dbace", id="by a keyword"),
        pytest.param(
            [{"attributes.agent": "asc"}, {"attributes.n": "asc"}, {TIME: "asc"}], "eacbd", id="by three keys"
        ),
        pytest.param([{TIME: "asc"}, {"attributes.agent": "desc"}], "abcde", id="by time and a keyword"),
        pytest.param([{"attributes.zip": {"unmapped_type": "long"}}, TIME], "abcde", id="by a field that nothing has"),
        pytest.param([{"attributes.tag": "asc"}, TIME], "eabcd", id="by a list, once"),
        pytest.param(["_doc"], "abcde", id="as they lie"),
    ],
)
def test_hits_come_in_the_order_of(es: Elasticsearch, sort: list[Any], expected: str) -> None:
    assert order(es, *sort) == expected


@pytest.mark.parametrize(
    "sort",
    [
        [{TIME: "desc"}],
        [{TIME: "asc"}, {"_shard_doc": "asc"}],
        [{"attributes.n": "asc"}, {TIME: "desc"}],
        [{"attributes.n": "desc"}],
        [{"attributes.agent": "asc"}],
        [{"attributes.agent": "desc"}, {"attributes.n": "asc"}],
        [{"attributes.ratio": "asc"}, {TIME: "asc"}],
    ],
    ids=str,
)
def test_pages_of_one_hold_every_document_once(es: Elasticsearch, sort: list[Any]) -> None:
    pit = es.open_point_in_time(index=STREAM, keep_alive="1m")["id"]
    whole = ids(es.search(pit={"id": pit}, sort=sort))
    seen: list[str] = []
    after: list[Any] | None = None
    while hits := es.search(pit={"id": pit}, sort=sort, size=1, search_after=after)["hits"]["hits"]:
        seen.append(hits[0]["_id"])
        after = hits[0]["sort"]
    assert seen == whole
    assert sorted(seen) == list("abcde")


def test_a_hit_tells_its_sort_values(es: Elasticsearch) -> None:
    sort = [{"attributes.n": "desc"}, {TIME: {"order": "asc"}}]
    hits = es.search(index=STREAM, sort=sort)["hits"]["hits"]
    assert hits[0]["sort"] == [3, millis()]
    assert hits[-1]["sort"] == [-(2**63), millis(2)]
    assert hits[0]["_score"] is None
    assert es.search(index=STREAM, sort=[{TIME: "asc"}])["hits"]["hits"][0]["sort"] == [millis()]


def test_without_a_sort_the_best_match_is_first(es: Elasticsearch) -> None:
    found = es.search(index=STREAM, query={"match": {"body.text": "fails"}})["hits"]
    assert found["hits"][0]["_id"] in "be"
    assert found["max_score"] == found["hits"][0]["_score"] > found["hits"][-1]["_score"] > 0


def test_a_point_in_time_does_not_see_what_comes_later(es: Elasticsearch, store: LogStore, name: str) -> None:
    stream = f"logs-{name}.otel-test"
    store.write(stream, log(0))
    pit = es.open_point_in_time(index=stream, keep_alive="1m")["id"]
    store.write(stream, log(1, id="later"))
    assert es.search(pit={"id": pit})["hits"]["total"]["value"] == 1
    assert es.search(index=stream)["hits"]["total"]["value"] == 2
    assert es.close_point_in_time(id=pit)["num_freed"] == 1
    status, kind, _ = refusal(lambda: es.search(pit={"id": pit}))
    assert (status, kind) == (404, "search_context_missing_exception")
    with pytest.raises(NotFoundError):
        es.close_point_in_time(id=pit)


def test_a_point_in_time_that_nobody_asks_for_expires(es: Elasticsearch) -> None:
    short = es.open_point_in_time(index=STREAM, keep_alive="1ms")["id"]
    kept = es.open_point_in_time(index=STREAM, keep_alive="1ms")["id"]

    def is_gone() -> bool:
        try:
            es.search(pit={"id": short})
        except NotFoundError:
            return True
        return False  # The first question may come within its millisecond.

    eventually(is_gone, "the point in time expires")
    assert refusal(lambda: es.search(pit={"id": kept, "keep_alive": "1m"}))[0] == 404


def test_a_point_in_time_takes_no_index(es: Elasticsearch) -> None:
    pit = es.open_point_in_time(index=STREAM, keep_alive="1m")["id"]
    kind = refusal(lambda: es.search(index=STREAM, pit={"id": pit}))[1]
    assert kind == "action_request_validation_exception"
    assert refusal(lambda: es.open_point_in_time(index=STREAM, keep_alive="2d"))[1] == "illegal_argument_exception"


@pytest.mark.parametrize(
    ("track", "total"),
    [
        (True, {"value": 5, "relation": "eq"}),
        (5, {"value": 5, "relation": "eq"}),
        (3, {"value": 3, "relation": "gte"}),
        (False, None),
    ],
)
def test_the_total_is_counted_as_far_as_asked(es: Elasticsearch, track: Any, total: Any) -> None:
    assert es.search(index=STREAM, track_total_hits=track, size=1)["hits"].get("total") == total


def test_pages_by_number_end_at_ten_thousand(es: Elasticsearch) -> None:
    assert order(es, {TIME: "asc"}, from_=1, size=2) == "bc"
    assert order(es, {TIME: "asc"}, from_=9, size=2) == ""
    status, kind, reason = refusal(lambda: es.search(index=STREAM, from_=9_999, size=2))
    assert (status, kind) == (400, "illegal_argument_exception")
    assert "Result window is too large" in reason


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (False, None),
        (["body.*", TIME], {"body": {"text": "fine"}, TIME: "2026-03-01T12:00:02.000Z"}),
        ("attributes", {"attributes": {"agent": "z"}}),
        ({"excludes": ["resource", "body", "*time*"]}, {"severity_text": "INFO", "attributes": {"agent": "z"}}),
        ({"includes": ["attributes.*"], "excludes": ["*.agent"]}, {}),
    ],
    ids=str,
)
def test_the_source_is_shown_in_part(es: Elasticsearch, wanted: Any, expected: Any) -> None:
    (hit,) = es.search(index=STREAM, query={"ids": {"values": ["d"]}}, source=wanted)["hits"]["hits"]
    assert hit.get("_source") == expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"min_score": 1}, "[min_score]"),
        ({"sort": [{"attributes.zip": "asc"}]}, "No mapping found"),
        ({"sort": [{"body.text": "asc"}]}, "Fielddata is disabled"),
        ({"sort": [{TIME: {"order": "up"}}]}, "[up]"),
        ({"sort": [{TIME: {"nested": {}}}]}, "[nested]"),
        ({"sort": [TIME], "search_after": [1, 2]}, "search_after has 2 value(s) but sort has 1"),
        ({"search_after": [1]}, "needs a sort"),
        ({"size": -1}, "[size]"),
        ({"highlight": {"fields": {"body.text": {}}}}, "[highlight]"),
        ({"collapse": {"field": "attributes.n"}}, "[collapse]"),
        ({"track_total_hits": "many"}, "many"),
        ({"timeout": "soon"}, "[soon]"),
    ],
    ids=str,
)
def test_what_is_not_known_is_refused_by_name(es: Elasticsearch, body: dict[str, Any], words: str) -> None:
    status, _, reason = refusal(lambda: es.search(index=STREAM, body=body))
    assert status == 400
    assert words in reason


def test_unknown_parameters_and_paths_are_refused(es: Elasticsearch) -> None:
    status, kind, reason = refusal(lambda: es.search(index=STREAM, q="a"))
    assert (status, kind) == (400, "illegal_argument_exception")
    assert "['q']" in reason
    assert es.options(ignore_status=400).perform_request("GET", "/_nodes/hot_threads").meta.status == 400
