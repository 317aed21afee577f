"""The audit file: what is in it is on disk, in one chain, whoever appends and however the last writer ended."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import Conflict, Unreachable
from dashboard.act.audit import GENESIS, AuditFile, NotWrittenError, chain, digest
from dashboard.act.outbox import Outbox, document_id


def a_record(message: str) -> dict[str, Any]:
    return {"message": message, "agentgov": {"audit": {"phase": "begun"}}}


def is_chained(records: list[dict[str, Any]]) -> bool:
    """Whether numbers and hashes follow each other without a gap and every hash is true."""
    previous, hash_before = 0, GENESIS
    for record in records:
        place = record["agentgov"]["audit"]
        if (place["seq"], place["prev_hash"], place["hash"]) != (previous + 1, hash_before, digest(record)):
            return False
        previous, hash_before = place["seq"], place["hash"]
    return True


def test_records_form_one_chain_that_an_edit_breaks(tmp_path: Path) -> None:
    audit = AuditFile(tmp_path / "audit.jsonl")
    for message in ("one", "zwei — ünïcode", "three"):
        audit.append(a_record(message))
    records = list(audit.records())
    assert is_chained(records)
    records[1]["message"] = "2"
    assert not is_chained(records)


def test_appends_from_many_threads_and_two_openers_do_not_fork(tmp_path: Path) -> None:
    files = [AuditFile(tmp_path / "audit.jsonl"), AuditFile(tmp_path / "audit.jsonl")]
    threads = [
        threading.Thread(target=lambda n=number: [files[n % 2].append(a_record(f"{n}-{i}")) for i in range(10)])
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = list(files[0].records())
    assert len(records) == 40
    assert is_chained(records)


def test_a_line_cut_short_by_a_crash_does_not_swallow_the_next(tmp_path: Path) -> None:
    audit = AuditFile(tmp_path / "audit.jsonl")
    audit.append(a_record("one"))
    with audit.path.open("a") as file:
        file.write('{"message": "tw')
    audit.append(a_record("three"))
    assert [record["message"] for record in audit.records()] == ["one", "three"]
    assert is_chained(list(audit.records()))


def test_a_record_longer_than_the_tail_that_is_read_first_is_found(tmp_path: Path) -> None:
    audit = AuditFile(tmp_path / "audit.jsonl")
    audit.append(a_record("x" * 300_000))
    audit.append(a_record("next"))
    assert is_chained(list(audit.records()))


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotWrittenError, match="No such file or directory"):
        AuditFile(tmp_path / "gone" / "audit.jsonl").append(a_record("one"))


@given(st.text(max_size=50), st.text(max_size=50))
def test_the_hash_says_whether_two_records_are_the_same(one: str, other: str) -> None:
    hashes = [chain(a_record(text), None)["agentgov"]["audit"]["hash"] for text in (one, other)]
    assert (hashes[0] == hashes[1]) == (one == other)


class Stream:
    """A data stream that only creates."""

    def __init__(self) -> None:
        self.documents: dict[str, Mapping[str, Any]] = {}
        self.is_down = False
        self.arrived = threading.Event()

    def create(self, document: str, body: Mapping[str, Any]) -> None:
        if self.is_down:
            raise Unreachable("elasticsearch", "connection refused")
        if document in self.documents:
            raise Conflict("elasticsearch", "exists")
        self.documents[document] = body
        self.arrived.set()


def test_the_outbox_ships_each_record_once_and_goes_on_after_an_outage(tmp_path: Path) -> None:
    audit, stream = AuditFile(tmp_path / "audit.jsonl"), Stream()
    outbox = Outbox(audit, stream.create)
    audit.append(a_record("one"))
    stream.is_down = True
    with pytest.raises(Unreachable):
        outbox.ship_all()
    audit.append(a_record("two"))
    stream.is_down = False
    outbox.ship_all()
    outbox.ship_all()
    assert list(stream.documents) == [document_id(record) for record in audit.records()]


def test_a_record_that_arrived_before_the_mark_was_written_is_no_fault(tmp_path: Path) -> None:
    audit, stream = AuditFile(tmp_path / "audit.jsonl"), Stream()
    stream.create(document_id(audit.append(a_record("one"))), {})
    Outbox(audit, stream.create).ship_all()
    audit.append(a_record("two"))
    Outbox(audit, stream.create).ship_all()
    assert len(stream.documents) == 2


def test_the_outbox_works_in_the_background_and_stops(tmp_path: Path) -> None:
    audit, stream = AuditFile(tmp_path / "audit.jsonl"), Stream()
    outbox = Outbox(audit, stream.create)
    outbox.start()
    audit.append(a_record("one"))
    assert stream.arrived.wait(5)
    outbox.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "audit outbox"]


def test_a_line_is_plain_json_with_the_fields_of_the_audit(tmp_path: Path) -> None:
    audit = AuditFile(tmp_path / "audit.jsonl")
    audit.append(a_record("one"))
    (line,) = audit.path.read_text().splitlines()
    assert set(json.loads(line)["agentgov"]["audit"]) == {"phase", "seq", "prev_hash", "hash"}
    assert audit.path.stat().st_mode & 0o077 == 0
