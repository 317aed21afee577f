"""Which containers of a release ended lately: what died counts, what has done its work does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dashboard.decide.governed import ended_lately, undated_ends
from tests.unit.cluster_objects import JUST_NOW, NOW, condition, container, pod, terminated, waiting

BACK_OFF = waiting("CrashLoopBackOff")
# The kubelet writes this where the container was gone before it could be asked.
LOST = {"terminated": {"reason": "ContainerStatusUnknown", "exitCode": 137, "finishedAt": None}}
RUNS_AGAIN = {"running": {"startedAt": JUST_NOW}}
DELETED = {"deletionTimestamp": JUST_NOW}
FAILED_NOW = [
    condition("DisruptionTarget", "True", "TerminationByKubelet", since=JUST_NOW),
    condition("Ready", "False"),
]


def evicted(**status: Any) -> dict[str, Any]:
    return pod(
        phase="Failed", **{"reason": "Evicted", "containerStatuses": None, "initContainerStatuses": None} | status
    )


@pytest.mark.parametrize(
    ("found", "number"),
    [
        pytest.param(pod(), 0, id="nothing ended"),
        pytest.param(pod("a", container(lastState=terminated())), 1, id="it died and runs again"),
        pytest.param(pod("a", container(ready=False, state=terminated())), 1, id="it died just now"),
        pytest.param(pod("a", container(ready=False, state=BACK_OFF)), 1, id="it is held back"),
        pytest.param(pod(init=(container("migrate", ready=False, state=BACK_OFF),)), 1, id="an init container"),
        pytest.param(pod(init=(container("migrate", state=terminated("Completed", 0)),)), 0, id="one that is done"),
        pytest.param(
            pod(init=(container("migrate", state=terminated("Completed", 0), lastState=terminated()),)),
            1,
            id="one that died before it was done",
        ),
        pytest.param(pod(sidecars=(container("mesh", lastState=terminated()),)), 1, id="a sidecar"),
        pytest.param(
            pod("a", container(state=None, lastState=None), initContainerStatuses=None), 0, id="nothing is told"
        ),
        pytest.param(
            pod("a", container(lastState={"terminated": {"exitCode": 1, "finishedAt": "?"}})),
            0,
            id="a time that is none",
        ),
        pytest.param(
            pod("a", container(restartCount=1, state=RUNS_AGAIN, lastState=LOST)), 1, id="lost, and runs again just now"
        ),
        pytest.param(pod("a", container(restartCount=1, lastState=LOST)), 0, id="lost, but runs again for days"),
        pytest.param(
            pod("a", container(ready=False, state=waiting("ContainerCreating"), lastState=LOST)),
            1,
            id="lost, and not yet there again",
        ),
        pytest.param(
            pod("a", container(ready=False, state=LOST), phase="Failed", conditions=FAILED_NOW),
            1,
            id="lost with its pod",
        ),
        pytest.param(pod("a", container(ready=False, state=LOST), phase="Failed"), 0, id="lost with its pod days ago"),
        pytest.param(evicted(conditions=FAILED_NOW), 1, id="evicted just now"),
        pytest.param(evicted(), 0, id="evicted days ago"),
        pytest.param(evicted(conditions=None), 1, id="evicted, nobody knows when"),
        pytest.param(
            evicted(reason="NodeShutdown", containerStatuses=[], conditions=FAILED_NOW), 1, id="node shut down"
        ),
        pytest.param(
            pod("a", container(ready=False, state=terminated("Completed", 0)), metadata=DELETED), 0, id="drained"
        ),
        pytest.param(
            pod("a", container(ready=False, state=terminated("Error", 143)), metadata=DELETED),
            0,
            id="drained by SIGTERM",
        ),
        pytest.param(
            pod("a", container(ready=False, state=terminated("OOMKilled", 137)), metadata=DELETED),
            1,
            id="killed for its memory while it is drained",
        ),
        pytest.param(
            pod("a", container(lastState=terminated(), state=terminated("Completed", 0)), metadata=DELETED),
            1,
            id="it died before it was drained",
        ),
        pytest.param(
            pod("a", container(ready=False, state=terminated("Completed", 0))), 1, id="it ended well, unasked"
        ),
    ],
)
def test_what_died_since_counts(found: dict[str, Any], number: int) -> None:
    assert ended_lately([found], NOW - timedelta(minutes=5)) == number
    assert ended_lately([found], NOW) == (number if is_lasting(found) else 0)


def is_lasting(found: dict[str, Any]) -> bool:
    """Whether nothing tells when it ended, or it is held back still."""
    return "waiting" in str(found) or not found["status"]["conditions"]


def test_a_failed_pod_without_a_time_is_named_and_one_with_a_time_is_not() -> None:
    several = [evicted(conditions=None), evicted(), evicted(conditions=FAILED_NOW), pod()]

    assert len(undated_ends(several)) == 1
    assert undated_ends([evicted(reason="Preempting", conditions=None), evicted(reason="Shutdown", conditions=[])])
