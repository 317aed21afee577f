"""Elasticsearch through its official client: hits, counts, what was left out, and typed errors in its own words."""

from __future__ import annotations

import hashlib
import ssl
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from connectors.elasticsearch import Elasticsearch, FieldType, Found
from connectors.errors import (
    BadAnswer,
    Forbidden,
    NotFound,
    RateLimited,
    Rejected,
    SourceError,
    TimedOut,
    Unreachable,
)

_PRODUCT = {
    "X-Elastic-Product": "Elasticsearch",
    "Content-Type": "application/vnd.elasticsearch+json;compatible-with=9",
}
_HIT = {"_id": "1", "_index": ".ds-logs", "_source": {"body": {"text": "hello"}}, "sort": [5, "x"]}


def _answer(**more: Any) -> dict[str, Any]:
    hits = {"total": {"value": 1, "relation": "eq"}, "hits": [_HIT]}
    return {"took": 1, "timed_out": False, "_shards": {"total": 2, "failed": 0}, "hits": hits} | more


def _search(url: str, **more: Any) -> Found:
    return Elasticsearch(url).search("logs-*", query={"match_all": {}}, size=3, **more)


def test_a_search_answers_hits_with_their_fields_and_counts(backend, answer):
    counts = {"service": {"buckets": [{"key": "a", "doc_count": 1}]}}
    backend.answers["/logs-*/_search"] = answer(_answer(aggregations=counts), headers=_PRODUCT)

    found = _search(backend.url, sort=[{"@timestamp": "desc"}], aggregations={"service": {"terms": {"field": "s"}}})

    assert (found.hits[0].id, found.hits[0].source, found.hits[0].sort) == ("1", {"body": {"text": "hello"}}, (5, "x"))
    assert (found.total, found.total_is_lower_bound, found.shards, found.left_out) == (1, False, 2, ())
    assert found.aggregations == counts
    assert backend.asked[0].json == {
        "query": {"match_all": {}},
        "size": 3,
        "sort": [{"@timestamp": "desc"}],
        "aggregations": {"service": {"terms": {"field": "s"}}},
        "timeout": "4000ms",
    }


def test_a_capped_count_is_a_lower_bound(backend, answer):
    hits = {"total": {"value": 10000, "relation": "gte"}, "hits": []}
    backend.answers["/logs-*/_search"] = answer(_answer(hits=hits), headers=_PRODUCT)

    found = _search(backend.url)

    assert (found.total, found.total_is_lower_bound) == (10000, True)


def test_a_failed_shard_and_a_search_cut_short_are_said(backend, answer):
    shards = {"total": 5, "failed": 2, "failures": [{"reason": {"type": "x", "reason": "disk gone"}}]}
    backend.answers["/logs-*/_search"] = answer(_answer(_shards=shards, timed_out=True), headers=_PRODUCT)

    first, second = _search(backend.url).left_out

    assert first == "2 of 5 shards failed: disk gone"
    assert "ran out of time" in second


def test_a_key_is_read_at_each_use(backend, answer, tmp_path: Path):
    backend.answers["/logs-*/_search"] = answer(_answer(), headers=_PRODUCT)
    key = tmp_path / "key"
    elasticsearch = Elasticsearch(backend.url, api_key_file=str(key))

    for secret in ("first", "second"):
        key.write_text(secret)
        elasticsearch.search("logs-*", query={"match_all": {}}, size=1)

    assert [asked.headers["Authorization"] for asked in backend.asked] == ["ApiKey first", "ApiKey second"]


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        pytest.param({"token_file": "first"}, "Bearer {}", id="a bearer token"),
        pytest.param({"password_file": "first", "username": "deck"}, "Basic {}", id="user and password"),
        pytest.param({"api_key_file": "first"}, "ApiKey {}", id="an API key"),
    ],
)
def test_each_way_in_reads_its_secret_at_each_use(backend, answer, tmp_path: Path, options: dict[str, str], sent: str):
    backend.answers["/logs-*/_search"] = answer(_answer(), headers=_PRODUCT)
    file = tmp_path / "secret"
    given = {key: str(file) if key.endswith("_file") else value for key, value in options.items()}
    elasticsearch = Elasticsearch(backend.url, **given)

    for secret in ("first", "second: with a colon"):
        file.write_text(f"{secret}\n")
        elasticsearch.search("logs-*", query={"match_all": {}}, size=1)

    def shown(secret: str) -> str:
        return b64encode(f"deck:{secret}".encode()).decode() if "username" in options else secret

    assert [asked.headers["Authorization"] for asked in backend.asked] == [
        sent.format(shown("first")),
        sent.format(shown("second: with a colon")),
    ]


@pytest.mark.parametrize("option", ["token_file", "password_file"])
def test_a_secret_that_is_not_there_is_said_and_nothing_is_asked(backend, tmp_path: Path, option: str):
    elasticsearch = Elasticsearch(backend.url, username="deck", **{option: str(tmp_path / "absent")})

    with pytest.raises(Unreachable, match="cannot read its credentials"):
        elasticsearch.search("logs-*", query={"match_all": {}}, size=1)

    assert not backend.asked


def test_the_version_is_told(backend, answer):
    backend.answers["/"] = answer({"version": {"number": "9.0.1"}}, headers=_PRODUCT)

    assert Elasticsearch(backend.url).version() == "9.0.1"


