"""The cluster as several pages ask it: what is not installed, what we may not list, totals over every kind, one log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from dashboard.model.finding import FindingKind
from dashboard.model.reading import Reading, Source, State, empty, fresh, missing
from dashboard.model.view import View
from dashboard.model.workload import Health
from dashboard.queries.cluster import ClusterState, ask_cluster, cluster_state, totals
from dashboard.queries.readings import Readings
from dashboard.queries.request import Objects, PodLog, Request
from dashboard.queries.resources import pod_log, resources
from dashboard.ui.resources import summary
from tests.unit.asking import environment
from tests.unit.cluster_objects import LONG_AGO, NOW, condition, container, pod, waiting, workload

NOT_SERVED: Reading[Any] = empty("the cluster serves no rollouts", source=Source.KUBERNETES, as_of=NOW)
FORBIDDEN: Reading[Any] = missing("it does not allow that (HTTP 403)", source=Source.KUBERNETES)
NODE = {"metadata": {"name": "n1"}, "status": {"conditions": [condition("Ready", "True")]}}


class FakeAsk:
    """Answers each kind with what it is given: objects, or a reading as it is. No metrics."""

    environment = environment()

    def __init__(self, **kinds: Any) -> None:
        self.kinds = {"nodes": [NODE], "rollouts": NOT_SERVED, **kinds}
        self.logs: list[PodLog] = []

    def gather(self, requests: Mapping[str, Request]) -> Readings:
        return Readings(requests, {key: self._answer(request) for key, request in requests.items()})

    def _answer(self, request: Request) -> Reading[Any]:
        if isinstance(request, PodLog):
            self.logs.append(request)
            return fresh("a line", source=Source.KUBERNETES, as_of=NOW)
        if not isinstance(request, Objects):
            return empty("no such series", source=Source.PROMETHEUS, as_of=NOW)
        found = self.kinds.get(request.kind, ())
        return found if isinstance(found, Reading) else fresh(tuple(found), source=Source.KUBERNETES, as_of=NOW)


def state(**kinds: Any) -> ClusterState:
    return cluster_state(FakeAsk(**kinds).gather(ask_cluster("agents")), NOW)


def test_a_kind_that_is_not_installed_is_no_lack() -> None:
    found = state(deployments=[workload()], pods=[pod("a"), pod("b")])
    assert (found.workloads.state, found.findings.state) == (State.FRESH, State.FRESH)
    assert [one.kind for one in found.workloads.value or ()] == ["Deployment"]


@pytest.mark.parametrize("kind", ["rollouts", "statefulsets", "jobs", "deployments"])
def test_a_kind_that_we_may_not_list_makes_the_whole_partial_and_is_named(kind: str) -> None:
    found = state(**{"daemonsets": [workload(desiredNumberScheduled=1)], kind: FORBIDDEN})
    assert found.workloads.state is State.PARTIAL
    assert found.workloads.reason == f"{kind} is missing: it does not allow that (HTTP 403)"
    assert len(found.workloads.value or ()) == 1
    assert found.findings.state is State.PARTIAL


def test_without_pods_nothing_is_said_of_workloads() -> None:
    found = state(deployments=[workload()], pods=FORBIDDEN)
    assert (found.workloads.state, found.findings.state, found.findings.value) == (State.MISSING, State.PARTIAL, ())
    assert "it does not allow that" in found.findings.reason


@pytest.mark.parametrize("pods", [FORBIDDEN, empty("not served", source=Source.KUBERNETES, as_of=NOW)])
def test_a_service_without_endpoints_is_told_without_its_pods_and_nothing_is_said_of_them(pods: Reading[Any]) -> None:
    labels = {"tealdeck.io/governed": "true"}
    service = {"metadata": {"name": "agents", "labels": labels}, "spec": {"selector": {"app": "agents"}}}
    found = state(services=[service], pods=pods)
    (one,) = found.findings.value or ()
    assert one.headline == "No pod serves agents: every request to it fails"
    assert one.reason == "which pods have the labels that it selects (app=agents) is not known"
    assert found.findings.state is State.PARTIAL


def test_stale_workloads_stay_stale() -> None:
    old = Reading(value=(workload(),), source=Source.KUBERNETES, state=State.STALE, as_of=NOW, reason="down")
    assert state(deployments=old, jobs=FORBIDDEN).workloads.state is State.STALE


def test_endpoints_that_are_not_answered_are_not_taken_for_none() -> None:
    service = {
        "metadata": {"name": "web", "labels": {"tealdeck.io/governed": "true"}},
        "spec": {"selector": {"a": "b"}},
    }
    assert [one.kind for one in state(services=[service]).findings.value or ()] == [FindingKind.NO_ENDPOINTS]
    unknown = state(services=[service], endpointslices=FORBIDDEN)
    assert (unknown.findings.value, unknown.findings.state) == ((), State.PARTIAL)


def test_totals_count_every_kind_and_pods_that_nobody_controls() -> None:
    found = state(
        deployments=[workload()],
        statefulsets=[workload("db")],
        daemonsets=[workload("agent", desiredNumberScheduled=3, numberReady=2, numberAvailable=2)],
        jobs=[{"metadata": {"name": "j"}, "spec": {"parallelism": 1}, "status": {"active": 1, "ready": 1}}],
        pods=[
            pod("bare", owner=None),
            pod("of-an-operator", container(ready=False), owner=("PodSet", "kafka")),
            pod("over", phase="Failed", owner=None),
            pod("leaving", owner=None, metadata={"deletionTimestamp": LONG_AGO}),
            pod("a"),
            pod("job", owner=("Job", "j")),
        ],
    )
    assert totals(found.workloads.value or (), found.pods.value or ()) == (2 + 2 + 3 + 1 + 2, 2 + 2 + 2 + 1 + 1)


VIEW = View(env="local", ns="agents")


def answered(**kinds: Any) -> Any:
    return resources(FakeAsk(**kinds), VIEW, NOW)  # type: ignore[arg-type]


def test_the_page_says_that_all_is_well_only_over_what_it_looked_at() -> None:
    said = summary(answered(deployments=[workload()], pods=[pod("a"), pod("b")]))
    assert said.is_well
    assert said.head == "All workloads have their pods."
    assert said.rest == "Looked at: 1 workload, 2 of 2 pods ready, 1 node."


ODD = pod("a", container(ready=False, state=waiting("VolumeHydrating")), phase="Pending")


@pytest.mark.parametrize(
    ("kinds", "said_of_it"),
    [
        pytest.param({"deployments": FORBIDDEN}, "HTTP 403", id="workloads that we may not list"),
        pytest.param({"nodes": FORBIDDEN}, "nodes is missing: it does not allow that", id="nodes that we may not list"),
        pytest.param({"pods": [ODD]}, "“VolumeHydrating”, which is not understood", id="a word of a pod"),
        pytest.param({"pods": [pod(phase=None)]}, "it has no phase yet", id="a pod that says nothing"),
        pytest.param({"pods": FORBIDDEN}, "HTTP 403", id="no pods"),
        pytest.param({"endpointslices": FORBIDDEN}, "endpoints is missing: it does not", id="no endpoints"),
    ],
)
def test_what_is_not_known_is_never_told_as_well(kinds: dict[str, Any], said_of_it: str) -> None:
    said = summary(answered(**{"daemonsets": [workload(desiredNumberScheduled=1, numberAvailable=1)], **kinds}))
    assert not said.is_well
    assert said.head == "Not known whether the platform is healthy."
    assert said_of_it in said.rest


def test_what_is_wrong_comes_first_with_its_reason_and_the_rest_is_counted() -> None:
    late = condition("Progressing", "False", "ProgressDeadlineExceeded")
    many = [workload(f"w{number}", conditions=[late]) for number in range(5)]
    said = summary(answered(deployments=many, rollouts=FORBIDDEN))
    assert said.head == "5 things are wrong."
    assert "w0 is stuck, 2 of 2 pods available (ProgressDeadlineExceeded)" in said.rest
    assert "2 more below" in said.rest
    assert "Not known: workloads: rollouts is missing" in said.rest


def test_no_workload_at_all_is_not_told_as_well() -> None:
    said = summary(answered())
    assert (said.head, said.is_well) == ("No workload runs in this namespace.", False)


def test_pods_of_which_nobody_knows_make_the_count_of_sick_ones_partial() -> None:
    found = answered(pods=[ODD, pod("b", container(ready=False))])
    assert (found.in_trouble.value, found.in_trouble.state) == (1.0, State.PARTIAL)
    assert "VolumeHydrating" in found.in_trouble.reason


def test_one_kind_of_limit_that_we_may_not_list_costs_itself_alone() -> None:
    budget = {"metadata": {"name": "b"}, "status": {"disruptionsAllowed": 1, "expectedPods": 2}}
    found = answered(poddisruptionbudgets=[budget], resourcequotas=FORBIDDEN).limits
    assert [one.name for one in found.value] == ["b"]
    assert (found.state, "resourcequotas" in found.reason) == (State.PARTIAL, True)


def test_a_warning_without_a_time_is_shown_as_long_as_the_page_follows_now() -> None:
    timeless = {"metadata": {"name": "e", "creationTimestamp": None}, "type": "Warning", "reason": "Odd"}
    assert [one.reason for one in answered(events=[timeless]).events.value or ()] == ["Odd"]
    past = View(env="local", ns="agents", range="", start=NOW - timedelta(hours=2), end=NOW - timedelta(hours=1))
    assert resources(FakeAsk(events=[timeless]), past, NOW).events.state is State.EMPTY  # type: ignore[arg-type]


def read(ask: FakeAsk, **view: str) -> Reading[str]:
    look = View(env="local", ns="agents", **view)  # type: ignore[arg-type]
    return pod_log(ask, look, previous=True, lines=10)  # type: ignore[arg-type]


def test_the_log_is_that_of_the_annotated_container_unless_another_is_chosen() -> None:
    annotated = {"annotations": {"kubectl.kubernetes.io/default-container": "app"}}
    found = pod("a", container("proxy"), container("app"), init=(container("migrate"),), metadata=annotated)
    ask = FakeAsk(pods=[found])
    assert read(ask, pod="a").value == "a line"
    assert read(ask, pod="a", container="migrate").value == "a line"
    assert [(one.container, one.previous) for one in ask.logs] == [("app", True), ("migrate", True)]


def test_a_container_that_the_pod_does_not_have_is_said_and_not_replaced() -> None:
    ask = FakeAsk(pods=[pod("a")])
    reading = read(ask, pod="a", container="gone")
    assert (reading.state, ask.logs) == (State.MISSING, [])
    assert reading.reason == "this pod has no container gone, only app"


def test_workloads_of_which_all_is_known_but_a_word_are_unknown() -> None:
    found = state(deployments=[workload()], pods=[ODD, pod("b")])
    assert [one.health for one in found.workloads.value or ()] == [Health.UNKNOWN]
