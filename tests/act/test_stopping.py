"""A process that is told to stop lets its actions end in time, or leaves them so that others can go on at once."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from dashboard.act.desk import Desk, utc_now
from dashboard.decide.unfinished import unfinished
from dashboard.model.action import ActionId, Outcome
from dashboard.model.service_annotations import read_intent
from tests.act.fakes import NAMESPACE, FakeCluster, a_verdict, blue_green
from tests.act.test_actions import BOB, Stage, a_switch


class Stopped:
    """A desk in real time over a fake cluster, whose next write of a kind waits until it is let go."""

    def __init__(self, folder: Path, cluster: FakeCluster) -> None:
        self.stage = Stage(folder, cluster)
        self.cluster = cluster
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.desk = Desk(cluster=cluster, audit=self.stage.audit, judge=lambda *_: a_verdict(utc_now()))

    def hold(self, step: str) -> None:
        """Hold the action when its intent names the step."""

        def wait(verb: str, kind: str, name: str) -> None:
            found = read_intent(self.cluster.objects["services", "agent-runtime"])
            if kind == "services" and found is not None and found.step == step:
                self.reached.set()
                assert self.go_on.wait(10)

        self.cluster.before_write = wait


def test_an_action_that_can_end_in_time_ends(tmp_path: Path) -> None:
    stopped = Stopped(tmp_path, blue_green())
    stopped.hold("switch")
    action = stopped.desk.submit(a_switch())
    assert stopped.reached.wait(10)
    threading.Timer(0.1, stopped.go_on.set).start()

    assert stopped.desk.drain(10)

    state = stopped.desk.state(action)
    assert state is not None
    assert state.outcome is Outcome.SUCCEEDED, state.sentence


def test_an_action_that_cannot_end_in_time_is_left_unlocked_and_can_be_resumed(tmp_path: Path) -> None:
    cluster = blue_green(green_replicas=1)
    cluster.pods_start = False
    stopped = Stopped(tmp_path, cluster)
    action = stopped.desk.submit(a_switch())

    assert stopped.desk.drain(0.3)

    state = stopped.desk.state(action)
    assert state is not None
    assert not state.is_running
    assert "Left unfinished at the step prepare" in state.sentence
    assert cluster.objects["leases", "tealdeck-agent-runtime"]["spec"]["holderIdentity"] == ""
    leases = [item for (kind, _), item in cluster.objects.items() if kind == "leases"]
    left = unfinished(cluster.objects["services", "agent-runtime"], leases, utc_now() + timedelta(seconds=5))
    assert left is not None
    assert left.is_left_behind
    assert stopped.stage.phases() == ["requested", "begun", "finished"]

    cluster.pods_start = True
    cluster.put("deployments", cluster.objects["deployments", "agent-runtime-green"])
    assert stopped.stage.run(a_switch(actor=BOB)).outcome is Outcome.SUCCEEDED
    resumed = read_intent(cluster.objects["services", "agent-runtime"])
    assert resumed is not None
    assert resumed.superseded == action


def test_users_who_were_moved_are_left_to_be_finished_and_not_moved_back(tmp_path: Path) -> None:
    cluster = blue_green()
    cluster.endpoints_follow = False
    stopped = Stopped(tmp_path, cluster)
    stopped.desk.submit(a_switch())

    assert stopped.desk.drain(0.5)

    assert cluster.selector() == "green"
    left = read_intent(cluster.objects["services", "agent-runtime"])
    assert left is not None
    assert (left.step, left.outcome) == ("read-back", Outcome.RUNNING)


def test_nothing_is_begun_any_more(tmp_path: Path) -> None:
    stopped = Stopped(tmp_path, blue_green())
    assert stopped.desk.drain(0)
    state = stopped.desk.state(stopped.desk.submit(a_switch()))
    assert state is not None
    assert state.outcome is Outcome.REFUSED
    assert "being stopped" in state.sentence
    assert stopped.cluster.writes == []
    assert stopped.desk.current(NAMESPACE, "agent-runtime") == state


def test_the_server_drains_its_desks_when_it_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard import asgi
    from dashboard.ui import session

    stopped = Stopped(tmp_path, blue_green())
    monkeypatch.setattr(session, "_desks", [stopped.desk])

    async def serve() -> None:
        async with asgi.lifespan(asgi.app):
            stopped.desk.submit(a_switch())

    asyncio.run(serve())

    state = stopped.desk.current(NAMESPACE, "agent-runtime")
    assert state is not None
    assert state.outcome is Outcome.SUCCEEDED, state.sentence
    late = stopped.desk.state(ActionId(stopped.desk.submit(a_switch(actor=BOB))))
    assert late is not None
    assert late.outcome is Outcome.REFUSED
