"""The page Logs as it is drawn over a log store: with lines of every kind, cut by filters, with none, and odd ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from logstore_process import LogStore
from streamlit.testing.v1 import AppTest

from dashboard.ui import session

pytest_plugins = ("logstore_process",)
pytestmark = pytest.mark.stack

SETTINGS = """
[environments.local]
namespace = "agents"
[environments.local.prometheus]
url = "http://127.0.0.1:9"
[environments.local.alertmanager]
url = "http://127.0.0.1:9"
[environments.local.elasticsearch]
url = "{url}"
logs = "{logs}"
[environments.local.kubernetes]
kubeconfig = "nowhere"
[environments.local.searches]
"Refused <b>" = "q=refused"
"""
PAGE = """
import streamlit as st
from dashboard.ui import session
from pages.logs import page
here = st.Page(page, title="Logs", url_path="logs")
st.navigation([here], position="hidden")
session.set_pages({"logs": here, "traces": here}, groups={})
page()
"""
EVIL = "<script>alert(1)</script> \u202edrow \x07 مهلة"
STREAM = "logs-drawn.otel-test"


def line(seconds_ago: float, text: str, severity: str = "INFO", pod: str = "pay-1", **more: Any) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    place = {"service.name": "pay", "k8s.namespace.name": "agents", "k8s.pod.name": pod}
    return {
        "@timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "body": {"text": text},
        "severity_text": severity,
        "resource": {"attributes": place},
        **more,
    }


@pytest.fixture(scope="module", autouse=True)
def documents(store: LogStore) -> None:
    lines = [line(600 - n, f"task {n} finished") for n in range(120)]
    lines += [line(60 - n, f"connection {n} refused", "ERROR", trace_id=f"t{n}") for n in range(7)]
    lines += [line(30, EVIL), line(29, "x" * 1_000_000), line(20, "of another pod", pod="pay-2")]
    secret: dict[str, Any] = {"event_name": "gen_ai.user.message", "attributes": {"gen_ai.prompt": "my secret"}}
    lines += [line(10, "my secret", **secret)]
    store.write(STREAM, *lines)


@pytest.fixture(autouse=True)
def _nothing_owned() -> Iterator[None]:
    session.close()
    yield
    session.close()


def draw(
    store: LogStore, folder: Path, monkeypatch: pytest.MonkeyPatch, *, logs: str = STREAM, **asked: str
) -> AppTest:
    file = folder / "tealdeck.toml"
    file.write_text(SETTINGS.format(url=store.url, logs=logs))
    monkeypatch.setenv("TEALDECK_SETTINGS", str(file))
    page = AppTest.from_string(PAGE, default_timeout=30)
    for key, value in asked.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception, page.exception
    return page


def drawn(page: AppTest) -> str:
    """Everything in our own HTML but the style sheet."""
    return " ".join(str(one.proto.body) for one in page.get("html") if "<style" not in str(one.proto.body))


def said(page: AppTest) -> str:
    return " ".join(element.value for element in (*page.markdown, *page.caption))


def test_lines_are_counted_told_by_level_and_lead_on(
    store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = draw(store, tmp_path, monkeypatch)
    assert "131 lines, 7 errors in the last 15 min" in said(page)
    html = drawn(page)
    assert "7 error" in html
    assert html.count('<li class="td-') >= 50
    assert "level=error" in html
    assert "pod=pay-2" in html
    assert "from=" in html
    assert "No line here has a field for" in html


def test_a_query_and_filters_narrow_what_is_counted(
    store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = draw(store, tmp_path, monkeypatch, q="level:error refused", pod="pay-1")
    assert "7 lines, 7 errors" in said(page)
    assert "Remove pod: pay-1" in drawn(page)


def test_what_lines_hold_is_shown_as_text_and_contents_of_conversations_are_folded(
    store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    html = drawn(draw(store, tmp_path, monkeypatch))
    assert "&lt;script&gt;" in html
    assert "<script>alert" not in html
    assert "\u202e" not in html
    assert "my secret" not in html
    assert "x" * 1000 not in html


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"q": "*refused"}, "which would read every line"),
        ({"q": '"refused'}, "quote is not closed"),
        ({"q": "agnet:x"}, "Did you mean agent?"),
        ({"q": "nobodysaysthis"}, "Other lines were logged"),
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z"}, "proves nothing"),
        ({"q": "x" * 2000}, "its end is left out"),
    ],
)
def test_without_lines_the_page_says_why(
    asked: dict[str, str], says: str, store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "from" in asked:
        past = datetime.now(UTC) - timedelta(days=2)
        asked = {"from": past.isoformat(), "to": (past + timedelta(hours=1)).isoformat()}
    page = draw(store, tmp_path, monkeypatch, **asked)
    assert says in said(page)


def test_a_pattern_that_matches_nothing_is_no_silence(
    store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = draw(store, tmp_path, monkeypatch, logs="logs-nobody-*")
    assert "No log line can be found here" in said(page)


def test_one_line_is_shown_whole_among_the_lines_of_its_own_pod(
    store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hit = store.client.search(index=STREAM, query={"term": {"trace_id": "t3"}})["hits"]["hits"][0]
    html = drawn(draw(store, tmp_path, monkeypatch, line=f"{hit['_index']}/{hit['_id']}"))
    whole = html[html.index('<div class="td-line">') :]
    assert "connection 3 refused" in whole
    assert "Open the trace" in whole
    assert "resource.attributes.k8s.pod.name" in whole
    near = whole[whole.index("Lines before and after") :]
    around = near[: near.index("</ol>")]
    assert around.index("connection 2 refused") < around.index("connection 3 refused")
    assert around.index("connection 3 refused") < around.index("connection 4 refused")
    assert "of another pod" not in around


def test_older_lines_follow_page_by_page_each_once(
    store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = draw(store, tmp_path, monkeypatch)
    for _ in range(2):
        page.button(key="logs.more").click().run()
        assert not page.exception, page.exception
    assert "from" in page.query_params, "the period stands still"
    html = drawn(page)
    rows = re.findall(r'datetime="([^"]+)".*?line=([^"&]+)', html)
    assert len(rows) == len({document for _, document in rows}) == 131
    assert [at for at, _ in rows] == sorted((at for at, _ in rows), reverse=True)


@pytest.mark.parametrize("line", ["nowhere", "i/none", "a" * 3000, "../x/%00"])
def test_a_link_to_a_line_that_is_not_there_says_so(
    line: str, store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = draw(store, tmp_path, monkeypatch, line=line)
    told = said(page) + " ".join(one.value for one in page.warning)
    assert "no such document" in told or "names no log line" in told


def test_following_shows_the_newest_lines_and_how_current_they_are(
    store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = draw(store, tmp_path, monkeypatch, tail="on")
    assert "**Following** since" in said(page)
    assert "connection 6 refused" in drawn(page)


def test_exports_hold_every_line_and_no_contents_of_conversations(
    store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboard.model.view import View
    from dashboard.queries.log_page import export
    from dashboard.ui.log_search import as_ndjson

    draw(store, tmp_path, monkeypatch)
    view = View(env="local", ns="agents")
    lines, lacks = export(session.ask_for(view), view, session.now())
    rows = [json.loads(row) for row in as_ndjson(lines, lacks).decode().splitlines()]
    assert (len(rows), lacks) == (131, "")
    assert "my secret" not in json.dumps(rows)
