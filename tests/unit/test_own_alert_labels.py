"""Alerts in a team's own labels: read by the same lines of the settings as its metrics, for Triage and for the gate.

The name of a scrape job places an alert only on what is there.
"""

from __future__ import annotations

from typing import Any

import pytest

from connectors.alertmanager import FiringAlert
from dashboard.alerting import alert_of
from dashboard.decide import gates, incidents
from dashboard.decide.alerts import concerns, is_elsewhere, names_nobody, place
from dashboard.decide.policy import Limits
from dashboard.model.alert import Alert
from dashboard.model.own_labels import namespace_labels
from dashboard.model.reading import Source
from dashboard.model.release import Track
from dashboard.model.verdict import Result
from dashboard.queries.request import AlertGroups, Alerts
from dashboard.settings.environment import EnvironmentSettings
from tests.unit.release_evidence import NOW, evidence, known, service

ROLE = {"track": {"name": "role", "values": {"blue": ["active", "stable"], "green": "preview"}}}


def settings(**given: Any) -> EnvironmentSettings:
    return EnvironmentSettings.model_validate({"name": "test", **given})


def fires(environment: EnvironmentSettings, **labels: str) -> Alert:
    told = {"alertname": "Broken", "severity": "critical", "namespace": "agents", **labels}
    found = FiringAlert(
        labels=told,
        annotations={},
        starts_at=NOW,
        state="active",
        fingerprint=str(sorted(labels.items())),
        silenced_by=(),
        inhibited_by=(),
        receivers=(),
        generator_url="",
    )
    return alert_of(found, environment.alert_labels)


@pytest.mark.parametrize(
    ("given", "labels", "where"),
    [
        pytest.param(
            {"labels": ROLE},
            {"service_name": "agent-runtime", "role": "preview"},
            ("agent-runtime", "green"),
            id="a role that means a track",
        ),
        pytest.param(
            {"labels": ROLE},
            {"service_name": "agent-runtime", "role": "stable"},
            ("agent-runtime", "blue"),
            id="another word for the same track",
        ),
        pytest.param(
            {"labels": {"track": {"name": "color", "values": {"blue": "red", "green": "black"}}}},
            {"service": "agent-runtime", "color": "black"},
            ("agent-runtime", "green"),
            id="a colour",
        ),
        pytest.param(
            {"labels": {"service": "svc", "track": "lane"}},
            {"svc": "agent-runtime", "lane": "green"},
            ("agent-runtime", "green"),
            id="a label of its own for the service",
        ),
        pytest.param(
            {"labels": {"service": {"name": "workload_id", "pattern": "prod/{}/v[0-9]+"}, "track": "lane"}},
            {"workload_id": "prod/agent-runtime/v7", "lane": "green"},
            ("agent-runtime", "green"),
            id="a service within a label",
        ),
        pytest.param(
            {"labels": {"track": {"name": "host", "pattern": ".+-{}-[0-9]+", "values": {"blue": "b", "green": "g"}}}},
            {"service_name": "agent-runtime", "host": "edge-g-12"},
            ("agent-runtime", "green"),
            id="a track within a label",
        ),
        pytest.param(
            {"metrics": {"agent_runs": {"series": "work_seconds", "labels": ROLE}}},
            {"service_name": "agent-runtime", "role": "preview"},
            ("agent-runtime", "green"),
            id="a label that one metric alone has",
        ),
        pytest.param(
            {"labels": {"service": "svc"}},
            {"svc": "kube-state-metrics", "deployment": "agent-runtime-green"},
            ("agent-runtime", "green"),
            id="the exporter in the own label, the workload beside it",
        ),
    ],
)
def test_an_alert_in_own_labels_is_placed_as_the_settings_say(
    given: dict[str, Any], labels: dict[str, str], where: tuple[str, str]
) -> None:
    found = fires(settings(**given), **labels)
    other = Track(where[1]).other

    (incident,) = incidents.group([found])
    assert (incident.service, incident.track) == where
    assert concerns(found, service(), Track(where[1]))
    assert not concerns(found, service(), other)
    assert found.labels.keys() == {"alertname", "severity", "namespace", *labels}, "a silence names the team's labels"


