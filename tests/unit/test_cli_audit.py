"""`python -m dashboard audit`: exit codes and words of the verification, and shipping by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboard.act.audit import AuditFile
from dashboard.cli import main


@pytest.fixture
def settings(tmp_path: Path) -> str:
    file = tmp_path / "tealdeck.toml"
    file.write_text(
        f"""
[environments.local]
namespaces = ["agents", "team-7"]
[environments.local.audit]
file = "{tmp_path / "audit.jsonl"}"
[environments.dead.elasticsearch]
url = "http://127.0.0.1:9"
[environments.dead.audit]
file = "{tmp_path / "dead.jsonl"}"
"""
    )
    return str(file)


@pytest.fixture
def audit(tmp_path: Path) -> AuditFile:
    audit = AuditFile(tmp_path / "audit.jsonl")
    for number in range(3):
        audit.append({"message": f"record {number}", "agentgov": {"audit": {"phase": "begun"}}})
    return audit


def test_a_chain_that_holds_is_0(settings: str, audit: AuditFile, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", "--settings", settings]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{audit.path}: the chain of 3 records holds")
    assert "nothing was shipped" in said  # so a lost end would not show


def test_an_edited_record_is_1_and_named(settings: str, audit: AuditFile, capsys: pytest.CaptureFixture[str]) -> None:
    audit.path.write_bytes(audit.path.read_bytes().replace(b"record 1", b"record x"))
    assert main(["audit", "verify", "--settings", settings]) == 1
    said = capsys.readouterr().out
    assert said == f"{audit.path}: record 2 was edited, line 2: its hash is not that of its content\n"


def test_a_key_that_was_written_twice_is_1_and_named_with_its_line(
    settings: str, audit: AuditFile, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = audit.path.read_bytes()
    audit.path.write_bytes(whole.replace(b'"message": "record 1"', b'"message": "other", "message": "record 1"'))
    assert main(["audit", "verify", "--settings", settings]) == 1
    assert "record 2 was edited, line 2: its line is spelled in another way" in capsys.readouterr().out


def test_a_line_made_unreadable_is_1_and_named(
    settings: str, audit: AuditFile, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = audit.path.read_bytes().splitlines(keepends=True)
    audit.path.write_bytes(lines[0] + b"nothing of ours\n" + lines[1] + lines[2])
    assert main(["audit", "verify", "--settings", settings]) == 1
    assert "made unreadable, line 2" in capsys.readouterr().out


def test_the_answer_as_json(settings: str, audit: AuditFile, capsys: pytest.CaptureFixture[str]) -> None:
    lines = audit.path.read_bytes().splitlines(keepends=True)
    audit.path.write_bytes(lines[0] + lines[2])
    assert main(["audit", "verify", "--json", "--settings", settings]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["holds"], said["finding"]["fault"], said["finding"]["seq"]) == (False, "dropped", 2)


def test_a_line_that_a_crash_cut_short_is_told_and_is_0(
    settings: str, audit: AuditFile, capsys: pytest.CaptureFixture[str]
) -> None:
    with audit.path.open("ab") as file:
        file.write(b'{"message": "\xe2\x80')
    audit.append({"message": "next", "agentgov": {"audit": {"phase": "begun"}}})
    assert main(["audit", "verify", "--settings", settings]) == 0
    assert "line 4 was cut short" in capsys.readouterr().out


def test_a_copy_is_verified_by_its_path(audit: AuditFile, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(audit.path.read_bytes())
    assert main(["audit", "verify", "--file", str(copy)]) == 0


def test_a_copy_that_is_not_there_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", "--file", str(tmp_path / "none")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", "--file", str(tmp_path)]) == 3
    assert "Is a directory" in capsys.readouterr().err


def test_an_environment_that_has_done_nothing_yet_is_0(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", "--settings", settings]) == 0
    assert "the chain of 0 records holds" in capsys.readouterr().out


def test_shipping_without_a_log_store_is_2(settings: str, audit: AuditFile) -> None:
    assert main(["audit", "ship", "--settings", settings]) == 2


def test_a_log_store_that_does_not_answer_is_3(
    settings: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    AuditFile(tmp_path / "dead.jsonl").append({"message": "x", "agentgov": {"audit": {"phase": "begun"}}})
    assert main(["audit", "ship", "--settings", settings, "--environment", "dead"]) == 3
    assert "connection refused" in capsys.readouterr().err


def test_a_namespace_that_the_settings_do_not_list_is_2(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["verdict", "--service", "x", "--settings", settings, "--namespace", "kube-system"]
    assert main(asked) == 2
    assert "--namespace: found 'kube-system'; allowed: one of agents, team-7" in capsys.readouterr().err
