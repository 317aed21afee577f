"""How results are ordered, paged, counted and shown, on both servers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.real.elasticsearch.log_stores import DOCUMENTS, STREAM, Json, Store, at, bulk, log

pytestmark = pytest.mark.stack

_ALL = list(DOCUMENTS)
_AGENT = "attributes.agent.name"


def _search(store: Store, **body: Any) -> Json:
    return store.client.search(index=STREAM, **{"sort": [{"@timestamp": "asc"}], **body}).body


def _hits(answer: Json) -> list[str]:
    return [hit["_id"] for hit in answer["hits"]["hits"]]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ([{"@timestamp": "desc"}], _ALL[::-1]),
        ([{"@timestamp": {"order": "asc"}}], _ALL),
        ([{"severity_number": "desc"}, {"@timestamp": "asc"}], ["d1", "d5", "d3", "d4", "d0", "d2", "d6", "d7"]),
        ([{"attributes.cost": "desc"}, {"@timestamp": "asc"}], ["d5", "d4", "d3", "d2", "d1", "d0", "d6", "d7"]),
        ([{_AGENT: "asc"}, {"@timestamp": "desc"}], ["d3", "d2", "d4", "d1", "d0", "d5", "d6", "d7"]),
    ],
    ids=["newest first", "oldest first", "by a number and time", "absent numbers last", "by a keyword and time"],
)
def test_documents_come_in_the_order_that_is_asked_for(store: Store, sort: list[Json], expected: list[str]) -> None:
    assert store.ids({"match_all": {}}, sort=sort) == expected


def test_a_hit_shows_what_it_was_sorted_by(store: Store) -> None:
    (hit,) = _search(store, size=1, sort=[{"severity_number": "desc"}, {"@timestamp": "asc"}])["hits"]["hits"]
    assert hit["sort"][0] == 17
    assert hit["_id"] == "d1"
    assert hit["_index"].endswith(STREAM) or STREAM in hit["_index"]


def test_a_page_is_cut_from_the_middle(store: Store) -> None:
    assert _hits(_search(store, from_=2, size=3)) == ["d2", "d3", "d4"]
    assert _hits(_search(store, size=0)) == []
    assert _hits(_search(store, from_=100)) == []


def test_the_next_page_starts_behind_the_last_hit(store: Store) -> None:
    first = _search(store, size=5)
    rest = _search(store, size=5, search_after=first["hits"]["hits"][-1]["sort"])
    assert _hits(first) + _hits(rest) == _ALL


def test_a_point_in_time_sees_nothing_that_came_later(store: Store) -> None:
    stream = f"logs-later.otel-{store.kind.replace('-', '')}"
    bulk(store, stream, {f"e{count}": log(count // 3, "same time thrice", "INFO") for count in range(9)})
    point = store.client.open_point_in_time(index=stream, keep_alive="1m")["id"]
    seen: list[str] = []
    after: list[Any] | None = None
    while True:
        answer = store.client.search(
            pit={"id": point, "keep_alive": "1m"}, size=4, sort=[{"@timestamp": "asc"}], search_after=after
        )
        hits = answer["hits"]["hits"]
        if not hits:
            break
        seen += [hit["_id"] for hit in hits]
        after, point = hits[-1]["sort"], answer["pit_id"]
        bulk(store, stream, {f"late{len(seen)}": log(1, "later", "INFO")})
    assert sorted(seen) == [f"e{count}" for count in range(9)]
    assert store.client.close_point_in_time(id=point)["succeeded"] is True


def test_the_total_is_exact_limited_or_left_out(store: Store) -> None:
    assert _search(store)["hits"]["total"] == {"value": 8, "relation": "eq"}
    assert _search(store, track_total_hits=True)["hits"]["total"] == {"value": 8, "relation": "eq"}
    assert _search(store, track_total_hits=3)["hits"]["total"] == {"value": 3, "relation": "gte"}
    assert "total" not in _search(store, track_total_hits=False)["hits"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["severity_text"], {"severity_text": "ERROR"}),
        ("attributes.retry", {"attributes": {"retry": True}}),
        ({"includes": ["attributes.*"], "excludes": ["attributes.cost"]},
         {"attributes": {"agent.name": "planner", "retry": True}}),
        ({"excludes": ["attributes", "resource", "body", "@timestamp"]},
         {"severity_text": "ERROR", "severity_number": 17}),
    ],
    ids=["one field", "one leaf", "a pattern without a part", "all but"],
)  # fmt: skip
def test_a_hit_shows_the_part_of_the_document_that_is_wanted(store: Store, wanted: Any, expected: Json) -> None:
    (hit,) = _search(store, query={"ids": {"values": ["d1"]}}, source=wanted)["hits"]["hits"]
    assert hit["_source"] == expected


def test_a_hit_shows_no_document_when_none_is_wanted(store: Store) -> None:
    (hit,) = _search(store, query={"ids": {"values": ["d1"]}}, source=False)["hits"]["hits"]
    assert "_source" not in hit


def test_a_document_comes_back_as_it_was_written(store: Store) -> None:
    (hit,) = _search(store, query={"ids": {"values": ["d1"]}})["hits"]["hits"]
    assert hit["_source"] == DOCUMENTS["d1"]


def test_streams_are_named_by_pattern(store: Store) -> None:
    other = f"logs-pattern.otel-{store.kind.replace('-', '')}"
    bulk(store, other, {"p0": log(0, "elsewhere", "INFO")})
    for index, expected in (("logs-pattern.*", 1), (f"{STREAM},{other}", 9), (f"logs-*,-{other},-logs-later*", None)):
        found = store.client.count(index=index)["count"]
        assert found == expected if expected else found >= 8


def test_fields_and_what_can_be_done_with_them_are_told(store: Store) -> None:
    fields = store.client.field_caps(index=STREAM, fields=["severity_*", "body.text", "@timestamp"])["fields"]
    objects = {"body"}  # the real server names them, too
    assert fields.keys() - objects == {"severity_text", "severity_number", "body.text", "@timestamp"}
    assert fields["@timestamp"]["date"]["aggregatable"] is True
    assert fields["severity_text"]["keyword"]["aggregatable"] is True
    ((kind, text),) = fields["body.text"].items()
    assert (kind.endswith("text"), text["searchable"], text["aggregatable"]) == (True, True, False)


def test_times_are_kept_as_they_were_written(store: Store) -> None:
    assert _search(store, size=1)["hits"]["hits"][0]["_source"]["@timestamp"] == at(0)
