"""What is refused is refused in the same form: status, type and a reason that names it, on both servers."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.real.elasticsearch.log_stores import STREAM, Json, Store

pytestmark = pytest.mark.stack

_AGGREGATED = {"size": 0, "aggs": {"x": {"nonsense": {"field": "severity_text"}}}}


def _ask(store: Store, method: str, path: str, body: bytes | Json = b"", content: str = "application/json") -> Any:
    with requests.Session() as session:
        session.trust_env = False
        data = body if isinstance(body, bytes) else None
        sent = body if not isinstance(body, bytes) else None
        headers = {"Content-Type": content} if body else {}
        return session.request(method, store.url + path, data=data, json=sent, headers=headers, timeout=30)


@pytest.mark.parametrize(
    ("body", "status", "kind", "named"),
    [
        ({"query": {"nonsense": {}}}, 400, "parsing_exception", "nonsense"),
        ({"query": {"term": {"a": 1, "b": 2}}}, 400, "parsing_exception", "term"),
        ({"query": {"bool": {"maybe": []}}}, 400, "parsing_exception|x_content_parse_exception", "maybe"),
        ({"nonsense": 1}, 400, "parsing_exception", "nonsense"),
        (_AGGREGATED, 400, "parsing_exception", "nonsense"),
        ({"query": {"range": {"@timestamp": {"gte": "yesterday"}}}}, 400, "parse_exception", "yesterday"),
        ({"query": {"term": {"severity_number": "many"}}}, 400, "query_shard_exception", "many"),
        ({"size": 10_001}, 400, "illegal_argument_exception", "Result window is too large"),
        ({"size": -1}, 400, "illegal_argument_exception", "size"),
        ({"sort": [{"attributes.colour": "asc"}]}, 400, "query_shard_exception", "attributes.colour"),
        ({"sort": ["@timestamp"], "search_after": [1, 2, 3]}, 400, "illegal_argument_exception", "search_after"),
        ({"aggs": {"x": {"terms": {"field": "body.text"}}}}, 400, "illegal_argument_exception", "body.text"),
        ({"pit": {"id": "bm9uZQ=="}}, 400, "action_request_validation_exception", "indices"),
    ],
    ids=["an unknown query", "two fields in one term", "an unknown occurrence", "an unknown key",
         "an unknown aggregation",
         "no date", "no number", "too large a page", "a negative page", "an unknown field to sort by",
         "other values than the sort has", "text to group by", "a point in time beside an index"],
)  # fmt: skip
def test_a_search_is_refused_with_its_reason(store: Store, body: Json, status: int, kind: str, named: str) -> None:
    answer = _ask(store, "POST", f"/{STREAM}/_search", body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert answer.json()["status"] == status
    causes = [error["type"], *(cause["type"] for cause in error["root_cause"])]
    assert set(kind.split("|")) & set(causes), causes
    assert named in answer.text


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"query": ]}'], ids=["cut off", "a list", "broken"])
def test_a_body_that_is_no_object_is_refused(store: Store, body: bytes) -> None:
    answer = _ask(store, "POST", f"/{STREAM}/_search", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["root_cause"]


def test_a_form_that_cannot_be_read_is_refused(store: Store) -> None:
    answer = _ask(store, "POST", f"/{STREAM}/_search", b"<a/>", "application/xml")
    assert answer.status_code == 406 or answer.status_code == 415


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"create": {}}\n', ""),
        (b'{"nonsense": {}}\n{"a": 1}\n', "nonsense"),
        (b'{"create": {}}\n{"a": 1}', "newline"),
        (b"no JSON\n{}\n", ""),
    ],
    ids=["an action without a document", "an unknown action", "no newline at the end", "no JSON"],
)
def test_a_bulk_that_is_none_is_refused_as_a_whole(store: Store, body: bytes, named: str) -> None:
    answer = _ask(store, "POST", f"/{STREAM}/_bulk", body, "application/x-ndjson")
    assert answer.status_code == 400
    assert named in answer.json()["error"]["reason"]


def test_an_index_that_is_not_there_is_named(store: Store) -> None:
    answer = _ask(store, "POST", "/logs-nobody.otel-x/_search")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["type"], error["root_cause"][0]["type"]) == ("index_not_found_exception",) * 2
    assert "logs-nobody.otel-x" in error["reason"]


def test_an_index_that_is_not_there_may_be_ignored(store: Store) -> None:
    found = store.client.search(index="logs-nobody.otel-x", ignore_unavailable=True)
    assert (found["hits"]["hits"], found["_shards"]["total"]) == ([], 0)
    assert store.client.count(index="logs-nobody*")["count"] == 0


def test_a_point_in_time_that_was_closed_is_gone(store: Store) -> None:
    point = store.client.open_point_in_time(index=STREAM, keep_alive="1m")["id"]
    store.client.close_point_in_time(id=point)
    answer = _ask(store, "POST", "/_search", {"pit": {"id": point}})
    assert answer.status_code == 404
    assert answer.json()["error"]["root_cause"][0]["type"] == "search_context_missing_exception"


def test_every_answer_says_what_product_it_is_of(store: Store) -> None:
    for path in ("/_cluster/health", f"/{STREAM}/_search", "/logs-nobody.otel-x/_search"):
        assert _ask(store, "GET", path).headers["X-Elastic-Product"] == "Elasticsearch"


def test_an_unknown_path_is_no_index(store: Store) -> None:
    assert _ask(store, "POST", f"/{STREAM}/_nonsense").status_code in (400, 405)
