"""A field for the level that says nothing, or something else than its line: no error may hide behind it unsaid."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from connectors.elasticsearch import Elasticsearch
from dashboard.queries.logs import LogReader
from dashboard.queries.request import Logs
from tests.foreign.log_documents import NOW
from tests.real.elasticsearch.log_stores import Store, bulk

pytestmark = pytest.mark.stack

LINES = {True: "2026-11-28 ERROR ledger is corrupt", False: "2026-11-28 INFO ok"}


def _json(is_bad: bool, key: str = "level") -> str:
    return json.dumps({key: "error", "msg": "ledger is corrupt"} if is_bad else {key: "info", "msg": "ok"})


READ: dict[str, Callable[[bool], dict[str, Any]]] = {
    "OpenTelemetry's number 0": lambda is_bad: {"severity_number": 0, "body": {"text": LINES[is_bad]}},
    "the number 0 beside a word": lambda is_bad: {
        "severity_number": 0,
        "severity_text": "ERROR" if is_bad else "INFO",
        "body": {"text": "x"},
    },
}
SAID: dict[str, Callable[[bool], dict[str, Any]]] = {
    "a level that means none was given": lambda is_bad: {"severity": "DEFAULT", "message": LINES[is_bad]},
    "a shipper's constant": lambda is_bad: {"log": {"level": "info"}, "message": _json(is_bad)},
    "a shipper's constant over another key": lambda is_bad: {"level": "info", "message": _json(is_bad, "severity")},
    "a shipper's constant over key=value": lambda is_bad: {
        "log": {"level": "info"},
        "message": f"ts=1 level={'error' if is_bad else 'info'} msg=x",
    },
}


def _errors(store: Store, name: str, shape: Callable[[bool], dict[str, Any]]) -> Any:
    at = (NOW - timedelta(seconds=5)).isoformat().replace("+00:00", "Z")
    documents = {
        f"d{number}": {"@timestamp": at, "kubernetes": {"namespace": "support"}, **shape(number < 3)}
        for number in range(10)
    }
    assert not bulk(store, name, documents)["errors"]
    asked = Logs(
        stream="logs",
        namespace="support",
        start=NOW - timedelta(minutes=30),
        end=NOW + timedelta(seconds=1),
        size=50,
        filters={"level": "error"},
    )
    return LogReader(Elasticsearch(store.url)).read(name, asked, budget_seconds=20)


@pytest.mark.parametrize("name", READ)
def test_a_number_that_says_nothing_hides_no_error(store: Store, name: str) -> None:
    assert _errors(store, f"levels-read-{list(READ).index(name)}", READ[name]).value.total == 3


@pytest.mark.parametrize("name", SAID)
def test_a_level_that_the_line_contradicts_is_said(store: Store, name: str) -> None:
    found = _errors(store, f"levels-said-{list(SAID).index(name)}", SAID[name])
    assert found.value.total == 3 or found.left_out, found
