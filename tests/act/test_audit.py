"""The audit file: what is in it is on disk, in one chain, whatever was written and however the last writer ended.

Shipping is in test_audit_shipping.py, verification in test_audit_verify.py.
"""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.act.audit import GENESIS, LONGEST_TEXT, AuditFile, NotWrittenError, chain, digest

# Hypothesis leaves surrogates out unless asked.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
LINE_BREAKS = ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\r", "\r\n", "\n"]


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


@pytest.fixture
def audit(tmp_path: Path) -> AuditFile:
    return AuditFile(tmp_path / "audit.jsonl")


def messages(audit: AuditFile) -> list[str]:
    return [record["message"] for record in audit.records()]


def test_records_form_one_chain_that_an_edit_breaks(audit: AuditFile) -> None:
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


def _append_many(path: Path, name: str) -> None:
    audit = AuditFile(path)
    for number in range(15):
        audit.append(a_record(f"{name}-{number}\u2028"))


def test_appends_from_several_processes_do_not_fork(audit: AuditFile) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append_many, args=(audit.path, name)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    records = list(audit.records())
    assert len(records) == 45
    assert is_chained(records)


@pytest.mark.parametrize("character", [*LINE_BREAKS, "\x00", "\ufeff", "\ud800", "\U0010ffff"], ids=ascii)
def test_no_character_in_a_record_forks_the_chain(audit: AuditFile, character: str) -> None:
    for _ in range(3):
        audit.append(a_record(f"before{character}after"))
    records = list(audit.records())
    assert len(records) == 3
    assert is_chained(records)
    assert audit.path.read_bytes().count(b"\n") == 3


@given(st.lists(ANY_TEXT, min_size=1, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_stays_in_its_own_record_of_one_chain(tmp_path: Path, texts: list[str]) -> None:
    audit = AuditFile(tmp_path / "any.jsonl")
    audit.path.unlink(missing_ok=True)
    for text in texts:
        audit.append({**a_record(text), "facts": {text: text}})
    records = list(audit.records())
    assert len(records) == len(texts)
    assert is_chained(records)
    encodable = [text.encode(errors="surrogatepass").decode(errors="replace") for text in texts]
    assert [record["message"] for record in records] == encodable


@given(st.lists(ANY_TEXT, min_size=1, max_size=3), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_file_cut_at_any_byte_goes_on_as_one_chain(tmp_path: Path, texts: list[str], data: st.DataObject) -> None:
    audit = AuditFile(tmp_path / "cut.jsonl")
    audit.path.unlink(missing_ok=True)
    for text in texts:
        audit.append(a_record(text))
    whole = audit.path.read_bytes()
    audit.path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    audit.append(a_record("next"))
    records = list(audit.records())
    assert records[-1]["message"] == "next"
    assert is_chained(records)


@given(st.binary(max_size=80))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_else_stands_in_the_file_the_chain_goes_on_from_the_last_record(tmp_path: Path, junk: bytes) -> None:
    audit = AuditFile(tmp_path / "junk.jsonl")
    audit.path.unlink(missing_ok=True)
    audit.append(a_record("one"))
    with audit.path.open("ab") as file:
        file.write(junk)
    audit.append(a_record("two"))
    assert messages(audit) == ["one", "two"]
    assert is_chained(list(audit.records()))


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"[" * 100_000, id="nested too deep"),
        pytest.param(b"1" * 10_000, id="a number too long"),
        pytest.param(b'{"agentgov": {"audit": {"seq": "2", "hash": "x", "prev_hash": "y"}}}', id="a number as text"),
        pytest.param(b'{"agentgov": {"audit": {"hash": "x"}}}', id="no place"),
        pytest.param(b'{"agentgov": []}', id="another shape"),
        pytest.param(b"null", id="null"),
        pytest.param("ü".encode()[:1], id="half a character"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
    ],
)
def test_a_line_that_is_no_record_breaks_nothing(audit: AuditFile, line: bytes) -> None:
    audit.append(a_record("one"))
    with audit.path.open("ab") as file:
        file.write(line + b"\n")
    audit.append(a_record("two"))
    assert messages(audit) == ["one", "two"]
    assert is_chained(list(audit.records()))


def test_a_record_longer_than_the_tail_that_is_read_first_is_found(audit: AuditFile) -> None:
    audit.append({**a_record("long"), "many": ["x" * 1000] * 300})
    audit.append(a_record("next"))
    assert is_chained(list(audit.records()))


def test_text_is_bounded_and_what_the_log_store_would_refuse_is_not_written(audit: AuditFile) -> None:
    gates = [{"limit": None, "value": float("nan")}, {"limit": 1.5}]
    written = audit.append({**a_record("x" * 20_000), "gates": gates, "none": None})
    assert len(written["message"]) == LONGEST_TEXT
    assert written["gates"] == [{}, {"limit": 1.5}]
    assert "none" not in written
    assert next(audit.records()) == written


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotWrittenError, match="No such file or directory"):
        AuditFile(tmp_path / "gone" / "audit.jsonl").append(a_record("one"))


