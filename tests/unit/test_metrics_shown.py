"""Every metric of telemetry.md is asked for by a page, or stands here with the reason why none shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from dashboard.queries import own
from dashboard.queries.agents import agents
from dashboard.queries.alerts import alerts
from dashboard.queries.business import business
from dashboard.queries.contracts import contracts
from dashboard.queries.readings import Readings
from dashboard.queries.release import release
from dashboard.queries.request import Instant, Range, Request
from dashboard.queries.resources import resources
from dashboard.queries.triage import triage
from tests.unit.test_lost_inputs import NOW, VIEW, Full

TELEMETRY = Path(__file__).resolve().parents[2] / "deploy" / "monitoring" / "telemetry.md"
PAGES: tuple[Callable[..., Any], ...] = (triage, release, agents, contracts, resources, business, alerts)

_CLUSTER = "the pages read the object itself from the cluster, which is newer than what an exporter tells of it"
_OURSELVES = "the deck works it out itself and shows it on Release; an exported copy would be older"
_OPEN = "no page shows it yet"
_ELSEWHERE = "a system of its own, which not every cluster has: the deck has no page about it"
NOT_SHOWN: Final[Mapping[str, str]] = {
    "gen_ai_invoke_agent_inference_calls": "Traces counts the calls of a model of each run, and shows loops",
    "gen_ai_server_time_to_first_token_seconds": "only for own model servers; the client's first token is on Agents",
    "agentgov_contract_compliance_ratio": "Contracts counts evaluations itself: a mean of ratios weighs all alike",
    "agentgov_contract_evaluation_duration_seconds": f"{_OPEN}: what evaluating contracts costs in time",
    "agentgov_contract_recoveries_total": f"{_OPEN}: recoveries and how they ended",
    "agentgov_policy_decision_duration_seconds": f"{_OPEN}: what deciding costs in time",
    "agentgov_guardrail_findings_total": f"{_OPEN}: findings by risk and what was done",
    "agentgov_approval_requests_total": f"{_OPEN}: what people decided; Contracts shows how many wait now",
    "agentgov_approval_wait_seconds": f"{_OPEN}: how long people took",
    "agentgov_component_request_duration_seconds": f"{_OPEN}: Triage tells of components by what fails",
    "agentgov_component_up": "its alternative `up` is read",
    "agentgov_release_info": _OURSELVES,
    "agentgov_release_traffic_ratio": _OURSELVES,
    "agentgov_release_gate_status": _OURSELVES,
    "agentgov_release_switches_total": "the audit has each switch with its person and its reason: Audit and Release",
    "agentgov_release_last_switch_timestamp_seconds": "the Service's own note has the time: a mark on every chart",
    **dict.fromkeys(
        (
            *("kube_pod_info", "kube_pod_status_ready", "kube_pod_container_status_waiting_reason"),
            *("kube_pod_init_container_status_waiting_reason", "kube_deployment_spec_replicas"),
            *("kube_deployment_status_replicas_available", "kube_horizontalpodautoscaler_status_current_replicas"),
            *("kube_horizontalpodautoscaler_spec_max_replicas", "kube_resourcequota"),
            "kube_poddisruptionbudget_status_pod_disruptions_allowed",
        ),
        _CLUSTER,
    ),
    "container_network_receive_bytes_total": f"{_OPEN}: traffic of pods",
    "container_network_transmit_bytes_total": f"{_OPEN}: traffic of pods",
    "gatekeeper_violations": _ELSEWHERE,
    "gatekeeper_constraints": _ELSEWHERE,
    "gatekeeper_audit_last_run_time": _ELSEWHERE,
    "probe_success": "the deck asks each source itself, and shows on Sources whether it answers",
    "alertmanager_silences": "Alerts lists the silences themselves",
}


class Recording(Full):
    """Keeps the metrics of what it is asked."""

    metrics: set[str]

    def gather(self, requests: Mapping[str, Request]) -> Readings:
        for request in requests.values():
            if isinstance(request, Instant | Range):
                self.metrics |= {_name(metric) for metric in request.expression.metrics()}
        return super().gather(requests)


def _name(metric: str) -> str:
    return re.sub(r"_(bucket|count|sum)$", "", metric)


@cache
def shown() -> frozenset[str]:
    """The metrics that the pages ask for, whatever filter is set, and the deck's own, which Sources shows."""
    ask = Recording(NOW)
    ask.metrics = {own.DURATION}
    for page in PAGES:
        for view in (VIEW, replace(VIEW, agent="a"), replace(VIEW, contract="c")):
            page(ask, view, NOW)
    return frozenset(ask.metrics)


def documented() -> tuple[str, ...]:
    """The metrics of the table, and the names below it that are read as they are."""
    text = TELEMETRY.read_text(encoding="utf-8")
    table = re.findall(r"^\| \d+ \| `([a-z0-9_]+)`", text, re.MULTILINE)
    below = text.partition("Resource names")[2].partition("## ")[0]
    families = r"(?:kube|container|gatekeeper|probe|alertmanager)_[a-z0-9_]+"
    return tuple(dict.fromkeys((*table, *re.findall(rf"`({families})", below))))


@pytest.mark.parametrize("metric", documented())
def test_a_metric_is_shown_on_a_page_or_has_a_reason_why_not(metric: str) -> None:
    assert (metric in shown()) != (metric in NOT_SHOWN), f"{metric}: shown or with a reason, and not both"


def test_the_whole_table_is_read_and_no_reason_is_left_over() -> None:
    assert len(documented()) >= 48 + 30
    assert NOT_SHOWN.keys() <= set(documented())
