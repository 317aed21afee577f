"""The level of a line that nobody parsed: read where the line states it for certain, and nowhere else."""

from __future__ import annotations

import pytest

from dashboard.decide.lines import of_number, read
from dashboard.model.words import LEVELS, LogLevel


@pytest.mark.parametrize(
    "message",
    [
        '{"level":"error","msg":"x"}',
        '{"severity":"SEVERE","message":"x"}',
        '{"log.level":"ERROR","message":"x"}',
        '{"log":{"level":"fatal"},"message":"x"}',
        '{"level":50,"time":1,"msg":"x"}',
        '{"severity_number":17,"body":"x"}',
        '{"log":"{\\"level\\":\\"error\\"}"}',
        'ts=1 level=error msg="x y"',
        'msg="x y" lvl=crit',
        "ERROR x",
        "[ERROR] x",
        "error: x",
        "2026-11-27T20:00:00.123456Z ERROR support.agent run failed",
        "2026-03-01 12:00:00,123 - support - ERROR - run failed",
        "12:00:00.123 [main] ERROR com.foo.Bar - x",
        "2026-03-01 12:00:00.000  ERROR 1 --- [main] com.foo.Bar : x",
        "2026/03/01 12:00:00 [error] 31#31: *1 upstream",
        "ERROR:root:x y".replace(":root:", ": root: "),
        "E0301 12:00:00.000000       1 file.go:12] x",
        "<11>Mar  1 12:00:00 host app[1]: x",
        "2026-03-01T11:00:00.123456789Z stderr F ERROR x",
        "\x1b[31mERROR\x1b[0m x",
        "Traceback (most recent call last):\n  File x\nBoom: 1",
        "panic: runtime error: index out of range",
        'Exception in thread "main" java.lang.IllegalStateException: x',
    ],
)
def test_an_error_is_read_from_its_line(message: str) -> None:
    assert LEVELS.meaning(read(message).level) is LogLevel.ERROR


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("2026-11-27T20:00:00Z INFO support.agent run finished", LogLevel.INFO),
        ("W0301 12:00:00.000000       1 file.go:12] x", LogLevel.WARNING),
        ("level=debug msg=x", LogLevel.DEBUG),
        ("<14>Mar  1 12:00:00 host app[1]: ERROR in the text", LogLevel.INFO),
        ('{"level":"info","msg":"the last ERROR was long ago"}', LogLevel.INFO),
        ("INFO no ERROR since yesterday", LogLevel.INFO),
    ],
)
def test_another_level_is_read_whatever_the_text_speaks_of(message: str, level: LogLevel) -> None:
    assert LEVELS.meaning(read(message).level) is level


@pytest.mark.parametrize(
    "message",
    ["", "run finished", "error while computing", "agent said ERROR in text", "no error", "0 errors, 3 warnings", "{}"],
)
def test_a_line_that_does_not_state_its_level_has_none(message: str) -> None:
    assert read(message).level == ""


def test_a_level_that_is_not_understood_is_told_as_it_is() -> None:
    assert read('{"level":"BAD","msg":"x"}').level == "BAD"


@pytest.mark.parametrize(
    ("number", "word"), [(1, "trace"), (9, "info"), (13, "warn"), (17, "error"), (20, "error"), (24, "fatal"), (0, "")]
)
def test_numbers_of_opentelemetry_are_levels(number: int, word: str) -> None:
    assert of_number(number) == word


@pytest.mark.parametrize("number", [25, -1, "x", None, float("inf")])
def test_other_numbers_are_none(number: object) -> None:
    assert of_number(number) == ""
