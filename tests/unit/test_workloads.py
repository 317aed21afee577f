"""How workloads and pods are judged from what the API server says of them."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.decide import workloads
from dashboard.model.workload import Health


def pod(name: str = "a-1", *, phase: str = "Running", ready: bool = True, **more: Any) -> dict[str, Any]:
    """A pod of the ReplicaSet `agent-runtime-blue-77` with one container."""
    container = {"name": "app", "ready": ready, "restartCount": more.pop("restarts", 0), "state": more.pop("state", {})}
    return {
        "metadata": {
            "name": name,
            "labels": {"pod-template-hash": "77", "tealdeck.io/track": "blue", "app.kubernetes.io/version": "1.7.4"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "agent-runtime-blue-77", "controller": True}],
            **more.pop("metadata", {}),
        },
        "spec": {"containers": [{"name": "app"}]},
        "status": {
            "phase": phase,
            "containerStatuses": [{**container, "lastState": more.pop("last", {})}],
            "startTime": "2026-01-02T03:04:05Z",
        },
    }


def deployment(*, desired: int = 2, available: int = 2, updated: int = 2, seen: int = 3) -> dict[str, Any]:
    return {
        "metadata": {"name": "agent-runtime-blue", "generation": 3},
        "spec": {"replicas": desired, "template": {"metadata": {"labels": {"tealdeck.io/track": "blue"}}}},
        "status": {
            "observedGeneration": seen,
            "availableReplicas": available,
            "readyReplicas": available,
            "updatedReplicas": updated,
        },
    }


BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}
DIED = {"terminated": {"reason": "Error", "exitCode": 1}}


@pytest.mark.parametrize(
    ("found", "health"),
    [
        pytest.param(pod(), Health.HEALTHY, id="a running and ready pod is healthy"),
        pytest.param(pod(ready=False), Health.DEGRADED, id="a running pod that is not ready is degraded"),
        pytest.param(pod(phase="Pending", ready=False), Health.CHANGING, id="a pending pod is on its way"),
        pytest.param(pod(ready=False, state=BACK_OFF), Health.FAILING, id="back-off fails though its phase is Running"),
        pytest.param(
            pod(phase="Failed", ready=False), Health.OVER, id="a failed pod is over: another one takes its place"
        ),
        pytest.param(
            pod(metadata={"deletionTimestamp": "2026-01-02T03:04:05Z"}, ready=False),
            Health.CHANGING,
            id="a pod that is going away is no failure",
        ),
    ],
)
def test_the_health_of_a_pod(found: dict[str, Any], health: Health) -> None:
    assert workloads.pods([found])[0].health is health


def test_a_crashed_container_says_why_it_waits_and_how_it_died() -> None:
    (found,) = workloads.pods([pod(ready=False, restarts=4, state=BACK_OFF, last=DIED)])
    assert found.trouble == "CrashLoopBackOff, last: Error (exit 1)"
    assert found.restarts == 4


def test_a_pod_that_recovered_is_no_longer_in_trouble() -> None:
    (found,) = workloads.pods([pod(restarts=1, last=DIED)])
    assert found.trouble == ""


def test_pods_are_listed_worst_first() -> None:
    found = workloads.pods([pod("a"), pod("b", ready=False), pod("c", ready=False, state=BACK_OFF)])
    assert [one.name for one in found] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("found", "health"),
    [
        pytest.param(deployment(), Health.HEALTHY, id="all that is wanted is there"),
        pytest.param(deployment(available=1), Health.DEGRADED, id="one of two is there"),
        pytest.param(deployment(available=0), Health.FAILING, id="none is there"),
        pytest.param(deployment(updated=1), Health.CHANGING, id="a rollout is under way"),
        pytest.param(deployment(seen=2), Health.CHANGING, id="the controller has not seen the change"),
        pytest.param(deployment(desired=0, available=0, updated=0), Health.IDLE, id="none is wanted"),
    ],
)
def test_the_health_of_a_workload(found: dict[str, Any], health: Health) -> None:
    assert workloads.workloads([found], ())[0].health is health


def test_a_workload_carries_the_trouble_and_the_restarts_of_its_pods() -> None:
    pods = workloads.pods([pod(restarts=2), pod("x", ready=False, restarts=3, state=BACK_OFF, last=DIED)])
    (found,) = workloads.workloads([deployment()], pods)
    assert found.restarts == 5
    assert found.trouble.startswith("CrashLoopBackOff")
    assert found.health is Health.DEGRADED


def test_warnings_are_before_newer_everyday_events_in_both_generations_of_their_api() -> None:
    old = {
        "metadata": {},
        "type": "Warning",
        "reason": "BackOff",
        "message": "restarting",
        "lastTimestamp": "2026-01-02T03:04:05Z",
        "count": 3,
        "involvedObject": {"kind": "Pod", "name": "a"},
    }
    new = {
        "metadata": {},
        "type": "Normal",
        "reason": "Scaled",
        "note": "to 2",
        "eventTime": "2026-01-02T03:05:05.000001Z",
        "regarding": {"kind": "Deployment", "name": "b"},
    }
    newest = new | {"note": "to 3", "eventTime": "2026-01-02T03:06:05.000001Z"}
    warning, latest, earlier = workloads.events([new, old, newest])
    assert (warning.name, warning.message, warning.warning, warning.count) == ("a", "restarting", True, 3)
    assert latest.message == "to 3"
    assert (earlier.name, earlier.message, earlier.warning, earlier.count) == ("b", "to 2", False, 1)


def test_what_is_at_its_limit_comes_first() -> None:
    free = {
        "metadata": {"name": "free"},
        "spec": {"minReplicas": 1, "maxReplicas": 5},
        "status": {"currentReplicas": 2},
    }
    tight = {"metadata": {"name": "tight"}, "status": {"disruptionsAllowed": 0, "currentHealthy": 1}}
    quota = {"metadata": {"name": "q"}, "status": {"hard": {"pods": "4"}, "used": {"pods": "2"}}}
    assert [limit.name for limit in workloads.limits([free], [tight], [quota])] == ["tight", "free", "q: pods"]


def test_a_budget_that_nobody_counted_yet_does_not_read_as_zero() -> None:
    (limit,) = workloads.limits([], [{"metadata": {"name": "new"}}], [])
    assert limit.allowed == "not yet counted"
    assert not limit.at_limit
