"""How pods are judged: what is over, what starts, what is stuck, and what nobody understands.

Covers init containers, sidecars, ends of every kind, deletion, scheduling, words outside the table and objects with
holes. Numbers of workloads are in test_workload_kinds.py.
"""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.containers import containers
from dashboard.decide.pods import pods
from dashboard.model.words import WORDS
from dashboard.model.workload import ContainerKind, Health, Pod
from tests.unit.cluster_objects import JUST_NOW, LONG_AGO, NOW, condition, container, pod, terminated, waiting


def judged(found: dict[str, Any], **more: Any) -> Pod:
    (one,) = pods([found], now=NOW, **more)
    return one


@pytest.mark.parametrize(
    ("found", "trouble"),
    [
        pytest.param(
            pod(phase="Failed", reason="Evicted", message="low on memory", containerStatuses=None, conditions=None),
            "Evicted: low on memory",
            id="evicted",
        ),
        pytest.param(pod(phase="Succeeded"), "", id="a Job's pod that is done"),
        pytest.param(
            pod("a", container(ready=False, state=terminated("Error", 3)), phase="Failed"),
            "Error (exit 3)",
            id="failed",
        ),
        pytest.param(pod(phase="Failed", reason="NodeShutdown", message=""), "NodeShutdown", id="its node shut down"),
        pytest.param(
            pod(phase="Failed", reason="OutOfexample.com/gpu"), "OutOfexample.com/gpu", id="the node ran out of gpus"
        ),
        pytest.param(
            pod(phase="Succeeded", metadata={"deletionTimestamp": LONG_AGO, "finalizers": ["batch.kubernetes.io/x"]}),
            "",
            id="done and waiting for its finalizer",
        ),
    ],
)
def test_a_pod_that_has_ended_is_over_and_not_sick(found: dict[str, Any], trouble: str) -> None:
    one = judged(found)
    assert (one.health, one.trouble, one.not_understood) == (Health.OVER, trouble, ())


BACK_OFF = waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container")


@pytest.mark.parametrize(
    ("found", "health", "trouble"),
    [
        pytest.param(
            pod(
                "a",
                container(ready=False, state=waiting("PodInitializing")),
                phase="Pending",
                init=(container("migrate", ready=False, restartCount=7, state=BACK_OFF, lastState=terminated()),),
            ),
            Health.FAILING,
            "init container migrate: CrashLoopBackOff, last: Error (exit 1)",
            id="an init container that dies again and again",
        ),
        pytest.param(
            pod(sidecars=(container("proxy", ready=False, state=BACK_OFF, lastState=terminated("OOMKilled", 137)),)),
            Health.FAILING,
            "sidecar proxy: CrashLoopBackOff, last: OOMKilled (exit 137)",
            id="a sidecar that dies again and again beside a ready container",
        ),
        pytest.param(
            pod(sidecars=(container("proxy", ready=False),)),
            Health.DEGRADED,
            "",
            id="a sidecar that is not ready",
        ),
        pytest.param(
            pod(
                "a",
                container(ready=False, state=waiting("PodInitializing")),
                phase="Pending",
                init=(container("migrate", ready=False),),
                startTime=JUST_NOW,
            ),
            Health.CHANGING,
            "init container migrate: runs",
            id="an init container at work",
        ),
        pytest.param(
            pod(init=(container("migrate", ready=True, state=terminated("Completed", 0)),)),
            Health.HEALTHY,
            "",
            id="an init container that is done",
        ),
        pytest.param(
            pod("a", container(), container("sql", ready=False, state=waiting("ErrImagePull", "not found"))),
            Health.FAILING,
            "sql: ErrImagePull: not found",
            id="the second of two containers, by its name",
        ),
        pytest.param(
            pod(
                "a",
                container(ready=False, state=waiting("CreateContainerConfigError", 'secret "key" not found')),
                phase="Pending",
            ),
            Health.FAILING,
            'CreateContainerConfigError: secret "key" not found',
            id="a secret that is not there",
        ),
        pytest.param(
            pod("a", container(ready=False, state=waiting("imagepullbackoff")), phase="Pending"),
            Health.FAILING,
            "imagepullbackoff",
            id="a known word in another case",
        ),
        pytest.param(
            pod(
                "a",
                container(),
                container("once", ready=False, state=terminated("Completed", 0)),
                spec={"restartPolicy": "OnFailure"},
            ),
            Health.HEALTHY,
            "",
            id="one container done, the other at work",
        ),
        pytest.param(
            pod(ephemeralContainerStatuses=[container("debug", ready=False, state=terminated())]),
            Health.HEALTHY,
            "",
            id="an ephemeral container is a person's",
        ),
    ],
)
def test_every_container_of_a_pod_counts(found: dict[str, Any], health: Health, trouble: str) -> None:
    one = judged(found)
    assert (one.health, one.trouble) == (health, trouble)


