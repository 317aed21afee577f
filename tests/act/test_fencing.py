"""A process that stalls at any of its writes and wakes up when another has taken over changes no Service any more.

It stalls before the write is checked by the server, the worst moment: everything was read and decided. Not covered: a
scale-up of the target that comes late, which no precondition of another object can prevent and which moves no user.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboard.model.action import ActionId, ActionKind, ActionRequest, Outcome
from dashboard.model.blue_green import OURS
from dashboard.model.release import Track
from dashboard.model.service_annotations import read_intent
from tests.act.fakes import FakeCluster, blue_green
from tests.act.test_actions import BOB, Stage, a_rollback, a_switch

WRITES = 12
Takeover = Callable[[Stage], None]


def services(cluster: FakeCluster) -> dict[str, Any]:
    """All Services as they are, but for what a server counts."""
    found = {name: copy.deepcopy(item) for (kind, name), item in cluster.objects.items() if kind == "services"}
    for item in found.values():
        del item["metadata"]["resourceVersion"]
    return found


def _left(stage: Stage) -> ActionRequest | None:
    """What a person asks for who ends what was left behind: to finish it where users were moved, else to clear it."""
    service = stage.cluster.objects["services", "agent-runtime"]
    intent = read_intent(service)
    if intent is None or intent.outcome is not Outcome.RUNNING:
        return None
    kind = ActionKind.FINISH if OURS.active(service) is intent.target else ActionKind.CLEAR
    return a_switch(kind=kind, actor=BOB, unfinished=ActionId(intent.id), typed_version="")


def _ended(stage: Stage) -> None:
    request = _left(stage)
    if request is not None:
        assert stage.run(request).outcome is Outcome.SUCCEEDED


def _cleared(stage: Stage) -> None:
    request = _left(stage)
    if request is not None:
        assert stage.run(replace(request, kind=ActionKind.CLEAR)).outcome is Outcome.SUCCEEDED


def _resumed(stage: Stage) -> None:
    if stage.cluster.selector() == "blue":
        assert stage.run(a_switch(actor=BOB)).outcome is Outcome.SUCCEEDED
    else:
        _ended(stage)


def _rolled_back(stage: Stage) -> None:
    _resumed(stage)
    state = stage.run(a_rollback(actor=BOB))
    assert state.outcome is Outcome.SUCCEEDED, state.sentence


def _rolled_back_at_once(stage: Stage) -> None:
    """The rollback takes over from the switch itself."""
    if stage.cluster.selector() == "green":
        state = stage.run(a_rollback(actor=BOB))
        assert state.outcome is Outcome.SUCCEEDED, state.sentence


@pytest.mark.parametrize("green_pods", [1, 2])
@pytest.mark.parametrize("stalled_at", range(1, WRITES + 1))
@pytest.mark.parametrize("takeover", [_ended, _cleared, _resumed, _rolled_back, _rolled_back_at_once])
def test_who_wakes_up_late_changes_nothing(
    tmp_path: Path, takeover: Takeover, stalled_at: int, green_pods: int
) -> None:
    stage = Stage(tmp_path, blue_green(green_replicas=green_pods))
    writes: list[str] = []
    after: dict[str, Any] = {}

    def stall(verb: str, kind: str, name: str) -> None:
        writes.append(kind)
        if len(writes) == stalled_at:
            stage.cluster.before_write = lambda verb, kind, name: None
            stage.clock.wait(timedelta(seconds=61))
            takeover(stage)
            after.update(services(stage.cluster))

    stage.cluster.before_write = stall
    state = stage.run(a_switch())

    if not after:
        pytest.skip("it has fewer writes")
    found = read_intent(after["agent-runtime"])
    if found is None or found.id == "a1":
        return  # nobody took over: the action went on, late but alone
    assert services(stage.cluster) == after
    assert not state.is_running
    if takeover is not _cleared:  # which leaves everything as it is
        users = Track(stage.cluster.selector())
        assert stage.cluster.selector("agent-runtime-preview") == users.other
