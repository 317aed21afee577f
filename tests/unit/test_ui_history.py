"""What the page says about the audit: silent while every record is safe, and plain about each thing that is not."""

from __future__ import annotations

from datetime import UTC, datetime

from dashboard.model.action import ActionId, ActionKind, HistoryEntry, Outcome
from dashboard.model.audit import AuditStatus
from dashboard.model.release import Track
from dashboard.ui.history import audit_troubles, chain_troubles

FILE = "/var/lib/tealdeck/audit.jsonl"


def test_nothing_is_said_while_records_are_safe_or_on_their_way() -> None:
    assert audit_troubles(AuditStatus(file=FILE)) == ()
    assert audit_troubles(AuditStatus(file=FILE, waiting=3)) == ()


def test_refused_records_are_counted_with_the_reason_the_file_and_the_way_out() -> None:
    (said,) = audit_troubles(AuditStatus(file=FILE, refused=2, refusal="HTTP 400: document_parsing_exception"))
    assert "refused 2 audit records: HTTP 400: document_parsing_exception" in said
    assert FILE in said
    assert "audit ship" in said


def test_a_standstill_is_told_with_what_waits() -> None:
    (said,) = audit_troubles(AuditStatus(file=FILE, waiting=1, trouble="elasticsearch: connection refused"))
    assert said.startswith("1 audit record not in the log store yet")
    assert "connection refused" in said


def test_a_file_that_cannot_be_read_is_told() -> None:
    (said,) = audit_troubles(AuditStatus(file=FILE, unreadable="Permission denied"))
    assert "cannot be read: Permission denied" in said
    assert "incomplete" in said


def test_a_file_that_cannot_be_written_is_told_with_what_it_stops() -> None:
    (said,) = audit_troubles(AuditStatus(file=FILE, unwritable="its disk is full"))
    assert "cannot be written: its disk is full. Nothing can be switched" in said


def an_entry(minute: int, misfit: str = "") -> HistoryEntry:
    return HistoryEntry(
        at=datetime(2026, 3, 1, 3, minute, tzinfo=UTC),
        id=ActionId(f"a{minute}"),
        kind=ActionKind.SWITCH,
        source=Track.BLUE,
        target=Track.GREEN,
        version="1.8.0",
        actor="alice",
        reason="",
        outcome=Outcome.SUCCEEDED,
        sentence="done.",
        misfit=misfit,
    )


def test_nothing_is_said_of_records_that_fit_their_chain() -> None:
    assert chain_troubles([an_entry(2), an_entry(1)]) == ()


def test_records_that_do_not_fit_are_named_with_the_way_to_the_first_fault() -> None:
    doubtful = [
        an_entry(3),
        an_entry(2, "its hash is not that of its content"),
        an_entry(1, "it can no longer be read"),
    ]
    (said,) = chain_troubles(doubtful)
    assert said.startswith(
        "The record of the switch to green at 2026-03-01 03:02:00 UTC does not fit its chain: its hash"
    )
    assert "1 audit record more" in said
    assert "audit verify" in said