def test_restarts_are_those_of_all_containers_and_readiness_that_of_main_ones_and_sidecars() -> None:
    one = judged(
        pod(
            "a",
            container(restartCount=1),
            init=(container("migrate", ready=True, restartCount=7, state=terminated("Completed", 0)),),
            sidecars=(container("proxy", restartCount=2_000_000_000),),
        )
    )
    assert (one.ready, one.containers, one.restarts) == (2, ("app", "proxy"), 2_000_000_008)


def unscheduled(
    reason: str, since: str, message: str = "0/3 nodes are available: 3 Insufficient cpu."
) -> dict[str, Any]:
    return pod(
        phase="Pending",
        conditions=[condition("PodScheduled", "False", reason, message, since)],
        containerStatuses=[],
        startTime=None,
        spec={"nodeName": None},
    )


@pytest.mark.parametrize(
    ("found", "health", "trouble"),
    [
        pytest.param(
            unscheduled("Unschedulable", LONG_AGO),
            Health.FAILING,
            "Unschedulable: 0/3 nodes are available: 3 Insufficient cpu.",
            id="for days",
        ),
        pytest.param(
            unscheduled("Unschedulable", JUST_NOW, "pod has unbound immediate PersistentVolumeClaims"),
            Health.CHANGING,
            "Unschedulable: pod has unbound immediate PersistentVolumeClaims",
            id="a volume that is not there yet",
        ),
        pytest.param(unscheduled("SchedulingGated", LONG_AGO, ""), Health.CHANGING, "SchedulingGated", id="on purpose"),
    ],
)
def test_a_pod_that_no_node_takes_says_why_and_is_sick_after_a_time(
    found: dict[str, Any], health: Health, trouble: str
) -> None:
    one = judged(found)
    assert (one.health, one.trouble) == (health, trouble)


def test_a_pod_is_sick_exactly_after_its_time() -> None:
    found = unscheduled("Unschedulable", "2026-03-01T11:59:30Z")
    assert pods([found], now=NOW)[0].health is Health.CHANGING
    assert pods([found], now=NOW + timedelta(seconds=1))[0].health is Health.FAILING


@pytest.mark.parametrize(
    ("metadata", "status", "health", "trouble"),
    [
        pytest.param({"deletionTimestamp": JUST_NOW}, {}, Health.CHANGING, "", id="just now"),
        pytest.param(
            {"deletionTimestamp": LONG_AGO, "finalizers": ["example.com/backup"]},
            {},
            Health.DEGRADED,
            "Terminating for 2 d 12 h too long, held by example.com/backup",
            id="for days, held by a finalizer",
        ),
        pytest.param(
            {"deletionTimestamp": LONG_AGO, "finalizers": None},
            {"reason": "NodeLost"},
            Health.DEGRADED,
            "NodeLost: its node does not answer, so it cannot end",
            id="its node is lost",
        ),
    ],
)
def test_a_pod_that_does_not_end_is_sick_after_a_time(
    metadata: dict[str, Any], status: dict[str, Any], health: Health, trouble: str
) -> None:
    one = judged(pod(metadata=metadata, **status))
    assert (one.health, one.trouble, one.terminating) == (health, trouble, True)


def test_a_start_without_a_word_is_sick_after_what_a_deployment_waits() -> None:
    slow = pod("a", container(ready=False, state=waiting("ContainerCreating")), phase="Pending")
    one = judged(slow)
    assert (one.health, one.trouble) == (Health.DEGRADED, "starting for 2 d 12 h")
    slow["status"]["startTime"] = JUST_NOW
    assert judged(slow).health is Health.CHANGING


def test_what_only_events_tell_is_said_and_makes_a_start_sick_sooner() -> None:
    mounting = pod("a", container(ready=False, state=waiting("ContainerCreating")), phase="Pending")
    warnings = {("Pod", "a"): "FailedMount: secret not found"}
    mounting["status"]["startTime"] = "2026-03-01T11:58:30Z"
    young = judged(mounting, warnings=warnings)
    assert (young.health, young.trouble) == (Health.CHANGING, "FailedMount: secret not found")
    mounting["status"]["startTime"] = "2026-03-01T11:55:00Z"
    assert judged(mounting).health is Health.CHANGING
    old = judged(mounting, warnings=warnings)
    assert (old.health, old.trouble) == (Health.DEGRADED, "starting for 5 min: FailedMount: secret not found")
    probed = judged(pod("a", container(ready=False)), warnings={("Pod", "a"): "Unhealthy: HTTP 503"})
    assert (probed.health, probed.trouble) == (Health.DEGRADED, "Unhealthy: HTTP 503")


