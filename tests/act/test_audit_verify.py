"""Verification names the first fault of a file, whatever was done to it, and takes a crash for a crash.

What was done to single records is here; what is done to the bytes of a file is in test_audit_tampering.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.act.audit import AuditFile, digest
from dashboard.act.verify import Fault, Verification, verify

FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def a_chain(folder: Path, length: int) -> list[bytes]:
    """The lines of a file with records 1 to `length`."""
    audit = AuditFile(folder / "audit.jsonl")
    audit.path.unlink(missing_ok=True)
    for number in range(1, length + 1):
        audit.append({"message": f"record {number}\u2028", "agentgov": {"audit": {"phase": "begun"}}})
    return audit.path.read_bytes().split(b"\n")[:-1] if length else []


def verified(folder: Path, lines: list[bytes], **known: Any) -> Verification:
    audit = AuditFile(folder / "audit.jsonl")
    audit.path.write_bytes(b"".join(line + b"\n" for line in lines))
    return verify(audit.lines(), **known)


def found(verification: Verification) -> tuple[str, int]:
    assert verification.finding is not None
    return verification.finding.fault.value, verification.finding.seq


def edited(line: bytes, *, is_hashed_anew: bool = False, **changes: Any) -> bytes:
    record = {**json.loads(line), **changes}
    if is_hashed_anew:
        record["agentgov"]["audit"]["hash"] = digest(record)
    return json.dumps(record, ensure_ascii=False, sort_keys=True).encode()


@given(st.integers(0, 8))
@FIXTURE
def test_a_chain_that_nobody_touched_holds(tmp_path: Path, length: int) -> None:
    answer = verified(tmp_path, a_chain(tmp_path, length))
    assert (answer.holds, answer.records, answer.last_seq, answer.torn_lines) == (True, length, length, ())


@given(st.integers(1, 8), st.data())
@FIXTURE
def test_an_edited_record_is_named(tmp_path: Path, length: int, data: st.DataObject) -> None:
    lines, place = a_chain(tmp_path, length), data.draw(st.integers(0, length - 1))
    lines[place] = edited(lines[place], message="something else")
    assert found(verified(tmp_path, lines)) == ("edited", place + 1)


@given(st.integers(2, 8), st.data())
@FIXTURE
def test_a_record_that_was_edited_and_hashed_anew_is_named(tmp_path: Path, length: int, data: st.DataObject) -> None:
    lines, place = a_chain(tmp_path, length), data.draw(st.integers(0, length - 2))
    lines[place] = edited(lines[place], is_hashed_anew=True, message="something else")
    assert found(verified(tmp_path, lines)) == ("edited", place + 1)


@given(st.integers(2, 8), st.data())
@FIXTURE
def test_the_first_dropped_record_is_named(tmp_path: Path, length: int, data: st.DataObject) -> None:
    lines, place = a_chain(tmp_path, length), data.draw(st.integers(0, length - 2))
    until = data.draw(st.integers(place + 1, length - 1))
    assert found(verified(tmp_path, lines[:place] + lines[until:])) == ("dropped", place + 1)


@given(st.integers(2, 8), st.data())
@FIXTURE
def test_the_first_record_out_of_order_is_named(tmp_path: Path, length: int, data: st.DataObject) -> None:
    lines = a_chain(tmp_path, length)
    one = data.draw(st.integers(0, length - 2))
    other = data.draw(st.integers(one + 1, length - 1))
    lines[one], lines[other] = lines[other], lines[one]
    assert found(verified(tmp_path, lines)) == ("reordered", other + 1)


@given(st.integers(1, 6), st.integers(1, 4), st.data())
@FIXTURE
def test_the_first_record_of_a_second_branch_is_named(
    tmp_path: Path, length: int, more: int, data: st.DataObject
) -> None:
    whole = a_chain(tmp_path, length + more)
    place = data.draw(st.integers(0, length - 1))
    audit = AuditFile(tmp_path / "branch.jsonl")
    audit.path.write_bytes(b"".join(line + b"\n" for line in whole[:place]))
    audit.append({"message": "another", "agentgov": {"audit": {"phase": "begun"}}})
    branch = audit.path.read_bytes().split(b"\n")[-2]
    answer = verified(tmp_path, [*whole, branch])
    assert found(answer) == ("forked", place + 1)
    assert answer.finding is not None
    assert answer.finding.line == len(whole) + 1


def test_a_record_that_stands_twice_is_a_fork(tmp_path: Path) -> None:
    lines = a_chain(tmp_path, 3)
    assert found(verified(tmp_path, [*lines, lines[1]])) == ("forked", 2)


def test_a_record_with_another_number_is_edited(tmp_path: Path) -> None:
    lines = a_chain(tmp_path, 3)
    record = json.loads(lines[1])
    record["agentgov"]["audit"]["seq"] = 7
    lines[1] = edited(json.dumps(record).encode(), is_hashed_anew=True)
    assert found(verified(tmp_path, lines)) == ("edited", 2)


def test_a_record_of_another_chain_is_a_fork(tmp_path: Path) -> None:
    lines = a_chain(tmp_path, 3)
    stranger = json.loads(lines[1])
    stranger["agentgov"]["audit"] |= {"prev_hash": "f" * 64}
    assert found(verified(tmp_path, [*lines, edited(json.dumps(stranger).encode(), is_hashed_anew=True)])) == (
        "forked",
        2,
    )


def test_a_record_that_can_no_longer_be_read_is_named(tmp_path: Path) -> None:
    lines = a_chain(tmp_path, 4)
    lines[1] = lines[1][:40]
    answer = verified(tmp_path, lines)
    assert found(answer) == ("made unreadable", 2)
    assert answer.finding is not None
    assert answer.finding.line == 2


TORN = [b"{", "ü".encode()[:1], b"x\n", b'{"message": "tw\xe2\x80', b"one\ntwo"]


@pytest.mark.parametrize("torn", TORN)
def test_a_line_that_a_crash_cut_short_is_told_and_no_fault_once_a_record_follows(tmp_path: Path, torn: bytes) -> None:
    a_chain(tmp_path, 2)
    audit = AuditFile(tmp_path / "audit.jsonl")
    with audit.path.open("ab") as file:
        file.write(torn)
    answer = verify(audit.lines())
    assert answer.finding is not None
    assert (answer.finding.seq, answer.finding.line) == (3, 3)

    audit.append({"message": "next", "agentgov": {"audit": {"phase": "begun"}}})
    answer = verify(audit.lines())
    assert (answer.finding, answer.records) == (None, 3)
    assert answer.torn_lines == tuple(range(3, 4 + torn.removesuffix(b"\n").count(b"\n")))


@pytest.mark.parametrize("torn", TORN)
@pytest.mark.parametrize("done", ["changed", "taken away", "doubled"])
def test_a_line_that_a_crash_left_is_covered_by_the_chain(tmp_path: Path, torn: bytes, done: str) -> None:
    a_chain(tmp_path, 2)
    audit = AuditFile(tmp_path / "audit.jsonl")
    with audit.path.open("ab") as file:
        file.write(torn)
    audit.append({"message": "next", "agentgov": {"audit": {"phase": "begun"}}})
    lines = audit.path.read_bytes().split(b"\n")[:-1]
    lines[2:3] = {"changed": [lines[2] + b"x"], "taken away": [], "doubled": [lines[2], lines[2]]}[done]
    answer = verified(tmp_path, lines)
    assert answer.finding is not None
    assert answer.finding.line >= 3


@pytest.mark.parametrize("place", range(4))
def test_a_line_put_between_records_is_named(tmp_path: Path, place: int) -> None:
    lines = a_chain(tmp_path, 3)
    answer = verified(tmp_path, [*lines[:place], b"nothing of ours", *lines[place:]])
    assert found(answer) == ("made unreadable", place + 1)
    assert answer.finding is not None
    assert answer.finding.line == place + 1


def test_a_file_that_ends_within_a_record_is_named(tmp_path: Path) -> None:
    a_chain(tmp_path, 3)
    audit = AuditFile(tmp_path / "audit.jsonl")
    audit.path.write_bytes(audit.path.read_bytes()[:-1])
    assert found(verify(audit.lines())) == ("cut short", 3)
    audit.append({"message": "next", "agentgov": {"audit": {"phase": "begun"}}})
    assert verify(audit.lines()).holds


def test_a_lost_end_shows_against_what_was_shipped(tmp_path: Path) -> None:
    lines = a_chain(tmp_path, 4)
    hashes = [json.loads(line)["agentgov"]["audit"]["hash"] for line in lines]
    assert verified(tmp_path, lines, shipped=(4, hashes[3])).holds
    assert verified(tmp_path, lines, shipped=(2, hashes[1])).holds
    assert found(verified(tmp_path, lines[:2], shipped=(4, hashes[3]))) == ("dropped", 3)
    assert found(verified(tmp_path, [], shipped=(1, hashes[0]))) == ("dropped", 1)


def test_a_last_record_that_was_hashed_anew_shows_against_what_was_shipped(tmp_path: Path) -> None:
    lines = a_chain(tmp_path, 3)
    shipped = (3, json.loads(lines[2])["agentgov"]["audit"]["hash"])
    lines[2] = edited(lines[2], is_hashed_anew=True, message="something else")
    assert verified(tmp_path, lines).holds
    assert found(verified(tmp_path, lines, shipped=shipped)) == ("edited", 3)


@given(st.lists(st.binary(max_size=60), max_size=4))
@FIXTURE
def test_no_file_breaks_the_verification(tmp_path: Path, lines: list[bytes]) -> None:
    verified(tmp_path, lines)


def test_half_a_surrogate_pair_in_an_edited_record_breaks_nothing(tmp_path: Path) -> None:
    lines = a_chain(tmp_path, 2)
    lines[0] = lines[0].replace(b"record 1", b"record \\ud800")
    assert found(verified(tmp_path, lines)) == (Fault.EDITED.value, 1)
