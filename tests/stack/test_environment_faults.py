"""Each fault on the running environment: what its line says is seen where it says so, and goes when it is healed.

The four faults that alerts and the Release page are built around have their journeys elsewhere; their pieces, and those
of all faults of the workload, are tested without an environment.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from connectors.kubernetes import Kubernetes
from tests.environment import Environment

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(240)]
NAMESPACE = "agents"
SOURCES = ("prometheus", "alertmanager", "elasticsearch", "kubernetes")


class Ground:
    """The environment as its sources show it."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.cluster = Kubernetes(environment.endpoints["kubeconfig"])

    def on(self, name: str, *options: str) -> None:
        done = self.environment.command("fault", name, *options)
        assert done.returncode == 0, done.stdout + done.stderr

    def heal(self) -> None:
        done = self.environment.command("heal")
        assert done.returncode == 0, done.stdout + done.stderr

    def value(self, promql: str) -> float | None:
        """The one value of an instant query; None where there is none."""
        url = f"{self.environment.endpoints['prometheus']}/api/v1/query"
        found = requests.get(url, {"query": promql}, timeout=5).json()["data"]["result"]
        return float(found[0]["value"][1]) if found else None

    def above(self, promql: str, limit: float) -> bool:
        value = self.value(promql)
        return value is not None and value > limit

    def below(self, promql: str, limit: float) -> bool:
        value = self.value(promql)
        return value is not None and value < limit

    def lines(self, *clauses: dict[str, Any]) -> int:
        """How many log lines there are to which all of this applies."""
        url = f"{self.environment.endpoints['elasticsearch']}/logs-agentgov.app.otel-*/_count"
        answer = requests.post(url, json={"query": {"bool": {"filter": list(clauses)}}}, timeout=5)
        return int(answer.json()["count"])

    def answer_seconds(self, source: str) -> float | None:
        """How long a source takes to answer; None where it does not."""
        started = time.monotonic()
        try:
            if source == "kubernetes":
                self.cluster.list("nodes")
            else:
                paths = {"elasticsearch": "/_cluster/health"}
                url = self.environment.endpoints[source] + paths.get(source, "/-/ready")
                requests.get(url, timeout=5).raise_for_status()
        except Exception:  # noqa: BLE001 - whatever a client says of a source that is away
            return None
        return time.monotonic() - started

    def kill(self, service: str, *labels: str) -> None:
        """`kill -9` of one pod's process, as the kernel or a careless hand would do it."""
        selector = ",".join((f"app.kubernetes.io/name={service}", *labels))
        pod = self.cluster.list("pods", NAMESPACE, selector).items[0]
        os.kill(int(pod["status"]["containerStatuses"][0]["containerID"].removeprefix("process://")), signal.SIGKILL)

    def state_of(self, task_id: str) -> str:
        """What the gateway says of a task; empty while it says nothing."""
        try:
            answer = requests.get(f"{self.environment.endpoints['gateway']}/v1/tasks/{task_id}", timeout=2)
            return str(answer.json().get("state", "")) if answer.ok else ""
        except requests.RequestException:
            return ""

    def runtime_pods(self, track: str = "green") -> list[dict[str, Any]]:
        selector = f"app.kubernetes.io/name=agent-runtime,tealdeck.io/track={track}"
        return self.cluster.list("pods", NAMESPACE, selector).items


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.2)


@pytest.fixture
def ground(environment: Environment) -> Iterator[Ground]:
    made = Ground(environment)
    yield made
    made.heal()


def test_dead_sources_are_away_until_healed_and_nothing_else_ends(ground: Ground) -> None:
    for source in SOURCES:
        ground.on("dead-source", "--source", source)
    until(lambda: all(ground.answer_seconds(source) is None for source in SOURCES), 10)
    ground.heal()
    until(lambda: all(ground.answer_seconds(source) is not None for source in SOURCES), 15)
    until(lambda: ground.environment.command("status").returncode == 0, 30)
    until(lambda: ground.above('sum(up{job="agent-governance"})', 6), 40)


def test_a_source_that_hangs_answers_nobody_until_healed(ground: Ground) -> None:
    ground.on("dead-source", "--source", "elasticsearch", "--how", "hangs")
    until(lambda: ground.below('probe_success{instance="elasticsearch"}', 1), 15)
    ground.heal()
    until(lambda: ground.above('probe_success{instance="elasticsearch"}', 0), 15)


