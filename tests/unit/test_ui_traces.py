"""The Traces page with documents behind it: the list of runs, one run in each shape, two beside each other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from connectors.elasticsearch import Found, Hit
from connectors.errors import TimedOut
from dashboard.decide.critical_path import critical_path
from dashboard.decide.trace_rows import trace_rows
from dashboard.model.trace import SpanRole
from dashboard.model.view import View
from dashboard.model.words import SpanOutcome
from dashboard.queries.entries import Reader
from dashboard.queries.traces import TraceRun, span_of
from dashboard.ui import session, theme, trace_pictures, traces, waterfall
from dashboard.ui.spans import trace_link
from tests.unit.fake_logs import NAMESPACE, known
from tests.unit.test_ui_app import DEAD
from tests.unit.trace_spans import span, tree

SCRIPT = "<img src=x onerror=alert(1)>"
PAGE = "from pages.traces import page\npage()"


def document(identity: str, start: float, seconds: float, parent: str = "", trace: str = "t1", **more: Any) -> Hit:
    """A span in OpenTelemetry's shape, some minutes ago."""
    at = datetime.now(UTC) - timedelta(minutes=5) + timedelta(seconds=start)
    status = {"code": "Error"} if more.get("error.type") else {}
    source = {
        "@timestamp": at.isoformat(),
        "trace_id": trace,
        "span_id": identity,
        "parent_span_id": parent,
        "name": identity,
        "duration": int(seconds * 1e9),
        "status": status,
        "attributes": more,
        "resource": {"attributes": {"service.name": "runtime", "k8s.namespace.name": "agents"}},
    }
    return Hit(id=f"{trace}-{identity}", index="traces-a", source=source)


def run_of(trace: str, *, fails: bool = False) -> list[Hit]:
    """A run of the planner: a model call, and a tool that may time out."""
    error = {"error.type": "timeout"} if fails else {}
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}
    chat = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5", "gen_ai.usage.cost.amount": 0.02}
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
    return [
        document("root", 0, 10, trace=trace, **agent, **error),
        document("chat", 0, 7.1, "root", trace, **chat, **{"gen_ai.input.messages": "a secret prompt"}),
        document("tool", 7.5, 2, "root", trace, **tool, **error),
    ]


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Hit]]:
    """The documents that every search finds, at most as many as it asks for."""
    (tmp_path / "tealdeck.toml").write_text(DEAD.format(kubeconfig=tmp_path / "none"))
    monkeypatch.setenv("TEALDECK_SETTINGS", str(tmp_path / "tealdeck.toml"))
    session.close()
    held: list[Hit] = []

    def search(self: object, index: str, *, query: Any, size: int, **_: Any) -> Found:
        wanted = str(query)
        traces = {hit.source["trace_id"] for hit in held}
        asked = {trace for trace in traces if f"'{trace}'" in wanted} or traces
        hits = tuple(hit for hit in held if hit.source["trace_id"] in asked)
        return Found(hits=hits[:size], total=len(hits), total_is_lower_bound=False)

    client = "connectors.elasticsearch.Elasticsearch"
    monkeypatch.setattr(f"{client}.search", search)
    monkeypatch.setattr(f"{client}.version", lambda self, **_: "9.0.0")
    monkeypatch.setattr(f"{client}.field_types", lambda *_, **__: known(**{NAMESPACE: ("traces-a",)}))
    monkeypatch.setattr(f"{client}.unavailable", lambda *_, **__: ())
    monkeypatch.setattr("dashboard.queries.search.aggregations", lambda *_: {})
    monkeypatch.setattr("dashboard.queries.search.page", _page_without_counts)
    yield held
    session.close()


def _page_without_counts(request: Any, found: Found, entries: Any, fields: Any, width: int) -> Any:
    from dashboard.model.log import LogPage

    return LogPage(entries=tuple(entries[: request.size]), total=found.total)


def opened(**found: str) -> AppTest:
    page = AppTest.from_string(PAGE, default_timeout=60)
    for key, value in found.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    assert not [one.value for one in page.error]
    return page


def words(page: AppTest) -> str:
    texts = [*page.markdown, *page.caption, *page.warning]
    return "\n".join([*(one.value for one in texts), *(one.proto.body for one in page.get("html"))])


def test_the_list_says_how_many_failed_and_each_run_leads_to_its_trace(documents: list[Hit]) -> None:
    documents += [*run_of("good"), *run_of("bad", fails=True)]
    said = words(opened())
    assert "1 of 2 runs failed; the slowest took 10 s" in said
    assert "traces?trace=bad" in said
    assert said.index("traces?trace=bad") < said.index("traces?trace=good")
    assert "tool search: timeout" in said
    assert "planner → gpt-5 → search" in said


def test_one_run_is_told_in_a_sentence_with_its_critical_path(documents: list[Hit]) -> None:
    documents += run_of("bad", fails=True)
    said = words(opened(trace="bad"))
    assert "71" in said
    assert "of the time on model calls" in said
    assert "timed out after 2 s" in said.replace("&#95;", "_")
    assert "td-on-path" in said
    assert "Failed first" in said


@pytest.mark.parametrize("show", ["", "tree", "graph", "nonsense"])
def test_prompts_never_reach_the_page_in_any_shape(documents: list[Hit], show: str) -> None:
    documents += run_of("bad", fails=True)
    said = words(opened(trace="bad", show=show))
    assert "a secret prompt" not in said
    assert "stay hidden" in said


