"""What the cluster itself shows to be wrong: each fact once, where its cause is, with reason and time."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.decide import findings as module
from dashboard.decide.nodes import nodes
from dashboard.decide.workloads import pods, workloads
from dashboard.model.finding import ClusterFinding, FindingKind
from tests.unit.cluster_objects import JUST_NOW, LONG_AGO, NOW, condition, container, pod, waiting, workload

SCHEDULER = "0/3 nodes are available: 3 Insufficient cpu."


def facts(*members: dict[str, Any], of: tuple[dict[str, Any], ...] = (), **others: Any) -> tuple[ClusterFinding, ...]:
    found = pods(members, now=NOW)
    return module.findings(pods=found, workloads=workloads(of, found, others=others, now=NOW))


def unscheduled(name: str, since: str = LONG_AGO) -> dict[str, Any]:
    said = condition("PodScheduled", "False", "Unschedulable", SCHEDULER, since)
    return pod(name, phase="Pending", conditions=[said], containerStatuses=[], startTime=None)


def test_nothing_is_found_where_all_is_well() -> None:
    assert facts(pod("a"), pod("b"), of=(workload(),)) == ()


def test_pods_that_no_node_takes_are_told_once_with_the_schedulers_reason() -> None:
    (one,) = facts(unscheduled("a"), unscheduled("b"), of=(workload(availableReplicas=0, readyReplicas=0),))
    assert one.kind is FindingKind.UNSCHEDULABLE
    assert one.headline == "No node takes 2 pods of agent-runtime-blue"
    assert one.reason == SCHEDULER
    assert (one.service, one.track, one.since is not None) == ("agent-runtime", "blue", True)


def test_pods_that_wait_for_a_node_since_a_moment_are_no_finding() -> None:
    assert facts(unscheduled("a", JUST_NOW)) == ()


def test_a_deployment_below_desired_says_how_far_and_why() -> None:
    sick = pod("a", container(ready=False, state=waiting("CrashLoopBackOff")))
    (one,) = facts(sick, pod("b"), of=(workload(availableReplicas=1),))
    assert (one.kind, one.headline) == (FindingKind.BELOW_DESIRED, "agent-runtime-blue has 1 of 2 pods available")
    assert one.reason == "CrashLoopBackOff"
    assert not one.serves_nobody
    (none_left,) = facts(of=(workload(availableReplicas=0),))
    assert none_left.serves_nobody
    assert none_left.reason == "", "the headline has said it"


def test_a_stuck_rollout_says_its_reason_although_the_old_pods_serve() -> None:
    late = condition("Progressing", "False", "ProgressDeadlineExceeded", "it has timed out progressing.")
    (one,) = facts(pod("a"), pod("b"), of=(workload(conditions=[late]),))
    assert (one.kind, one.headline) == (FindingKind.STUCK, "agent-runtime-blue is stuck, 2 of 2 pods available")
    assert one.reason.startswith("ProgressDeadlineExceeded")


@pytest.mark.parametrize("owner", [None, ("SparkApplication", "nightly"), ("CloneSet", "agents"), ("Node", "node-a")])
def test_a_sick_pod_that_no_listed_workload_tells_of_is_told_itself(owner: tuple[str, str] | None) -> None:
    (one,) = facts(pod("a", container(ready=False), owner=owner), pod("b"), of=(workload(),))
    assert (one.kind, one.subject, one.headline) == (FindingKind.STUCK, "Pod a", "a is not well")
    (crashes,) = facts(pod("a", container(ready=False, state=waiting("CrashLoopBackOff")), owner=owner))
    assert crashes.reason == "CrashLoopBackOff"
    assert facts(pod("a", owner=owner)) == ()


def test_a_job_that_failed_is_said() -> None:
    failed = condition("Failed", "True", "BackoffLimitExceeded", "it has reached its limit")
    job = {"metadata": {"name": "migrate"}, "spec": {}, "status": {"conditions": [failed]}}
    (one,) = facts(jobs=[job])
    assert (one.kind, one.subject) == (FindingKind.JOB_FAILED, "Job migrate")
    assert "BackoffLimitExceeded" in one.reason


def test_a_node_that_is_silent_is_said() -> None:
    silent = {
        "metadata": {"name": "n1"},
        "status": {"conditions": [condition("Ready", "Unknown", "NodeStatusUnknown")]},
    }
    (one,) = module.findings(pods=(), nodes=nodes([silent]))
    assert (one.kind, one.headline) == (FindingKind.NODE, "The node n1 is not ready")


def test_a_word_that_nobody_understands_is_said_once_with_its_pods() -> None:
    odd = [pod(n, container(ready=False, state=waiting("VolumeHydrating")), phase="Pending") for n in ("a", "b")]
    (one,) = facts(*odd)
    assert one.kind is FindingKind.NOT_UNDERSTOOD
    assert one.headline == "2 pods say “VolumeHydrating”, which is not understood: neither well nor sick"
    assert one.reason == "a, b"


def test_the_odd_word_of_a_rollout_or_a_node_is_said_as_well() -> None:
    (rollout,) = facts(rollouts=[workload("web", phase="Contemplating")])
    assert rollout.headline.startswith("1 Rollout says “Contemplating”, which is not understood")
    odd = [{"metadata": {"name": n}, "status": {"conditions": [condition("Sunspots", "False")]}} for n in ("n1", "n2")]
    (node,) = module.findings(pods=(), nodes=nodes(odd))
    assert (node.headline.split(",")[0], node.reason) == ("2 nodes say “Sunspots”", "n1, n2")


def test_what_says_nothing_is_said_to_be_unclear() -> None:
    (one,) = facts(pod("a", phase=None), pod("b", phase=None))
    assert (one.kind, one.headline) == (FindingKind.NOT_UNDERSTOOD, "2 pods cannot be judged: it has no phase yet")
    (node,) = module.findings(pods=(), nodes=nodes([{"metadata": {"name": "n1"}}]))
    assert node.headline == "1 node cannot be judged: it does not say whether it is ready"


def test_a_workload_does_not_repeat_the_odd_word_of_its_pods() -> None:
    found = facts(pod("a", container(ready=False, state=waiting("Odd")), phase="Pending"), of=(workload(),))
    assert [one.subject for one in found] == ["Odd"]


SELECTOR = {"app.kubernetes.io/name": "agent-runtime", "tealdeck.io/track": "blue"}


def service(selector: Any = SELECTOR) -> dict[str, Any]:
    return {"metadata": {"name": "agent-runtime"}, "spec": {"selector": selector}}


def slice_of(*names: str, **conditions: bool) -> dict[str, Any]:
    endpoints = [{"targetRef": {"kind": "Pod", "name": name}, "conditions": conditions} for name in names]
    labels = {"kubernetes.io/service-name": "agent-runtime"}
    return {
        "metadata": {"name": "agent-runtime-x", "labels": labels},
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "http", "port": 8080}],
    }


def served(
    slices: list[dict[str, Any]], *members: dict[str, Any], selector: Any = SELECTOR
) -> tuple[ClusterFinding, ...]:
    return module.without_endpoints([service(selector)], slices, members, pods(members, now=NOW))


def test_a_service_that_is_served_is_no_finding() -> None:
    assert served([slice_of("a", ready=True)], pod("a")) == ()


@pytest.mark.parametrize(
    ("slices", "members", "reason"),
    [
        pytest.param(
            [slice_of("a", ready=False)],
            (pod("a", container(ready=False, state=waiting("CrashLoopBackOff"))),),
            "none of the 1 pod that it selects is ready: CrashLoopBackOff",
            id="its pod is sick",
        ),
        pytest.param(
            [slice_of()],
            (pod("other", metadata={"labels": {"tealdeck.io/track": "green"}}),),
            "no pod has the labels that it selects (app.kubernetes.io/name=agent-runtime, tealdeck.io/track=blue)",
            id="it selects nobody",
        ),
        pytest.param(
            [],
            (pod("over", phase="Failed", reason="Evicted"),),
            "no pod has the labels that it selects (app.kubernetes.io/name=agent-runtime, tealdeck.io/track=blue)",
            id="only pods that are over",
        ),
    ],
)
def test_a_service_that_no_pod_serves_is_the_worst_and_says_why(slices: Any, members: Any, reason: str) -> None:
    (one,) = served(slices, *members)
    assert (one.kind, one.serves_nobody) == (FindingKind.NO_ENDPOINTS, True)
    assert one.headline == "No pod serves agent-runtime: every request to it fails"
    assert one.reason == reason


def test_a_service_without_a_selector_is_not_ours_to_judge() -> None:
    assert served([], selector=None) == ()
