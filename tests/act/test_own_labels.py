"""Actions on a service that carries no label of ours: the team's label and values are written, and what Argo moves is
left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboard.model.action import Outcome
from dashboard.model.blue_green import BlueGreen
from tests.act.fakes import FakeCluster, blue_green
from tests.act.test_actions import Stage, a_rollback, a_switch

SERVICE = "agent-runtime"


def ground(label: str, values: tuple[str, str]) -> FakeCluster:
    """The service of the other tests as another team would have it: no label and no annotation of ours."""
    cluster = blue_green()
    for (kind, _), item in list(cluster.objects.items()):
        text = json.dumps(item)
        for track, value in zip(("blue", "green"), values, strict=True):
            text = text.replace(f'"tealdeck.io/track": "{track}"', f'"{label}": "{value}"')
        item = json.loads(text)
        if kind == "services":
            item["metadata"] |= {"labels": {}, "annotations": {}}
        cluster.put(kind, item)
    cluster.writes.clear()
    return cluster


@pytest.mark.parametrize(
    ("known", "values"),
    [
        pytest.param(BlueGreen(track_label="color", services=(SERVICE,)), ("blue", "green"), id="a colour"),
        pytest.param(
            BlueGreen(track_label="slot", blue="a", green="b", services=(SERVICE,)), ("a", "b"), id="two slots"
        ),
        pytest.param(
            BlueGreen(track_label="lane", blue="", green="", services=(SERVICE,)), ("r41", "r42"), id="values seen"
        ),
    ],
)
def test_users_and_preview_move_by_the_teams_label_and_back(
    tmp_path: Path, known: BlueGreen, values: tuple[str, str]
) -> None:
    stage = Stage(tmp_path, ground(known.track_label, values))
    stage.blue_green = known

    def selected() -> list[str]:
        found = [
            stage.cluster.objects["services", name]["spec"]["selector"] for name in (SERVICE, f"{SERVICE}-preview")
        ]
        return [selector[known.track_label] for selector in found]

    there = stage.run(a_switch())
    assert there.outcome is Outcome.SUCCEEDED, there.sentence
    assert selected() == [values[1], values[0]]
    assert f"{known.track_label}={values[1]}" in there.facts["selector"]

    back = stage.run(a_rollback())
    assert back.outcome is Outcome.SUCCEEDED, back.sentence
    assert selected() == list(values)
    assert not [body for *_, body in stage.cluster.writes if "tealdeck.io/track" in json.dumps(body)]


def test_a_switch_that_fails_goes_back_to_the_teams_value(tmp_path: Path) -> None:
    stage = Stage(tmp_path, ground("slot", ("a", "b")))
    stage.blue_green = BlueGreen(track_label="slot", blue="a", green="b", services=(SERVICE,))
    stage.cluster.endpoints_follow = False

    state = stage.run(a_switch())

    assert state.outcome is Outcome.FAILED, state.sentence
    assert stage.cluster.objects["services", SERVICE]["spec"]["selector"]["slot"] == "a"


def test_a_service_that_nobody_governs_is_refused_with_both_ways_to_govern_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, ground("slot", ("a", "b")))
    stage.blue_green = BlueGreen(track_label="slot", blue="a", green="b", governed_label="acme.example/managed")

    state = stage.run(a_switch())

    assert state.outcome is Outcome.REFUSED
    assert "acme.example/managed" in state.sentence
    assert "the settings do not name it" in state.sentence
    assert stage.cluster.writes == []


def test_what_argo_moves_is_refused_with_the_command_that_promotes_it(tmp_path: Path) -> None:
    cluster = ground("color", ("blue", "green"))
    users = cluster.objects["services", SERVICE]
    users["metadata"] |= {
        "namespace": "agents",
        "annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "runtime"},
    }
    cluster.put("services", users)
    stage = Stage(tmp_path, cluster)
    stage.blue_green = BlueGreen(track_label="color", services=(SERVICE,))

    state = stage.run(a_switch())

    assert state.outcome is Outcome.REFUSED
    assert "kubectl argo rollouts promote runtime -n agents" in state.sentence
    assert stage.cluster.writes == []
