"""What the governed system writes is found, counted and followed by the names that the catalogue has for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.elasticsearch import Elasticsearch
from dashboard.model.log import LogPage
from dashboard.queries.logs import LogReader
from dashboard.queries.request import LogContext, LogPatterns, Logs
from dashboard.queries.resolver import Resolver
from tests.environment import Environment
from tests.waiting import eventually

AGENTS: Any = {"stream": "logs", "namespace": "agents"}
STREAMS = {"logs": "logs-agentgov.app.otel-*", "traces": "traces-agentgov.otel-*"}
SECONDS = 10.0
# What every line or span of the workload may carry; the others wait for something to happen.
ALWAYS = {"service", "track", "pod", "namespace", "trace_id", "span_id", "message", "severity", "agent"}


@pytest.fixture(scope="module")
def elasticsearch(environment: Environment) -> Elasticsearch:
    return Elasticsearch(environment.endpoints["elasticsearch"])


@pytest.fixture(scope="module")
def reader(elasticsearch: Elasticsearch) -> LogReader:
    made = LogReader(elasticsearch)
    eventually(lambda: _page(made).total > 200, "the workload has written logs", 60)
    return made


def _logs(**more: object) -> Logs:
    now = datetime.now(UTC)
    whole = {
        "stream": "logs",
        "namespace": "agents",
        "start": now - timedelta(minutes=10),
        "end": now + timedelta(minutes=1),
        "size": 50,
    }
    return Logs(**{**whole, **more})  # type: ignore[arg-type]


def _page(reader: LogReader, **more: object) -> LogPage:
    page = reader.page(STREAMS["logs"], _logs(**more), budget_seconds=SECONDS).value
    return page or LogPage(entries=(), total=0)


@pytest.mark.parametrize("stream", STREAMS)
def test_the_concepts_of_the_catalogue_have_their_standard_fields(
    elasticsearch: Elasticsearch, reader: LogReader, stream: str
) -> None:
    assert reader
    # A new one each time: what is known of fields is kept for a minute.
    eventually(
        lambda: not Resolver(elasticsearch).resolution(stream, STREAMS[stream]).lacks(ALWAYS),
        f"all of {sorted(ALWAYS)} are seen in {stream}",
        60,
    )
    found = Resolver(elasticsearch).resolution(stream, STREAMS[stream])

    assert found.fields("service") == ("resource.attributes.service.name",)
    assert found.fields("track") == ("resource.attributes.tealdeck.track",)
    assert found.fields("agent") == ("attributes.gen_ai.agent.name",)


def test_a_page_counts_what_it_lists(reader: LogReader) -> None:
    page = _page(reader, filters={"service": "agent-runtime"}, terms=("track", "severity"), histogram_buckets=20)

    assert {track for track, _ in page.terms["track"]} == {"blue", "green"}
    assert sum(count for _, count in page.terms["severity"]) == page.total
    assert sum(count for _, count in page.histogram) == page.total
    assert {entry.service for entry in page.entries} == {"agent-runtime"}
    assert all(entry.pod and entry.message for entry in page.entries)


def test_runs_are_one_pattern_however_long_they_took(reader: LogReader) -> None:
    request = LogPatterns(_logs(filters={"service": "agent-runtime"}, text="agent run finished"))

    found = reader.patterns(STREAMS["logs"], request, budget_seconds=SECONDS).value

    assert found is not None
    assert found.patterns[0].template.startswith("agent run finished")
    assert found.patterns[0].share_ratio > 0.9


def test_the_lines_around_one_are_of_its_pod_and_in_order(reader: LogReader) -> None:
    entry = _page(reader, filters={"service": "agent-runtime"}).entries[-1]
    context = LogContext(**AGENTS, document=entry.document, filters={"pod": entry.pod}, before=5, after=5)

    found = reader.surroundings(STREAMS["logs"], context, budget_seconds=SECONDS).value

    assert found is not None
    assert found.entry == entry
    around = (*found.before, found.entry, *found.after)
    assert {one.pod for one in around} == {entry.pod}
    assert [one.at for one in around] == sorted(one.at for one in around)
