"""The file of faults: what is on, since when, and what a careless file leads to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local import faults
from deploy.local.errors import CommandError
from deploy.local.workload.faults import KNOWN, parse_faults

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "faults.json"


def test_a_fault_stands_in_the_file_as_the_workload_reads_it(file: Path) -> None:
    faults.inject(file, "errors", "green", NOW)
    assert json.loads(file.read_text()) == {
        "faults": [{"name": "errors", "track": "green", "since": "2026-03-01T12:00:00+00:00"}]
    }
    assert parse_faults(file.read_bytes(), "green") == {"errors"}
    assert parse_faults(file.read_bytes(), "blue") == frozenset()


def test_the_workload_knows_every_fault_that_can_be_switched_on() -> None:
    assert faults.FAULTS.keys() == KNOWN


def test_a_fault_that_is_on_keeps_its_time(file: Path) -> None:
    faults.inject(file, "errors", "green", NOW)
    faults.inject(file, "errors", "green", NOW + timedelta(minutes=5))
    assert [fault["since"] for fault in faults.active(file)] == ["2026-03-01T12:00:00+00:00"]


def test_heal_takes_one_fault_off_every_track(file: Path) -> None:
    for name, track in (("errors", "blue"), ("errors", "green"), ("slow-agent", "both")):
        faults.inject(file, name, track, NOW)
    assert [fault["track"] for fault in faults.heal(file, "errors")] == ["blue", "green"]
    assert [fault["name"] for fault in faults.active(file)] == ["slow-agent"]


def test_heal_without_a_name_takes_all_off(file: Path) -> None:
    faults.inject(file, "errors", "both", NOW)
    faults.inject(file, "crash-loop", "blue", NOW)
    assert len(faults.heal(file)) == 2
    assert faults.active(file) == []


def test_an_unknown_fault_is_answered_with_those_there_are(file: Path) -> None:
    with pytest.raises(CommandError, match=r"no fault called eror.*errors"):
        faults.inject(file, "eror", "green", NOW)
    assert not file.exists()


def test_a_damaged_file_is_named(file: Path) -> None:
    file.write_text("{")
    with pytest.raises(CommandError, match=r"faults\.json cannot be read"):
        faults.active(file)
