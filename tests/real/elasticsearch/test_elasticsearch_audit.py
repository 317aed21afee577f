"""The deck's audit records in the log store: every shape is taken, and one that is refused arrives after a repair."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.elasticsearch import Elasticsearch
from dashboard.act.audit import AuditFile
from dashboard.act.outbox import Outbox
from dashboard.model.verdict import Decision, GateAnswer, Result
from dashboard.queries.logs import LogReader
from dashboard.queries.request import Logs
from tests.act.test_actions import Stage, a_rollback, a_switch
from tests.real.elasticsearch.log_stores import Store

GATES = (
    GateAnswer(gate="inputs", title="Inputs", result=Result.PASS, reason="fresh"),
    GateAnswer(gate="restarts", title="Restarts", result=Result.PASS, reason="none", value=0, limit=0, sample=2),
    GateAnswer(gate="errors", title="Errors", result=Result.FAIL, reason="many", value=0.031, limit=0.02, sample=900),
    GateAnswer(gate="latency", title="Latency", result=Result.UNKNOWN, reason="odd", value=float("nan"), limit=None),
)


def shipped_to(store: Store, stream: str, audit: AuditFile) -> Outbox:
    elasticsearch = Elasticsearch(store.url)
    return Outbox(audit, lambda document_id, document: elasticsearch.create(stream, document_id, document))


def ids(store: Store, stream: str) -> set[str]:
    store.client.indices.refresh(index=stream)
    hits = store.client.search(index=stream, size=100)["hits"]["hits"]
    return {hit["_source"]["message"] for hit in hits}


def test_the_records_of_every_outcome_arrive_and_are_found_by_their_namespace(store: Store, tmp_path: Path) -> None:
    stream, stage = "logs-agentgov.audit-outcomes", Stage(tmp_path)
    with_gates: Callable[..., Any] = lambda *asked: _replaced(stage.judge(*asked), GATES)  # noqa: E731
    stage.run(a_switch(typed_version="9"))
    stage.decision = Decision.NO_GO
    stage.run(a_switch(), judge=with_gates)
    stage.run(a_switch(break_glass="pasted\u2028from \u202eelsewhere\ud800, at length"), judge=with_gates)
    stage.run(a_rollback())
    outbox = shipped_to(store, stream, stage.audit)

    outbox.ship_all()

    written = list(stage.audit.records())
    assert (outbox.status().waiting, outbox.status().refused, outbox.status().refusal) == (0, 0, "")
    assert ids(store, stream) == {record["message"] for record in written}
    at = datetime.fromisoformat(written[0]["@timestamp"])
    window = {"start": at - timedelta(minutes=1), "end": at + timedelta(hours=1), "size": 50}
    reader = LogReader(Elasticsearch(store.url))
    for namespace, count in (("agents", len(written)), ("other", 0)):
        read = reader.read(stream, Logs(stream="audit", namespace=namespace, **window), budget_seconds=30)
        assert read.value is not None
        assert len(read.value.entries) == count


def test_a_refused_record_is_set_aside_and_arrives_after_the_repair(store: Store, tmp_path: Path) -> None:
    stream, audit = "logs-agentgov.audit-refusing", AuditFile(tmp_path / "audit.jsonl")
    now = datetime.now(UTC).isoformat()
    store.client.create(index=stream, id="somebody", document={"@timestamp": now, "message": "x", "odd": {"a": 1}})
    for message, more in (("one", {}), ("two", {"odd": "text"}), ("three", {})):
        audit.append({"@timestamp": now, "message": message, **more, "agentgov": {"audit": {"phase": "begun"}}})
    outbox = shipped_to(store, stream, audit)

    outbox.ship_all()
    assert ids(store, stream) == {"x", "one", "three"}
    assert (outbox.status().refused, "odd" in outbox.status().refusal) == (1, True)

    repaired = shipped_to(store, "logs-agentgov.audit-repaired", audit)  # as with another `audit_stream`
    repaired.ship_all()
    assert ids(store, "logs-agentgov.audit-repaired") == {"two"}
    assert repaired.status().refused == 0


def _replaced(verdict: Any, gates: tuple[GateAnswer, ...]) -> Any:
    return type(verdict)(**{name: getattr(verdict, name) for name in verdict.__slots__} | {"gates": gates})
