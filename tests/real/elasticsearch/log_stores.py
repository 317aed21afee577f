"""A log store as the suite sees it, the official client to it, and the documents that are searched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from elasticsearch import Elasticsearch

Json = dict[str, Any]
STREAM = "logs-conformance.otel-default"
# Times lie an hour back on a full hour: within every retention, and buckets are known.
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Store:
    """One running server, which is either the `stand-in` or `real`."""

    kind: str
    url: str
    client: Elasticsearch

    def ids(self, query: Json, **options: Any) -> list[str]:
        """The ids that match, oldest first unless told otherwise."""
        options = {"sort": [{"@timestamp": "asc"}], "size": 100, **options}
        return [hit["_id"] for hit in self.client.search(index=STREAM, query=query, **options)["hits"]["hits"]]

    def aggregate(self, query: Json | None = None, **aggregations: Json) -> Json:
        """The answers under their names, over all documents or those that match."""
        found = self.client.search(index=STREAM, query=query, size=0, aggregations=aggregations)
        answers: Json = found.body["aggregations"]
        return answers


def at(minutes: float) -> str:
    """A time of the documents, as Elasticsearch writes it."""
    return (START + timedelta(minutes=minutes)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def log(minutes: float, text: str, severity: str, agent: str = "", **attributes: Any) -> Json:
    """A log record in OpenTelemetry's shape."""
    named = {"agent.name": agent} if agent else {}
    return {
        "@timestamp": at(minutes),
        "body": {"text": text},
        "severity_text": severity,
        "severity_number": {"INFO": 9, "WARN": 13, "ERROR": 17}[severity],
        "attributes": {**named, **attributes},
        "resource": {"attributes": {"service.name": "runtime"}},
    }


DOCUMENTS: Mapping[str, Json] = {
    "d0": log(0, "Plan accepted by the planner", "INFO", "planner", cost=0.5, retry=False),
    "d1": log(1, "Tool call failed: timeout", "ERROR", "planner", cost=1.5, retry=True),
    "d2": log(2, "Tool call succeeded", "INFO", "critic", cost=2.5, retry=False),
    "d3": log(3, "Model answered slowly", "WARN", "critic", cost=3.5),
    "d4": log(61, "tool budget exceeded by the planner", "WARN", "planner", cost=4.5),
    "d5": log(62, "Plan rejected", "ERROR", "reviewer", cost=5.5, retry=True),
    "d6": log(63, "the failed plan was called back", "INFO", "reviewer-eu"),
    "d7": log(64, "Shutdown", "INFO"),
}


def bulk(store: Store, stream: str, documents: Mapping[str, Json], **options: Any) -> Json:
    """Creates the documents under their ids; found by searches when this returns."""
    operations: list[Json] = []
    for name, document in documents.items():
        operations += [{"create": {"_id": name}}, document]
    answer: Json = store.client.bulk(index=stream, operations=operations, refresh=True, **options).body
    return answer