def _error(kind: str, reason: str) -> dict[str, Any]:
    return {"error": {"root_cause": [{"type": kind, "reason": reason}], "type": kind, "reason": "all shards failed"}}


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        pytest.param(
            400, _error("parsing", "no [x]"), Rejected, "HTTP 400: parsing: no [x]", id="a query it cannot parse"
        ),
        pytest.param(403, _error("security", "no right"), Forbidden, "security: no right", id="no right to read"),
        pytest.param(413, _error("too_large", "too much"), Rejected, "too_large: too much", id="a document too large"),
        pytest.param(404, _error("index_not_found", "no such index"), NotFound, "no such index", id="no such index"),
        pytest.param(429, _error("rejected", "queue full"), RateLimited, "queue full", id="asked too often"),
        pytest.param(500, _error("x", "oops"), BadAnswer, "it failed (HTTP 500): x: oops", id="a failure of its own"),
        pytest.param(200, {"took": 1}, BadAnswer, "another shape", id="JSON of something else"),
        pytest.param(200, b"{", BadAnswer, "its answer ends in the middle", id="an answer cut off"),
    ],
)
def test_each_bad_answer_says_what_can_be_done(backend, answer, status, body, error: type[SourceError], words):
    backend.answers["/logs-*/_search"] = answer(body, status=status, headers=_PRODUCT)

    with pytest.raises(error) as caught:
        _search(backend.url)

    assert type(caught.value) is error
    assert words in caught.value.detail


def test_something_else_on_its_port_is_a_bad_answer(backend, answer):
    backend.answers["/logs-*/_search"] = answer(_answer())

    with pytest.raises(BadAnswer, match="not Elasticsearch"):
        _search(backend.url)


def test_nobody_listening_is_unreachable(dead_url: str):
    with pytest.raises(Unreachable, match="connection refused"):
        _search(dead_url)


def test_an_answer_that_takes_too_long_is_timed_out(backend, answer):
    backend.answers["/logs-*/_search"] = answer(_answer(), headers=_PRODUCT, hold=backend.released)

    with pytest.raises(TimedOut, match=r"no answer within 0\.2 s"):
        _search(backend.url, timeout_seconds=0.2)

    assert len(backend.asked) == 1


def test_an_answer_that_trickles_is_timed_out(backend, answer):
    backend.answers["/logs-*/_search"] = answer(b" " * 1000, headers=_PRODUCT, trickle_seconds=0.05)

    with pytest.raises(TimedOut, match=r"no answer within 0\.3 s"):
        _search(backend.url, timeout_seconds=0.3)


def test_pages_of_a_point_in_time_go_on_after_the_last_hit(backend, answer):
    backend.answers["/logs-*/_pit"] = answer({"id": "pit-1"}, headers=_PRODUCT)
    backend.answers["/_search"] = answer(_answer(pit_id="pit-2"), headers=_PRODUCT)
    backend.answers["/_pit"] = answer({"succeeded": True}, headers=_PRODUCT)
    elasticsearch = Elasticsearch(backend.url)

    opened = elasticsearch.open_point_in_time("logs-*")
    page = elasticsearch.search(
        "logs-*", query={"match_all": {}}, size=1, sort=[{"@timestamp": "desc"}], point_in_time=opened, after=[5, "x"]
    )
    elasticsearch.close_point_in_time(page.point_in_time)

    asked = backend.asked[1].json
    assert (asked["pit"], asked["search_after"]) == ({"id": "pit-1", "keep_alive": "2m"}, [5, "x"])
    assert backend.asked[2].json == {"id": "pit-2"}


def test_a_point_in_time_that_expired_is_let_go_without_complaint(backend):
    Elasticsearch(backend.url).close_point_in_time("gone")


def test_the_types_of_fields_are_told_with_the_indices_that_have_them(backend, answer):
    text, keyword = {"type": "text", "aggregatable": False}, {"type": "keyword", "aggregatable": True}
    fields = {
        "message": {"text": text},
        "trace.id": {"keyword": {**keyword, "indices": ["a"]}, "unmapped": {"type": "unmapped", "indices": ["b"]}},
        "nowhere": {"unmapped": {"type": "unmapped"}},
    }
    backend.answers["/logs-*/_field_caps"] = answer({"indices": ["a", "b"], "fields": fields}, headers=_PRODUCT)

    types = Elasticsearch(backend.url).field_types("logs-*", ["message", "trace*"])

    assert types.indices == {"a", "b"}
    assert types.by_name == {
        "message": (FieldType(type="text", aggregatable=False, indices=frozenset("ab")),),
        "trace.id": (FieldType(type="keyword", aggregatable=True, indices=frozenset("a")),),
    }


def test_a_search_asks_for_some_fields_and_counts_as_far_as_told(backend, answer):
    hits = {"hits": [_HIT]}
    backend.answers["/logs-*/_search"] = answer(_answer(hits=hits), headers=_PRODUCT)

    found = _search(backend.url, fields=["body.text"], count_up_to=0)

    assert (found.total, found.total_is_lower_bound) == (1, True)
    asked = backend.asked[0].json
    assert (asked["_source"], asked["track_total_hits"]) == ({"includes": ["body.text"]}, False)


def test_the_certificate_of_a_fingerprint_is_trusted_and_no_other(tls_backend, own_ca):
    der = ssl.PEM_cert_to_DER_cert(own_ca.certificate.read_text())
    fingerprint = hashlib.sha256(der).hexdigest()

    assert Elasticsearch(tls_backend.url, ca_fingerprint=fingerprint).version() == "9.0.1"
    with pytest.raises(Unreachable, match="not the one that the fingerprint names"):
        Elasticsearch(tls_backend.url, ca_fingerprint="00" * 32).version()
