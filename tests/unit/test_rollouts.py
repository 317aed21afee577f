"""A release begins when the Deployment was last rolled out: an undo is a rollout, and a change that people see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.decide.changes import changes
from dashboard.decide.governed import release_began

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAME = "agent-runtime-green"
DAYS_AGO, HOURS_AGO, HOUR_AGO = (NOW - ago for ago in (timedelta(days=3), timedelta(hours=6), timedelta(hours=1)))
UNDONE = NOW - timedelta(minutes=10)


def replica_set(name: str, revision: int, created: datetime, version: str, *, history: str = "") -> dict[str, Any]:
    annotations = {"deployment.kubernetes.io/revision": str(revision)}
    if history:
        annotations["deployment.kubernetes.io/revision-history"] = history
    labels = {
        "app.kubernetes.io/name": "agent-runtime",
        "tealdeck.io/track": "green",
        "app.kubernetes.io/version": version,
    }
    return {
        "metadata": {
            "name": f"{NAME}-{name}",
            "creationTimestamp": created.isoformat(),
            "annotations": annotations,
            "labels": labels,
            "ownerReferences": [{"kind": "Deployment", "name": NAME, "controller": True}],
        }
    }


def deployment(progressed: datetime | None, reason: str = "NewReplicaSetAvailable") -> dict[str, Any]:
    moved = {"type": "Progressing", "status": "True", "reason": reason}
    moved |= {"lastTransitionTime": DAYS_AGO.isoformat()}
    moved |= {"lastUpdateTime": progressed.isoformat()} if progressed else {}
    return {
        "metadata": {"name": NAME, "creationTimestamp": DAYS_AGO.isoformat()},
        "status": {"conditions": [{"type": "Available", "lastUpdateTime": NOW.isoformat()}, moved]},
    }


def pod(of: str, created: datetime) -> dict[str, Any]:
    owner = {"kind": "ReplicaSet", "name": f"{NAME}-{of}", "controller": True}
    return {
        "metadata": {"name": f"{NAME}-{of}-x", "creationTimestamp": created.isoformat(), "ownerReferences": [owner]}
    }


OLD, NEW = replica_set("aaaa", 1, DAYS_AGO, "1.9.0"), replica_set("bbbb", 2, HOUR_AGO, "2.0.0")
BACK = replica_set("aaaa", 3, DAYS_AGO, "1.9.0", history="1")
DONE = UNDONE + timedelta(seconds=20)


def began(sets: list[dict[str, Any]], of: dict[str, Any], pods: tuple[dict[str, Any], ...] = ()) -> tuple[Any, str]:
    return release_began(NAME, [of], sets, pods)


def test_a_rollout_begins_with_its_replica_set() -> None:
    assert began([OLD, NEW], deployment(DONE)) == (HOUR_AGO, f"{NAME}-bbbb-")


@pytest.mark.parametrize("age", [DAYS_AGO, HOURS_AGO])
def test_an_undo_begins_when_the_deployment_went_back_and_not_with_the_age_of_its_replica_set(age: datetime) -> None:
    back = replica_set("aaaa", 3, age, "1.9.0", history="1")
    assert began([back, NEW], deployment(DONE)) == (DONE, f"{NAME}-aaaa-")


def test_the_first_pod_that_the_undo_made_tells_better_than_its_end() -> None:
    pods = (pod("aaaa", UNDONE), pod("aaaa", NOW), pod("bbbb", HOUR_AGO))
    assert began([BACK, NEW], deployment(DONE), pods)[0] == UNDONE


def test_an_undo_that_is_under_way_has_begun() -> None:
    assert began([BACK, NEW], deployment(NOW, "ReplicaSetUpdated"))[0] == NOW


def test_an_undo_of_unknown_time_was_after_what_it_undid() -> None:
    assert began([BACK, NEW], deployment(None))[0] == HOUR_AGO


def test_an_undo_whose_undone_replica_set_is_gone_is_known_by_its_revisions() -> None:
    assert began([BACK], deployment(DONE))[0] == DONE


def test_a_template_that_comes_back_for_the_second_time_began_at_the_second() -> None:
    twice = replica_set("bbbb", 4, HOUR_AGO, "2.0.0", history="2")
    assert began([BACK, twice], deployment(DONE)) == (DONE, f"{NAME}-bbbb-")


def test_an_undo_is_a_change() -> None:
    found = changes(services=[], replica_sets=[BACK, NEW], deployments=[deployment(DONE)])
    assert [(change.at, change.what) for change in found] == [
        (DONE, "green 1.9.0 deployed again"),
        (HOUR_AGO, "green 2.0.0 deployed"),
        (DAYS_AGO, "green 1.9.0 deployed"),
    ]


def test_an_undo_of_unknown_time_is_newer_than_what_it_undid() -> None:
    found = changes(services=[], replica_sets=[BACK, NEW])
    assert [change.what for change in found[:2]] == ["green 1.9.0 deployed again", "green 2.0.0 deployed"]


def test_a_rollout_forward_is_no_change_twice() -> None:
    found = changes(services=[], replica_sets=[OLD, NEW], deployments=[deployment(DONE)], pods=[pod("bbbb", DONE)])
    assert [change.what for change in found] == ["green 2.0.0 deployed", "green 1.9.0 deployed"]


def test_replica_sets_of_other_deployments_do_not_undo_one_another() -> None:
    other = replica_set("cccc", 1, NOW, "1.0.0")
    other["metadata"]["ownerReferences"][0]["name"] = "agent-runtime-blue"
    found = changes(services=[], replica_sets=[OLD, NEW, other])
    assert not any(change.what.endswith("again") for change in found)


def test_without_revisions_the_youngest_replica_set_is_the_newest() -> None:
    sets = [replica_set(name, 0, at, version) for name, at, version in (("a", DAYS_AGO, "1"), ("b", HOUR_AGO, "2"))]
    for one in sets:
        one["metadata"].pop("annotations")
    assert began(sets, deployment(DONE)) == (HOUR_AGO, f"{NAME}-b-")
    assert not any(change.what.endswith("again") for change in changes(services=[], replica_sets=sets))
