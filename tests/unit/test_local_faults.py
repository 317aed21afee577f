"""The file of faults: what is on, since when, for whom, and what a careless file or command leads to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboard.act.audit import AuditFile, NotWrittenError
from deploy.local import cluster_faults, faults
from deploy.local.controllers.placement import why_none
from deploy.local.errors import CommandError
from deploy.local.faults import choose
from deploy.local.layout import Layout
from deploy.local.workload.faults import AUDIT, DEFECTS, KILL_SWITCH, KNOWN, parse_faults

# Chosen by track, and done by the command itself.
_OF_THE_CLUSTER = {"bad-release", "unschedulable"}
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "faults.json"


def test_a_fault_stands_in_the_file_as_the_workload_reads_it(file: Path) -> None:
    faults.inject(file, choose("errors"), NOW)
    assert json.loads(file.read_text()) == {
        "faults": [{"name": "errors", "track": "green", "since": "2026-03-01T12:00:00+00:00"}]
    }
    assert parse_faults(file.read_bytes(), "green") == {"errors"}
    assert parse_faults(file.read_bytes(), "blue") == frozenset()


def test_the_workload_knows_every_fault_of_a_track_but_those_of_the_cluster() -> None:
    assert {name for name, kind in faults.FAULTS.items() if kind.by == "track"} == KNOWN | _OF_THE_CLUSTER
    assert set(faults.FAULTS["bad-release"].ways) == DEFECTS.keys()


def test_the_workload_is_not_disturbed_by_faults_of_others(file: Path) -> None:
    others = (choose("dead-source", source="prometheus"), choose("lossy-node"), choose("bad-release"))
    for fault in (*others, choose(KILL_SWITCH)):
        faults.inject(file, fault, NOW)
    assert parse_faults(file.read_bytes(), "green") == frozenset()


def test_the_policy_engine_sees_its_own_faults_and_none_of_a_track(file: Path) -> None:
    for fault in (choose("errors", track="both"), choose(KILL_SWITCH), choose(AUDIT, how="deck")):
        faults.inject(file, fault, NOW)
    assert parse_faults(file.read_bytes(), "") == {KILL_SWITCH}
    faults.inject(file, choose(AUDIT, how="governance"), NOW)
    assert parse_faults(file.read_bytes(), "") == {KILL_SWITCH, AUDIT}


def test_the_audit_of_the_deck_cannot_be_written_until_healed(tmp_path: Path) -> None:
    layout, fault = Layout(tmp_path), choose(AUDIT)
    layout.audit.write_text("a record\n")
    for _ in range(2):
        cluster_faults.begin(layout, fault)
        with pytest.raises(NotWrittenError):
            AuditFile(layout.audit).append({"event": {"action": "release-switch"}})
    for _ in range(2):
        cluster_faults.end(layout, fault)
        assert layout.audit.read_text() == "a record\n"


def test_the_scheduler_says_why_no_node_takes_a_pod() -> None:
    cordoned: Any = {"metadata": {"name": "a"}, "spec": {"unschedulable": True}}
    silent: Any = {"metadata": {"name": "b"}, "spec": {}}
    assert why_none([]) == "no nodes available to schedule pods"
    assert why_none([cordoned, cordoned]) == "0/2 nodes are available: 2 node(s) were unschedulable."
    assert why_none([cordoned, silent]) == (
        "0/2 nodes are available: 1 node(s) were unschedulable, "
        "1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }."
    )


def test_every_fault_says_where_it_shows() -> None:
    for kind in faults.FAULTS.values():
        assert kind.about
        assert all(f"{place}: " in kind.shows for place in ("metrics", "logs", "traces", "cluster"))


def test_a_fault_that_is_on_keeps_its_time(file: Path) -> None:
    faults.inject(file, choose("errors"), NOW)
    faults.inject(file, choose("errors"), NOW + timedelta(minutes=5))
    assert [fault["since"] for fault in faults.active(file)] == ["2026-03-01T12:00:00+00:00"]


def test_another_way_of_the_same_fault_takes_its_place(file: Path) -> None:
    for how in ("errors", "cost"):
        faults.inject(file, choose("bad-release", how=how), NOW)
    assert [faults.where(fault) for fault in faults.active(file)] == ["green, cost"]


def test_heal_takes_one_fault_off_every_track(file: Path) -> None:
    for name, track in (("errors", "blue"), ("errors", "green"), ("slow-agent", "both")):
        faults.inject(file, choose(name, track=track), NOW)
    assert [fault["track"] for fault in faults.heal(file, "errors")] == ["blue", "green"]
    assert [fault["name"] for fault in faults.active(file)] == ["slow-agent"]


def test_heal_without_a_name_takes_all_off(file: Path) -> None:
    faults.inject(file, choose("errors", track="both"), NOW)
    faults.inject(file, choose("slow-source", source="kubernetes"), NOW)
    assert len(faults.heal(file)) == 2
    assert faults.active(file) == []


def test_only_what_stands_in_the_cluster_outlives_a_run(file: Path) -> None:
    for fault in (choose("errors"), choose("bad-release"), choose("certificate-expiring"), choose("lossy-node")):
        faults.inject(file, fault, NOW)
    faults.clear_last_run(file)
    assert [fault["name"] for fault in faults.active(file)] == ["bad-release", "certificate-expiring"]


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("eror", {}, r"no fault called eror.*errors"),
        ("errors", {"source": "prometheus"}, r"errors is not chosen by source"),
        ("lossy-node", {"track": "blue"}, r"lossy-node is not chosen by track"),
        ("dead-source", {}, r"dead-source needs --source, one of prometheus, alertmanager, elasticsearch, kubernetes"),
        ("bad-release", {"how": "typos"}, r"bad-release knows no --how typos\. Its ways: errors, latency"),
        ("errors", {"how": "much"}, r"errors knows no --how much\. Its ways: none"),
    ],
)
def test_a_wrong_choice_is_answered_with_what_may_be_said(name: str, options: dict[str, str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        choose(name, **options)


def test_a_damaged_file_is_named(file: Path) -> None:
    file.write_text("{")
    with pytest.raises(CommandError, match=r"faults\.json cannot be read"):
        faults.active(file)
