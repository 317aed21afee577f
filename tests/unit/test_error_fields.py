"""An error that a shipper took apart into fields is part of what its line says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dashboard.decide.error_lines import error_lines, said
from dashboard.decide.patterns import patterns
from dashboard.model.log import LogEntry


def line(**fields: Any) -> LogEntry:
    none = dict.fromkeys(("service", "track", "pod", "trace_id", "span_id", "id"), "")
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return LogEntry(at=at, severity="ERROR", message="Run failed", attributes={}, fields=fields, **none)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"error.type": "a.TimeoutException"}, {"error.type": "a.OutOfMemoryError"}),
        ({"attributes.exception.message": "up"}, {"attributes.exception.message": "ledger is corrupt"}),
        ({"error.stack_trace": "a.B: x\n\tat c.D"}, {"error.stack_trace": "a.C: x\n\tat c.D"}),
        ({}, {"labels.error_type": "Corrupt"}),
    ],
)
def test_another_error_in_the_fields_is_a_new_kind(old: dict[str, str], new: dict[str, str]) -> None:
    found = error_lines(map(said, [line(**new)]), map(said, [line(**old)]), is_whole=True)
    assert [pattern.other for pattern in found.patterns] == [0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"error.id": "a1"}, {"error.id": "b2"}),
        ({"error.stack_trace": "a.B: x\n\tat c.D"}, {"error.stack_trace": "a.B: x\n\tat e.F"}),
        ({"trace.id": "a"}, {"trace.id": "b"}),
        ({"error.message": "Run failed"}, {}),
    ],
)
def test_what_differs_from_line_to_line_makes_no_new_kind(one: dict[str, str], other: dict[str, str]) -> None:
    found = error_lines(map(said, [line(**one)]), map(said, [line(**other)]), is_whole=True)
    assert [pattern.other for pattern in found.patterns] == [1]


def test_the_patterns_of_the_logs_page_tell_the_same_kinds_as_the_release_gate() -> None:
    found = patterns([line(**{"error.type": "a.TimeoutException"}), line(**{"error.type": "a.OutOfMemoryError"})])
    assert len(found) == 2