def test_slow_sources_answer_late_until_healed(ground: Ground) -> None:
    for source in SOURCES:
        ground.on("slow-source", "--source", source)

    def is_late(source: str) -> bool:
        seconds = ground.answer_seconds(source)
        return seconds is not None and seconds > 0.7

    for source in SOURCES:
        until(lambda source=source: is_late(source), 20)
    ground.heal()
    until(lambda: all((ground.answer_seconds(source) or 9) < 0.5 for source in SOURCES), 15)


def test_what_ails_the_runtime_shows_in_metrics_and_logs_until_healed(ground: Ground) -> None:
    cost = 'sum(rate(agentgov_agent_cost_usd_total{track="green"}[10s]))'
    runs = 'sum(rate(gen_ai_invoke_agent_inference_calls_count{track="green"}[10s]))'
    cpu = 'sum(rate(container_cpu_usage_seconds_total{{pod=~"agent-runtime-{}.*"}}[10s]))'
    burnt = f"{cpu.format('green')} / {cpu.format('blue')}"  # blue works as it does: a busy machine slows both alike
    flood = {"match_phrase": {"body.text": "cache miss"}}
    healthy = ground.value(f"{cost} / {runs}")
    assert healthy is not None

    for name in ("cost-explosion", "cpu-burn", "log-flood", "clock-skew"):
        ground.on(name)
    until(lambda: ground.above(f"{cost} / {runs}", 3 * healthy), 40)
    until(lambda: ground.above(burnt, 2), 20)
    behind = {"range": {"@timestamp": {"lt": "now-200s"}}}
    until(lambda: ground.lines(flood, behind) > 2000, 30)

    ground.heal()
    until(lambda: ground.below(burnt, 1.5), 30)
    until(lambda: ground.below(f"{cost} / {runs}", 2 * healthy), 40)
    until(lambda: ground.lines(flood, {"range": {"@timestamp": {"gte": "now-3s"}}}) == 0, 10)


def test_a_leak_ends_at_the_limit_and_a_stuck_queue_ages_each_on_its_own_track_until_healed(ground: Ground) -> None:
    def ends() -> set[str]:
        statuses = [pod["status"]["containerStatuses"][0] for pod in ground.runtime_pods("green")]
        return {status["lastState"].get("terminated", {}).get("reason", "") for status in statuses}

    memory = 'max(container_memory_working_set_bytes{{pod=~"agent-runtime-{}.*"}})'
    depth = 'sum(agentgov_agent_queue_depth{{queue="runs",track="{}"}})'
    ground.on("memory-leak", "--track", "green")
    ground.on("stuck-queue", "--track", "blue")
    until(lambda: ground.above(depth.format("blue"), 10), 30)
    until(lambda: ground.above('max(agentgov_agent_queue_oldest_age_seconds{queue="runs",track="blue"})', 5), 30)
    until(lambda: ground.above(memory.format("green"), 180 * 2**20), 40)
    assert ground.below(memory.format("blue"), 120 * 2**20)
    until(lambda: "OOMKilled" in ends(), 30)
    ground.heal()
    until(lambda: ground.below(depth.format("blue"), 1), 20)
    until(lambda: ground.below(memory.format("green"), 120 * 2**20), 30)
    until(lambda: all(pod["status"]["containerStatuses"][0]["ready"] for pod in ground.runtime_pods()), 30)


def test_a_lossy_node_loses_requests_and_a_certificate_near_its_end_is_seen_until_healed(ground: Ground) -> None:
    lost = 'sum(rate(agentgov_component_requests_total{code="502"}[10s]))'
    days_left = '(probe_ssl_earliest_cert_expiry{instance="kubernetes"} - time()) / 86400'
    ground.on("lossy-node")
    ground.on("certificate-expiring")
    until(lambda: ground.below(days_left, 3.1), 20)
    until(lambda: ground.above(lost, 0.3), 30)
    assert ground.answer_seconds("kubernetes") is not None
    ground.heal()
    until(lambda: ground.above(days_left, 300), 20)
    until(lambda: not ground.above(lost, 0), 40)


