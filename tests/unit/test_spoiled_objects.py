"""Objects with holes: whatever field is lost or of another type, each list is drawn, and the other objects with it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.cluster_events import last_warnings
from dashboard.decide.containers import containers
from dashboard.decide.governed import ended_lately
from dashboard.decide.nodes import nodes
from dashboard.decide.replicas import READERS
from dashboard.decide.workloads import events, limits, pods, workloads
from tests.unit.cluster_objects import LONG_AGO, NOW, condition, container, pod, terminated, waiting, workload
from tests.unit.test_pods import paths

STUCK = container("migrate", ready=False, state=waiting("CrashLoopBackOff"), lastState=terminated())
POD = pod(
    "a", sidecars=(container("mesh"),), init=(STUCK,), metadata={"deletionTimestamp": LONG_AGO, "finalizers": ["x"]}
)
WORKLOAD = workload(
    spec={"updateStrategy": {"rollingUpdate": {"partition": 1}}, "workloadRef": {"name": "x"}, "completions": 3},
    metadata={"ownerReferences": [{"kind": "CronJob", "name": "c", "controller": False}]},
    conditions=[condition("Progressing", "False", "Late"), condition("ReplicaFailure", "True", "Quota")],
    pauseConditions=[{"reason": "CanaryPauseStep"}],
    phase="Paused",
    active=1,
    desiredNumberScheduled=3,
)
NODE = {
    "metadata": {"name": "n"},
    "spec": {"unschedulable": True},
    "status": {"nodeInfo": {"kubeletVersion": "1"}, "conditions": [condition("Ready", "True"), condition("X", "True")]},
}
EVENT = {
    "metadata": {"creationTimestamp": LONG_AGO},
    "type": "Warning",
    "reason": "FailedMount",
    "message": "no such secret",
    "lastTimestamp": LONG_AGO,
    "series": {"count": 2, "lastObservedTime": LONG_AGO},
    "involvedObject": {"kind": "Pod", "name": "a"},
}
SCALER = {
    "metadata": {"name": "h"},
    "spec": {"maxReplicas": 5},
    "status": {"currentReplicas": 2, "currentMetrics": None, "conditions": [condition("ScalingActive", "False", "F")]},
}
BUDGET = {"metadata": {"name": "b"}, "status": {"disruptionsAllowed": 0, "expectedPods": 1, "currentHealthy": 1}}
QUOTA = {"metadata": {"name": "q"}, "status": {"hard": {"pods": "4"}, "used": {"pods": "2"}}}
ODD = (None, "", {}, [], 7, -1, "??", True, [None], {"a": None}, 1.5, "2026-13-40T99:00:00Z", 10**30)

CASES: dict[str, tuple[dict[str, Any], Callable[[list[dict[str, Any]]], Any]]] = {
    "pods": (POD, lambda found: pods(found, replica_sets=found, now=NOW)),
    "containers": (POD, lambda found: [containers(one) for one in found]),
    "containers that ended": (POD, lambda found: str(ended_lately(found, NOW - timedelta(minutes=5))) * 2),
    **{kind: (WORKLOAD, lambda found, kind=kind: workloads((), (), others={kind: found}, now=NOW)) for kind in READERS},
    "nodes": (NODE, nodes),
    "events": (EVENT, events),
    "warnings": (EVENT, lambda found: [last_warnings(found, NOW)] * 2),
    "autoscalers": (SCALER, lambda found: limits(found, [], [])),
    "budgets": (BUDGET, lambda found: limits([], found, [])),
    "quotas": (QUOTA, lambda found: limits([], [], found)),
}


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_a_spoiled_object_costs_the_list_no_other(name: str, data: st.DataObject) -> None:
    whole, read = CASES[name]
    spoiled = copy.deepcopy(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        places = [place for place in paths(spoiled) if place not in (("metadata",), ("metadata", "name"))]
        place = data.draw(st.sampled_from(places))
        parent: Any = spoiled
        for key in place[:-1]:
            parent = parent[key]
        parent[place[-1]] = copy.deepcopy(data.draw(st.sampled_from(ODD)))
    # A spoiled quota may hold nothing, and a spoiled ReplicaSet may look like a Deployment's.
    assert len(read([spoiled, whole])) >= (1 if name == "quotas" else 2) - (name == "replicasets")
