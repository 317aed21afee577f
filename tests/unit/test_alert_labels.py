"""Alerts in the labels and words of other people: the worst word is the worst, and an unknown one is said to be so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide import gates, incidents
from dashboard.decide.alerts import concerns, place, severity, workload_of_pod
from dashboard.decide.policy import Limits
from dashboard.model.alert import Alert
from dashboard.model.reading import Source
from dashboard.model.release import Track
from dashboard.model.verdict import GateAnswer, Result
from dashboard.model.words import SEVERITIES, Severity
from tests.unit.release_evidence import NOW, evidence, known, service

ON_GREEN = {"namespace": "agents", "service_name": "agent-runtime", "track": "green"}


def alert(**labels: str) -> Alert:
    return Alert(
        name="AgentsDown",
        labels={"alertname": "AgentsDown", **labels},
        annotations={"summary": "all runs fail"},
        starts_at=NOW,
        state="active",
        fingerprint=str(sorted(labels.items())),
    )


def gate(*alerts: Alert, limits: Limits | None = None) -> GateAnswer:
    return gates.alerts(evidence(alerts=known(alerts, Source.ALERTMANAGER)), limits or Limits())


@pytest.mark.parametrize(
    "labels",
    [
        {"severity": "critical"},
        {"severity": "Critical"},
        {"severity": "page"},
        {"severity": "error"},
        {"severity": "sev1"},
        {"severity": "Emergency"},
        {"priority": "P1"},
        {"priority": "high"},
        {"severity": "warning", "priority": "P1"},
        {"severity": "purple", "priority": "P1"},
    ],
    ids=str,
)
def test_the_worst_word_stops_a_release_and_heads_the_page(labels: dict[str, str]) -> None:
    found = alert(**ON_GREEN, **labels)

    assert gate(found).result is Result.FAIL
    assert incidents.group([found])[0].severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ({"severity": "purple"}, "“purple”"),
        ({"severity": "P2"}, "“P2”"),
        ({"severity": "warning", "priority": "top"}, "“top”"),
        ({}, "no word"),
    ],
    ids=str,
)
def test_a_word_that_is_not_understood_is_shown_as_itself_and_leaves_the_gate_unknown(
    labels: dict[str, str], shown: str
) -> None:
    found = alert(**ON_GREEN, **labels)
    answer, (incident,) = gate(found), incidents.group([found])

    assert answer.result is Result.UNKNOWN
    assert shown in answer.reason
    assert "words.severity" in answer.reason
    assert (incident.severity, incident.severity_word) == (Severity.UNKNOWN, shown)


def test_settings_say_what_a_word_means() -> None:
    found = alert(**ON_GREEN, severity="purple")
    for meaning, result in (("critical", Result.FAIL), ("warning", Result.PASS), ("info", Result.PASS)):
        assert gate(found, limits=Limits(words={"severity": {"Purple": meaning}})).result is result
    without = alert(**ON_GREEN)
    assert gate(without, limits=Limits(words={"severity": {"": "warning"}})).result is Result.PASS


def test_a_lesser_alert_is_not_called_none() -> None:
    answer = gate(alert(**ON_GREEN, severity="ticket"))

    assert (answer.result, answer.reason) == (Result.PASS, "no critical alert fires, 1 less severe")


def test_what_is_not_understood_stands_above_warnings_and_below_what_is_critical() -> None:
    words = ["info", "warning", "purple", "page"]
    found = incidents.group([alert(**{**ON_GREEN, "service_name": word}, severity=word) for word in words])

    assert [incident.service for incident in found] == ["page", "purple", "warning", "info"]


@given(
    st.lists(st.sampled_from(["page", "warning", "info", "purple", ""]), max_size=4), st.sampled_from(["purple", "x"])
)
def test_a_word_that_becomes_unknown_never_moves_the_gate_towards_go(words: list[str], unknown: str) -> None:
    order = [Result.PASS, Result.UNKNOWN, Result.FAIL]
    before = gate(*(alert(**ON_GREEN, severity=word, n=str(n)) for n, word in enumerate(words)))
    for at, word in enumerate(words):
        if word == "page":
            continue
        changed = [*words[:at], unknown, *words[at + 1 :]]
        after = gate(*(alert(**ON_GREEN, severity=word, n=str(n)) for n, word in enumerate(changed)))
        assert order.index(after.result) >= order.index(before.result)


@given(st.dictionaries(st.sampled_from(["severity", "priority", "level"]), st.text(max_size=12)))
def test_an_alert_is_as_bad_as_the_worst_that_it_says(labels: dict[str, str]) -> None:
    said = [SEVERITIES.meaning(word) or Severity.UNKNOWN for word in labels.values() if word] or [Severity.UNKNOWN]

    assert severity(alert(**labels)) is min(said, key=list(Severity).index)


@pytest.mark.parametrize(
    ("labels", "where"),
    [
        pytest.param({"deployment": "agent-runtime-green"}, ("agent-runtime", "green"), id="Deployment"),
        pytest.param({"pod": "agent-runtime-green-5f6d-x2x1z"}, ("agent-runtime", "green"), id="pod"),
        pytest.param({"replicaset": "agent-runtime-green-5f6d"}, ("agent-runtime", "green"), id="ReplicaSet"),
        pytest.param({"statefulset": "agent-runtime-green"}, ("agent-runtime", "green"), id="StatefulSet"),
        pytest.param({"pod": "agent-runtime-green-0"}, ("agent-runtime", "green"), id="pod of a StatefulSet"),
        pytest.param({"service": "agent-runtime", "tealdeck_track": "green"}, ("agent-runtime", "green"), id="Service"),
        pytest.param({"app": "agent-runtime", "track": "green"}, ("agent-runtime", "green"), id="app"),
        pytest.param(
            {
                "service": "kube-state-metrics",
                "pod": "kube-state-metrics-7d-x",
                "exported_pod": "agent-runtime-green-7-x",
            },
            ("agent-runtime", "green"),
            id="an exporter that tells of another pod",
        ),
        pytest.param(
            {"service": "kube-state-metrics", "deployment": "agent-runtime-green"},
            ("agent-runtime", "green"),
            id="an exporter that tells of a Deployment",
        ),
        pytest.param({"destination_workload": "agent-runtime-green"}, ("agent-runtime", "green"), id="mesh"),
        pytest.param({"service": "agent-runtime-green"}, ("agent-runtime", "green"), id="Service of a track"),
        pytest.param(
            {"deployment": "kube-state-metrics", "exported_deployment": "agent-runtime-green"},
            ("agent-runtime", "green"),
            id="an exporter's own Deployment beside",
        ),
        pytest.param(
            {"exported_replicaset": "agent-runtime-green-5f6d", "pod": "kube-state-metrics-7d-x"},
            ("agent-runtime", "green"),
            id="an exporter that tells of a ReplicaSet",
        ),
        pytest.param(
            {"horizontalpodautoscaler": "agent-runtime-green"}, ("agent-runtime", "green"), id="what scales it"
        ),
        pytest.param({"job": "agents/agent-runtime-green"}, ("agent-runtime", "green"), id="job of a track"),
        pytest.param(
            {"service_name": "agent-runtime", "pod": "agent-runtime-green-5f6d-x"},
            ("agent-runtime", "green"),
            id="a service and one of its pods",
        ),
    ],
)
def test_labels_of_many_rules_place_an_alert(labels: dict[str, str], where: tuple[str, str]) -> None:
    found = alert(namespace="agents", severity="critical", **labels)

    assert place(found.labels) == where
    assert gate(found).result is Result.FAIL
    assert concerns(found, service(), Track.GREEN)
    assert not concerns(found, service(), Track.BLUE)


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param({"namespace": "agents", "pod": "agent-runtime-green-worker-5f6d-x2x1z"}, id="a longer name"),
        pytest.param(
            {"namespace": "agents", "pod": "agent-runtime-greenish-5f6d-x2x1z"}, id="a name that begins alike"
        ),
        pytest.param({"namespace": "agents", "deployment": "agent-runtime-blue"}, id="the other track"),
        pytest.param({"namespace": "agents", "service": "gateway"}, id="another service"),
        pytest.param(
            {"namespace": "agents", "exported_namespace": "other", "deployment": "agent-runtime-green"},
            id="another namespace, told by an exporter in this one",
        ),
        pytest.param({"namespace": "agents"}, id="nothing but the namespace"),
    ],
)
def test_an_alert_on_something_else_stops_no_release(labels: dict[str, str]) -> None:
    assert gate(alert(severity="critical", **labels)).result is Result.PASS


def test_an_exporter_in_another_namespace_tells_of_this_one() -> None:
    labels = {"namespace": "monitoring", "exported_namespace": "agents", "pod": "agent-runtime-green-5f6d-x"}

    assert gate(alert(severity="critical", **labels)).result is Result.FAIL


@pytest.mark.parametrize(
    "labels",
    [
        {"job": "agent-runtime"},
        {"job": "agents/agent-runtime"},
        {"job": "serviceMonitor/agents/agent-runtime/0", "namespace": "monitoring"},
        {"sloth_service": "agent-runtime"},
        {"service": "agent-runtime.agents.svc.cluster.local"},
        {"service": "agent-runtime", "pod": "kube-state-metrics-7d9f8b6c5d-x2x1z"},
        {"destination_service": "agent-runtime.agents.svc.cluster.local", "source_workload": "gateway"},
        {"instance": "http://agent-runtime.agents.svc:8080/healthz", "namespace": "monitoring"},
        {"some_team_label": "agent-runtime"},
    ],
    ids=str,
)
def test_an_alert_on_the_service_in_any_label_stops_the_release_of_either_track(labels: dict[str, str]) -> None:
    found = alert(**{"namespace": "agents", "severity": "critical", **labels})

    assert gate(found).result is Result.FAIL
    assert concerns(found, service(), Track.BLUE)


@pytest.mark.parametrize(
    "labels",
    [
        {"namespace": "agents", "job": "other/agent-runtime"},
        {"namespace": "agents", "service": "agent-runtime.other.svc.cluster.local"},
        {"namespace": "agents", "destination_workload": "gateway", "source_workload": "agent-runtime-green"},
        {"namespace": "agents", "deployment": "gateway", "team": "agent-runtime", "container": "agent-runtime"},
    ],
    ids=str,
)
def test_the_same_name_of_something_else_stops_no_release(labels: dict[str, str]) -> None:
    assert (gate(alert(severity="critical", **labels)).reason) == "no alert fires"


@pytest.mark.parametrize("length", range(40, 63))
def test_a_long_name_that_is_cut_still_tells_the_workload_of_a_pod(length: int) -> None:
    name = "agent-runtime-green".rjust(length, "a")
    pod = f"{name}-5f6d9c8b7d-"[:58] + "x2x1z"
    long = replace(service().tracks[Track.GREEN], deployment=name)
    found = alert(namespace="agents", severity="critical", pod=pod)

    assert concerns(found, replace(service(), tracks={Track.GREEN: long}), Track.GREEN)
    assert length >= 58 or place(found.labels) == (name.removesuffix("-green"), "green")


@pytest.mark.parametrize(
    ("alerts", "says"),
    [
        ([{"namespace": "agents"}], "no critical alert fires; 1 critical alert names no service: AgentsDown"),
        ([{"node": "a"}, {"service": "kube-state-metrics"}], "2 critical alerts name no service"),
        ([{"namespace": "agents", "service": "gateway"}], "no alert fires"),
        ([{"namespace": "other"}], "no alert fires"),
    ],
    ids=str,
)
def test_a_critical_alert_that_names_no_service_is_told_and_not_called_none(
    alerts: list[dict[str, str]], says: str
) -> None:
    answer = gate(*(alert(severity="critical", **labels) for labels in alerts))

    assert says in answer.reason


@pytest.mark.parametrize("word", ["sre", "P2", "blorp"])
def test_an_alert_that_may_be_critical_and_names_no_service_is_told_too(word: str) -> None:
    answer = gate(alert(severity=word, namespace="agents"))
    two = gate(alert(severity=word, namespace="agents"), alert(severity="page", namespace="agents"))
    placed = gate(alert(severity=word, namespace="agents", track="green"))

    assert answer.reason == "no critical alert fires; 1 possibly critical alert names no service: AgentsDown"
    assert "2 possibly critical alerts name no service" in two.reason
    assert placed.result is Result.UNKNOWN


@pytest.mark.parametrize(("track", "result"), [("green", Result.UNKNOWN), ("blue", Result.PASS)])
def test_a_critical_alert_that_names_the_track_alone_leaves_the_gate_unknown(track: str, result: Result) -> None:
    answer = gate(alert(severity="critical", namespace="agents", track=track))

    assert answer.result is result
    assert "names no service: AgentsDown" in answer.reason


def test_an_alert_on_the_preview_service_is_one_on_the_track_behind_it() -> None:
    found: Any = alert(namespace="agents", severity="critical", service="agent-runtime-preview")

    assert gate(found).result is Result.FAIL
    assert not concerns(found, service(), Track.BLUE)


@pytest.mark.parametrize(
    ("pod", "workload"),
    [
        ("agent-runtime-green-5f6d9c8b7d-x2x1z", "agent-runtime-green"),
        ("agent-runtime-0", "agent-runtime"),
        ("gateway-7d-x", "gateway"),
        ("alone", "alone"),
        ("", ""),
    ],
)
def test_a_pods_name_tells_its_workload(pod: str, workload: str) -> None:
    assert workload_of_pod(pod) == workload