def test_a_pod_that_says_two_things_of_its_readiness_is_not_well() -> None:
    """Its containers are ready, and its condition says that they are not."""
    said = condition("Ready", "False", "ContainersNotReady", "containers with unready status: [app]")
    assert judged(pod(conditions=[said])).health is Health.DEGRADED


def test_a_ready_container_on_a_lost_node_is_not_well() -> None:
    one = judged(pod(conditions=[condition("Ready", "False")]))
    assert one.health is Health.DEGRADED
    assert "its node may be lost" in one.trouble
    assert judged(pod(conditions=[condition("Ready", "Unknown")])).health is Health.UNKNOWN
    gate = condition("Ready", "False", "ReadinessGatesNotReady", "the status of readiness gate lb is not True")
    assert "readiness gate lb" in judged(pod(conditions=[gate])).trouble


@pytest.mark.parametrize(
    ("found", "word"),
    [
        pytest.param(pod("a", container(ready=False, state=waiting("VolumeHydrating"))), "VolumeHydrating", id="waits"),
        pytest.param(
            pod("a", container(), init=(container("x", ready=False, state=waiting("Frozen")),)), "Frozen", id="init"
        ),
        pytest.param(pod(phase="Hibernating"), "Hibernating", id="a phase"),
        pytest.param(pod(phase="Unknown"), "Unknown", id="the phase of a node that is silent"),
        pytest.param(pod(reason="Quarantined"), "Quarantined", id="a reason of the pod"),
        pytest.param(unscheduled("WaitsForAuction", LONG_AGO), "WaitsForAuction", id="a reason of the scheduler"),
    ],
)
def test_a_word_outside_the_table_is_shown_and_makes_a_pod_neither_well_nor_sick(
    found: dict[str, Any], word: str
) -> None:
    one = judged(found)
    assert one.health is Health.UNKNOWN
    assert one.not_understood == (word,)
    assert word in one.trouble


def test_a_word_of_an_end_that_no_table_knows_is_said() -> None:
    one = judged(pod(phase="Failed", reason="Repossessed"))
    assert (one.health, one.not_understood) == (Health.OVER, ("Repossessed",))


def test_settings_extend_the_table() -> None:
    found = pod("a", container(ready=False, state=waiting("VolumeHydrating")), phase="Pending", startTime=JUST_NOW)
    slow = WORDS.extended({"reason": {"volume-hydrating": Health.CHANGING}})
    bad = WORDS.extended({"reason": {"VolumeHydrating": "failing"}})
    assert judged(found, words=slow).health is Health.CHANGING
    assert judged(found, words=bad).health is Health.FAILING


def test_what_runs_and_tells_nothing_of_its_containers_is_not_well() -> None:
    assert judged(pod(containerStatuses=None, initContainerStatuses=None)).health is Health.UNKNOWN
    assert judged(pod(phase=None)).health is Health.UNKNOWN
    assert pods([{"metadata": {"name": "bare"}}])[0].health is Health.UNKNOWN


@pytest.mark.parametrize(
    ("owner", "labels", "workload"),
    [
        pytest.param(("ReplicaSet", "web-77"), {"pod-template-hash": "77"}, ("Deployment", "web"), id="a Deployment"),
        pytest.param(
            ("ReplicaSet", "web-5f"), {"rollouts-pod-template-hash": "5f"}, ("Rollout", "web"), id="an Argo Rollout"
        ),
        pytest.param(("ReplicaSet", "web"), {}, ("ReplicaSet", "web"), id="a bare ReplicaSet"),
        pytest.param(("StatefulSet", "db"), {}, ("StatefulSet", "db"), id="a StatefulSet"),
        pytest.param(("Job", "nightly-29"), {}, ("Job", "nightly-29"), id="a CronJob's Job"),
        pytest.param(None, {}, ("", ""), id="nobody"),
    ],
)
def test_a_pod_names_its_workload(owner: Any, labels: dict[str, str], workload: tuple[str, str]) -> None:
    one = judged(pod(owner=owner, metadata={"labels": labels}))
    assert (one.workload_kind, one.workload) == workload