def test_without_the_settings_line_an_own_label_places_nothing_and_the_service_as_a_whole_is_concerned() -> None:
    found = fires(settings(), service_name="agent-runtime", role="preview")

    assert place(found.placing) == ("agent-runtime", "")
    assert all(concerns(found, service(), track) for track in Track)


def test_a_word_of_a_track_label_that_the_settings_do_not_list_is_shown_and_not_guessed() -> None:
    listed = settings(labels={"track": {"name": "host", "pattern": ".+-{}-[0-9]+", "values": {"green": "g"}}})

    assert place(fires(settings(labels=ROLE), service_name="web", role="canary").placing) == ("web", "canary")
    assert place(fires(listed, service_name="web", host="edge-x-12").placing) == ("web", "")


@pytest.mark.parametrize("word", ["active", "preview"])
def test_active_and_preview_mean_the_tracks_that_are_so_now(word: str) -> None:
    found = fires(settings(labels={"track": "role"}), service_name="agent-runtime", role=word)
    track = service().active if word == "active" else service().preview

    assert track is not None
    assert concerns(found, service(), track)
    assert not concerns(found, service(), track.other)


def test_an_own_label_for_the_namespace_is_asked_for_and_binds() -> None:
    environment = settings(labels={"namespace": "k8s_ns"})
    ours = fires(environment, namespace="monitoring", k8s_ns="agents", service_name="agent-runtime")
    theirs = fires(environment, namespace="agents", k8s_ns="shop", service_name="agent-runtime")

    labels = namespace_labels(environment.alert_labels)
    for asked in (Alerts.of_namespace("agents", labels), AlertGroups.of_namespace("agents", labels)):
        assert ('k8s_ns="agents"',) in asked.or_filters
    assert (is_elsewhere(ours, service()), is_elsewhere(theirs, service())) == (False, True)
    assert concerns(ours, service(), Track.GREEN)


# The name of a scrape job.

GENERIC = ["kubernetes-pods", "agent-governance", "otel-collector", "integrations/unix", "podMonitor/agents/all-pods/0"]


@pytest.mark.parametrize("job", GENERIC)
@pytest.mark.parametrize("label", ["job", "exported_job"])
def test_a_job_that_is_no_service_places_no_alert(label: str, job: str) -> None:
    found = fires(settings(), **{label: job})
    (incident,) = incidents.group([found], known={"agent-runtime", "gateway"})

    assert (incident.service, incident.track) == ("", "")
    assert names_nobody(found.placing)


@pytest.mark.parametrize("job", ["agent-runtime", "agents/agent-runtime", "serviceMonitor/agents/agent-runtime/0"])
def test_a_job_places_an_alert_on_what_is_there(job: str) -> None:
    found = fires(settings(), job=job)

    assert place(found.placing, known={"agent-runtime"}) == ("agent-runtime", "")
    assert place(found.placing) == ("", ""), "nothing tells that it is a service"


def test_a_job_that_ends_in_a_track_and_labels_beside_a_job_still_place_an_alert() -> None:
    assert place({"job": "agents/agent-runtime-green"}) == ("agent-runtime", "green")
    assert place({"job": "kubernetes-pods", "app": "gateway"}) == ("gateway", "")
    assert place({"job": "kubernetes-pods", "pod": "agent-runtime-blue-5f6d-x2x1z"}) == ("agent-runtime", "blue")


def test_a_critical_alert_of_a_generic_job_is_told_on_the_release_and_not_called_none() -> None:
    told = evidence(alerts=known((fires(settings(), job="kubernetes-pods"),), Source.ALERTMANAGER))
    answer = gates.alerts(told, Limits())

    assert answer.result is Result.PASS
    assert "1 critical alert names no service: Broken" in answer.reason
