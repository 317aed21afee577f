"""The search in the audit: follows the file, finds by who, what, where, when and words, and is broken by no record."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.act import trail as trail_module
from dashboard.act.audit import AuditFile, AuditLine
from dashboard.act.trail import AuditTrail, entry_of
from dashboard.decide.trail import deeds, find
from dashboard.model.audit import TrailEntry, TrailQuery

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_record(
    deed: str = "a1", *, actor: str = "alice", minute: int = 0, phase: str = "finished", **audit: Any
) -> dict[str, Any]:
    return {
        "@timestamp": (NOON + timedelta(minutes=minute)).isoformat(),
        "message": f"{actor} did {deed}",
        "event": {"id": f"{deed}-{phase}", "action": "release.switch", "reason": "it was GO"},
        "user": {"name": actor},
        "service": {"name": "agent-runtime", "environment": "production"},
        "kubernetes": {"namespace": "agents"},
        "agentgov": {
            "audit": {
                "phase": phase,
                "action_id": deed,
                "outcome": "succeeded",
                "before": {"track": "blue"},
                "after": {"track": "green", "version": "1.8.0"},
                **audit,
            }
        },
    }


def query(**changed: Any) -> TrailQuery:
    whole = {"namespace": "agents", "start": NOON - timedelta(days=1), "end": NOON + timedelta(days=1)}
    return TrailQuery(**{**whole, **changed})


@pytest.fixture
def audit(tmp_path: Path) -> AuditFile:
    return AuditFile(tmp_path / "audit.jsonl", "production")


def test_records_come_with_who_did_what_to_which_service_and_what_it_changed(audit: AuditFile) -> None:
    audit.append(a_record())
    (entry,) = AuditTrail(audit).read().entries
    assert (entry.seq, entry.line, entry.actor, entry.action) == (1, 1, "alice", "release.switch")
    assert (entry.namespace, entry.service, entry.effect) == ("agents", "agent-runtime", "blue to green 1.8.0")
    assert (entry.outcome, entry.reason, entry.at) == ("succeeded", "it was GO", NOON)


def test_a_refresh_reads_nothing_but_what_was_appended(audit: AuditFile, monkeypatch: pytest.MonkeyPatch) -> None:
    trail = AuditTrail(audit)
    audit.append(a_record("a1"))
    trail.read()
    read: list[int] = []
    lines = AuditFile.lines
    monkeypatch.setattr(
        AuditFile, "lines", lambda self, start=0, *more: read.append(start) or lines(self, start, *more)
    )
    trail.read()
    audit.append(a_record("a2"))
    assert [entry.deed for entry in trail.read().entries] == ["a1", "a2"]
    assert len(read) == 1
    assert read[0] > 0


def test_a_file_that_was_edited_without_growing_is_read_anew(audit: AuditFile) -> None:
    trail = AuditTrail(audit)
    audit.append(a_record(actor="alice"))
    trail.read()
    audit.path.write_bytes(audit.path.read_bytes().replace(b'"alice"', b'"malic"'))
    os.utime(audit.path, ns=(1, 1))
    assert [entry.actor for entry in trail.read().entries] == ["malic"]


def test_a_file_that_cannot_be_read_leaves_what_was_known_and_says_why(
    audit: AuditFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = AuditTrail(audit)
    audit.append(a_record())
    trail.read()

    def no(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(trail_module.os, "stat", no)
    known = trail.read()
    assert (len(known.entries), known.unreadable) == (1, "Permission denied")


def test_older_records_than_are_kept_are_counted(audit: AuditFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail_module, "KEPT", 2)
    trail = AuditTrail(audit)
    for number in range(5):
        audit.append(a_record(f"a{number}"))
    known = trail.read()
    assert ([entry.deed for entry in known.entries], known.left_out) == (["a3", "a4"], 3)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param({"actor": "bob"}, ["a2"], id="by the actor"),
        pytest.param({"action": "release.switch"}, ["a1", "a2"], id="by the action"),
        pytest.param({"service": "other"}, [], id="by the service"),
        pytest.param({"start": NOON + timedelta(minutes=5)}, ["a2"], id="from a time on"),
        pytest.param({"end": NOON + timedelta(minutes=10)}, ["a1"], id="before a time, its end excluded"),
        pytest.param({"text": "ALICE a1"}, ["a1"], id="by all of several words in any case"),
        pytest.param({"text": "alice a2"}, [], id="not by one word of two"),
        pytest.param({"namespace": "others"}, [], id="of another namespace never"),
    ],
)
def test_records_are_found(audit: AuditFile, asked: dict[str, Any], found: list[str]) -> None:
    audit.append(a_record("a1", actor="alice"))
    audit.append(a_record("a2", actor="bob", minute=10))
    assert [entry.deed for entry in find(AuditTrail(audit).read().entries, query(**asked))] == found


def test_a_record_whose_time_cannot_be_read_is_hidden_by_no_period(audit: AuditFile) -> None:
    audit.append({**a_record(), "@timestamp": "yesterday"})
    (entry,) = AuditTrail(audit).read().entries
    assert entry.at is None
    assert find((entry,), query(start=NOON, end=NOON + timedelta(minutes=1))) == (entry,)


def test_records_of_one_action_belong_together_and_the_newest_action_stands_first(audit: AuditFile) -> None:
    for deed, phase in (("a1", "requested"), ("a2", "requested"), ("a1", "finished")):
        audit.append(a_record(deed, phase=phase))
    first, second = deeds(AuditTrail(audit).read().entries)
    assert (first.id, first.first.phase, first.last.phase) == ("a1", "requested", "finished")
    assert second.id == "a2"


def test_evidence_is_the_whole_record_and_the_export_is_its_line_byte_for_byte(audit: AuditFile) -> None:
    trail = AuditTrail(audit)
    written = [audit.append(a_record(f"a{number}")) for number in range(3)]
    entries = trail.read().entries
    assert trail.evidence(entries[1:]) == tuple(written[1:])
    assert trail.lines(entries) == audit.path.read_bytes()


def test_another_record_in_the_same_place_is_no_evidence(audit: AuditFile) -> None:
    trail = AuditTrail(audit)
    audit.append(a_record())
    entries = trail.read().entries
    other = json.loads(audit.path.read_bytes())
    other["agentgov"]["audit"]["seq"] = 7
    audit.path.write_text(json.dumps(other) + "\n")
    assert trail.evidence(entries) == ()


def test_the_chain_is_verified_once_for_each_state_of_the_file_and_anew_when_asked(
    audit: AuditFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = AuditTrail(audit)
    audit.append(a_record())
    first = trail.checked(NOON)
    assert first is not None
    assert first.verification.holds
    assert trail.checked(NOON + timedelta(minutes=1)) is first
    later = trail.checked(NOON + timedelta(minutes=1), anew=True)
    assert later is not None
    assert later.at == NOON + timedelta(minutes=1)
    audit.append(a_record("a2"))
    after = trail.checked(NOON + timedelta(minutes=2))
    assert after is not None
    assert after.verification.records == 2


def test_an_edited_record_is_found_by_the_next_look(audit: AuditFile) -> None:
    trail = AuditTrail(audit)
    audit.append(a_record(actor="alice"))
    trail.checked(NOON)
    audit.path.write_bytes(audit.path.read_bytes().replace(b'"alice"', b'"malic"'))
    os.utime(audit.path, ns=(1, 1))
    found = trail.checked(NOON)
    assert found is not None
    assert not found.verification.holds


def test_a_large_file_is_verified_when_somebody_asks(audit: AuditFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail_module, "VERIFIED_AT_ONCE_BYTES", 10)
    trail = AuditTrail(audit)
    audit.append(a_record())
    assert trail.checked(NOON) is None
    found = trail.checked(NOON, anew=True)
    assert found is not None
    assert trail.checked(NOON) is found


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_KEYS = ("@timestamp", "message", "event", "user", "service", "kubernetes")


@given(st.dictionaries(st.sampled_from(_KEYS), _JSON), st.dictionaries(st.sampled_from(("before", "after")), _JSON))
def test_no_record_breaks_the_search(record: dict[str, Any], audit: dict[str, Any]) -> None:
    whole = {**record, "agentgov": {"audit": {"seq": 1, "hash": "h", "prev_hash": "p", **audit}}}
    entry = entry_of(whole, AuditLine(0, 1, b""), 1)
    assert isinstance(entry, TrailEntry)
    find((entry,), query(text="x"))


def test_an_edited_record_is_no_evidence_of_what_was_read_before(audit: AuditFile) -> None:
    trail = AuditTrail(audit)
    audit.append(a_record())
    entries = trail.read().entries
    other = json.loads(audit.path.read_bytes())
    other["user"] = {"name": "mallory"}
    audit.path.write_text(json.dumps(other) + "\n")
    assert trail.evidence(entries) == ()
