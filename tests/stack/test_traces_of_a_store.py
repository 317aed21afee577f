"""The questions of the Traces page, put to a running log store: each filter finds the runs that it means."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from dashboard.model.reading import State
from dashboard.model.view import View
from dashboard.queries import traces
from dashboard.queries.ask import Ask, build_ask
from dashboard.settings import Settings
from tests.stack.logstore_process import LogStore
from tests.unit.test_ui_traces import document, run_of

pytestmark = pytest.mark.stack
STREAM = "traces-agentgov.otel-test"
VIEW = View(env="local", ns="agents")


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    store = LogStore(tmp_path_factory.mktemp("traces")).start("--keep-days", "10000")
    large = [document("root", 0, 900, trace="large")]
    large += [document(f"s{n}", n / 20, 0.05 + n % 97 / 100, "root", "large") for n in range(10_400)]
    store.write(
        STREAM, *({"id": hit.id, **hit.source} for hit in (*run_of("good"), *run_of("bad", fails=True), *large))
    )
    local: dict[str, Any] = {"namespace": "agents", "elasticsearch": {"url": store.url}}
    made = build_ask(Settings.model_validate({"environments": {"local": local}}).environments["local"])
    yield made
    made.close()
    store.stop()


def found(ask: Ask, **filters: str) -> list[str]:
    answer = traces.runs(ask, replace(VIEW, **filters), ask._clock()).runs  # type: ignore[arg-type]
    assert answer.value or answer.state is State.EMPTY, answer.reason
    return [run.trace_id for run in answer.value or ()]


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"agent": "planner"}, ["bad", "good"]),
        ({"tool": "search"}, ["bad", "good"]),
        ({"error": "timeout"}, ["bad"]),
        ({"outcome": "failed"}, ["bad"]),
        ({"took": "10min"}, ["large"]),
        ({"agent": "planner", "took": "5s"}, ["bad", "good"]),
        ({"took": "30s", "agent": "planner"}, []),
        ({"cost": "0.01"}, ["bad", "good"]),
        ({"cost": "1"}, []),
        ({"q": "chat"}, ["bad", "good"]),
        ({}, ["bad", "large", "good"]),
    ],
    ids=str,
)
def test_each_filter_finds_the_runs_that_it_means(ask: Ask, filters: dict[str, str], wanted: list[str]) -> None:
    assert found(ask, **filters) == wanted


def test_the_choices_are_what_spans_name(ask: Ask) -> None:
    known = traces.choices(ask, VIEW, ask._clock())
    assert (known["agent"], known["tool"], known["error"]) == (("planner",), ("search",), ("timeout",))


def test_a_run_without_failures_is_whole_and_without_its_prompts(ask: Ask) -> None:
    whole = traces.trace(ask, replace(VIEW, trace="good", compare="bad"), ask._clock())
    assert whole.trace.state is State.FRESH, whole.trace.reason
    assert whole.trace.value is not None
    assert whole.trace.value.tree.recorded == 3
    assert "secret" not in str(whole)
    assert whole.other is not None
    assert whole.other.value is not None


@pytest.mark.slow  # the stand-in takes most of the 5 s that a search may take
@pytest.mark.alone
def test_of_a_very_large_trace_the_longest_spans_are_shown_and_the_rest_is_counted(ask: Ask) -> None:
    began = time.monotonic()
    whole = traces.trace(ask, replace(VIEW, trace="large"), ask._clock()).trace
    print(f"10,000 of 10,401 spans in {time.monotonic() - began:.2f} s")
    assert whole.value is not None, whole.reason
    assert whole.state is State.PARTIAL
    assert "the 10,000 longest of 10,401 spans" in whole.reason
    assert not any("not recorded" in note for note in whole.value.tree.notes)
