"""A bare number for a level is understood only where the document shows which libraries' number it is.

What syslog calls 3 is an error, to .NET it is a warning; 1 is an alert to one and detail to the other.
"""

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


ERROR, WARNING, INFO, DEBUG = LogLevel.ERROR, LogLevel.WARNING, LogLevel.INFO, LogLevel.DEBUG
OF_SYSLOG = dict(enumerate((ERROR, ERROR, ERROR, ERROR, WARNING, INFO)))
OF_DOTNET = dict(enumerate((DEBUG, DEBUG, INFO, WARNING, ERROR, ERROR)))
SYSLOG: dict[str, dict[str, Any]] = {
    "GELF": {"version": "1.1", "host": "node-1", "short_message": "it did not work"},
    "journald": {"SYSLOG_IDENTIFIER": "agent", "_TRANSPORT": "stdout", "MESSAGE": "it did not work"},
    "Graylog": {"gl2_source_input": "x", "source": "node-1", "message": "it did not work"},
    "logstash": {"facility": 1, "hostname": "node-1", "message": "it did not work"},
}
DOTNET: dict[str, dict[str, Any]] = {
    "Serilog": {"@t": AT, "@mt": "it did not {what}", "what": "work"},
    "a template": {"Timestamp": AT, "MessageTemplate": "it did not {What}", "RenderedMessage": "it did not work"},
    "its properties": {"message": "it did not work", "Properties": {"SourceContext": "Agent.Run"}},
    "Microsoft's": {"EventId": 7, "Category": "Agent.Run", "Message": "it did not work"},
}


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
    *(pytest.param(shape, OF_SYSLOG, id=f"syslog, {name}") for name, shape in SYSLOG.items()),
    *(pytest.param(shape, OF_DOTNET, id=f".NET, {name}") for name, shape in DOTNET.items()),
    pytest.param(BARE, dict.fromkeys(range(6)), id="a small number and nothing that tells"),
    pytest.param({"facility": 1, "hostname": "h", "@mt": "{x}"}, dict.fromkeys(range(6)), id="keys of both"),
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


@pytest.mark.parametrize(("number", "level"), [(6, INFO), (7, DEBUG), (10, DEBUG), (50, ERROR), (60, ERROR)])
def test_numbers_on_which_all_families_agree_need_no_shape(number: int, level: LogLevel) -> None:
    assert entry({**BARE, "level": number}).level is level


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ({"log": {"syslog": {"severity": {"code": 3}}}}, ERROR),
        ({"PRIORITY": "4"}, WARNING),
        ({"PRIORITY": "4", "SourceContext": "Agent.Run"}, WARNING),
        ({"Level": 4, "SourceContext": "Agent.Run"}, ERROR),
        ({"LogLevel": "Error", "EventId": 7, "Category": "Agent.Run"}, ERROR),
    ],
    ids=str,
)
def test_the_name_of_a_field_may_tell_whose_number_it_is(said: dict[str, Any], level: LogLevel) -> None:
    assert entry({**BARE, **said}).level is level


def test_a_header_of_syslog_says_its_own_number() -> None:
    assert entry({"message": "<11>Jan  1 12:00:00 node agent: it did not work"}).level is ERROR


def test_the_settings_say_what_a_number_means_whatever_the_document_looks_like() -> None:
    told = WORDS.extended({"level": {"40": "error", "30": "warning"}})

    assert [entry({**shape, "level": 40}, told).level for shape in (PINO, PYTHON, BARE)] == [LogLevel.ERROR] * 3
    assert entry({**BARE, "level": 20}, told).level is None


def test_only_a_number_that_may_be_what_is_looked_for_counts_as_not_understood() -> None:
    assert harmless(WORDS, [LogLevel.ERROR]) == ("20", "30")
    assert harmless(WORDS, [LogLevel.WARNING]) == ("20", "0", "1", "2", "5")
    assert harmless(WORDS.extended({"level": {"30": "info"}}), [LogLevel.ERROR]) == ("20",)
