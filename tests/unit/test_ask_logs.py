"""Everything about logs that a page may ask, as readings: what is gone, unfinished or empty says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connectors.clock import SourceClock
from connectors.errors import TimedOut
from dashboard.model.log import Cursor, DocumentId
from dashboard.model.reading import State
from dashboard.queries.ask import Ask, Logs
from dashboard.queries.request import LogContext, LogDocument, LogPatterns, MoreLogs
from dashboard.queries.source_calls import Sources
from dashboard.settings import Settings
from tests.unit.fake_logs import NOW, FakeLogs, line

AGENTS: Any = {"stream": "logs", "namespace": "agents"}


@pytest.fixture
def store() -> FakeLogs:
    return FakeLogs([line(str(number), number, message=f"run {number} ended") for number in range(1, 6)])


@pytest.fixture
def ask(store: FakeLogs) -> Iterator[Ask]:
    environment = {"elasticsearch": {"url": "http://e"}, "refresh_seconds": 5}
    settings = Settings.model_validate({"environments": {"local": environment}})
    other = cast(Any, SimpleNamespace(version=lambda: "1", clock=SourceClock()))
    sources = Sources(prometheus=other, alertmanager=other, elasticsearch=cast(Any, store), kubernetes=other)
    made = Ask(settings.environments["local"], sources, clock=lambda: NOW, seconds=lambda: 0.0)
    yield made
    made.close()


def _logs(**more: Any) -> Logs:
    return Logs(**{**AGENTS, "start": NOW - timedelta(hours=1), "end": NOW, "size": 2, **more})


def test_a_page_leads_to_the_next_one(ask: Ask):
    first = ask.gather({"x": _logs()}).logs("x").value
    assert first is not None
    assert first.next is not None

    second = ask.gather({"x": MoreLogs(_logs(), first.next)}).logs("x")

    assert second.value is not None
    assert [entry.id for entry in (*first.entries, *second.value.entries)] == ["1", "2", "3", "4"]


def test_a_page_that_has_expired_is_missing_with_the_reason(ask: Ask, store: FakeLogs):
    store.open_point_in_time("i", timeout_seconds=1)
    store.close_point_in_time("0", timeout_seconds=1)

    reading = ask.gather({"x": MoreLogs(_logs(), Cursor(shown=(), point_in_time="0"))}).logs("x")

    assert (reading.state, reading.reason) == (State.MISSING, "elasticsearch: No search context found")


def test_a_search_that_could_not_look_everywhere_is_partial(ask: Ask, store: FakeLogs):
    store.failures = {2: TimedOut("elasticsearch", "no answer within 5 s")}

    reading = ask.gather({"x": _logs(size=10, widening=True)}).logs("x")

    assert reading.state is State.PARTIAL
    assert "searched back to 2026-01-01 11:45:00 UTC only" in reading.reason
    assert reading.value is not None
    assert len(reading.value.entries) == 5


def test_nothing_found_by_a_field_that_no_document_has_is_no_proof(ask: Ask):
    reading = ask.gather({"x": _logs(filters={"severity": "ERROR"})}).logs("x")

    assert reading.state is State.PARTIAL
    assert "no document has a field for severity" in reading.reason


def test_a_link_is_answered_with_its_document(ask: Ask):
    reading = ask.gather({"x": LogDocument(**AGENTS, document=DocumentId("i", "3"))}).entry("x")

    assert reading.value is not None
    assert reading.value.message == "run 3 ended"


def test_a_link_to_what_is_gone_is_empty(ask: Ask):
    gone = DocumentId("i", "gone")
    answers = ask.gather(
        {
            "x": LogDocument(**AGENTS, document=gone),
            "y": LogContext(**AGENTS, document=gone),
        }
    )

    for reading in (answers.entry("x"), answers.surroundings("y")):
        assert reading.state is State.EMPTY
        assert "there is no such document" in reading.reason


def test_surroundings_are_answered_in_the_order_of_time(ask: Ask):
    context = LogContext(**AGENTS, document=DocumentId("i", "3"), before=1, after=1)

    found = ask.gather({"x": context}).surroundings("x").value

    assert found is not None
    assert [entry.id for entry in (*found.before, found.entry, *found.after)] == ["4", "3", "2"]


def test_patterns_are_asked_once_for_all_who_look(ask: Ask, store: FakeLogs):
    readings = [ask.gather({"x": LogPatterns(_logs())}).patterns("x") for _ in range(5)]

    assert len(store.asked) == 1
    [pattern] = readings[0].value.patterns if readings[0].value else ()
    assert (pattern.template, pattern.count) == ("run … ended", 5)


def test_a_link_survives_as_text():
    link = DocumentId(".ds-logs-agentgov.app.otel-prod-2026.01.01-000001", "a/b c")

    assert DocumentId.parse(str(link)) == link
    for text in ("", "index", "index/", "/id"):
        with pytest.raises(ValueError, match="names no document"):
            DocumentId.parse(text)