def test_a_full_disk_leaves_no_half_record(audit: AuditFile, monkeypatch: pytest.MonkeyPatch) -> None:
    audit.append(a_record("one"))
    before = audit.path.read_bytes()
    write: Callable[[int, bytes], int] = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) < 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[:100])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(NotWrittenError, match="No space left"):
            audit.append(a_record("two"))
    assert audit.path.read_bytes() == before


def test_a_file_that_is_moved_away_is_followed_by_a_new_one(audit: AuditFile) -> None:
    audit.append(a_record("one"))
    audit.path.rename(audit.path.with_suffix(".1"))
    audit.append(a_record("two"))
    assert messages(audit) == ["two"]
    assert is_chained(list(audit.records()))


def test_the_audit_of_another_environment_is_not_written_to(tmp_path: Path) -> None:
    record = {**a_record("one"), "service": {"environment": "staging"}}
    AuditFile(tmp_path / "audit.jsonl", "staging").append(record)
    with pytest.raises(NotWrittenError, match="environment staging, not of production"):
        AuditFile(tmp_path / "audit.jsonl", "production").append(a_record("two"))


@given(st.text(max_size=50), st.text(max_size=50))
def test_the_hash_says_whether_two_records_are_the_same(one: str, other: str) -> None:
    hashes = [chain(a_record(text), None)["agentgov"]["audit"]["hash"] for text in (one, other)]
    assert (hashes[0] == hashes[1]) == (one == other)


def test_a_line_is_plain_json_with_the_fields_of_the_audit(audit: AuditFile) -> None:
    audit.append(a_record("one"))
    (line,) = audit.path.read_text().splitlines()
    assert set(json.loads(line)["agentgov"]["audit"]) == {"phase", "seq", "prev_hash", "hash"}
    assert audit.path.stat().st_mode & 0o077 == 0


def test_the_newest_record_is_read_from_the_tail(audit: AuditFile) -> None:
    assert audit.last() is None
    audit.append(a_record("one"))
    two = audit.append(a_record("two"))
    assert audit.last() == two


def test_a_file_that_can_be_written_says_nothing(audit: AuditFile) -> None:
    assert audit.why_not_writable() == ""
    audit.append(a_record("one"))
    assert audit.why_not_writable() == ""
    assert [path.name for path in audit.path.parent.iterdir()] == ["audit.jsonl"]


def test_a_folder_in_place_of_the_file_cannot_be_written(audit: AuditFile) -> None:
    audit.path.mkdir()
    assert audit.why_not_writable() == "Is a directory"


def test_a_missing_folder_is_named_before_anybody_acts(tmp_path: Path) -> None:
    assert "there is no folder" in AuditFile(tmp_path / "gone" / "audit.jsonl").why_not_writable()


def test_a_full_disk_is_told_before_anybody_acts(audit: AuditFile, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = os.statvfs(audit.path.parent)
    full = os.statvfs_result([*disk[:4], 0, *disk[5:]])
    monkeypatch.setattr(os, "statvfs", lambda folder: full)
    assert audit.why_not_writable() == "its disk is full"
