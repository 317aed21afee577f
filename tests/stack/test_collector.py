"""The collector as a process between container logs, spans over OTLP and a log store: nothing lost, nothing doubled."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from logstore_process import REPO, LogStore, free_port, listens
from test_collector_tail import Container

from tests.waiting import eventually

pytest_plugins = ("logstore_process",)
pytestmark = [pytest.mark.stack, pytest.mark.slow]

LOGS, TRACES = "logs-agentgov.app.otel-test", "traces-agentgov.otel-test"


class Collector:
    """One collector process over a folder of container logs, which outlives it."""

    def __init__(self, folder: Path, elasticsearch: str) -> None:
        self.folder, self._elasticsearch = folder, elasticsearch
        self.folder.mkdir()
        self.url = f"http://127.0.0.1:{free_port()}"

    def start(self) -> Collector:
        program = [sys.executable, "-m", "deploy.local.collector", "--listen", self.url.removeprefix("http://")]
        places = ["--elasticsearch", self._elasticsearch, "--pod-logs", str(self.folder), "--environment", "test"]
        self.log = (self.folder.parent / "collector.log").open("a")
        self.process = subprocess.Popen([*program, *places], cwd=REPO, stderr=self.log)
        listens(self.process, f"{self.url}/healthz")
        assert self.process.poll() is None, self.said()
        return self

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(10)
        self.log.close()

    def export(self, body: Any) -> requests.Response:
        return requests.post(f"{self.url}/v1/traces", json=body, timeout=10)

    def counts(self) -> Any:
        return requests.get(f"{self.url}/healthz", timeout=5).json()

    def said(self) -> str:
        return (self.folder.parent / "collector.log").read_text()


@pytest.fixture
def collector(own_store: LogStore, tmp_path: Path) -> Iterator[Collector]:
    running = Collector(tmp_path / "pods", own_store.url).start()
    yield running
    if running.process.poll() is None:
        running.stop(signal.SIGKILL)


@pytest.fixture
def container(collector: Collector) -> Container:
    return Container(collector.folder)


def stored(store: LogStore, stream: str) -> list[str]:
    """The texts of logs or the names of spans, sorted; a document that came twice would be there twice."""
    store.client.indices.refresh()
    hits = store.client.search(index=f"{stream}*", size=10_000)["hits"]["hits"]
    return sorted(hit["_source"].get("name") or hit["_source"]["body"]["text"] for hit in hits)


def spans(first: int, count: int) -> dict[str, Any]:
    """An export as the OpenTelemetry SDK writes it."""
    made = [
        {
            "traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": f"span {number:05d}", "kind": 2,
            "startTimeUnixNano": "1772366400000000000", "endTimeUnixNano": "1772366400250000000",
            "attributes": [{"key": "gen_ai.usage.output_tokens", "value": {"intValue": "5"}}],
            "status": {"code": 2, "message": "timeout"},
        }
        for number in range(first, first + count)
    ]  # fmt: skip
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": "runtime"}}]}
    return {"resourceSpans": [{"resource": service, "scopeSpans": [{"spans": made}]}]}


def test_lines_and_spans_become_documents(collector: Collector, own_store: LogStore, container: Container) -> None:
    container.write('{"level":"error","message":"it failed","attributes":{"gen_ai.agent.name":"x"}}')
    assert collector.export(spans(1, 1)).status_code == 200
    eventually(lambda: len(stored(own_store, LOGS)) == len(stored(own_store, TRACES)) == 1, "both arrive")
    query = {
        "bool": {"filter": [{"term": {"severity_text": "ERROR"}}, {"term": {"attributes.gen_ai.agent.name": "x"}}]}
    }
    assert own_store.client.count(index=LOGS, query=query)["count"] == 1
    span = own_store.client.search(index=TRACES)["hits"]["hits"][0]["_source"]
    assert (span["duration"], span["kind"], span["status"]) == (
        250_000_000,
        "Server",
        {"code": "Error", "message": "timeout"},
    )
    assert span["attributes"] == {"gen_ai.usage.output_tokens": 5}
    assert span["resource"]["attributes"] == {"deployment.environment.name": "test", "service.name": "runtime"}


def test_a_store_that_is_away_costs_time_and_nothing_else(
    collector: Collector, own_store: LogStore, container: Container
) -> None:
    container.write("before")
    eventually(lambda: stored(own_store, LOGS) == ["before"], "the first line arrives")
    own_store.stop(signal.SIGKILL)
    for turn in range(5):
        container.write(*(f"away {turn}-{at}" for at in range(100)))
        container.rotate() if turn == 2 else None
        assert collector.export(spans(turn * 100, 100)).status_code == 200
    eventually(lambda: "logs wait" in collector.said() and "spans wait" in collector.said(), "it tries in vain")
    own_store.start("--keep-days", "10000")
    expected = sorted(["before", *(f"away {turn}-{at}" for turn in range(5) for at in range(100))])
    eventually(lambda: len(stored(own_store, LOGS)) >= 501 and len(stored(own_store, TRACES)) >= 500, "all arrive")
    assert stored(own_store, LOGS) == expected
    assert stored(own_store, TRACES) == [f"span {number:05d}" for number in range(500)]


def test_killing_the_collector_neither_loses_nor_doubles_a_line(
    collector: Collector, own_store: LogStore, container: Container
) -> None:
    written = 0
    for turn in range(3):
        for _ in range(10):
            container.write(*(f"line {written + at:05d}" for at in range(50)))
            written += 50
        eventually(lambda turn=turn: len(stored(own_store, LOGS)) > turn * 500, "some arrive")
        collector.stop(signal.SIGKILL)
        (collector.folder / "shipped.json").unlink(missing_ok=True)  # as after a crash before it was written
        collector.start()
    eventually(lambda: len(stored(own_store, LOGS)) >= written, "all arrive")
    assert stored(own_store, LOGS) == [f"line {number:05d}" for number in range(written)]


def test_a_full_disk_of_the_store_is_waited_for(
    collector: Collector, own_store: LogStore, container: Container
) -> None:
    container.write("before")
    eventually(lambda: stored(own_store, LOGS) == ["before"], "the first line arrives")
    before = resource.prlimit(own_store.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(own_store.process.pid, resource.RLIMIT_FSIZE, (10, before[1]))
    container.write("during")
    eventually(lambda: "disk usage exceeded" in collector.said(), "it is refused for now")
    resource.prlimit(own_store.process.pid, resource.RLIMIT_FSIZE, before)
    eventually(lambda: stored(own_store, LOGS) == ["before", "during"], "it arrives later")


def test_no_more_spans_are_taken_than_can_be_held(collector: Collector, own_store: LogStore) -> None:
    own_store.stop(signal.SIGKILL)
    taken = [collector.export(spans(first, 1_000)).status_code for first in range(0, 22_000, 1_000)]
    assert taken == [200] * 20 + [429] * 2


def test_a_document_that_the_store_refuses_is_counted_and_holds_up_nothing(
    collector: Collector, own_store: LogStore, container: Container
) -> None:
    container.write('{"message":"a","attributes":{"n":1}}', '{"message":"b","attributes":{"n":"many"}}')
    container.write('{"message":"c","attributes":{"n":2}}')
    eventually(lambda: stored(own_store, LOGS) == ["a", "c"], "the others arrive")
    eventually(lambda: collector.counts()["logs"] == {"sent": 2, "refused": 1}, "it is counted")
    assert "document refused" in collector.said()
    metrics = requests.get(f"{collector.url}/metrics", timeout=5).text
    assert "otelcol_exporter_send_failed_log_records_total 1\n" in metrics


def test_what_is_no_export_is_refused(collector: Collector) -> None:
    for body in ({}, [], "x", {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "a"}]}]}]}):
        answer = collector.export(body)
        assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert collector.export(spans(1, 1)).status_code == 200


def test_a_flood_arrives_whole(collector: Collector, own_store: LogStore, container: Container) -> None:
    container.write(*(f"line {at:05d} {'x' * 200}" for at in range(9_000)))  # ten times what one look reads
    eventually(lambda: collector.counts()["logs"]["sent"] == 9_000, "all are sent")
    assert len(stored(own_store, LOGS)) == 9_000
