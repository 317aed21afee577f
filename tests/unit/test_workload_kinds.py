"""How workloads of every kind are judged: numbers, stuck rollouts, pauses, Jobs, and what no controller has seen."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.workloads import pods, workloads
from dashboard.model.workload import SICK, Health, Workload
from tests.unit.cluster_objects import JUST_NOW, LONG_AGO, NOW, condition, container, pod, terminated, waiting, workload

QUOTA = 'pods "x" is forbidden: exceeded quota: compute'
DEADLINE = condition("Progressing", "False", "ProgressDeadlineExceeded", "ReplicaSet has timed out progressing.")
REFUSED = condition("ReplicaFailure", "True", "FailedCreate", QUOTA)
LACKING = condition("Available", "False", "MinimumReplicasUnavailable")


def judged(found: dict[str, Any], *members: dict[str, Any], plural: str = "deployments") -> Workload:
    of = pods(members, now=NOW)
    if plural == "deployments":
        (one,) = workloads([found], of, now=NOW)
    else:
        (one,) = workloads([], of, others={plural: [found]}, now=NOW)
    return one


@pytest.mark.parametrize(
    ("found", "health", "trouble"),
    [
        pytest.param(workload(conditions=None), Health.HEALTHY, "", id="nothing said against it"),
        pytest.param(
            workload(updatedReplicas=0, conditions=[REFUSED, DEADLINE]),
            Health.DEGRADED,
            f"FailedCreate: {QUOTA}; ProgressDeadlineExceeded: ReplicaSet has timed out progressing.",
            id="a quota refuses its new pods",
        ),
        pytest.param(
            workload(updatedReplicas=1, conditions=[DEADLINE]),
            Health.DEGRADED,
            "ProgressDeadlineExceeded: ReplicaSet has timed out progressing.",
            id="its deadline has passed",
        ),
        pytest.param(
            workload(
                updatedReplicas=1, conditions=[condition("ReplicaFailure", "True", "FailedCreate", QUOTA, JUST_NOW)]
            ),
            Health.CHANGING,
            "",
            id="a pod could not be created just now",
        ),
        pytest.param(
            workload(availableReplicas=0, readyReplicas=0, conditions=[REFUSED]),
            Health.FAILING,
            f"FailedCreate: {QUOTA}",
            id="no pod at all",
        ),
        pytest.param(
            workload(availableReplicas=1, conditions=[LACKING]),
            Health.DEGRADED,
            "1 of 2 pods available",
            id="one pod is missing for long",
        ),
        pytest.param(
            workload(
                availableReplicas=0,
                conditions=[condition("Available", "False", "MinimumReplicasUnavailable", since=JUST_NOW)],
            ),
            Health.CHANGING,
            "",
            id="pods are missing since a moment",
        ),
        pytest.param(
            workload(spec={"paused": True}, updatedReplicas=0),
            Health.CHANGING,
            "paused: 0 of 2 pods have the newest template",
            id="paused in the middle",
        ),
        pytest.param(
            workload(replicas=4, unavailableReplicas=2),
            Health.CHANGING,
            "",
            id="only the old pods of a full surge serve",
        ),
        pytest.param(workload(replicas=3), Health.CHANGING, "", id="an old pod is left beside the new ones"),
        pytest.param(workload(replicas=None), Health.HEALTHY, "", id="the number of pods is not told"),
        pytest.param(workload(spec={"paused": True}), Health.HEALTHY, "", id="paused with nothing to do"),
        pytest.param(workload(spec={"replicas": 0}, conditions=[DEADLINE]), Health.IDLE, "", id="asked to be zero"),
        pytest.param(
            workload(metadata={"generation": 3}),
            Health.CHANGING,
            "its controller has not seen the last change yet",
            id="a change that nobody looked at",
        ),
        pytest.param(
            {"metadata": {"name": "new", "generation": 1, "creationTimestamp": JUST_NOW}, "spec": {"replicas": 2}},
            Health.CHANGING,
            "its controller has not seen the last change yet",
            id="just created",
        ),
        pytest.param(
            {"metadata": {"name": "new", "creationTimestamp": LONG_AGO}, "spec": None, "status": None},
            Health.FAILING,
            "0 of 1 pods available",
            id="nobody has ever looked at it",
        ),
    ],
)
def test_a_deployment(found: dict[str, Any], health: Health, trouble: str) -> None:
    one = judged(found)
    assert (one.health, one.trouble) == (health, trouble)


def test_pods_that_are_over_neither_make_a_workload_sick_nor_count_their_restarts() -> None:
    evicted = pod("old", phase="Failed", reason="Evicted", containerStatuses=[container(ready=False, restartCount=9)])
    one = judged(workload(), pod("a"), pod("b"), evicted)
    assert (one.health, one.trouble, one.restarts) == (Health.HEALTHY, "", 0)


def test_a_pod_that_cannot_start_makes_a_rollout_sick_though_the_old_pods_serve() -> None:
    stuck = container("migrate", ready=False, restartCount=7, state=waiting("CrashLoopBackOff"), lastState=terminated())
    new = pod("new", container(ready=False, state=waiting("PodInitializing")), phase="Pending", init=(stuck,))
    one = judged(workload(updatedReplicas=1), pod("a"), pod("b"), new)
    assert one.health is Health.DEGRADED
    assert one.trouble == "init container migrate: CrashLoopBackOff, last: Error (exit 1)"
    assert one.restarts == 7


def test_a_pod_that_does_not_end_makes_its_workload_sick() -> None:
    one = judged(workload(), pod("a"), pod("b"), pod("gone", metadata={"deletionTimestamp": LONG_AGO}))
    assert (one.health, one.trouble) == (Health.DEGRADED, "Terminating for 2 d 12 h too long")


def test_a_word_that_nobody_understands_makes_a_workload_neither_well_nor_sick() -> None:
    odd = pod("a", container(ready=False, state=waiting("VolumeHydrating")), phase="Pending")
    one = judged(workload(), odd, pod("b"))
    assert (one.health, one.not_understood) == (Health.UNKNOWN, ("VolumeHydrating",))


STATEFUL = {"serviceName": "db", "updateStrategy": {"type": "RollingUpdate"}}


@pytest.mark.parametrize(
    ("plural", "found", "health", "numbers"),
    [
        pytest.param("statefulsets", workload(spec=STATEFUL), Health.HEALTHY, (2, 2, 2), id="a StatefulSet"),
        pytest.param(
            "statefulsets",
            workload(spec=STATEFUL, availableReplicas=None, updatedReplicas=0, currentRevision="a", updateRevision="a"),
            Health.HEALTHY,
            (2, 2, 2),
            id="a StatefulSet of an older cluster",
        ),
        pytest.param(
            "statefulsets",
            workload(spec={"updateStrategy": {"rollingUpdate": {"partition": 1}}}, updatedReplicas=1),
            Health.HEALTHY,
            (2, 2, 2),
            id="a StatefulSet that is rolled out to its partition",
        ),
        pytest.param(
            "statefulsets",
            workload(spec=STATEFUL, updatedReplicas=1, currentRevision="a", updateRevision="b"),
            Health.CHANGING,
            (2, 2, 2),
            id="a StatefulSet that rolls out",
        ),
        pytest.param(
            "daemonsets",
            workload(desiredNumberScheduled=3, numberReady=3, numberAvailable=3, updatedNumberScheduled=3),
            Health.HEALTHY,
            (3, 3, 3),
            id="a DaemonSet",
        ),
        pytest.param(
            "daemonsets",
            workload(desiredNumberScheduled=3, numberReady=1, numberAvailable=1, updatedNumberScheduled=3),
            Health.DEGRADED,
            (3, 1, 1),
            id="a DaemonSet that lacks pods",
        ),
        pytest.param(
            "daemonsets", workload(desiredNumberScheduled=0), Health.IDLE, (0, 0, 0), id="a DaemonSet without a node"
        ),
        pytest.param(
            "daemonsets",
            {"metadata": {"name": "new", "generation": 1}, "spec": {}},
            Health.CHANGING,
            (0, 0, 0),
            id="a DaemonSet that nobody has looked at",
        ),
        pytest.param("replicasets", workload(), Health.HEALTHY, (2, 2, 2), id="a bare ReplicaSet"),
        pytest.param(
            "rollouts",
            workload(phase="Healthy", observedGeneration="2"),
            Health.HEALTHY,
            (2, 2, 2),
            id="an Argo Rollout",
        ),
        pytest.param(
            "rollouts",
            workload(phase="Paused", message="BlueGreenPause", observedGeneration="2"),
            Health.CHANGING,
            (2, 2, 2),
            id="a Rollout that waits to be promoted",
        ),
        pytest.param(
            "rollouts",
            workload(phase="Degraded", message="RolloutAborted: metric failed", abort=True, observedGeneration="2"),
            Health.DEGRADED,
            (2, 2, 2),
            id="a Rollout that was aborted",
        ),
        pytest.param(
            "rollouts",
            workload(phase="Contemplating"),
            Health.UNKNOWN,
            (2, 2, 2),
            id="a Rollout in a phase unknown to us",
        ),
        pytest.param(
            "rollouts",
            workload(phase="Degraded", conditions=[condition("InvalidSpec", "True", "InvalidSpec", "no template")]),
            Health.DEGRADED,
            (2, 2, 2),
            id="a Rollout that makes no sense",
        ),
    ],
)
def test_every_kind_is_a_workload(
    plural: str, found: dict[str, Any], health: Health, numbers: tuple[int, int, int]
) -> None:
    one = judged(found, plural=plural)
    assert (one.health, (one.desired, one.ready, one.available)) == (health, numbers)


def test_a_rollout_that_borrows_the_template_of_a_deployment_has_its_labels() -> None:
    borrower = workload("web", phase="Healthy", spec={"template": None, "workloadRef": {"name": "agent-runtime-blue"}})
    lender = workload(spec={"replicas": 0})
    found = workloads([lender], (), others={"rollouts": [borrower]}, now=NOW)
    assert {one.kind: (one.component, one.track) for one in found} == {
        "Rollout": ("agent-runtime", "blue"),
        "Deployment": ("agent-runtime", "blue"),
    }


def test_a_replica_set_that_a_deployment_controls_is_no_workload() -> None:
    owned = workload(metadata={"ownerReferences": [{"kind": "Deployment", "name": "web", "controller": True}]})
    assert workloads([], (), others={"replicasets": [owned]}, now=NOW) == ()


def test_workloads_of_one_name_and_two_kinds_do_not_take_each_others_pods() -> None:
    db = pod("db-0", container(ready=False, restartCount=3), owner=("StatefulSet", "web"))
    found = workloads([workload("web")], pods([db], now=NOW), others={"statefulsets": [workload("web")]}, now=NOW)
    assert {one.kind: one.restarts for one in found} == {"Deployment": 0, "StatefulSet": 3}


def job(name: str = "migrate", *, created: str = LONG_AGO, cron: str = "", **status: Any) -> dict[str, Any]:
    owners = [{"kind": "CronJob", "name": cron, "controller": True}] if cron else []
    return {
        "metadata": {"name": name, "creationTimestamp": created, "ownerReferences": owners},
        "spec": {"parallelism": 2, "completions": 5, **status.pop("spec", {})},
        "status": status,
    }


DONE = {"conditions": [condition("Complete", "True")], "succeeded": 5}
BROKE = {"conditions": [condition("Failed", "True", "BackoffLimitExceeded", "it reached its limit")], "failed": 7}


@pytest.mark.parametrize(
    ("found", "health", "trouble", "desired"),
    [
        pytest.param(job(active=2, ready=2), Health.HEALTHY, "", 2, id="at work"),
        pytest.param(job(active=1, ready=None, succeeded=4), Health.HEALTHY, "", 1, id="with one left to do"),
        pytest.param(job(active=2, ready=0), Health.CHANGING, "", 2, id="about to start"),
        pytest.param(
            job(active=0, failed=3), Health.CHANGING, "3 of its pods failed so far", 2, id="between two attempts"
        ),
        pytest.param(job(**DONE), Health.OVER, "", 0, id="done"),
        pytest.param(
            job(**BROKE), Health.FAILING, "BackoffLimitExceeded: it reached its limit", 0, id="failed for good"
        ),
        pytest.param(job(spec={"suspend": True}), Health.IDLE, "suspended", 0, id="suspended"),
        pytest.param(
            job(spec={"completions": None}, active=1, ready=1, succeeded=1), Health.HEALTHY, "", 1, id="queue"
        ),
    ],
)
def test_a_job(found: dict[str, Any], health: Health, trouble: str, desired: int) -> None:
    one = judged(found, plural="jobs")
    assert (one.health, one.trouble, one.desired) == (health, trouble, desired)


QUOTA_REFUSES = f"FailedCreate: {QUOTA}"


@pytest.mark.parametrize(
    ("plural", "kind", "found"),
    [
        pytest.param("statefulsets", "StatefulSet", workload(spec=STATEFUL, availableReplicas=1), id="a StatefulSet"),
        pytest.param(
            "daemonsets", "DaemonSet", workload(desiredNumberScheduled=2, numberAvailable=1), id="a DaemonSet"
        ),
        pytest.param("jobs", "Job", job("agent-runtime-blue"), id="a Job"),
    ],
)
def test_who_has_no_condition_for_it_says_by_its_events_why_it_lacks_pods(plural: str, kind: str, found: Any) -> None:
    warnings = {(kind, "agent-runtime-blue"): QUOTA_REFUSES}
    (one,) = workloads([], (), others={plural: [found]}, now=NOW, warnings=warnings)
    assert one.health in SICK
    assert one.trouble == QUOTA_REFUSES


def test_a_failed_run_of_a_cron_job_is_over_once_a_later_run_succeeded() -> None:
    failed = job("nightly-1", cron="nightly", **BROKE)
    later = job("nightly-2", cron="nightly", created=JUST_NOW, **DONE)
    other = job("weekly-1", cron="weekly", created=JUST_NOW, **DONE)
    mended = {one.name: one.health for one in workloads([], (), others={"jobs": [failed, later, other]}, now=NOW)}
    assert mended["nightly-1"] is Health.OVER
    alone = {one.name: one.health for one in workloads([], (), others={"jobs": [failed, other]}, now=NOW)}
    assert alone["nightly-1"] is Health.FAILING


def test_the_pods_of_a_job_that_is_done_are_over() -> None:
    done = pod("x", phase="Succeeded", owner=("Job", "migrate"))
    one = judged(job(**DONE), done, plural="jobs")
    assert (one.health, one.ready, one.desired) == (Health.OVER, 0, 0)


STUCK = (
    ("deployments", workload(updatedReplicas=0, conditions=[DEADLINE]), ()),
    ("deployments", workload(availableReplicas=0, readyReplicas=0), ()),
    ("statefulsets", workload(spec=STATEFUL, availableReplicas=1, readyReplicas=1), ()),
    ("rollouts", workload(phase="Degraded", message="stuck"), ()),
    ("deployments", workload(), (pod("a", container(ready=False)),)),
)


@given(st.sampled_from(STUCK), st.data(), st.sampled_from([None, {}, [], "??"]))
def test_no_pod_or_status_that_is_lost_makes_a_workload_healthier_than_changing(
    case: Any, data: st.DataObject, other: Any
) -> None:
    """The conditions themselves may be lost: then only the numbers can tell."""
    plural, found, members = case
    spoiled = copy.deepcopy(found)
    place = data.draw(st.sampled_from([key for key in spoiled["status"] if key not in ("conditions", "phase")]))
    spoiled["status"][place] = other
    one = judged(spoiled, *members, plural=plural)
    assert one.health not in (Health.HEALTHY, Health.IDLE, Health.OVER)
