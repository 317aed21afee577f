"""A deck that is told to end (SIGTERM) amid actions: each ends in time or is left, and a second deck goes on from it.

The decks are whole processes with their pages; Deployments, pods and endpoints are played by the test. One deck is
stopped amid four switches, each in a namespace of its own, so that its time to end passes once.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.kubernetes import Kubernetes
from dashboard.act.audit import AuditFile
from dashboard.act.verify import verify
from dashboard.model.action import Outcome
from dashboard.model.service_annotations import read_intent
from tests.act.blue_green import SERVICE, BlueGreen
from tests.deck import DeckProcess, Visitor, running
from tests.stack.apiserver_process import Server
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.alone, pytest.mark.timeout(600)]

# Kubernetes kills a pod 30 s after SIGTERM unless told otherwise.
GRACE_SECONDS = 30.0
SLOW = 180.0  # a busy machine; nothing here is about how fast a page is
REASON = "a drill of those on call"
ENDS, RESUMED, CLEARED, FINISHED = NAMESPACES = ("ends", "resumed", "cleared", "finished")
DEAD = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is true once the first deck has gone: the second one, the cluster, and how long the first one took."""

    deck: DeckProcess
    grounds: Mapping[str, BlueGreen]
    audit: AuditFile
    seconds: float


def settings(kubeconfig: Path, audit: Path) -> str:
    """Both decks are replicas: one cluster, one volume with the audit."""
    sources = "\n".join(
        f'[environments.local.{name}]\nurl = "{DEAD}"' for name in ("prometheus", "alertmanager", "elasticsearch")
    )
    return f"""
[environments.local]
namespaces = {json.dumps(NAMESPACES)}
refresh_seconds = 2
{sources}
[environments.local.kubernetes]
kubeconfig = "{kubeconfig}"
[environments.local.audit]
file = "{audit}"
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Four switches begun on the first deck, which is then told to end."""
    folders = [tmp_path_factory.mktemp(name) for name in ("server", "first", "second")]
    server = Server(folders[0]).start()
    try:
        for name in NAMESPACES:
            made = server.call("POST", "/api/v1/namespaces", json={"metadata": {"name": name}})
            assert made.status_code == 201, made.text
        cluster = Kubernetes(str(server.kubeconfig))
        # One pod of two keeps a switch in its preparation; endpoints that nobody moves keep it in its read back.
        grounds = {name: BlueGreen(cluster, name, green_pods=2 if name == FINISHED else 1) for name in NAMESPACES}
        audit = AuditFile(folders[0] / "audit.jsonl", "local")
        text = settings(server.kubeconfig, audit.path)
        with running(folders[1], text, TEALDECK_ACTOR="alice") as first:
            for name, ground in grounds.items():
                switch(first, name)
                waits_at = "read-back" if name == FINISHED else "prepare"
                eventually(lambda g=ground, s=waits_at: step(g) == s, f"{name} waits at {waits_at}", SLOW)
            began = time.monotonic()
            first.terminate()
            ended(first, grounds[ENDS])
            seconds = time.monotonic() - began
        with running(folders[2], text, TEALDECK_ACTOR="bob") as second:
            yield Scene(deck=second, grounds=grounds, audit=audit, seconds=seconds)
    finally:
        server.stop(signal.SIGKILL)  # what watches it would keep it up for a while


def switch(deck: DeckProcess, namespace: str) -> None:
    """Press Switch on the page and confirm the dialog."""
    with Visitor(deck.address, "release", f"ns={namespace}") as visitor:
        visitor.look(SLOW)
        visitor.until(lambda: "Switch to GREEN 1.8.0" in visitor.words, "the page offers the switch", SLOW)
        visitor.press("release.switch", SLOW)
        confirm(visitor)


def confirm(visitor: Visitor) -> None:
    """Fill in the dialog of a switch: no source can be asked, so there is no GO."""
    visitor.fill("release.typed", "1.8.0", SLOW)
    visitor.fill("release.breakglass", REASON, SLOW)
    visitor.press("release.confirm", SLOW)


def step(ground: BlueGreen) -> str:
    """The step that the intent on the Service names."""
    intent = read_intent(ground.service())
    return intent.step if intent else ""


def outcome(ground: BlueGreen) -> Outcome | None:
    """How the action on the Service stands."""
    intent = read_intent(ground.service())
    return intent.outcome if intent else None


