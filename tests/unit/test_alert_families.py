"""Alerts of any name find the incident that they measure: by the rule's expression, else by the words of their name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.alerting import rule_of
from dashboard.decide.families import family
from dashboard.decide.incidents import group, joined
from dashboard.decide.suspects import suspect
from dashboard.model.alert import Alert
from dashboard.model.incident import CauseFamily, Standing
from tests.unit.test_incidents import alert

P95 = "histogram_quantile(0.95, sum by (le) (rate(gen_ai_invoke_agent_duration_seconds_bucket[5m]))) > 3"
FAILED = 'sum(rate(gen_ai_invoke_agent_duration_seconds_count{error_type!=""}[5m])) > 0.1'


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (P95, CauseFamily.LATENCY),
        (FAILED, CauseFamily.ERRORS),
        ("rate(agentgov_contract_violations_total[5m]) > 1", CauseFamily.CONTRACTS),
        ("kube_pod_container_status_restarts_total > 5", CauseFamily.PODS),
        ("agentgov_agent_queue_oldest_age_seconds > 60", CauseFamily.QUEUE),
        ("agentgov_kill_switch_engaged == 1", CauseFamily.STOPPED),
        ("agentgov_audit_write_lag_seconds > 10", CauseFamily.AUDIT),
        ('rate(agentgov_component_requests_total{code=~"5.."}[5m]) > 1', CauseFamily.REQUESTS),
        ("up == 0", CauseFamily.BLIND),
        ("vector(1)", CauseFamily.OTHER),
    ],
)
def test_an_alert_of_unknown_name_tells_by_what_its_rule_measures(expression: str, expected: CauseFamily) -> None:
    assert family(replace(alert("Rule42"), expression=expression)) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("HighErrorRate", CauseFamily.ERRORS),
        ("AgentP95TooHigh", CauseFamily.LATENCY),
        ("KubePodNotReady", CauseFamily.PODS),
        ("container_oom_killed", CauseFamily.PODS),
        ("TaskQueueBacklog", CauseFamily.QUEUE),
        ("Watchdog", CauseFamily.OTHER),
    ],
)
def test_without_an_expression_its_name_tells(name: str, expected: CauseFamily) -> None:
    assert family(quiet(name)) is expected


def test_an_alert_of_others_stands_in_the_incident_that_it_measures_and_does_not_head_it() -> None:
    (found,) = group([replace(alert("Rule42"), expression=FAILED), alert("AgentErrorRatioHigh", severity="warning")])
    assert found.alerts == ("AgentErrorRatioHigh", "Rule42")
    assert found.headline == "AgentErrorRatioHigh says so"
    assert found.reasons == ("Rule42 says so",)
    assert found.severity == "critical"


def test_an_alert_of_the_whole_service_joins_the_one_track_that_is_sick_and_no_one_of_two() -> None:
    whole = alert("HighErrorRate", track="")
    assert [one.track for one in group([whole, alert()])] == ["green"]
    assert [one.track for one in group([whole, alert(), alert(track="blue")])] == ["", "blue", "green"]


def test_alerts_of_which_nobody_knows_what_they_measure_stand_for_themselves() -> None:
    assert len(group([quiet("Watchdog"), quiet("Other")])) == 2


def test_what_is_measured_becomes_a_reason_of_the_incident_that_an_alert_tells() -> None:
    pods = alert("DeploymentBelowDesired", severity="warning")
    seen = suspect(
        CauseFamily.PODS, "No node takes 1 pod", service="agent-runtime", track="green", reasons=("2 Insufficient cpu",)
    )
    (found,) = joined(group([pods]), [seen])
    assert (found.standing, found.reasons) == (Standing.FIRING, ("No node takes 1 pod", "2 Insufficient cpu"))


def test_a_silenced_alert_does_not_hide_a_fact_with_a_reason_of_its_own() -> None:
    seen = suspect(CauseFamily.PODS, "No node takes 1 pod", service="agent-runtime", track="green", reasons=("full",))
    found = joined(group([alert("PodCrashLooping", state="suppressed")]), [seen])
    assert [one.standing for one in found] == [Standing.SUSPECT, Standing.SUPPRESSED]


def test_the_expression_is_read_from_the_link_to_the_rule() -> None:
    assert rule_of("http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1") == "up == 0"
    assert [rule_of(one) for one in ("", "http://[broken", "http://x/graph")] == ["", "", ""]


def quiet(name: str) -> Alert:
    return replace(alert(name), annotations={})
