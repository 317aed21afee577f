"""A part of an answer that is missing is named, however quietly Elasticsearch says so; the rest stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.elasticsearch import Elasticsearch, Found, Unavailable
from connectors.errors import Rejected

_PRODUCT = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/json"}
_HIT = {"_id": "1", "_index": "i", "_source": {"message": "hello"}}


def _answer(hits: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    found = {"total": {"value": 1, "relation": "eq"}, "hits": [_HIT] if hits is None else hits}
    shards = {"total": 2, "successful": 2, "skipped": 0, "failed": 0}
    return {"took": 1, "timed_out": False, "_shards": shards, "hits": found} | more


def _search(url: str) -> Found:
    return Elasticsearch(url).search("logs-*", query={"match_all": {}}, size=3)


def _cluster(status: str, reason: str = "") -> dict[str, Any]:
    failures = [{"shard": -1, "index": None, "reason": {"type": "x", "reason": reason}}] if reason else []
    return {"status": status, "indices": "logs-*", "timed_out": False, "failures": failures}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param({}, (), id="a whole answer"),
        pytest.param(
            {"_shards": {"total": 3, "successful": 2, "skipped": 0, "failed": 0}},
            ("1 of 3 shards failed: no node holds them, or no reason is given",),
            id="a shard that no node holds, which is among no failures",
        ),
        pytest.param(
            {"_shards": {"total": 3, "successful": 3, "skipped": 2, "failed": 0}},
            (),
            id="shards that were skipped since nothing in them can match",
        ),
        pytest.param(
            {
                "_shards": {
                    "total": 2,
                    "successful": 1,
                    "failed": 1,
                    "failures": [{"index": "old", "reason": {"reason": "fielddata is disabled"}}],
                }
            },
            ("1 of 2 shards failed (first in old): fielddata is disabled",),
            id="a shard that cannot answer",
        ),
        pytest.param(
            {
                "_clusters": {
                    "total": 2,
                    "successful": 1,
                    "skipped": 1,
                    "details": {"eu": _cluster("skipped", "no way")},
                }
            },
            ("the remote cluster eu is skipped: no way",),
            id="a remote cluster that is down and may be skipped",
        ),
        pytest.param(
            {
                "_clusters": {
                    "total": 3,
                    "successful": 1,
                    "partial": 1,
                    "failed": 1,
                    "details": {
                        "(local)": _cluster("successful"),
                        "us": _cluster("partial", "a shard is away"),
                        "eu": _cluster("failed"),
                    },
                }
            },
            ("the remote cluster us is partial: a shard is away", "the remote cluster eu is failed: no reason given"),
            id="remote clusters that failed and that answered in part",
        ),
        pytest.param(
            {"_clusters": {"total": 2, "successful": 1, "skipped": 1}},
            ("1 of 2 clusters were passed over, wholly or in part",),
            id="a skipped cluster of an older version, which is not named",
        ),
    ],
)
def test_what_is_missing_is_named(backend, answer, more: dict[str, Any], said: tuple[str, ...]):
    backend.answers["/logs-*/_search"] = answer(_answer(**more), headers=_PRODUCT)

    found = _search(backend.url)

    assert (found.left_out, len(found.hits)) == (said, 1)


def test_lines_of_a_megabyte_cost_no_other_line(backend, answer):
    hits = [{**_HIT, "_id": str(n), "_source": {"message": "x" * (1_000_000 if n % 2 else 5)}} for n in range(80)]
    backend.answers["/logs-*/_search"] = answer(_answer(hits), headers=_PRODUCT)

    found = _search(backend.url)

    assert len(found.hits) == 80
    assert "bytes left out" in found.hits[1].source["message"]
    assert found.hits[2].source["message"] == "xxxxx"


def test_a_closed_or_missing_index_costs_no_other_one(backend, answer):
    backend.answers["/logs-*/_search"] = answer(_answer(), headers=_PRODUCT)

    _search(backend.url)

    assert backend.asked[0].query["ignore_unavailable"] == "true"


def _resolved(*indices: tuple[str, str]) -> dict[str, Any]:
    found = [{"name": name, "attributes": [state]} for name, state in indices]
    return {"indices": found, "aliases": [], "data_streams": []}


def test_closed_indices_are_named(backend, answer):
    backend.answers["/_resolve/index/logs-*"] = answer(_resolved(("a", "open"), ("b", "closed")), headers=_PRODUCT)

    assert Elasticsearch(backend.url).unavailable("logs-*") == (Unavailable(index="b", why="is closed"),)


def test_an_index_that_does_not_exist_is_named_beside_those_that_do(backend, answer):
    missing = {"error": {"type": "index_not_found_exception", "reason": "no such index"}, "status": 404}
    for name in ("a,b", "a"):
        backend.answers[f"/_resolve/index/{name}"] = answer(missing, status=404, headers=_PRODUCT)
    backend.answers["/_resolve/index/b"] = answer(_resolved(("b", "closed")), headers=_PRODUCT)

    found = Elasticsearch(backend.url).unavailable("a,b")

    assert found == (Unavailable(index="a", why="does not exist"), Unavailable(index="b", why="is closed"))


def test_who_may_not_look_at_indices_is_refused(backend, answer):
    refusal = json.dumps({"error": {"type": "security_exception", "reason": "no"}}).encode()
    backend.answers["/_resolve/index/a"] = answer(refusal, status=403, headers=_PRODUCT)

    with pytest.raises(Rejected):
        Elasticsearch(backend.url).unavailable("a")
