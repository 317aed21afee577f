"""A bare number for a level is understood only where the document shows which libraries' number it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.elasticsearch import Hit
from dashboard.model.level_numbers import harmless
from dashboard.model.log import LogEntry
from dashboard.model.words import WORDS, LogLevel, Words
from dashboard.queries.entries import Reader

AT = "2026-01-01T12:00:00Z"
PINO = {"pid": 7, "hostname": "agent-7f9c", "time": 1767268800000, "msg": "it did not work"}
BUNYAN = {"name": "agent", "hostname": "agent-7f9c", "pid": 7, "msg": "it did not work", "time": AT, "v": 0}
PYTHON = {"levelname": "X", "name": "agent.run", "message": "it did not work"}
PYTHON_JSON = {"lineno": 12, "funcName": "run", "pid": 7, "hostname": "agent-7f9c", "message": "it did not work"}
BARE = {"message": "it did not work"}


def entry(document: dict[str, Any], words: Words = WORDS) -> LogEntry:
    return Reader(stream="logs", words=words).entry(
        Hit(index="i", id="1", source={"@timestamp": AT, **document}, sort=())
    )


FAMILIES = [
    pytest.param(PINO, {20: LogLevel.DEBUG, 30: LogLevel.INFO, 40: LogLevel.WARNING}, id="pino"),
    pytest.param(BUNYAN, {20: LogLevel.DEBUG, 30: LogLevel.INFO, 40: LogLevel.WARNING}, id="bunyan"),
    pytest.param(PYTHON, {20: LogLevel.INFO, 30: LogLevel.WARNING, 40: LogLevel.ERROR}, id="python, a levelname"),
    pytest.param(PYTHON_JSON, {20: LogLevel.INFO, 30: LogLevel.WARNING, 40: LogLevel.ERROR}, id="python, its place"),
    pytest.param(BARE, dict.fromkeys((20, 30, 40)), id="nothing that tells"),
    pytest.param({"time": AT, "msg": "text"}, dict.fromkeys((20, 30, 40)), id="a time in words"),
]


@pytest.mark.parametrize(("shape", "levels"), FAMILIES)
def test_a_number_means_what_its_family_means_by_it(shape: dict[str, Any], levels: dict[int, LogLevel | None]) -> None:
    for number, level in levels.items():
        said = {**shape, "level": number}

        assert entry(said).level is level
        assert entry({"message": json.dumps(said)}).level is level
        assert entry({"log": f"2026 stdout F {json.dumps(said)}"}).level is level


def test_keys_of_the_shipper_do_not_tell_whose_number_it_is() -> None:
    shipped = {"log": {"level": 40}, "process": {"pid": 1}, "host": {"hostname": "node-1"}, **BARE}

    assert entry(shipped).level is None


@pytest.mark.parametrize("number", [10, 50, 60])
def test_numbers_on_which_all_families_agree_need_no_shape(number: int) -> None:
    assert entry({**BARE, "level": number}).level is (LogLevel.DEBUG if number == 10 else LogLevel.ERROR)


def test_the_settings_say_what_a_number_means_whatever_the_document_looks_like() -> None:
    told = WORDS.extended({"level": {"40": "error", "30": "warning"}})

    assert [entry({**shape, "level": 40}, told).level for shape in (PINO, PYTHON, BARE)] == [LogLevel.ERROR] * 3
    assert entry({**BARE, "level": 20}, told).level is None


def test_only_a_number_that_may_be_what_is_looked_for_counts_as_not_understood() -> None:
    assert harmless(WORDS, [LogLevel.ERROR]) == ("20", "30")
    assert harmless(WORDS, [LogLevel.WARNING]) == ("20",)
    assert harmless(WORDS.extended({"level": {"30": "info"}}), [LogLevel.ERROR]) == ("20",)
