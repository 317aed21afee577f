"""What nodes and Events say: silence, pressure, cordons and names of others; times in every field that has one."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.decide.cluster_events import last_warnings
from dashboard.decide.nodes import nodes
from dashboard.decide.workloads import events
from dashboard.model.workload import ClusterEvent, Health, Node
from tests.unit.cluster_objects import NOW, condition

READY = condition("Ready", "True", "KubeletReady", "kubelet is posting ready status")


def judged(*conditions: dict[str, Any], **spec: Any) -> Node:
    (one,) = nodes([{"metadata": {"name": "n1"}, "spec": spec or None, "status": {"conditions": list(conditions)}}])
    return one


@pytest.mark.parametrize(
    ("node", "health", "trouble"),
    [
        pytest.param(judged(READY, condition("MemoryPressure", "False")), Health.HEALTHY, "", id="ready"),
        pytest.param(
            judged(condition("Ready", "False", "KubeletNotReady", "cni plugin not initialized")),
            Health.FAILING,
            "not ready, KubeletNotReady: cni plugin not initialized",
            id="not ready",
        ),
        pytest.param(
            judged(
                condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
                condition("MemoryPressure", "Unknown"),
            ),
            Health.FAILING,
            "its kubelet is silent, NodeStatusUnknown: Kubelet stopped posting node status.",
            id="silent",
        ),
        pytest.param(
            judged(READY, condition("DiskPressure", "True"), condition("PIDPressure", "True")),
            Health.DEGRADED,
            "DiskPressure, PIDPressure",
            id="short of disk and of process ids",
        ),
        pytest.param(
            judged(READY, condition("KernelDeadlock", "True")), Health.DEGRADED, "KernelDeadlock", id="kernel"
        ),
        pytest.param(judged(READY, condition("StorageReady", "False")), Health.DEGRADED, "StorageReady", id="storage"),
        pytest.param(
            judged(READY, unschedulable=True), Health.CHANGING, "cordoned: it takes no new pods", id="cordoned"
        ),
        pytest.param(
            judged(READY, condition("Sunspots", "False")),
            Health.UNKNOWN,
            "not known: Sunspots",
            id="another's condition",
        ),
        pytest.param(
            judged(READY, condition("MemoryPressure", "Unknown")),
            Health.UNKNOWN,
            "not known: MemoryPressure",
            id="half",
        ),
        pytest.param(judged(), Health.UNKNOWN, "it does not say whether it is ready", id="no condition"),
    ],
)
def test_a_node(node: Node, health: Health, trouble: str) -> None:
    assert (node.health, node.trouble) == (health, trouble)


def test_a_condition_of_another_name_is_a_word_that_was_not_understood() -> None:
    assert judged(READY, condition("Sunspots", "True")).not_understood == ("Sunspots",)
    assert judged(READY, condition("MemoryPressure", "Unknown")).not_understood == ()


def test_a_node_that_is_cordoned_or_not_ready_takes_no_pods() -> None:
    assert judged(READY).takes_pods
    assert not judged(READY, unschedulable=True).takes_pods
    assert not judged(condition("Ready", "False")).takes_pods


def test_nodes_without_anything_do_not_break_the_list() -> None:
    (one,) = nodes([{"metadata": {"name": "n"}, "spec": None, "status": None}])
    assert one.health is Health.UNKNOWN


def event(**fields: Any) -> ClusterEvent:
    (one,) = events([{"metadata": {"creationTimestamp": None}, **fields}])
    return one


@pytest.mark.parametrize(
    ("fields", "hour", "count"),
    [
        pytest.param({"lastTimestamp": "2026-03-01T05:00:00Z", "count": 3}, 5, 3, id="core v1"),
        pytest.param(
            {
                "lastTimestamp": None,
                "eventTime": "2026-03-01T04:00:00.000001Z",
                "series": {"count": 9, "lastObservedTime": "2026-03-01T06:00:00.000001Z"},
            },
            6,
            9,
            id="events.k8s.io with a series",
        ),
        pytest.param({"eventTime": "2026-03-01T04:00:00.000001Z", "series": None}, 4, 1, id="events.k8s.io, once"),
        pytest.param({"deprecatedLastTimestamp": "2026-03-01T03:00:00Z", "deprecatedCount": 4}, 3, 4, id="deprecated"),
        pytest.param({"firstTimestamp": "2026-03-01T02:00:00Z", "count": 0}, 2, 1, id="only the first time"),
        pytest.param({"lastTimestamp": "soon"}, None, 1, id="a time that is none"),
        pytest.param({"lastTimestamp": None, "eventTime": None}, None, 1, id="no time at all"),
    ],
)
def test_an_event_is_as_old_as_its_newest_occurrence(fields: dict[str, Any], hour: int | None, count: int) -> None:
    one = event(**fields)
    assert (one.at.hour if one.at else None, one.count) == (hour, count)


def warning(reason: str, at: str | None, **more: Any) -> dict[str, Any]:
    about = {"kind": "Pod", "name": "a"}
    return {"metadata": {}, "type": "Warning", "reason": reason, "lastTimestamp": at, "regarding": about, **more}


def test_the_newest_warning_that_tells_why_counts_for_a_while() -> None:
    found = last_warnings(
        [
            warning("FailedMount", "2026-03-01T11:50:00Z", note="older"),
            warning("FailedMount", "2026-03-01T11:59:00Z", note="newer"),
            warning("BackOff", "2026-03-01T11:59:30Z", note="tells nothing"),
            warning("FailedMount", "2026-03-01T11:59:40Z", type="Normal", note="no warning"),
            warning("FailedCreate", "2026-03-01T11:00:00Z", note="long ago", regarding={"kind": "Job", "name": "j"}),
            warning("FailedCreate", None, note="nobody knows when", regarding={"kind": "Job", "name": "j"}),
        ],
        NOW,
    )
    assert found == {("Pod", "a"): "FailedMount: newer"}


def test_events_without_a_time_are_listed_behind_those_with_one() -> None:
    found = events(
        [
            {"metadata": {}, "type": "Warning", "reason": "timeless", "regarding": None},
            {"metadata": {}, "type": "Warning", "reason": "timed", "lastTimestamp": "2026-03-01T02:00:00Z"},
        ]
    )
    assert [one.reason for one in found] == ["timed", "timeless"]
