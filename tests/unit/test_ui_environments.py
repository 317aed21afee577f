"""A page with several environments and namespaces: only those of the settings can be chosen and linked to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.act.audit import AuditFile
from dashboard.ui.page import ENV, NS

SETTINGS = """
[environments.staging]
namespace = "agents-staging"
[environments.staging.kubernetes]
kubeconfig = "{folder}/none"
[environments.staging.audit]
file = "{folder}/staging.jsonl"
[environments.production]
namespaces = ["agents", "agents-two"]
[environments.production.kubernetes]
kubeconfig = "{folder}/none"
[environments.production.elasticsearch]
url = "http://127.0.0.1:9"
[environments.production.audit]
file = "{folder}/production.jsonl"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tealdeck.toml").write_text(SETTINGS.format(folder=tmp_path))
    monkeypatch.setenv("TEALDECK_SETTINGS", str(tmp_path / "tealdeck.toml"))
    st.cache_resource.clear()
    return tmp_path


def release(**found: str) -> AppTest:
    page = AppTest.from_string("from pages.release import page\npage()", default_timeout=60)
    for key, value in found.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    assert not page.error
    return page


def keys(page: AppTest) -> dict[str, list[str]]:
    return {box.key: list(box.options) for box in page.selectbox if box.key in (ENV, NS)}


def test_only_the_namespaces_of_the_environment_can_be_chosen() -> None:
    assert keys(release(env="production")) == {ENV: ["staging", "production"], NS: ["agents", "agents-two"]}
    assert keys(release(env="staging")) == {ENV: ["staging", "production"]}


def test_choosing_another_environment_shows_its_own_namespace() -> None:
    page = release(env="production", ns="agents-two")
    page.selectbox(key=ENV).select("staging").run()
    assert not page.exception
    assert page.query_params.get("ns") is None
    assert any("staging / agents-staging<" in piece.proto.body for piece in page.get("html"))


@pytest.mark.parametrize("ns", ["kube-system", "agents-staging", "a" * 400, "agents,agents-two", "*"])
def test_a_link_into_any_other_namespace_gets_a_note(ns: str) -> None:
    page = release(env="production", ns=ns)
    assert any("do not list the namespace" in note.value for note in page.markdown)
    assert any("production / agents<" in piece.proto.body for piece in page.get("html"))


@pytest.mark.parametrize(
    "junk",
    [
        pytest.param(b"\xe2\x80", id="half a character"),
        pytest.param(b"\xff\xfe\n", id="no UTF-8"),
        pytest.param("\u2028\u0085\n".encode(), id="other line breaks"),
        pytest.param(b"[" * 5000 + b"\n", id="nested too deep"),
        pytest.param(b"{}\nnull\n", id="other JSON"),
        pytest.param(b'{"a": "\\ud800"}\n', id="half a surrogate pair"),
    ],
)
def test_whatever_stands_in_the_audit_file_the_page_is_drawn(folder: Path, junk: bytes) -> None:
    (folder / "production.jsonl").write_bytes(junk)
    page = release(env="production")
    assert any("History of switches" in piece.value for piece in page.header)


def test_refused_records_are_told_on_the_page_of_their_environment_alone(folder: Path) -> None:
    audit = AuditFile(folder / "production.jsonl", "production")
    written = audit.append({"message": "x", "agentgov": {"audit": {"phase": "begun"}}})["agentgov"]["audit"]
    end = audit.path.stat().st_size
    place = {"start": 0, "seq": 1, "hash": written["hash"]}
    aside = {**place, "reason": "HTTP 400: document_parsing_exception"}
    (folder / "production.jsonl.shipped").write_text(json.dumps({**place, "end": end, "set_aside": [aside]}))

    def told(environment: str) -> list[str]:
        return [warning.value for warning in release(env=environment).warning if "audit" in warning.value]

    assert told("staging") == []
    (said,) = told("production")
    assert "refused 1 audit record" in said


def test_an_audit_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder / "staging.jsonl").mkdir()
    said = " ".join(warning.value for warning in release(env="staging").warning)
    assert "cannot be written" in said
    assert "Nothing can be switched" in said


def test_triage_says_on_top_that_nobody_can_act_in_that_environment(folder: Path) -> None:
    (folder / "staging.jsonl").mkdir()

    def said(environment: str) -> list[str]:
        page = AppTest.from_string("from pages.triage import page\npage()", default_timeout=60)
        page.query_params["env"] = environment
        page.run()
        assert not page.exception
        return [
            element.value
            for element in page.main.markdown
            if "audit is" in element.value or "audit file" in element.value
        ]

    title, *reasons = said("staging")
    assert "The audit is not in order" in title
    assert "Nothing can be switched or rolled back" in " ".join(reasons)
    assert said("production") == []


def test_triage_is_not_all_clear_while_the_audit_is_not_in_order() -> None:
    def draw(is_well: bool) -> None:
        from dashboard.ui import triage as pieces
        from tests.unit.test_triage import NOW, VIEW, FakeAsk, triage

        pieces.headline(triage(FakeAsk(), VIEW, NOW), VIEW, NOW, is_audit_well=is_well)

    for is_well in (True, False):
        page = AppTest.from_function(draw, args=(is_well,), default_timeout=30).run()
        assert not page.exception
        assert any("No problem found" in element.value for element in page.markdown) == is_well