def ended(deck: DeckProcess, ground: BlueGreen) -> None:
    """Wait for the process' end; meanwhile pods and endpoints of one namespace come, so that its action can end."""

    def has_ended() -> bool:
        if outcome(ground) is Outcome.RUNNING:
            ground.settle()
        return deck.process.poll() is not None

    eventually(has_ended, "the deck has ended", SLOW)


def test_a_deck_amid_actions_ends_by_itself_within_the_time_that_kubernetes_gives(scene: Scene) -> None:
    assert scene.seconds < GRACE_SECONDS


def test_an_action_that_could_end_has_ended(scene: Scene) -> None:
    ground = scene.grounds[ENDS]
    assert (outcome(ground), ground.users()) == (Outcome.SUCCEEDED, "green")
    with Visitor(scene.deck.address, "release", f"ns={ENDS}") as visitor:
        visitor.look(SLOW)
        visitor.until(lambda: "Roll back to BLUE 1.7.4" in visitor.words, "the second deck knows of the switch", SLOW)
        assert "Left unfinished" not in visitor.words


def test_one_that_was_left_before_users_were_moved_is_resumed_on_another_deck(scene: Scene) -> None:
    ground = scene.grounds[RESUMED]
    assert (outcome(ground), ground.users()) == (Outcome.RUNNING, "blue")
    with Visitor(scene.deck.address, "release", f"ns={RESUMED}") as visitor:
        see_left_behind(visitor, "release.resume")
        visitor.press("release.resume", SLOW)
        confirm(visitor)
        carried_on(ground)
        visitor.until(lambda: "only green serves users" in visitor.words, "the outcome is shown", SLOW)
    assert ground.users() == "green"


def test_one_that_was_left_is_cleared_on_another_deck(scene: Scene) -> None:
    ground = scene.grounds[CLEARED]
    with Visitor(scene.deck.address, "release", f"ns={CLEARED}") as visitor:
        see_left_behind(visitor, "release.clear")
        visitor.press("release.clear", SLOW)
        visitor.press("release.unfinished.confirm", SLOW)
        visitor.until(lambda: "cleared the switch to green 1.8.0 of alice" in visitor.words, "it is cleared", SLOW)
    assert (outcome(ground), ground.users()) == (Outcome.FAILED, "blue")


def test_one_that_was_left_after_users_were_moved_is_finished_on_another_deck(scene: Scene) -> None:
    ground = scene.grounds[FINISHED]
    assert (outcome(ground), ground.users()) == (Outcome.RUNNING, "green")
    with Visitor(scene.deck.address, "release", f"ns={FINISHED}") as visitor:
        see_left_behind(visitor, "release.finish")
        visitor.press("release.finish", SLOW)
        visitor.press("release.unfinished.confirm", SLOW)
        carried_on(ground)
        visitor.until(lambda: "finished the switch to green 1.8.0 of alice" in visitor.words, "it is finished", SLOW)
    assert ground.service("agent-runtime-preview")["spec"]["selector"]["tealdeck.io/track"] == "blue"


def test_both_decks_have_written_one_chain_and_no_lock_is_held(scene: Scene) -> None:
    assert verify(scene.audit.lines()).finding is None
    records = [record["agentgov"]["audit"] for record in scene.audit.records()]
    left = [record for record in scene.audit.records() if "Left unfinished at the step" in record["message"]]
    assert len(left) == 3
    begun, over = ({one["action_id"] for one in records if one["phase"] == phase} for phase in ("begun", "finished"))
    assert begun == over
    for name, ground in scene.grounds.items():
        (lease,) = ground.cluster.list("leases", name).items
        assert (lease["metadata"]["name"], lease["spec"]["holderIdentity"]) == (f"tealdeck-{SERVICE}", "")


def see_left_behind(visitor: Visitor, way: str) -> None:
    """Another process left an action, and this way on is offered."""
    visitor.look(SLOW)
    visitor.until(lambda: "Left unfinished" in visitor.words and way in visitor.ids, f"{way} is offered", SLOW)
    assert "alice began a switch to green 1.8.0" in visitor.words
    assert "Its process is gone" in visitor.words


def carried_on(ground: BlueGreen) -> None:
    """Pods and endpoints come while the action goes on to its end."""

    def is_over() -> bool:
        ground.settle()
        return outcome(ground) is not Outcome.RUNNING

    eventually(is_over, "the action has ended", SLOW)