def test_a_span_is_shown_with_what_stands_above_it(documents: list[Hit]) -> None:
    documents += run_of("bad", fails=True)
    said = words(opened(trace="bad", span="tool"))
    assert "td-crumbs" in said
    assert "traces?trace=bad&amp;span=root" in said
    assert "no span" in words(opened(trace="bad", span="nobody"))


def test_two_runs_are_compared(documents: list[Hit]) -> None:
    documents += [*run_of("one"), *run_of("two", fails=True)[:2]]
    said = words(opened(trace="one", compare="two"))
    assert "they part after gpt" in said
    assert "the end" in said


def test_a_trace_that_is_not_there_is_said_to_be_not_kept(documents: list[Hit]) -> None:
    said = words(opened(trace="gone"))
    assert "cannot be shown" in said
    assert "not sampled" in said
    assert "There is no run to show" in words(opened())


def test_outside_text_is_shown_as_it_is(documents: list[Hit]) -> None:
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": SCRIPT, "error.type": SCRIPT}
    documents.append(document("root", 0, 10, **agent))
    for page in (opened(), opened(trace="t1"), opened(trace="t1", show="graph"), opened(trace="t1", span="root")):
        assert "<img src=x" not in words(page)


def test_a_source_that_does_not_answer_is_said(documents: list[Hit], monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(*_: Any, **__: Any) -> Found:
        raise TimedOut("elasticsearch", "no answer within 5 s")

    monkeypatch.setattr("connectors.elasticsearch.Elasticsearch.search", dead)
    assert "no answer within 5 s" in words(opened(trace="t1"))
    assert "no answer within 5 s" in words(opened())


def spans_of(hits: Sequence[Hit]) -> list[Any]:
    return [
        span_of(entry)
        for entry in Reader(stream="traces").entries(Found(hits=tuple(hits), total=1, total_is_lower_bound=False))[0]
    ]


def test_a_span_of_classic_apm_is_read_like_one_of_opentelemetry() -> None:
    source = {
        "@timestamp": "2026-03-01T12:00:00Z",
        "trace": {"id": "t1"},
        "transaction": {"id": "a", "name": "POST /run", "duration": {"us": 1_500_000}},
        "parent": {"id": "p"},
        "event": {"outcome": "failure"},
        "service": {"name": "runtime"},
        "labels": {"gen_ai_agent_name": "planner", "gen_ai_operation_name": "invoke_agent"},
        "numeric_labels": {"gen_ai_usage_cost": 0.25},
    }
    found = spans_of([Hit(id="1", index="traces-apm", source=source)])[0]
    assert (found.id, found.parent_id, found.seconds, found.role) == ("a", "p", 1.5, SpanRole.AGENT)
    assert (found.agent, found.cost_usd, found.is_failed) == ("planner", 0.25, True)


def test_ten_thousand_spans_are_read_and_drawn_within_the_time_of_a_view_and_in_bounded_size() -> None:
    hits = [document("root", 0, 900)]
    hits += [
        document(f"s{n}", n / 20, 0.05 + n % 97 / 100, "root" if n % 10 == 0 else f"s{n - n % 10}")
        for n in range(9_999)
    ]
    began = time.process_time()
    found = tree(*spans_of(hits))
    path = critical_path(found)
    rows = trace_rows(found, path)
    drawn = waterfall.html(waterfall.Waterfall(tree=found, path=path, rows=rows, link=lambda one: f"traces?span={one}"))
    drawn += trace_pictures.overview(found, path, theme.LIGHT)
    assert time.process_time() - began < 3
    assert len(drawn) < 600_000
    assert found.recorded == 10_000


def test_a_span_whose_clock_is_hours_off_does_not_press_the_others_into_one_line() -> None:
    found = tree(span("root", 0, 10), replace(span("far", -7200, 1, "root"), service="other"))
    low, high = trace_pictures.window(found)
    assert high - low == 15


def test_a_slow_run_or_a_logged_violation_leads_to_its_trace_at_its_span(documents: list[Hit]) -> None:
    entry = Reader(stream="traces").entry(run_of("bad", fails=True)[2])
    link = trace_link(View(env="local", ns="agents", range="1h", q="words of another page"))
    assert link(entry) == "traces?range=1h&trace=bad&span=tool"
    assert link(replace(entry, trace_id="")) == ""


@pytest.mark.parametrize(
    ("outcomes", "is_whole", "sentence", "tone"),
    [
        ((SpanOutcome.SUCCEEDED, SpanOutcome.SUCCEEDED), True, "None of 2 runs failed; the slowest took 1 s", "well"),
        (
            (SpanOutcome.SUCCEEDED, SpanOutcome.UNSAID),
            True,
            "None of 2 runs says that it failed; how 1 run ended is not said; the slowest took 1 s",
            "quiet",
        ),
        (
            (None, None),
            True,
            "None of 2 runs says that it failed; how 2 runs ended is not said; the slowest took 1 s",
            "quiet",
        ),
        (
            (SpanOutcome.SUCCEEDED,),
            False,
            "None of 1 run failed; not all that fit could be read; the slowest took 1 s",
            "quiet",
        ),
        (
            (SpanOutcome.FAILED, None),
            True,
            "1 of 2 runs failed; the slowest took 1 s",
            "sick",
        ),
    ],
)
def test_that_none_failed_is_said_only_of_runs_that_say_how_they_ended(
    outcomes: Sequence[SpanOutcome | None], is_whole: bool, sentence: str, tone: str
) -> None:
    found = [
        TraceRun(trace_id="t", tree=tree(span("root", outcome=outcome)), cause=None, cost_usd=None)
        for outcome in outcomes
    ]
    assert traces.told(found, (), is_whole=is_whole) == (sentence, tone)
