"""What Prometheus really gets: every target answers, and every name and label of ours stands in the table of names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.environment import Environment
from tests.waiting import eventually

TABLE = Path(__file__).parents[2] / "deploy" / "monitoring" / "telemetry.md"
# What relabelling and Prometheus itself add to every series of the governed system.
ADDED = {"namespace", "service_name", "deployment_environment_name", "track", "pod", "job", "instance", "le"}
# What the cluster of one machine cannot measure, and production can. See the table.
NOT_HERE = {
    "container_cpu_cfs_throttled_periods_total", "container_cpu_cfs_periods_total",
    "container_network_receive_bytes_total", "container_network_transmit_bytes_total",
    # Only there in trouble, and watched where trouble is made.
    "kube_pod_container_status_waiting_reason", "kube_pod_container_status_last_terminated_reason",
    # Only there with init containers, which the reference workload has none of.
    "kube_pod_init_container_status_restarts_total", "kube_pod_init_container_status_waiting_reason",
}  # fmt: skip
RESOURCES = {
    "kube_pod_info", "kube_pod_status_phase", "kube_pod_status_ready", "kube_pod_container_status_restarts_total",
    "kube_pod_container_resource_requests", "kube_pod_container_resource_limits", "kube_deployment_spec_replicas",
    "kube_deployment_status_replicas_available", "kube_horizontalpodautoscaler_status_current_replicas",
    "kube_horizontalpodautoscaler_spec_max_replicas", "kube_poddisruptionbudget_status_pod_disruptions_allowed",
    "kube_node_status_condition", "kube_resourcequota", "container_cpu_usage_seconds_total",
    "container_memory_working_set_bytes", "container_oom_events_total",
}  # fmt: skip


def ask(environment: Environment, path: str, **params: Any) -> Any:
    answer = requests.get(f"{environment.endpoints['prometheus']}/api/v1/{path}", params=params, timeout=10)
    answer.raise_for_status()
    return answer.json()["data"]


def table() -> dict[str, set[str]]:
    """Metric names with their own labels."""
    rows = re.findall(
        r"^\| \d+ \| (.+?) \| [^|]+ \| [^|]+ \| (.+?) \| [^|]+ \|$", TABLE.read_text().replace(r"\|", "/"), re.MULTILINE
    )
    return {
        name: set(re.findall(r"\b[a-z]+(?:_[a-z]+)*\b", re.sub(r"\(.*?\)", "", labels)))
        for names, labels in rows
        for name in re.findall(r"`([a-z_]+)`", names)
    }


def test_every_target_is_up(environment: Environment) -> None:
    def down() -> list[tuple[str, str]]:
        targets = ask(environment, "targets", state="active")["activeTargets"]
        return (
            [(one["scrapeUrl"], one["lastError"]) for one in targets if one["health"] != "up"]
            if targets
            else [("", "")]
        )

    eventually(lambda: not down(), "every target of Prometheus is up")


def test_every_scraped_metric_of_ours_stands_in_the_table_with_its_labels(environment: Environment) -> None:
    known = table()
    series = ask(environment, "series", **{"match[]": '{__name__=~"agentgov_.+|gen_ai_.+",job="agent-governance"}'})
    assert series
    strangers = set()
    for one in series:
        name = one["__name__"]
        name = name if name in known else re.sub(r"_(bucket|sum|count)$", "", name)
        extra = one.keys() - {"__name__"} - ADDED - known.get(name, set())
        if name not in known or extra:
            strangers.add((name, tuple(sorted(extra))))
    assert not strangers


def test_every_name_of_the_cluster_in_the_table_is_measured_here_or_said_not_to_be() -> None:
    named = set(re.findall(r"`((?:kube|container)_[a-z_]+)", TABLE.read_text()))
    assert named == RESOURCES | NOT_HERE


@pytest.mark.parametrize("name", sorted(RESOURCES))
def test_the_cluster_is_measured_under_the_names_of_production(environment: Environment, name: str) -> None:
    query = f'{name}{{namespace="agents"}}' if name != "kube_node_status_condition" else f'{name}{{status="true"}} == 1'
    found = eventually(lambda: ask(environment, "query", query=query)["result"], f"{name} of the governed system")
    assert all(float(one["value"][1]) >= 0 for one in found)
