"""The Release page and the verdict are the same for a service with a team's own labels as for one with ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.model.release import Track
from dashboard.model.verdict import Decision
from dashboard.model.view import View
from dashboard.queries.release import judge, release
from dashboard.settings.blue_green import BlueGreenSettings
from dashboard.ui import session, switching
from tests.act.fakes import is_owned, owner_reference
from tests.act.test_own_labels import SERVICE, ground
from tests.unit.release_stage import ENVIRONMENT, StageAsk, running

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
VIEW = View(env="local", ns="agents")


def stage(values: tuple[str, str], **given: Any) -> StageAsk:
    own = BlueGreenSettings.model_validate({"services": [SERVICE], **given})
    cluster = running(ground(own.track_label, values))
    return StageAsk(NOW, cluster=cluster, environment=ENVIRONMENT.model_copy(update={"blue_green": own}))


@pytest.mark.parametrize(
    ("values", "given"),
    [
        pytest.param(("blue", "green"), {"track_label": "color"}, id="a colour"),
        pytest.param(("a", "b"), {"track_label": "slot", "blue": "a", "green": "b"}, id="two slots"),
        pytest.param(("r41", "r42"), {"track_label": "acme.example/lane"}, id="the two values seen"),
    ],
)
def test_the_verdict_is_that_of_a_service_with_our_labels(values: tuple[str, str], given: dict[str, Any]) -> None:
    ours = judge(StageAsk(NOW), "agents", SERVICE, NOW)  # type: ignore[arg-type]
    own = judge(stage(values, **given), "agents", SERVICE, NOW)  # type: ignore[arg-type]

    assert own.decision is Decision.GO, own.sentence
    assert replace(own, template="") == replace(ours, template="")

    found = release(stage(values, **given), VIEW, NOW)  # type: ignore[arg-type]
    assert found.preview_shows is Track.GREEN
    assert {change.service.body["spec"]["selector"][given["track_label"]] for change in found.changes.values()} == {
        values[1]
    }


def test_a_service_that_is_not_governed_is_not_shown() -> None:
    answer = release(stage(("a", "b"), track_label="slot", services=["other"]), VIEW, NOW)  # type: ignore[arg-type]
    assert answer.service.value is None
    assert "does not have a governed service" in answer.service.reason


def test_a_governed_service_without_a_track_says_what_to_do_first_and_last() -> None:
    ask = stage(("a", "b"), track_label="slot", blue="a", green="b")
    for (kind, _), item in ask.cluster.objects.items():
        labels = item["spec"]["selector"] if kind == "services" else {}
        if kind == "deployments":
            labels = item["spec"]["template"]["metadata"]["labels"]
        labels.pop("slot", None)

    reason = release(ask, VIEW, NOW).service.reason  # type: ignore[arg-type]

    assert "Templates first, the selector last" in reason
    assert reason.index("patch deployment") < reason.index("rollout status") < reason.index("patch service")


def test_what_argo_moves_is_judged_and_its_buttons_say_who_moves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = stage(("r41", "r42"), track_label="rollouts-pod-template-hash")
    for (kind, name), item in list(ask.cluster.objects.items()):
        if kind == "services":
            item["metadata"]["annotations"] = {"argo-rollouts.argoproj.io/managed-by-rollouts": "runtime"}
        if kind == "deployments":
            ask.cluster.objects["replicasets", name] = ask.cluster.objects.pop((kind, name))
            made = ask.cluster.objects.pop(("replicasets", f"{name}-1"))
            for (of, _), pod in ask.cluster.objects.items():
                if of == "pods" and is_owned(pod, made):
                    pod["metadata"]["ownerReferences"] = [owner_reference(item, "ReplicaSet")]
    assert judge(ask, "agents", SERVICE, NOW).decision is Decision.GO  # type: ignore[arg-type]

    def draw() -> None:
        from dashboard.model.view import View
        from dashboard.queries.release import release
        from dashboard.ui import session, switching

        view = View(env="local", ns="agents")
        switching.buttons(release(session.ask_for(view), view, session.now()), False)

    monkeypatch.setattr(session, "ask_for", lambda view: ask)
    monkeypatch.setattr(session, "now", lambda: NOW)
    app = AppTest.from_function(draw, default_timeout=30).run()
    assert not app.exception
    assert [app.button(key=key).disabled for key in (switching.SWITCH, switching.ROLLBACK)] == [True, True]
    assert "kubectl argo rollouts promote runtime -n agents" in unescape(app.caption[0].value)
