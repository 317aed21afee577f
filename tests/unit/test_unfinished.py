"""An action without an outcome: its Lease tells whether somebody works on it, and a dead process holds nobody up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.changes import changes
from dashboard.decide.leases import LENGTH
from dashboard.decide.unfinished import unfinished
from dashboard.model import service_annotations
from dashboard.model.action import ActionId, ActionKind, Intent, Move, Outcome
from dashboard.model.blue_green import GOVERNED, TRACK
from dashboard.model.release import Track
from dashboard.model.unfinished import WayOn

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def an_intent(**changes: Any) -> Intent:
    """Alice's switch to green 1.8.0, begun ten minutes ago and without an outcome."""
    given: dict[str, Any] = {
        "id": ActionId("a1"),
        "kind": ActionKind.SWITCH,
        "source": Track.BLUE,
        "target": Track.GREEN,
        "version": "1.8.0",
        "actor": "alice",
        "reason": "",
        "step": "prepare",
        "started_at": NOW - timedelta(minutes=10),
        "outcome": Outcome.RUNNING,
    }
    return Intent(**{**given, **changes})


def a_service(intent: Intent, users: str = "blue") -> dict[str, Any]:
    text = service_annotations.write_intent(intent)
    return {
        "metadata": {
            "name": "agent-runtime",
            "labels": {GOVERNED: "true"},
            "annotations": {service_annotations.ACTION: text},
        },
        "spec": {"selector": {TRACK: users}},
    }


def a_lease(renewed: datetime, holder: str = "alice (switch a1)", name: str = "tealdeck-agent-runtime") -> Any:
    spec = {"holderIdentity": holder, "renewTime": renewed.isoformat(), "leaseDurationSeconds": 60}
    return {"metadata": {"name": name}, "spec": spec}


def test_an_action_whose_lease_is_renewed_is_under_way_and_nobody_may_go_on_with_it() -> None:
    found = unfinished(a_service(an_intent()), [a_lease(NOW - timedelta(seconds=20))], NOW)
    assert found is not None
    assert (found.is_left_behind, found.ways_on) == (False, ())
    assert found.holder == "alice (switch a1)"
    assert found.held_until == NOW + timedelta(seconds=40)


@pytest.mark.parametrize(
    "leases",
    [
        pytest.param([a_lease(NOW - timedelta(seconds=61))], id="no longer renewed"),
        pytest.param([a_lease(NOW, holder="")], id="given back"),
        pytest.param([a_lease(NOW + timedelta(hours=2))], id="renewed by a clock that is far ahead"),
        pytest.param([{**a_lease(NOW), "spec": {"holderIdentity": "a", "renewTime": "soon"}}], id="no time"),
        pytest.param([], id="deleted"),
        pytest.param([a_lease(NOW, name="tealdeck-gateway")], id="another service's"),
        pytest.param([{"metadata": {"name": "tealdeck-agent-runtime"}}], id="empty"),
    ],
)
def test_an_action_without_a_holder_is_left_behind(leases: list[Any]) -> None:
    found = unfinished(a_service(an_intent()), leases, NOW)
    assert found is not None
    assert found.is_left_behind


@pytest.mark.parametrize(
    ("users", "ways"),
    [
        ("blue", (WayOn.RESUME, WayOn.CLEAR)),
        ("green", (WayOn.FINISH, WayOn.CLEAR)),
        ("canary", (WayOn.CLEAR,)),
    ],
)
def test_the_ways_on_are_what_the_cluster_says_now(users: str, ways: tuple[WayOn, ...]) -> None:
    found = unfinished(a_service(an_intent(), users), [], NOW)
    assert found is not None
    assert found.ways_on == ways


@pytest.mark.parametrize("lease", [None, a_lease(NOW - timedelta(minutes=5), holder="")])
def test_a_lease_that_was_not_heard_of_yet_is_no_proof_of_a_death(lease: Any) -> None:
    just_begun = a_service(an_intent(started_at=NOW - timedelta(seconds=2)))
    found = unfinished(just_begun, [lease] if lease else [], NOW)
    assert found is not None
    assert not found.is_left_behind


def test_where_leases_are_not_known_that_is_said_and_nobody_goes_on() -> None:
    found = unfinished(a_service(an_intent()), None, NOW, doubt="HTTP 403")
    assert found is not None
    assert (found.is_left_behind, found.ways_on, found.doubt) == (False, (), "HTTP 403")


@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.REFUSED, Outcome.FAILED])
def test_an_action_with_an_outcome_is_not_unfinished(outcome: Outcome) -> None:
    assert unfinished(a_service(an_intent(outcome=outcome)), [a_lease(NOW)], NOW) is None


@given(age=st.floats(0, 7200), renewed=st.floats(0, 7200))
def test_nobody_waits_longer_than_the_lease_lasts(age: float, renewed: float) -> None:
    service = a_service(an_intent(started_at=NOW - timedelta(seconds=age)))
    lease = a_lease(NOW - timedelta(seconds=min(age, renewed)))
    found = unfinished(service, [lease], NOW)
    assert found is not None
    if min(age, renewed) > LENGTH.total_seconds():
        assert found.is_left_behind


MOVED = Move(
    kind=ActionKind.ROLLBACK,
    track=Track.BLUE,
    version="1.7.4",
    actor="carol",
    started_at=NOW - timedelta(hours=2),
    ended_at=NOW - timedelta(hours=1),
)


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.FAILED, Outcome.RUNNING])
def test_the_last_move_stays_known_under_an_action_that_moved_nobody(outcome: Outcome) -> None:
    written = an_intent(outcome=outcome, moved=MOVED)
    service = a_service(written)
    assert service_annotations.read_intent(service) == written
    [change] = changes(services=[service], replica_sets=[])
    assert (change.at, change.what) == (MOVED.started_at, "rollback to blue 1.7.4 by carol")


def test_an_unfinished_action_is_a_change_once_users_are_there() -> None:
    [change] = changes(services=[a_service(an_intent(moved=MOVED), users="green")], replica_sets=[])
    assert change.what == "switch to green 1.8.0 by alice"
    assert changes(services=[a_service(an_intent())], replica_sets=[]) == ()


def test_an_intent_of_an_earlier_version_tells_its_move_by_its_outcome() -> None:
    ended = an_intent(outcome=Outcome.SUCCEEDED, ended_at=NOW)
    read = service_annotations.read_intent(a_service(ended))
    assert read is not None
    assert read.moved == ended.move(NOW)
