"""Writing to the log store through the official client: bulk item by item, data streams, templates, mappings.

Bad input is refused in Elasticsearch's own form. What survives a crash is in test_logstore_crash.py.
"""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest
import requests
from elasticsearch import BadRequestError, Elasticsearch, NotFoundError
from logstore_process import LogStore, ids, log, refusal

pytest_plugins = ("logstore_process",)
pytestmark = pytest.mark.stack

NDJSON = "application/x-ndjson"


def raw(
    store: LogStore, path: str, body: str | bytes, kind: str | None = NDJSON, method: str = "POST"
) -> requests.Response:
    headers = {"Content-Type": kind} if kind else {}
    return requests.request(method, store.url + path, data=body, headers=headers, timeout=30)


def error(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["X-Elastic-Product"] == "Elasticsearch"
    body = answer.json()
    assert body["status"] == answer.status_code
    return answer.status_code, body["error"]["type"]


def test_each_item_of_a_bulk_has_its_own_fate(es: Elasticsearch, name: str) -> None:
    stream = f"logs-{name}-test"
    line = {"@timestamp": "2026-03-01T12:00:00Z", "n": 1}
    answer = es.bulk(
        index=stream,
        operations=[
            {"create": {"_id": "a"}}, line,
            {"create": {"_id": "a"}}, line,
            {"create": {}}, line,
            {"create": {"_id": "c"}}, {"n": 1},
            {"create": {"_id": "d"}}, {**line, "n": "many"},
            {"index": {"_id": "e"}}, line,
            {"create": {"_id": "f", "_index": "Upper"}}, line,
        ],
        refresh=True,
    )  # fmt: skip
    results = [result for item in answer["items"] for result in item.values()]
    assert answer["errors"] is True
    assert [one["status"] for one in results] == [201, 409, 201, 400, 400, 400, 400]
    assert [one["error"]["type"] for one in results if "error" in one] == [
        "version_conflict_engine_exception", "document_parsing_exception", "document_parsing_exception",
        "illegal_argument_exception", "invalid_index_name_exception",
    ]  # fmt: skip
    assert results[0]["_index"].startswith(f".ds-{stream}-")
    assert sorted(ids(es.search(index=stream))) == sorted(["a", results[2]["_id"]])


def test_a_document_that_is_refused_teaches_no_field(es: Elasticsearch, name: str) -> None:
    stream = f"logs-{name}-test"
    bad = {"@timestamp": "2026-03-01T12:00:00Z", "first": 1, "event": {"created": "no date"}}
    with pytest.raises(BadRequestError):
        es.create(index=stream, id="a", document=bad)
    es.create(index=stream, id="b", document={"@timestamp": "2026-03-01T12:00:00Z", "first": "text"}, refresh=True)
    assert list(es.field_caps(index=stream, fields="first")["fields"]["first"]) == ["keyword"]


def test_a_null_is_no_value_wherever_it_stands(es: Elasticsearch, name: str) -> None:
    stream = f"logs-{name}-test"
    gates = [{"limit": None}, {"limit": 0.5}, {"limit": None}, {}]
    es.create(
        index=stream,
        id="a",
        document={"@timestamp": "2026-03-01T12:00:00Z", "gates": gates, "tags": [None, "x", None], "none": [None]},
        refresh=True,
    )
    assert ids(es.search(index=stream, query={"term": {"gates.limit": 0.5}})) == ["a"]
    assert ids(es.search(index=stream, query={"term": {"tags": "x"}})) == ["a"]
    assert ids(es.search(index=stream, query={"exists": {"field": "none"}})) == []


def test_an_index_replaces_and_counts_versions(es: Elasticsearch, name: str) -> None:
    assert es.index(index=name, id="a", document={"n": 1})["result"] == "created"
    second = es.index(index=name, id="a", document={"n": 2})
    assert (second["result"], second["_version"]) == ("updated", 2)
    es.indices.refresh(index=name)
    third = es.index(index=name, id="a", document={"n": 3}, refresh=True)
    assert third["_version"] == 3
    assert [hit["_source"]["n"] for hit in es.search(index=name)["hits"]["hits"]] == [3]
    assert refusal(lambda: es.create(index=name, id="a", document={}))[:2] == (409, "version_conflict_engine_exception")


def test_the_first_document_makes_the_data_stream(es: Elasticsearch, name: str) -> None:
    stream = f"logs-{name}.otel-test"
    with pytest.raises(NotFoundError):
        es.indices.get_data_stream(name=stream)
    made = es.create(index=stream, id="a", document=log(0))
    (found,) = es.indices.get_data_stream(name=stream)["data_streams"]
    assert found["timestamp_field"] == {"name": "@timestamp"}
    assert [one["index_name"] for one in found["indices"]] == [made["_index"]]
    assert refusal(lambda: es.index(index=stream, id="a", document=log(0)))[1] == "illegal_argument_exception"
    assert es.index(index=stream, document=log(1))["result"] == "created"


def test_an_index_is_no_data_stream(es: Elasticsearch, name: str) -> None:
    es.index(index=name, id="a", document={"n": 1})
    assert name not in [one["name"] for one in es.indices.get_data_stream(name="*")["data_streams"]]


def test_a_template_decides_what_a_new_stream_is(es: Elasticsearch, name: str) -> None:
    properties = {
        "code": {"type": "keyword"},
        "took": {"type": "integer"},
        "title": {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 4}}},
        "also": {"type": "alias", "path": "code"},
    }
    mappings = {"dynamic": "strict", "properties": properties}
    template = {"mappings": mappings, "lifecycle": {"data_retention": "7d"}}
    es.indices.put_index_template(
        name=name, index_patterns=[f"{name}-*"], data_stream={}, template=template, priority=5
    )
    (kept,) = es.indices.get_index_template(name=name)["index_templates"]
    assert kept["index_template"]["template"]["mappings"] == mappings
    stream, at = f"{name}-one", {"@timestamp": "2026-03-01T12:00:00Z"}
    es.create(index=stream, id="a", document={**at, "code": 5, "took": "7", "title": "Long Title"}, refresh=True)
    for query in (
        {"term": {"code": "5"}},
        {"term": {"also": "5"}},
        {"range": {"took": {"gte": 7}}},
        {"match": {"title": "title"}},
    ):
        assert ids(es.search(index=stream, query=query)) == ["a"]
    assert ids(es.search(index=stream, query={"exists": {"field": "title.raw"}})) == []
    assert (
        refusal(lambda: es.create(index=stream, id="b", document={**at, "new": 1}))[1]
        == "strict_dynamic_mapping_exception"
    )
    assert (
        refusal(lambda: es.create(index=stream, id="b", document={**at, "took": 2**31}))[1]
        == "document_parsing_exception"
    )
    assert es.indices.get_data_stream(name=stream)["data_streams"][0]["lifecycle"]["data_retention"] == "604800s"
    missing = f"{name}-other"
    assert refusal(lambda: es.indices.get_index_template(name=missing))[:2] == (404, "resource_not_found_exception")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"index_patterns": []}, "action_request_validation_exception"),
        ({"index_patterns": ["a-*"], "colour": 1}, "x_content_parse_exception"),
        ({"index_patterns": ["a-*"], "composed_of": ["x"]}, "illegal_argument_exception"),
        (
            {"index_patterns": ["a-*"], "template": {"mappings": {"properties": {"a": {"type": "shape"}}}}},
            "mapper_parsing_exception",
        ),
        (
            {"index_patterns": ["a-*"], "template": {"mappings": {"properties": {"a": {"type": "keyword", "x": 1}}}}},
            "mapper_parsing_exception",
        ),
        ({"index_patterns": ["logs-*-*"], "priority": 100}, "illegal_argument_exception"),
    ],
    ids=str,
)
def test_a_template_with_what_is_not_known_is_refused(es: Elasticsearch, body: dict[str, Any], kind: str) -> None:
    status, said, _ = refusal(lambda: es.indices.put_index_template(name="bad", body=body))
    assert (status, said) == (400, kind)


