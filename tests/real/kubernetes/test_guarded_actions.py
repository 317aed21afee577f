"""Guarded actions on both API servers: the switch does what was judged, and a process that dies holds nobody up.

Deployments, pods and endpoints are played by the test (`BlueGreen.settle`), which is called whenever an action waits.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboard.act.audit import AuditFile
from dashboard.act.desk import Desk, utc_now
from dashboard.decide.tracks import find_tracks
from dashboard.decide.traffic_change import traffic_change
from dashboard.decide.unfinished import unfinished
from dashboard.model.action import ActionKind, ActionState, Outcome
from dashboard.model.blue_green import OURS, TRACK
from dashboard.model.blue_green import BlueGreen as BlueGreenNames
from dashboard.model.release import Track
from dashboard.model.service_annotations import read_intent
from dashboard.model.unfinished import WayOn
from dashboard.model.verdict import Verdict
from dashboard.queries.ask import build_ask
from dashboard.queries.release import judge
from dashboard.queries.release_scene import scene_of
from dashboard.settings import EnvironmentSettings
from tests.act.blue_green import COMMON, PREVIEW, SERVICE, BlueGreen, Interposed
from tests.act.fakes import a_verdict
from tests.act.test_actions import BOB, a_rollback, a_switch
from tests.environment import REPOSITORY
from tests.stack.apiserver_process import Server
from tests.waiting import eventually

pytestmark = pytest.mark.stack

A_MINUTE = timedelta(seconds=60)


def moves(body: Any) -> bool:
    """Whether a write to a Service changes its selector."""
    return "selector" in body.get("spec", {})


class Deck:
    """A desk over a server, with a clock that can be ahead and a judge who says GO."""

    def __init__(
        self, server: Server, namespace: str, folder: Path, *, settings: BlueGreenNames = OURS, **ground: Any
    ) -> None:
        self.cluster = Interposed(str(server.kubeconfig))
        self.ground = BlueGreen(self.cluster, namespace, **ground)
        self.namespace = namespace
        self.ahead = timedelta(0)
        self.judged_at: datetime | None = None
        self.plays = True
        self.desk = Desk(
            cluster=self.cluster,
            audit=AuditFile(folder / "audit.jsonl"),
            judge=lambda *_: self.verdict(),
            now=self.now,
            wait=self._wait,
            blue_green=settings,
        )

    def now(self) -> datetime:
        return utc_now() + self.ahead

    def verdict(self) -> Verdict:
        return a_verdict(self.judged_at or self.now())

    def run(self, request: Any) -> ActionState:
        state = self.desk.wait(self.desk.submit(request), timeout_seconds=60)
        assert state is not None
        assert not state.is_running, state
        return state

    def switch(self, **changes: Any) -> ActionState:
        return self.run(a_switch(namespace=self.namespace, **changes))

    def left_behind(self) -> Any:
        leases = self.cluster.list("leases", self.namespace).items
        return unfinished(self.ground.service(), leases, self.now())

    def _wait(self, span: timedelta) -> None:
        self.ahead += span
        if self.plays:
            self.ground.settle()


@pytest.fixture
def deck(server: Server, namespace: str, tmp_path: Path) -> Deck:
    return Deck(server, namespace, tmp_path)


@pytest.fixture
def doomed(server: Server, tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts another deck's process, which runs a switch."""
    begun: list[subprocess.Popen[str]] = []

    def start(namespace: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.act.doomed", str(server.kubeconfig), namespace]
        process = subprocess.Popen(
            [*command, str(tmp_path / "doomed.jsonl")], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
        )
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def test_a_switch_and_a_rollback_move_users_and_preview(deck: Deck) -> None:
    there = deck.switch()
    assert there.outcome is Outcome.SUCCEEDED, there.sentence
    assert (deck.ground.users(), deck.ground.service(PREVIEW)["spec"]["selector"][TRACK]) == ("green", "blue")

    back = deck.run(a_rollback(namespace=deck.namespace))
    assert back.outcome is Outcome.SUCCEEDED, back.sentence
    assert (deck.ground.users(), deck.ground.service(PREVIEW)["spec"]["selector"][TRACK]) == ("blue", "green")


@pytest.mark.parametrize(
    ("settings", "values"),
    [
        pytest.param(BlueGreenNames(track_label="color", services=(SERVICE,)), ("blue", "green"), id="a colour"),
        pytest.param(
            BlueGreenNames(track_label="slot", blue="a", green="b", services=(SERVICE,)), ("a", "b"), id="two slots"
        ),
        pytest.param(
            BlueGreenNames(track_label="acme.example/lane", blue="", green="", services=(SERVICE,)),
            ("r41", "r42"),
            id="the two values seen",
        ),
    ],
)
def test_a_hand_made_service_is_judged_and_switched_without_renaming_anything(
    server: Server, namespace: str, tmp_path: Path, settings: BlueGreenNames, values: tuple[str, str]
) -> None:
    blue, green = values
    ground = replace(settings, blue=blue, green=green)
    deck = Deck(server, namespace, tmp_path, settings=settings, names=ground)
    before = {kind: deck.cluster.list(kind, namespace).items for kind in ("deployments", "services")}
    given = {"name": "own", "namespaces": [namespace], "kubernetes": {"kubeconfig": str(server.kubeconfig)}}
    own = {"track_label": settings.track_label, "blue": settings.blue, "green": settings.green, "services": [SERVICE]}
    ask = build_ask(EnvironmentSettings.model_validate({**given, "blue_green": own}))
    try:
        verdict = judge(ask, namespace, SERVICE, utc_now())
        service = scene_of(ask, namespace, SERVICE, utc_now()).service.value
    finally:
        ask.close()
    assert (verdict.candidate, verdict.version) == (Track.GREEN, "1.8.0"), verdict.sentence
    assert service is not None
    assert (service.active, service.preview_service, service.tracks[Track.GREEN].ready) == (Track.BLUE, PREVIEW, 2)

    there = deck.switch()
    assert there.outcome is Outcome.SUCCEEDED, there.sentence
    shown = [deck.ground.service(name)["spec"]["selector"] for name in (SERVICE, PREVIEW)]
    assert shown == [{**COMMON, settings.track_label: value} for value in (green, blue)]

    back = deck.run(a_rollback(namespace=namespace))
    assert back.outcome is Outcome.SUCCEEDED, back.sentence
    after = {kind: deck.cluster.list(kind, namespace).items for kind in ("deployments", "services")}
    for kind, items in before.items():
        assert [_own(item) for item in after[kind]] == [_own(item) for item in items], kind


def _own(item: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a team wrote: its labels and its selector or template."""
    return (
        item["metadata"]["name"],
        item["metadata"].get("labels"),
        item["spec"]["selector"],
        item["spec"].get("template"),
    )


@pytest.mark.parametrize(
    ("roll", "names"),
    [
        pytest.param({"version": "1.8.1"}, ("1.8.0 was judged", "runs 1.8.1"), id="another version"),
        pytest.param({"image": "agent:other"}, ("agent:1.8.0", "agent:other"), id="the same version of another image"),
    ],
)
@pytest.mark.parametrize("moment", ["the lock is taken", "the target is prepared", "the verdict is read again"])
def test_a_rollout_between_guard_and_write_is_a_refusal_that_names_both(
    deck: Deck, roll: Mapping[str, str], names: tuple[str, str], moment: str
) -> None:
    rolled: list[str] = []

    def roll_on(step: str) -> None:
        if step == moment and not rolled:
            rolled.append(step)
            deck.ground.roll_on("green", **roll)

    steps = {"prepare": "the target is prepared", "again": "the verdict is read again"}

    def before_write(verb: str, kind: str, body: Any) -> None:
        if kind == "leases":
            roll_on("the lock is taken")
        intent = read_intent(body) if kind == "services" else None
        if intent is not None and intent.step in steps:
            roll_on(steps[intent.step])

    deck.cluster.before_write = before_write
    state = deck.switch()

    assert rolled
    assert state.outcome is Outcome.REFUSED, state.sentence
    for name in names:
        assert name in state.sentence
    assert deck.ground.users() == "blue"
    assert deck.left_behind() is None


def test_a_rollout_at_the_very_moment_of_the_write_is_taken_back(deck: Deck) -> None:
    rolled: list[str] = []

    def before_write(verb: str, kind: str, body: Any) -> None:
        if kind == "services" and moves(body) and not rolled:
            rolled.append("1.8.1")
            deck.ground.roll_on("green", version="1.8.1")

    deck.cluster.before_write = before_write
    state = deck.switch()

    assert state.outcome is Outcome.FAILED
    assert "1.8.0 was judged, but it runs 1.8.1 now" in state.sentence
    assert deck.ground.users() == "blue"


@pytest.mark.parametrize("pods", [0, 1])
def test_a_target_that_is_scaled_down_after_it_was_prepared_is_a_refusal(deck: Deck, pods: int) -> None:
    def before_write(verb: str, kind: str, body: Any) -> None:
        intent = read_intent(body) if kind == "services" else None
        if intent is not None and intent.step == "switch":
            deck.ground.scale("green", pods)

    deck.cluster.before_write = before_write
    state = deck.switch()

    assert state.outcome is Outcome.REFUSED, state.sentence
    assert f"scaled down to {pods} pods, but 2 are needed" in state.sentence
    assert deck.ground.users() == "blue"


@pytest.mark.parametrize("moment", ["before", "at the write"])
def test_a_pod_of_nobody_with_the_labels_of_the_target_gets_no_users(deck: Deck, moment: str) -> None:
    def before_write(verb: str, kind: str, body: Any) -> None:
        if kind == "services" and moves(body):
            deck.cluster.before_write = lambda *_: None
            deck.ground.add_pod("debug", "green")

    if moment == "before":
        deck.ground.add_pod("debug", "green")
    else:
        deck.cluster.before_write = before_write
    state = deck.switch()

    assert state.outcome is (Outcome.REFUSED if moment == "before" else Outcome.FAILED), state.sentence
    assert "debug" in state.sentence
    assert deck.ground.users() == "blue"


def test_a_verdict_that_aged_is_a_refusal(deck: Deck) -> None:
    deck.judged_at = deck.now()

    def before_write(verb: str, kind: str, body: Any) -> None:
        intent = read_intent(body) if kind == "services" else None
        if intent is not None and intent.step == "prepare":
            deck.ahead += timedelta(seconds=61)

    deck.cluster.before_write = before_write
    state = deck.switch()

    assert state.outcome is Outcome.REFUSED, state.sentence
    assert "the verdict on 1.8.0 is 1 min 1 s old" in state.sentence
    assert "green runs 1.8.0" in state.sentence
    assert deck.ground.users() == "blue"


@pytest.mark.parametrize(
    "labels",
    [pytest.param({}, id="on the template only"), pytest.param(None, id="on Deployment and template")],
)
def test_the_guard_finds_the_tracks_that_the_page_finds(
    server: Server, namespace: str, tmp_path: Path, labels: Mapping[str, str] | None
) -> None:
    deck = Deck(server, namespace, tmp_path, deployment_labels=labels)
    deployments = deck.cluster.list("deployments", namespace).items
    assert set(find_tracks(deck.ground.service(), deployments)) == set(Track)

    assert deck.switch().outcome is Outcome.SUCCEEDED
    assert deck.ground.users() == "green"


@pytest.mark.parametrize(
    ("selector", "says"),
    [
        pytest.param({"app": "other", TRACK: "green"}, "app=other", id="of another application"),
        pytest.param(
            {**COMMON, TRACK: "green", "app.kubernetes.io/version": "1.8.0"}, "version=1.8.0", id="one version"
        ),
        pytest.param(COMMON, "names no track", id="of both tracks"),
        pytest.param({**COMMON, TRACK: "canary"}, "names no track", id="of a track of its own"),
    ],
)
def test_a_preview_service_that_cannot_show_the_other_track_is_left_alone(
    server: Server, namespace: str, tmp_path: Path, selector: Mapping[str, str], says: str
) -> None:
    deck = Deck(server, namespace, tmp_path, preview_selector=selector)
    before = deck.ground.service(PREVIEW)

    state = deck.switch()

    assert state.outcome is Outcome.SUCCEEDED, state.sentence
    assert "The preview Service was left alone" in state.sentence
    assert says in state.sentence
    assert deck.ground.service(PREVIEW) == before
    assert deck.ground.users() == "green"


def test_what_was_shown_is_what_is_sent(deck: Deck) -> None:
    cluster, service = deck.cluster, deck.ground.service()
    tracks = find_tracks(service, cluster.list("deployments", deck.namespace).items)
    shown = traffic_change(
        service, preview=deck.ground.service(PREVIEW), tracks=tracks, kind=ActionKind.SWITCH, target=Track.GREEN
    )
    sent: list[Any] = []
    cluster.before_write = lambda verb, kind, body: sent.append(body) if kind == "services" and moves(body) else None

    state = deck.switch(change=shown, template=tracks[Track.GREEN].template)

    assert state.outcome is Outcome.SUCCEEDED, state.sentence
    for body in sent:
        del body["metadata"]["resourceVersion"]
    assert sent == [shown.service.body, {"metadata": {}, **(shown.preview.body if shown.preview else {})}]


def test_a_process_killed_in_prepare_holds_nobody_up_for_more_than_a_minute(
    server: Server, namespace: str, tmp_path: Path, doomed: Callable[[str], subprocess.Popen[str]]
) -> None:
    deck = Deck(server, namespace, tmp_path, green_pods=1)
    process = doomed(namespace)
    eventually(lambda: _step(deck) == "prepare", "the doomed process prepares")
    process.kill()
    process.wait()
    killed_at = utc_now()

    assert deck.left_behind().holder
    assert "another action is under way: alice" in deck.switch(actor=BOB).sentence

    deck.ahead = killed_at + A_MINUTE - utc_now()
    assert deck.left_behind().ways_on == (WayOn.RESUME, WayOn.CLEAR)
    state = deck.switch(actor=BOB)
    assert state.outcome is Outcome.SUCCEEDED, state.sentence
    assert deck.ground.users() == "green"
    assert deck.left_behind() is None


def test_a_process_that_is_told_to_stop_leaves_its_action_to_be_resumed_at_once(
    server: Server, namespace: str, tmp_path: Path, doomed: Callable[[str], subprocess.Popen[str]]
) -> None:
    deck = Deck(server, namespace, tmp_path, green_pods=1)
    process = doomed(namespace)
    eventually(lambda: _step(deck) == "prepare", "the doomed process prepares")
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=20)

    assert "Left unfinished at the step prepare" in said
    ways_on = eventually(lambda: deck.left_behind().ways_on, "it can be resumed", seconds=10)
    assert ways_on == (WayOn.RESUME, WayOn.CLEAR)
    assert deck.switch(actor=BOB).outcome is Outcome.SUCCEEDED


def test_a_process_killed_after_the_write_is_finished_or_cleared_by_a_person(
    server: Server, namespace: str, tmp_path: Path, doomed: Callable[[str], subprocess.Popen[str]]
) -> None:
    deck = Deck(server, namespace, tmp_path)
    process = doomed(namespace)  # nobody moves the endpoints, so it waits for them
    eventually(lambda: _step(deck) == "read-back", "the doomed process reads back")
    process.kill()
    process.wait()
    deck.ahead = A_MINUTE

    left = deck.left_behind()
    assert left.ways_on == (WayOn.FINISH, WayOn.CLEAR)
    request = a_switch(
        namespace=namespace, actor=BOB, kind=ActionKind.FINISH, unfinished=left.intent.id, typed_version=""
    )
    deck.ground.roll_on("green", image="agent:other")
    other = deck.run(request)
    assert other.outcome is Outcome.REFUSED, other.sentence
    assert "agent:other" in other.sentence
    deck.ground.roll_on("green", image="agent:1.8.0")
    deck.ground.settle()
    state = deck.run(request)

    assert state.outcome is Outcome.SUCCEEDED, state.sentence
    assert "bob finished the switch to green 1.8.0 of alice" in state.sentence
    assert deck.ground.service(PREVIEW)["spec"]["selector"][TRACK] == "blue"
    intent = read_intent(deck.ground.service())
    assert intent is not None
    assert (intent.kind, intent.outcome, intent.actor) == (ActionKind.SWITCH, Outcome.SUCCEEDED, "alice")


def _step(deck: Deck) -> str:
    intent = read_intent(deck.ground.service())
    return intent.step if intent else ""
