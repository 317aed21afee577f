"""A running log store for tests, and the documents they send it. Loaded as a pytest plugin by the tests beside it.

PYTEST_DONT_REWRITE: they import its builders before pytest could.
"""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from elasticsearch import ApiError, Elasticsearch, helpers

from tests.waiting import eventually

REPO = Path(__file__).parents[2]
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
Json = dict[str, Any]


class LogStore:
    """One log store process over a folder, which outlives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.listen = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.listen}"

    def start(self, *options: str) -> LogStore:
        self.log = (self.folder / "log").open("a")
        self.process = subprocess.Popen(self.command(*options), cwd=REPO, stderr=self.log)
        self.client = Elasticsearch(self.url, max_retries=0, retry_on_timeout=False, request_timeout=30)
        listens(self.process, self.url)
        assert self.process.poll() is None, (self.folder / "log").read_text()
        return self

    def command(self, *options: str, listen: str = "") -> list[str]:
        program = [sys.executable, "-m", "deploy.local.logstore", "--listen", listen or self.listen]
        return [*program, "--data", str(self.folder / "data"), *options]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        self.client.close()
        self.log.close()
        return code

    def write(self, index: str, *documents: Json) -> list[str]:
        """Creates documents that are found at once; returns their ids."""
        actions = [
            {"_op_type": "create", "_index": index, "_id": one.pop("id", f"{index}-{at}"), **one}
            for at, one in enumerate(documents)
        ]
        helpers.bulk(self.client, actions, refresh=True)
        return [one["_id"] for one in actions]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogStore]:
    """Documents of these tests are years old: they are kept all the same."""
    running = LogStore(tmp_path_factory.mktemp("logstore")).start("--keep-days", "10000")
    yield running
    running.stop()


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[LogStore]:
    """A log store that the test may stop and start."""
    running = LogStore(tmp_path).start("--keep-days", "10000")
    yield running
    if running.process.poll() is None:
        running.stop(signal.SIGKILL)


@pytest.fixture
def es(store: LogStore) -> Elasticsearch:
    return store.client


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A part of a stream's name that no other test has."""
    return re.sub(r"[^a-z0-9]+", "_", request.node.name.removeprefix("test_").lower())[:80].strip("_")


def log(seconds: float = 0, text: str = "hello", **attributes: Any) -> Json:
    """A log line in OpenTelemetry's shape, `seconds` after START."""
    severity = attributes.pop("severity", "INFO")
    more = {key: attributes.pop(key) for key in ("id", "resource", "trace_id") if key in attributes}
    resource = {"attributes": {"service.name": "gateway", **more.pop("resource", {})}}
    at = (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "@timestamp": at,
        "body": {"text": text},
        "severity_text": severity,
        "attributes": attributes,
        "resource": resource,
    } | more


def millis(seconds: float = 0) -> int:
    return int((START + timedelta(seconds=seconds)).timestamp() * 1000)


def ids(answer: Any) -> list[str]:
    return [hit["_id"] for hit in answer["hits"]["hits"]]


def refusal(call: Callable[[], Any]) -> tuple[int, str, str]:
    """Status, type and reason of an error in Elasticsearch's form."""
    with pytest.raises(ApiError) as caught:
        call()
    body = caught.value.body
    assert body["status"] == caught.value.status_code
    cause = body["error"]["root_cause"][0]
    return body["status"], cause["type"], cause["reason"]


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def listens(process: subprocess.Popen[bytes], url: str) -> None:
    """Waits until a program answers or has ended; one that does neither in time is not left behind."""
    try:
        eventually(lambda: process.poll() is not None or answers(url), f"{url} answers")
    except BaseException:
        process.kill()
        raise


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