def test_field_capabilities_tell_types_and_where_they_differ(es: Elasticsearch, name: str) -> None:
    one, two = f"logs-{name}.one-test", f"logs-{name}.two-test"
    first = es.create(index=one, id="a", document={"@timestamp": 1, "code": 5, "message": "text"})["_index"]
    es.create(index=two, id="a", document={"@timestamp": 1, "code": "five", "ratio": 0.5, "ok": True})
    answer = es.field_caps(index=f"{one},{two}", fields="*")
    assert len(answer["indices"]) == 2
    fields = answer["fields"]
    assert {key: sorted(found) for key, found in fields.items()} == {
        "@timestamp": ["date"], "code": ["keyword", "long"], "message": ["match_only_text"], "ratio": ["float"],
        "ok": ["boolean"],
    }  # fmt: skip
    assert fields["code"]["long"]["indices"] == [first]
    assert fields["message"]["match_only_text"]["aggregatable"] is False
    assert list(es.field_caps(index=two, fields=["co*", "zip"])["fields"]) == ["code"]


def test_paths_name_streams_by_list_pattern_and_exclusion(es: Elasticsearch, store: LogStore, name: str) -> None:
    for part in ("a", "b", "c"):
        store.write(f"logs-{name}.{part}-test", {"@timestamp": 1, "id": part})

    def found(index: str, **more: Any) -> str:
        return "".join(sorted(ids(es.search(index=index, **more))))

    prefix = f"logs-{name}"
    assert found(f"{prefix}.*") == "abc"
    assert found(f"{prefix}.a-test,{prefix}.c-*") == "ac"
    assert found(f"{prefix}.*,-{prefix}.b-*") == "ac"
    assert found(f"{prefix}.x*") == ""
    assert found(f"{prefix}.a-test,{prefix}.x-test", ignore_unavailable=True) == "a"
    for call in (
        lambda: es.search(index=f"{prefix}.x-test"),
        lambda: es.count(index=f"{prefix}.x*", allow_no_indices=False),
    ):
        assert refusal(call)[:2] == (404, "index_not_found_exception")
    assert es.count(index=f"{prefix}.*", query={"term": {"_index": f"{prefix}.a-test"}})["count"] == 1
    assert es.search(index=f"{prefix}.*", aggs={"i": {"terms": {"field": "_index"}}})["aggregations"]["i"]["buckets"][
        0
    ]["key"].startswith(".ds-")


