"""The Audit page: what it says of the chain, how an action is found, its evidence, and what can be taken along."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.act.audit import AuditFile
from dashboard.act.trail import AuditTrail, Checked, Trail
from dashboard.act.verify import Fault, Finding, Verification
from dashboard.model.view import View
from dashboard.ui import session
from dashboard.ui.audit import _COLUMNS, verdict
from dashboard.ui.tables import to_csv
from tests.act.test_audit_trail import NOON, a_record

VIEW = View(env="local", ns="agents")
SETTINGS = """
[environments.local]
namespace = "agents"
[environments.local.kubernetes]
kubeconfig = "{folder}/none"
[environments.local.audit]
file = "{folder}/audit.jsonl"
"""
SCRIPT = "<img src=x onerror=alert(1)>"


def checked(
    *, records: int = 3, finding: Finding | None = None, torn: tuple[int, ...] = (), is_shipped: bool = True
) -> Checked:
    answer = Verification(records=records, last_seq=records, torn_lines=torn, finding=finding)
    return Checked(at=NOON, verification=answer, is_shipped=is_shipped)


def test_a_chain_that_holds_is_said_to_hold_with_what_it_was_held_against() -> None:
    sentence, tone, detail = verdict(checked(), Trail(), VIEW)
    assert tone == "well"
    assert "none of the 3 records was edited" in sentence
    assert "newest record in the log store" in detail
    assert "12:00:00 UTC" in detail


def test_what_cannot_be_known_without_shipping_is_said() -> None:
    _, _, detail = verdict(checked(is_shipped=False), Trail(), VIEW)
    assert "cut off at its end is not known" in detail


def test_a_line_that_a_crash_cut_short_is_named_and_is_no_break() -> None:
    _, tone, detail = verdict(checked(torn=(2, 5)), Trail(), VIEW)
    assert tone == "well"
    assert "lines 2, 5 short" in detail


@pytest.mark.parametrize("fault", list(Fault))
def test_a_broken_chain_names_the_record_and_the_line(fault: Fault) -> None:
    finding = Finding(fault=fault, seq=17, line=18, reason="its hash is not that of its content")
    sentence, tone, detail = verdict(checked(finding=finding), Trail(), VIEW)
    assert (sentence, tone) == (f"The chain is broken: record 17 was {fault}", "sick")
    assert "Line 18" in detail


def test_a_file_that_cannot_be_read_or_was_not_verified_is_never_well() -> None:
    assert verdict(None, Trail(unreadable="Permission denied"), VIEW)[1] == "sick"
    assert verdict(None, Trail(), VIEW)[1] == "quiet"
    assert verdict(checked(records=0), Trail(), VIEW)[1] == "quiet"


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuditFile]:
    (tmp_path / "tealdeck.toml").write_text(SETTINGS.format(folder=tmp_path))
    monkeypatch.setenv("TEALDECK_SETTINGS", str(tmp_path / "tealdeck.toml"))
    session.close()
    yield AuditFile(tmp_path / "audit.jsonl", "")
    session.close()


def page(**found: str) -> AppTest:
    drawn = AppTest.from_string("from pages.audit import page\npage()", default_timeout=60)
    for key, value in found.items():
        drawn.query_params[key] = value
    drawn.run()
    assert not drawn.exception
    assert not drawn.error
    return drawn


def words(drawn: AppTest) -> str:
    said = [piece.proto.body for piece in drawn.get("html")]
    return " ".join([*said, *(one.value for one in drawn.markdown), *(one.value for one in drawn.caption)])


def recent(deed: str = "a1", **more: Any) -> dict[str, Any]:
    return {**a_record(deed, **more), "@timestamp": (datetime.now(UTC) - timedelta(minutes=2)).isoformat()}


def test_the_page_shows_who_did_what_and_that_the_chain_holds(audit: AuditFile) -> None:
    audit.append(recent(actor="alice"))
    shown = words(page())
    assert "The chain holds" in shown
    assert "by alice" in shown
    assert "blue to green 1.8.0" in shown


def test_an_edited_record_is_told_first(audit: AuditFile) -> None:
    audit.append(recent(actor="alice"))
    audit.path.write_bytes(audit.path.read_bytes().replace(b'"alice"', b'"malic"'))
    assert "The chain is broken: record 1 was edited" in words(page())


def test_a_search_is_in_the_link(audit: AuditFile) -> None:
    audit.append(recent("a1", actor="alice"))
    audit.append(recent("a2", actor="bob"))
    shown = words(page(actor="bob"))
    assert "by bob" in shown
    assert "by alice" not in shown
    found = page()
    found.text_input(key="filter.q").set_value("ALICE").run()
    assert found.query_params["q"] == "ALICE"


def test_a_period_without_records_leads_to_those_that_there_are(audit: AuditFile) -> None:
    audit.append(a_record())
    shown = words(page())
    assert "Nothing in this period fits" in shown
    assert "2026-03-01 12:00:00 UTC" in shown


def test_evidence_shows_every_record_of_the_action_with_the_verdict_then(audit: AuditFile) -> None:
    gate = {"gate": "errors", "result": "fail", "value": 0.2, "limit": 0.01, "sample": 900, "reason": "too many"}
    judged = {"decision": "NO-GO", "sentence": "Errors fail.", "gates": [gate]}
    audit.append(recent("a1", phase="begun", verdict=judged, break_glass="we must"))
    audit.append(recent("a1", phase="finished"))
    shown = words(page(record="a1"))
    assert "record 1 · begun" in shown
    assert "record 2 · finished" in shown
    assert "break_glass: we must" in shown
    assert "too many" in shown or "errors" in shown


def test_an_action_that_is_not_on_record_is_said_to_be_so(audit: AuditFile) -> None:
    audit.append(recent())
    assert any("No record of an action" in one.value for one in page(record="zz").warning)


def test_a_record_that_was_broken_on_purpose_shows_as_text(audit: AuditFile) -> None:
    record = recent(SCRIPT, actor=SCRIPT, after={"track": SCRIPT, "version": "=1+1"}, verdict="odd", facts=[SCRIPT])
    audit.append({**record, "message": SCRIPT, "event": {"reason": SCRIPT, "action": SCRIPT}})
    for found in ({}, {"record": SCRIPT}):
        shown = words(page(**found))
        assert "<img" not in shown
        assert "&lt;img" in shown


@pytest.mark.parametrize("junk", [b"\xff\xfe\n", b"[" * 5000 + b"\n", b'{"a": 1}\n'])
def test_whatever_stands_in_the_file_the_page_is_drawn(audit: AuditFile, junk: bytes) -> None:
    audit.path.write_bytes(junk)
    page()


def test_a_file_that_cannot_be_read_is_told(audit: AuditFile) -> None:
    audit.path.mkdir()
    assert "The audit file cannot be read" in words(page())


def test_no_cell_of_the_export_is_run_by_a_spreadsheet(audit: AuditFile) -> None:
    for number, text in enumerate(("=cmd()", "+1", "-1", "@sum", " =x", "\t=x")):
        audit.append({**recent(f"a{number}"), "message": text})
    entries = AuditTrail(audit).read().entries
    rows = list(csv.DictReader(io.StringIO(to_csv(entries, _COLUMNS).decode("utf-8-sig"))))
    assert len(rows) == 6
    assert all(row["what happened"].startswith("'") for row in rows)
