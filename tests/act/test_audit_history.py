"""The history of switches: from the audit file, kept up to date by what is appended, of one environment and namespace.

No record can break it, whoever wrote it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.act import audit as audit_module
from dashboard.act.audit import AuditFile
from dashboard.act.past import KEPT, AuditPast

SERVICE = "agent-runtime"


def a_record(
    number: int = 1, *, environment: str = "production", namespace: str = "agents", **more: Any
) -> dict[str, Any]:
    """A finished switch; a later number ended later."""
    return {
        "@timestamp": f"2026-03-{number // 1440 % 28 + 1:02}T{number // 60 % 24:02}:{number % 60:02}:00.000+00:00",
        "message": f"switch {number}",
        "event": {"reason": "because"},
        "user": {"name": "alice"},
        "service": {"name": SERVICE, "environment": environment},
        "agentgov": {
            "audit": {
                "phase": "finished",
                "action_id": f"a{number}",
                "kind": "switch",
                "outcome": "succeeded",
                "target": f"Service {namespace}/{SERVICE}",
                "before": {"track": "blue"},
                "after": {"track": "green", "version": "1.8.0"},
                **more,
            }
        },
    }


@pytest.fixture
def audit(tmp_path: Path) -> AuditFile:
    return AuditFile(tmp_path / "audit.jsonl", "production")


def shown(past: AuditPast, namespace: str = "agents") -> list[str]:
    return [entry.sentence for entry in past.of(namespace, SERVICE)]


def test_the_newest_finished_action_stands_first_and_other_phases_are_left_out(audit: AuditFile) -> None:
    for number in (1, 3, 2):
        audit.append(a_record(number, phase="begun"))
        audit.append(a_record(number))
    assert shown(AuditPast(audit)) == ["switch 3", "switch 2", "switch 1"]


def test_without_a_file_there_is_no_history_until_there_is_one(audit: AuditFile) -> None:
    past = AuditPast(audit)
    assert shown(past) == []
    audit.append(a_record(1))
    assert shown(past) == ["switch 1"]


def test_a_refresh_parses_nothing_but_what_was_appended_and_the_record_before_it(
    audit: AuditFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        audit.append(a_record(number))
    past = AuditPast(audit)
    shown(past)
    parsed: list[bytes] = []
    real = audit_module.parsed
    monkeypatch.setattr(audit_module, "parsed", lambda raw: parsed.append(raw) or real(raw))
    shown(past)
    assert parsed == []
    AuditFile(audit.path).append(a_record(50))  # as another process does
    parsed.clear()
    assert shown(past)[0] == "switch 50"
    assert [json.loads(line)["message"] for line in sorted(set(parsed))] == ["switch 49", "switch 50"]


def test_a_record_that_is_still_being_written_comes_with_its_end(audit: AuditFile) -> None:
    audit.append(a_record(1))
    audit.append(a_record(2))
    whole = audit.path.read_bytes()
    past = AuditPast(audit)
    for cut in (len(whole) - 1, len(whole) // 2 + 3):
        audit.path.write_bytes(whole[:cut])
        assert shown(past) == ["switch 1"]
    audit.path.write_bytes(whole)
    assert shown(past) == ["switch 2", "switch 1"]


def test_a_new_file_of_the_same_name_begins_a_new_history(audit: AuditFile) -> None:
    audit.append(a_record(1))
    past = AuditPast(audit)
    assert shown(past) == ["switch 1"]
    audit.path.rename(audit.path.with_suffix(".1"))
    assert shown(past) == []
    audit.append(a_record(2))
    assert shown(past) == ["switch 2"]


def test_a_file_that_cannot_be_read_leaves_what_was_known(audit: AuditFile, monkeypatch: pytest.MonkeyPatch) -> None:
    audit.append(a_record(1))
    past = AuditPast(audit)
    assert shown(past) == ["switch 1"]
    audit.append(a_record(2))

    def no(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(AuditFile, "lines", no)
        assert shown(past) == ["switch 1"]
    aside = audit.path.rename(audit.path.with_suffix(".aside"))
    audit.path.mkdir()
    assert shown(past) == ["switch 1"]
    audit.path.rmdir()
    aside.rename(audit.path)
    assert shown(past) == ["switch 2", "switch 1"]


def test_namespaces_never_mix(audit: AuditFile) -> None:
    audit.append(a_record(1, namespace="agents"))
    audit.append(a_record(2, namespace="agents-two"))
    past = AuditPast(audit)
    assert (shown(past, "agents"), shown(past, "agents-two"), shown(past, "agent")) == (["switch 1"], ["switch 2"], [])


def test_records_of_another_environment_are_not_shown(audit: AuditFile) -> None:
    audit.append(a_record(1))
    foreign = AuditFile(audit.path)
    foreign.append(a_record(2, environment="staging"))
    assert shown(AuditPast(audit)) == ["switch 1"]


def test_records_from_before_environments_were_recorded_are_shown(audit: AuditFile) -> None:
    record = a_record(1)
    del record["service"]["environment"]
    audit.append(record)
    assert shown(AuditPast(audit)) == ["switch 1"]


def test_refused_actions_are_in_the_history(audit: AuditFile) -> None:
    audit.append(a_record(1, outcome="refused"))
    (entry,) = AuditPast(audit).of("agents", SERVICE)
    assert entry.outcome.value == "refused"


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"kind": "teleport"}, id="a kind that this version does not know"),
        pytest.param({"outcome": "unclear"}, id="an outcome that it does not know"),
        pytest.param({"before": {"track": "red"}}, id="a third track"),
        pytest.param({"before": None}, id="no track"),
        pytest.param({"after": "green"}, id="a text for an object"),
        pytest.param({"target": 7}, id="a number for a text"),
    ],
)
def test_a_record_that_this_version_cannot_read_is_left_out(audit: AuditFile, more: dict[str, Any]) -> None:
    audit.append(a_record(1))
    audit.append(a_record(2, **more))
    assert shown(AuditPast(audit)) == ["switch 1"]


def misfits(past: AuditPast) -> list[str]:
    return [entry.misfit for entry in past.of("agents", SERVICE)]


def three(audit: AuditFile) -> list[bytes]:
    """The lines of a file with three actions of three records each."""
    for number in (1, 2, 3):
        for phase in ("requested", "begun", "finished"):
            audit.append(a_record(number, phase=phase))
    return audit.path.read_bytes().splitlines(keepends=True)


def test_records_as_they_were_written_fit_their_chain(audit: AuditFile) -> None:
    three(audit)
    assert misfits(AuditPast(audit)) == ["", "", ""]


def test_a_record_after_a_line_that_a_crash_cut_short_fits(audit: AuditFile) -> None:
    audit.append(a_record(1))
    with audit.path.open("ab") as file:
        file.write(b'{"message": "tw')
    audit.append(a_record(2))
    assert misfits(AuditPast(audit)) == ["", ""]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            lambda lines: [*lines[:5], lines[5].replace(b"alice", b"mallory"), *lines[6:]],
            "its hash is not that of its content",
            id="edited",
        ),
        pytest.param(
            lambda lines: [*lines[:5], b'{"message": "", ' + lines[5][1:], *lines[6:]],
            "spelled in another way",
            id="a key twice",
        ),
        pytest.param(
            lambda lines: [*lines[:4], *lines[5:]], "does not follow record 4", id="the record before it is gone"
        ),
        pytest.param(
            lambda lines: [*lines[:5], b"nothing of ours\n", *lines[5:]], "a line before it", id="a line put before it"
        ),
    ],
)
def test_a_record_that_does_not_fit_is_shown_as_that(audit: AuditFile, change: Any, says: str) -> None:
    lines = three(audit)
    audit.path.write_bytes(b"".join(change(lines)))
    newest, doubtful, oldest = misfits(AuditPast(audit))
    assert (newest, oldest) == ("", "")
    assert says in doubtful


def test_a_file_that_is_edited_while_the_deck_runs_is_read_again(audit: AuditFile) -> None:
    lines = three(audit)
    past = AuditPast(audit)
    assert misfits(past) == ["", "", ""]
    before = audit.path.stat()
    with audit.path.open("r+b") as file:  # in place: the same file of the same size
        file.seek(sum(map(len, lines[:5])))
        file.write(lines[5].replace(b"alice", b"maria"))
    os.utime(audit.path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert [bool(misfit) for misfit in misfits(past)] == [False, True, False]


@pytest.mark.parametrize("at", ["yesterday", "", "2026-13-01", "0"])
def test_a_record_without_a_time_is_left_out(audit: AuditFile, at: str) -> None:
    audit.append({**a_record(1), "@timestamp": at})
    assert shown(AuditPast(audit)) == []


def test_a_time_without_a_zone_is_utc(audit: AuditFile) -> None:
    audit.append({**a_record(1), "@timestamp": "2026-03-01T03:00:00"})
    audit.append(a_record(2))
    assert shown(AuditPast(audit)) == ["switch 1", "switch 2"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["@timestamp", "message", "event", "user", "service"]), json_values)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_record_breaks_the_history(tmp_path: Path, key: str, value: Any) -> None:
    path = tmp_path / "any.jsonl"
    path.unlink(missing_ok=True)
    whole = AuditFile(path).append(a_record(1))
    path.write_text(json.dumps({**whole, key: value}) + "\n")
    assert len(AuditPast(AuditFile(path, "production")).of("agents", SERVICE)) <= 1


def test_no_more_than_the_newest_are_kept(audit: AuditFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda file: None)
    for number in range(KEPT + 3):
        audit.append(a_record(number))
    found = shown(AuditPast(audit))
    assert (len(found), found[0]) == (KEPT, f"switch {KEPT + 2}")
