"""The Resources page over odd clusters: it draws them, says what is wrong, and offers each container."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.ui.resources import pod_line


def draw_page(pod: str, sick: bool) -> None:
    from dashboard.model.view import View
    from dashboard.queries.resources import pod_containers, resources
    from dashboard.ui.resources import LIMITS, NODES, PODS, WORKLOADS, choose_container, headline
    from dashboard.ui.tables import table
    from tests.unit.cluster_objects import NOW, condition, container, terminated, waiting, workload
    from tests.unit.cluster_objects import pod as a_pod
    from tests.unit.test_cluster_query import FakeAsk

    stuck = container("migrate", ready=False, state=waiting("CrashLoopBackOff"), lastState=terminated())
    pods = [
        a_pod("fine", container("app"), sidecars=(container("mesh"),)),
        a_pod("over", phase="Failed", reason="Evicted", message="*low* on <b>memory</b>"),
        {"metadata": {"name": "empty", "labels": None}, "spec": None, "status": None},
    ]
    if sick:
        pods.append(a_pod("sick", container(ready=False), phase="Pending", init=(stuck,)))
    nodes = [{"metadata": {"name": "n1"}, "status": {"conditions": [condition("Ready", "True")]}}]
    quota = {"metadata": {"name": "q"}, "status": {"hard": {"pods": "4"}, "used": {"pods": "much"}}}
    view = View(env="local", ns="agents", pod=pod)
    ask = FakeAsk(pods=pods, deployments=[workload()], nodes=nodes, resourcequotas=[quota])
    answer = resources(ask, view, NOW)  # type: ignore[arg-type]
    headline(answer)
    for rows, columns, name in (
        (answer.workloads, WORKLOADS, "workloads"),
        (answer.pods, PODS, "pods"),
        (answer.nodes, NODES, "nodes"),
        (answer.limits, LIMITS, "limits"),
    ):
        table(rows, columns, key=f"resources.{name}", csv_name=name)  # type: ignore[type-var, arg-type]
    choose_container(view, pod_containers(ask, view))  # type: ignore[arg-type]


def draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, pod: str = "", sick: bool = False) -> AppTest:
    st.cache_resource.clear()
    file = tmp_path / "tealdeck.toml"
    file.write_text("[environments.local]")
    monkeypatch.setenv("TEALDECK_SETTINGS", str(file))
    app = AppTest.from_function(draw_page, args=(pod, sick), default_timeout=30).run()
    assert not app.exception
    return app


def test_what_is_wrong_is_said_on_top_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (said,) = draw(tmp_path, monkeypatch, sick=True).warning
    assert "One thing is wrong." in said.value
    assert "CrashLoopBackOff" in said.value


def test_what_nobody_knows_is_said_on_top_and_outside_words_are_no_markup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw(tmp_path, monkeypatch)
    (said,) = app.warning
    assert "Not known whether the platform is healthy." in said.value
    assert "it has no phase yet" in said.value
    cards = " ".join(str(html.proto.body) for html in app.get("html"))
    assert "&lt;b&gt;memory" in cards
    assert "? cannot be told" in cards
    assert "not understood: much" in cards


def test_each_container_can_be_chosen_where_there_are_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (chosen,) = draw(tmp_path, monkeypatch, pod="fine").selectbox
    assert list(chosen.options) == ["app, the default one", "app (main)", "mesh (sidecar)"]
    assert not draw(tmp_path, monkeypatch, pod="over").selectbox


@pytest.mark.parametrize(
    ("pod", "line"),
    [
        ("agent-runtime-blue-a2c82377b2-d87ft", "agent-runtime-blue d87ft"),
        ("db-0", "db-0"),
        ("debug", "debug"),
        ("", ""),
    ],
)
def test_a_pod_has_a_line_in_the_legend_whatever_its_name(pod: str, line: str) -> None:
    assert pod_line({"pod": pod}) == line