def test_a_service_without_endpoints_serves_nobody_until_healed(ground: Ground) -> None:
    def endpoints() -> int:
        slices = ground.cluster.list("endpointslices", NAMESPACE, "kubernetes.io/service-name=agent-runtime").items
        return sum(len(one.get("endpoints") or []) for one in slices)

    refused = 'sum(rate(agentgov_component_requests_total{code="503"}[10s]))'
    ground.on("no-endpoints")
    until(lambda: endpoints() == 0, 10)
    assert all(pod["status"]["containerStatuses"][0]["ready"] for pod in ground.runtime_pods("blue"))
    until(lambda: ground.above(refused, 0.3), 40)
    ground.heal()
    until(lambda: endpoints() > 0, 10)
    until(lambda: not ground.above(refused, 0), 40)


def test_a_pod_that_no_node_takes_leaves_its_deployment_below_what_is_wanted_until_healed(ground: Ground) -> None:
    def reasons() -> set[str]:
        conditions = [one for pod in ground.runtime_pods() for one in pod["status"].get("conditions", [])]
        return {one.get("message", "") for one in conditions if one.get("reason") == "Unschedulable"}

    of_green = '{deployment="agent-runtime-green"}'
    below = f"kube_deployment_spec_replicas{of_green} - kube_deployment_status_replicas_available{of_green}"
    ground.on("unschedulable")
    until(lambda: reasons() == {"0/2 nodes are available: 2 node(s) were unschedulable."}, 40)
    until(lambda: ground.above(below, 0), 20)
    events = ground.cluster.list("events", NAMESPACE).items
    assert any(one["reason"] == "FailedScheduling" for one in events)
    ground.heal()
    until(lambda: ground.below(below, 1), 40)
    assert not reasons()


def test_an_audit_that_cannot_be_written_lags_until_healed(ground: Ground) -> None:
    lag, written = "max(agentgov_audit_write_lag_seconds)", "sum(increase(agentgov_audit_events_total[10s]))"
    ground.on("audit-unwritable", "--how", "governance")
    ground.on("kill-switch")  # each run that is denied is audited
    until(lambda: ground.above(lag, 5), 40)
    until(lambda: ground.below(written, 1), 20)  # what was written before is out of the window
    waits = {"term": {"attributes.error.type": "audit_unwritable"}}
    until(lambda: ground.lines(waits) > 10, 20)
    ground.heal()
    until(lambda: ground.below(lag, 1), 20)
    until(lambda: ground.above(written, 10), 20)


def test_no_accepted_task_is_lost_when_gateway_and_runtime_are_killed(ground: Ground) -> None:
    tasks = f"{ground.environment.endpoints['gateway']}/v1/tasks"
    later = {"Prefer": "respond-async"}
    sent = [requests.post(tasks, json={"task_type": "research-brief"}, headers=later, timeout=5) for _ in range(30)]
    accepted = {answer.json()["task_id"] for answer in sent if answer.status_code == 202}
    assert len(accepted) == 30
    ground.kill("agent-runtime", "tealdeck.io/track=blue")
    ground.kill("gateway")
    until(lambda: {ground.state_of(task_id) for task_id in accepted} == {"completed"}, 60)


def test_a_release_that_is_bad_comes_as_a_new_version_and_is_rolled_back(ground: Ground) -> None:
    def versions() -> set[str]:
        return {pod["metadata"]["labels"]["app.kubernetes.io/version"] for pod in ground.runtime_pods()}

    def failing(version: str) -> str:
        errors = 'rate(gen_ai_invoke_agent_duration_seconds_count{error_type!=""}[10s])'
        pods = f'max by (pod) (agentgov_agent_info{{gen_ai_agent_version="{version}"}})'
        return f"sum({errors} * on (pod) group_left () {pods})"

    good = versions()
    ground.on("bad-release", "--how", "errors")
    until(lambda: versions() == {"1.9.0"}, 60)
    until(lambda: ground.above(failing("1.9.0"), 0.2), 30)
    images = {pod["spec"]["containers"][0]["image"] for pod in ground.runtime_pods()}
    assert images == {"tealdeck/reference-workload:1.9.0"}
    ground.heal()
    until(lambda: versions() == good, 60)
    assert not any(
        variable["name"] == "TEALDECK_DEFECT"
        for pod in ground.runtime_pods()
        for variable in pod["spec"]["containers"][0]["env"]
    )
