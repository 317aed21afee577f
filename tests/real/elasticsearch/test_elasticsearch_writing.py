"""Bulks, single documents, templates and the data streams that come of them, on both servers."""

from __future__ import annotations

import pytest
from elasticsearch import ConflictError

from tests.real.elasticsearch.log_stores import DOCUMENTS, STREAM, Json, Store, bulk, log

pytestmark = pytest.mark.stack


def _stream(store: Store, name: str) -> str:
    return f"logs-{name}.otel-{store.kind.replace('-', '')}"


def _items(answer: Json) -> list[tuple[str, int, str]]:
    """Action, status and type of error of each item."""
    return [
        (action, result["status"], result.get("error", {}).get("type", ""))
        for item in answer["items"]
        for action, result in item.items()
    ]


def test_a_bulk_says_what_became_of_each_document(store: Store) -> None:
    stream = _stream(store, "bulk")
    first = bulk(store, stream, {"a": log(0, "one", "INFO"), "b": log(1, "two", "INFO")})
    assert (first["errors"], _items(first)) == (False, [("create", 201, "")] * 2)
    result = first["items"][0]["create"]
    assert (result["_id"], result["result"], result["_version"]) == ("a", "created", 1)
    assert stream in result["_index"]
    again = bulk(store, stream, {"b": log(1, "two", "INFO"), "c": log(2, "three", "INFO")})
    assert again["errors"] is True
    assert _items(again) == [("create", 409, "version_conflict_engine_exception"), ("create", 201, "")]
    assert store.client.count(index=stream)["count"] == 3


def test_a_document_without_an_id_gets_one(store: Store) -> None:
    answer = store.client.bulk(index=_stream(store, "idless"), operations=[{"create": {}}, log(0, "one", "INFO")])
    assert answer["items"][0]["create"]["_id"]


@pytest.mark.parametrize(
    "spoilt",
    [
        {"@timestamp": "yesterday"},
        {"severity_number": "many"},
        {"attributes": {"retry": "perhaps"}},
        {"@timestamp": None},
    ],
    ids=["no date", "no number", "no truth", "no time at all"],
)
def test_a_document_that_does_not_fit_is_refused_and_the_others_are_taken(store: Store, spoilt: Json) -> None:
    stream = _stream(store, "unfit")
    bulk(store, stream, {"first": log(0, "teaches the types", "INFO", retry=True)})
    bad = {key: value for key, value in {**log(0, "bad", "INFO"), **spoilt}.items() if value is not None}
    name = "good-" + next(iter(spoilt)).strip("@") + str(next(iter(spoilt.values())))[:1].lower()
    answer = bulk(store, stream, {"bad": bad, name: log(0, "good", "INFO")})
    assert _items(answer) == [("create", 400, "document_parsing_exception"), ("create", 201, "")]


def test_a_data_stream_takes_nothing_but_new_documents(store: Store) -> None:
    operations = [{"index": {"_id": "d0"}}, log(0, "other", "INFO")]
    answer = store.client.bulk(index=STREAM, operations=operations).body
    assert _items(answer) == [("index", 400, "illegal_argument_exception")]
    assert store.client.count(index=STREAM)["count"] == len(DOCUMENTS)


def test_an_index_takes_a_document_again(store: Store) -> None:
    index = f"notes-{store.kind}"
    for text in ("first", "second"):
        answer = store.client.bulk(index=index, operations=[{"index": {"_id": "n"}}, {"text": text}], refresh=True)
        assert answer["errors"] is False
    (hit,) = store.client.search(index=index)["hits"]["hits"]
    assert hit["_source"] == {"text": "second"}


def test_one_document_is_created_once(store: Store) -> None:
    stream = _stream(store, "single")
    made = store.client.create(index=stream, id="a", document=log(0, "one", "INFO"), refresh="wait_for")
    assert made["result"] == "created"
    with pytest.raises(ConflictError) as refused:
        store.client.create(index=stream, id="a", document=log(0, "one", "INFO"))
    assert refused.value.error == "version_conflict_engine_exception"
    assert store.client.count(index=stream)["count"] == 1


def test_a_template_makes_a_data_stream_of_what_is_sent_to_its_pattern(store: Store) -> None:
    name = f"events-{store.kind}"
    template = {"mappings": {"properties": {"@timestamp": {"type": "date"}, "code": {"type": "keyword"}}}}
    store.client.indices.put_index_template(
        name=name, index_patterns=[f"{name}-*"], data_stream={}, template=template, priority=200
    )
    answer = bulk(store, f"{name}-a", {"x": {"@timestamp": "2026-01-01T00:00:00Z", "code": 7}})
    assert _items(answer) == [("create", 201, "")]
    (known,) = store.client.indices.get_index_template(name=name)["index_templates"]
    assert known["index_template"]["index_patterns"] == [f"{name}-*"]
    by_code = store.client.search(index=f"{name}-*", query={"term": {"code": "7"}})["hits"]["hits"]
    assert [hit["_id"] for hit in by_code] == ["x"]
    assert by_code[0]["_source"]["code"] == 7


def test_what_is_written_is_found_when_the_writer_waited(store: Store) -> None:
    stream = _stream(store, "waited")
    for count in range(3):
        store.client.bulk(index=stream, operations=[{"create": {}}, log(count, "x", "INFO")], refresh="wait_for")
        assert store.client.count(index=stream)["count"] == count + 1