def test_the_store_says_what_it_is_and_how_it_is(es: Elasticsearch) -> None:
    assert es.info()["version"]["number"].startswith("9.")
    health = es.cluster.health(wait_for_status="green", timeout="1s")
    assert (health["status"], health["timed_out"]) == ("green", False)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param("", "parse_exception", id="nothing"),
        pytest.param('{"create":{}}\n{"n":1}', "illegal_argument_exception", id="no newline at the end"),
        pytest.param('{"create":{"_id":1}\n{"n":1}\n', "illegal_argument_exception", id="an action that is no JSON"),
        pytest.param('[1]\n{"n":1}\n', "illegal_argument_exception", id="an action that is no object"),
        pytest.param('{"upsert":{}}\n{"n":1}\n', "illegal_argument_exception", id="an action that is not known"),
        pytest.param(
            '{"create":{"pipeline":"x"}}\n{"n":1}\n', "illegal_argument_exception", id="a parameter that is not known"
        ),
        pytest.param('{"create":{}}\n', "illegal_argument_exception", id="no document"),
    ],
)
def test_a_bulk_that_is_none_is_refused_whole(store: LogStore, body: str, kind: str) -> None:
    assert error(raw(store, "/logs-bad-test/_bulk", body)) == (400, kind)


def test_a_document_that_is_no_json_costs_itself_alone(store: LogStore, name: str) -> None:
    lines = ['{"create":{"_id":"a"}}', '{"@timestamp":1,', '{"create":{"_id":"b"}}', "[1]", '{"create":{"_id":"c"}}']
    body = "\n".join([*lines, '{"@timestamp":1}', ""])
    items = raw(store, f"/logs-{name}-test/_bulk", body).json()["items"]
    assert [one["create"]["status"] for one in items] == [400, 400, 201]


@pytest.mark.parametrize(
    ("path", "body", "kind", "status"),
    [
        pytest.param("/_search", "{}", "text/plain", 406, id="a type that is not known"),
        pytest.param("/_search", "{}", None, 406, id="no type"),
        pytest.param("/_bulk", "<a/>", "application/xml", 406, id="XML"),
        pytest.param(
            "/_search", "{}", "application/vnd.elasticsearch+json; compatible-with=7", 400, id="an old version"
        ),
        pytest.param("/_search", "{", "application/json", 400, id="half an object"),
        pytest.param("/_search", "[]", "application/json", 400, id="a list"),
        pytest.param(
            "/_search",
            '{"query": {"match_all": {}}, "query": 3}',
            "application/json",
            400,
            id="a query that is a number",
        ),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(store: LogStore, path: str, body: str, kind: str, status: int) -> None:
    answer = raw(store, path, body.encode(), kind)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(store: LogStore) -> None:
    connection = http.client.HTTPConnection(store.listen, timeout=10)
    connection.putrequest("POST", "/_bulk")
    for header in (("Content-Type", NDJSON), ("Content-Length", str(200 * 1024 * 1024))):
        connection.putheader(*header)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["status"]) == (413, 413)
    connection.close()


def test_a_wrong_method_is_refused(store: LogStore) -> None:
    answer = raw(store, "/_bulk", "", None, method="DELETE")
    assert (answer.status_code, answer.json()["status"]) == (405, 405)
