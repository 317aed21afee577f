"""Nothing can be done to the bytes of an audit file that the verification does not find.

Each test knows the newest record that was shipped, since whole records cut off at the end leave no trace in the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.act.audit import AuditFile
from dashboard.act.verify import Finding, verify

FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
TEXTS = ("café", "ünïcode \u2028", 'quotes " and \\ and \n', "\ud800 half")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of six records, the fourth after a line that a crash cut short."""
    audit = AuditFile(tmp_path_factory.mktemp("audit") / "audit.jsonl")
    for number in range(6):
        if number == 3:
            with audit.path.open("ab") as file:
                file.write(b'{"@timestamp": "2026-03-')
        facts = {"ratio": number / 7, "large": 10**20, "empty": {}, "list": [True, 1.5e-9]}
        audit.append({"message": TEXTS[number % 4], "agentgov": {"audit": {"phase": "begun", "facts": facts}}})
    return audit.path.read_bytes()


def fault(folder: Path, content: bytes, whole: bytes) -> Finding | None:
    newest = json.loads(whole.splitlines()[-1])["agentgov"]["audit"]
    audit = AuditFile(folder / "audit.jsonl")
    audit.path.write_bytes(content)
    found = verify(audit.lines(), shipped=(newest["seq"], newest["hash"])).finding
    assert found is None or (found.line >= 1 and found.seq >= 1 and found.reason)
    return found


def test_the_file_as_it_was_written_holds(tmp_path: Path, whole: bytes) -> None:
    assert fault(tmp_path, whole, whole) is None


@given(st.data(), st.integers(0, 255))
@FIXTURE
def test_any_changed_byte_is_found(tmp_path: Path, whole: bytes, data: st.DataObject, value: int) -> None:
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:place] + bytes([value]) + whole[place + 1 :]
    assert (fault(tmp_path, changed, whole) is None) == (changed == whole)


@pytest.mark.parametrize("number", [b"0", b"-1", b"9" * 400, b"9" * 6000, b"1e999", b"NaN", b"2.0", b"true", b'"2"'])
def test_a_record_whose_number_was_edited_is_found_at_its_place(tmp_path: Path, whole: bytes, number: bytes) -> None:
    lines = whole.splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"seq": 2', b'"seq": ' + number)
    found = fault(tmp_path, b"".join(lines), whole)
    assert found is not None
    assert (found.line, found.seq) == (2, 2)


@given(st.data())
@FIXTURE
def test_any_byte_with_one_bit_flipped_is_found(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    place, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    flipped = bytes([whole[place] ^ 1 << bit])
    assert fault(tmp_path, whole[:place] + flipped + whole[place + 1 :], whole) is not None


@given(st.data())
@FIXTURE
def test_any_stretch_that_is_taken_away_is_found(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(begin + 1, len(whole)))
    assert fault(tmp_path, whole[:begin] + whole[end:], whole) is not None


@given(st.data(), st.binary(min_size=1, max_size=12))
@FIXTURE
def test_any_bytes_that_are_put_in_are_found(tmp_path: Path, whole: bytes, data: st.DataObject, put: bytes) -> None:
    place = data.draw(st.integers(0, len(whole)))
    assert fault(tmp_path, whole[:place] + put + whole[place:], whole) is not None


@given(st.data())
@FIXTURE
def test_any_other_order_of_the_lines_is_found(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    lines = whole.splitlines(keepends=True)
    order = data.draw(st.permutations(range(len(lines))))
    shuffled = b"".join(lines[number] for number in order)
    assert (fault(tmp_path, shuffled, whole) is None) == (shuffled == whole)


@given(st.data())
@FIXTURE
def test_any_lines_that_stand_twice_or_not_at_all_are_found(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    lines = whole.splitlines(keepends=True)
    chosen = data.draw(st.lists(st.integers(0, len(lines) - 1), max_size=len(lines) + 3))
    content = b"".join(lines[number] for number in sorted(chosen))
    assert (fault(tmp_path, content, whole) is None) == (content == whole)


def _twice(line: bytes) -> bytes:
    return b'{"message": "something else", ' + line[1:]


def _twice_within(line: bytes) -> bytes:
    return line.replace(b'"phase": "begun"', b'"phase": "finished", "phase": "begun"')


def _sibling(line: bytes) -> bytes:
    return line.replace(b'{"agentgov": {', b'{"agentgov": {"aside": "not hashed", ')


def _sibling_of_the_record(line: bytes) -> bytes:
    return line[:-1] + b', "zz": 1}'


@pytest.mark.parametrize(
    "respelled",
    [
        pytest.param(_twice, id="a key twice, the first time with another value"),
        pytest.param(_twice_within, id="a key of the audit's fields twice"),
        pytest.param(_sibling, id="a key beside the audit's fields"),
        pytest.param(_sibling_of_the_record, id="a key beside all others"),
        pytest.param(lambda line: line.replace(b": ", b":", 1), id="a blank less"),
        pytest.param(lambda line: line + b" ", id="a blank at the end"),
        pytest.param(lambda line: line + b"\r", id="a carriage return"),
        pytest.param(lambda line: b"\xef\xbb\xbf" + line, id="a byte order mark"),
        pytest.param(lambda line: line.replace(b"begun", b"beg\\u0075n"), id="an escape for a letter"),
        pytest.param(lambda line: line.replace(b"100000000000000000000", b"1e20"), id="another spelling of a number"),
        pytest.param(lambda line: line.decode().encode("utf-16"), id="another encoding"),
        pytest.param(lambda line: json.dumps(json.loads(line), sort_keys=True).encode(), id="all escapes"),
        pytest.param(lambda line: json.dumps(dict(reversed(json.loads(line).items()))).encode(), id="another order"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 6])
def test_a_line_that_means_the_same_but_is_not_the_same_is_found(
    tmp_path: Path, whole: bytes, respelled: Callable[[bytes], bytes], place: int
) -> None:
    lines = whole.splitlines()
    other = respelled(lines[place])
    assert other != lines[place]
    lines[place] = other
    found = fault(tmp_path, b"\n".join(lines) + b"\n", whole)
    assert found is not None
    assert found.line == place + 1