def test_among_several_owners_the_one_that_controls_counts() -> None:
    owners = [{"kind": "Tenant", "name": "x"}, {"kind": "ReplicaSet", "name": "odd-name", "controller": True}]
    replica_set = {
        "metadata": {
            "name": "odd-name",
            "ownerReferences": [{"kind": "Deployment", "name": "web", "controller": True}],
        }
    }
    one = judged(pod(metadata={"ownerReferences": owners}), replica_sets=[replica_set])
    assert (one.workload_kind, one.workload) == ("Deployment", "web")


def test_the_log_of_every_container_can_be_asked_and_the_annotation_says_which_is_first() -> None:
    found = pod(
        "a",
        container("proxy"),
        container("app"),
        init=(container("migrate"),),
        sidecars=(container("mesh"),),
        spec={"ephemeralContainers": [{"name": "debug"}]},
        metadata={"annotations": {"kubectl.kubernetes.io/default-container": "app"}},
    )
    listed = containers(found)
    assert [(one.name, one.kind, one.is_default) for one in listed] == [
        ("app", ContainerKind.MAIN, True),
        ("proxy", ContainerKind.MAIN, False),
        ("mesh", ContainerKind.SIDECAR, False),
        ("migrate", ContainerKind.INIT, False),
        ("debug", ContainerKind.EPHEMERAL, False),
    ]
    found["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "gone"}
    assert next(one.name for one in containers(found) if one.is_default) == "proxy"
    assert containers({"metadata": {"name": "x", "annotations": None}, "spec": None}) == ()


SICK_PODS = (
    pod("a", container(ready=False, state=BACK_OFF, lastState=terminated())),
    pod(
        "b",
        container(ready=False, state=waiting("PodInitializing")),
        phase="Pending",
        init=(container("m", ready=False, state=BACK_OFF),),
    ),
    unscheduled("Unschedulable", LONG_AGO),
    pod("c", container(ready=False)),
    pod(metadata={"deletionTimestamp": LONG_AGO}),
    pod("d", container(ready=False, state=waiting("VolumeHydrating"))),
)


def paths(item: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where each field of an object stands."""
    children = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
    return [place for key, value in children for place in ((*above, key), *paths(value, (*above, key)))]


@given(st.sampled_from(SICK_PODS), st.data(), st.sampled_from([None, "", {}, [], 7, "??"]))
def test_no_field_that_is_lost_or_spoiled_makes_a_sick_pod_well(
    found: dict[str, Any], data: st.DataObject, other: Any
) -> None:
    place = data.draw(st.sampled_from([p for p in paths(found) if p not in ESSENTIAL]))
    spoiled = copy.deepcopy(found)
    parent: Any = spoiled
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = other
    assert pods([spoiled], now=NOW)[0].health not in (Health.HEALTHY, Health.IDLE, Health.OVER)


# Without these the pod is another one: one that nobody deletes.
ESSENTIAL = (("metadata",), ("metadata", "name"), ("metadata", "deletionTimestamp"))


def died(code: int = 137, at: str = JUST_NOW, reason: str = "OOMKilled") -> dict[str, Any]:
    ended = {"terminated": {"reason": reason, "exitCode": code, "finishedAt": at}}
    return pod("a", container(restartCount=1, lastState=ended))


def test_a_ready_pod_whose_container_died_just_now_is_not_healthy_yet() -> None:
    one = judged(died())
    assert one.health is Health.DEGRADED
    assert "OOMKilled" in one.trouble


@pytest.mark.parametrize("reason", ["OOMKilled", "Error", "ContainerStatusUnknown"])
def test_a_death_with_an_exit_code_of_0_is_a_death(reason: str) -> None:
    assert judged(died(code=0, reason=reason)).health is Health.DEGRADED


@pytest.mark.parametrize("found", [died(at=LONG_AGO), died(code=0, reason="Completed")], ids=["long ago", "ended well"])
def test_an_old_death_or_a_good_end_leaves_a_ready_pod_healthy(found: dict[str, Any]) -> None:
    assert judged(found).health is Health.HEALTHY


@pytest.mark.parametrize(("reason", "health"), [("Infeasible", Health.DEGRADED), ("Deferred", Health.CHANGING)])
def test_resources_that_a_pod_waits_for_are_told(reason: str, health: Health) -> None:
    waits = [condition("Ready", "True"), condition("PodResizePending", "True", reason, "Node didn't have enough cpu")]
    one = judged(pod(conditions=waits))
    assert one.health is health
    assert "PodResizePending" in one.trouble
    assert "enough cpu" in one.trouble
