"""One thing that several jobs scrape counts once, and what is over does not count, as Prometheus sums it up."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.catalog import agents, contracts, release, resources, service
from dashboard.catalog.expression import Expression
from dashboard.decide import governed
from dashboard.decide.gates import inputs
from dashboard.decide.policy import Limits
from dashboard.model.verdict import Result
from tests.unit.promql import answers, of
from tests.unit.release_evidence import evidence, known

VALUES = {"namespace": "agents", "service": "agent-runtime", "track": "", "agent": "", "contract": "", "window": "60s"}
PLACE = 'namespace="agents",service_name="agent-runtime",track="green"'
ONE_JOB = [('pod="g-1",instance="10.0.0.1:9464",job="pods"', "1x200")]
TWO_JOBS = [*ONE_JOB, ('pod="g-1",instance="10.0.0.1:9464",job="services",endpoint="metrics"', "1x200")]
THREE_SPELLINGS = [
    *TWO_JOBS,
    ('pod="g-1",instance="g-1",job="annotated"', "1x200"),
    ('pod="g-1",instance="10.0.0.1:8443",job="proxied",container="rbac-proxy"', "1x200"),
]
ONE_FAILS = [*ONE_JOB, ('pod="g-1",instance="10.0.0.1:9464",job="services"', "0x200")]
SCRAPES = {"one job": ONE_JOB, "two jobs": TWO_JOBS, "three spellings": THREE_SPELLINGS}


def of_each(metric: str, targets: list[tuple[str, str]], values: str, more: str = "") -> list[tuple[str, str]]:
    return [(f"{metric}{{{PLACE},{target}{more}}}", values) for target, _ in targets]


def scraped(targets: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(f"up{{{PLACE},{target}}}", values) for target, values in targets]


@pytest.mark.parametrize("targets", SCRAPES.values(), ids=SCRAPES.keys())
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(release.RUNS, 120, id="runs"),
        pytest.param(release.TARGETS, 1, id="targets"),
        pytest.param(agents.RUN_RATE_BY_TRACK, 2, id="rate by track"),
        pytest.param(service.TRACK_RUNS, 2, id="rate on Triage"),
    ],
)
def test_a_pod_counts_once_however_many_jobs_scrape_it(
    tmp_path: Path, targets: list[tuple[str, str]], asked: Expression, expected: float
) -> None:
    kind = ',gen_ai_operation_name="invoke_agent"'
    series = of_each("gen_ai_invoke_agent_duration_seconds_count", targets, "1000+10x200", kind) + scraped(targets)
    assert list(answers(tmp_path, asked, VALUES, series, "600s").values()) == [pytest.approx(expected)]


# Containers and workers of one pod at ports of their own, all in one job; a second job may see them too, or only one.
TWO_PORTS = [
    ('pod="g-1",instance="10.0.0.1:9464",job="pods",container="agent"', "1x200"),
    ('pod="g-1",instance="10.0.0.1:9465",job="pods",container="worker"', "1x200"),
]
PUSHED = [('pod="g-1",instance="0b1e",job="agents"', "1x200"), ('pod="g-1",instance="77fa",job="agents"', "1x200")]
BOTH_TWICE = [*TWO_PORTS, *((target.replace("pods", "services"), values) for target, values in TWO_PORTS)]
ONE_TWICE = [*TWO_PORTS, ('pod="g-1",instance="g-1",job="annotated"', "1x200")]


@pytest.mark.parametrize(
    "targets",
    [
        pytest.param(TWO_PORTS, id="two containers"),
        pytest.param(PUSHED, id="two workers that push"),
        pytest.param(BOTH_TWICE, id="two containers in two jobs"),
        pytest.param(ONE_TWICE, id="two containers, one of them in a second job"),
    ],
)
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(release.RUNS, 240, id="runs"),
        pytest.param(release.RUN_COUNTER, 2 * (1000 + 10 * 120), id="raw counter of the comparison"),
        pytest.param(agents.RUN_RATE_BY_TRACK, 4, id="rate by track"),
        pytest.param(service.TRACK_RUNS, 4, id="rate on Triage"),
    ],
)
def test_processes_of_one_pod_add_up(
    tmp_path: Path, targets: list[tuple[str, str]], asked: Expression, expected: float
) -> None:
    kind = ',gen_ai_operation_name="invoke_agent"'
    series = of_each("gen_ai_invoke_agent_duration_seconds_count", targets, "1000+10x200", kind) + scraped(targets)
    found = answers(tmp_path, asked, {**VALUES, "memory": "600s"}, series, "600s")
    assert list(found.values()) == [pytest.approx(expected)]


# One process that one job sees twice: two declared ports of its container, or a sidecar's port that a rule rewrote to
# the annotated one. A second job may see it as well.
TWO_PORTS_OF_ONE = [
    ('pod="g-1",instance="10.0.0.1:9464",job="pods",container="agent",endpoint="metrics"', "1x200"),
    ('pod="g-1",instance="10.0.0.1:8080",job="pods",container="agent",endpoint="http"', "1x200"),
]
REWRITTEN = [
    ('pod="g-1",instance="10.0.0.1:9464",job="pods",container="agent"', "1x200"),
    ('pod="g-1",instance="10.0.0.1:9464",job="pods",container="istio-proxy"', "1x200"),
]
REWRITTEN_IPV6 = [(target.replace("10.0.0.1:", "[fd00::1]:"), values) for target, values in REWRITTEN]
IN_A_SECOND_JOB = [*TWO_PORTS_OF_ONE, ('pod="g-1",instance="10.0.0.1:9464",job="services",container="agent"', "1x200")]
# Two processes that look alike: containers whose targets carry the pod's name as instance, or ids that they push.
BY_NAME = [
    ('pod="g-1",instance="g-1",job="pods",container="agent"', "1x200"),
    ('pod="g-1",instance="g-1",job="pods",container="worker"', "1x200"),
]
ON_TWO_HOSTS = [(f'instance="{host}:9464",job="pods",container="agent"', "1x200") for host in ("one", "two")]
PUSHED_BY_CONTAINER = [(f'{target},container="agent"', values) for target, values in PUSHED]


@pytest.mark.parametrize(
    ("targets", "processes"),
    [
        pytest.param(TWO_PORTS_OF_ONE, 1, id="two ports of one container"),
        pytest.param(REWRITTEN, 1, id="a sidecar's port rewritten to the same address"),
        pytest.param(REWRITTEN_IPV6, 1, id="the same with an address of IPv6"),
        pytest.param(IN_A_SECOND_JOB, 1, id="two ports of one container and a second job"),
        pytest.param(BY_NAME, 2, id="two containers whose instance is the pod's name"),
        pytest.param(ON_TWO_HOSTS, 2, id="a container of one name on two hosts, without pods"),
        pytest.param(PUSHED_BY_CONTAINER, 2, id="two workers of one container that push"),
        pytest.param([*TWO_PORTS_OF_ONE, *TWO_PORTS[1:]], 2, id="two ports of one container beside another container"),
    ],
)
@pytest.mark.parametrize(
    ("asked", "of_one"),
    [
        pytest.param(release.RUNS, 120, id="runs"),
        pytest.param(release.RUN_COUNTER, 1000 + 10 * 120, id="raw counter of the comparison"),
        pytest.param(agents.RUN_RATE_BY_TRACK, 2, id="rate by track"),
        pytest.param(agents.RETRY_RATE, 0, id="a rate of what never happened"),
    ],
)
def test_two_targets_of_one_process_in_one_job_count_once(
    tmp_path: Path, targets: list[tuple[str, str]], processes: int, asked: Expression, of_one: float
) -> None:
    kind = ',gen_ai_operation_name="invoke_agent"'
    series = of_each("gen_ai_invoke_agent_duration_seconds_count", targets, "1000+10x200", kind) + scraped(targets)
    found = answers(tmp_path, asked, {**VALUES, "memory": "600s"}, series, "600s")
    assert list(found.values()) == [pytest.approx(processes * of_one)]


def began(targets: list[tuple[str, str]], *times: str) -> list[tuple[str, str]]:
    return [
        (f"process_start_time_seconds{{{PLACE},{target}}}", f"{at}x200")
        for (target, _), at in zip(targets, times, strict=True)
    ]


NO_CONTAINER = [(target.split(",container")[0], values) for target, values in TWO_PORTS]


@pytest.mark.parametrize(
    ("targets", "times", "is_largest_used", "may_be_doubled"),
    [
        pytest.param(TWO_PORTS_OF_ONE, (), True, False, id="ports of one container, no start is known"),
        pytest.param(TWO_PORTS_OF_ONE, ("7.5", "7.5"), False, False, id="ports of one container, one process"),
        pytest.param(TWO_PORTS_OF_ONE, ("7.5", "8"), True, False, id="ports of one container, two processes"),
        pytest.param(NO_CONTAINER, (), False, True, id="no container named, no start is known"),
        pytest.param(NO_CONTAINER, ("7.5", "7.5"), False, True, id="no container named, one process"),
        pytest.param(NO_CONTAINER, ("7.5", "8"), False, False, id="no container named, two processes"),
        pytest.param(TWO_PORTS, (), False, False, id="a port for each container"),
        pytest.param(ONE_JOB, (), False, False, id="one port"),
        pytest.param(PUSHED, (), False, False, id="pushed"),
    ],
)
def test_what_labels_do_not_tell_of_several_ports_is_said(
    tmp_path: Path, targets: list[tuple[str, str]], times: tuple[str, ...], is_largest_used: bool, may_be_doubled: bool
) -> None:
    series = [*scraped(targets), *(began(targets, *times) if times else ()), ("other", "1x200")]
    asked = (release.PORTS_OF_ONE_CONTAINER, release.PORTS_OF_NO_CONTAINER)
    found = [answers(tmp_path, one, VALUES, series, "600s") for one in asked]
    assert [bool(one) for one in found] == [is_largest_used, may_be_doubled]


def test_a_pod_that_may_count_twice_is_named() -> None:
    answer = inputs(evidence(doubled=("g-1", "g-2")), Limits())
    assert answer.result is Result.PASS
    assert answer.reason.endswith("of g-1, g-2: a process behind two of them counts twice")


def test_a_share_is_of_all_processes_of_a_pod(tmp_path: Path) -> None:
    """One container fails all of its runs, the other none: half fail, not all."""
    metric, kind = "gen_ai_invoke_agent_duration_seconds_count", ',gen_ai_operation_name="invoke_agent"'
    well, sick = (
        of_each(metric, TWO_PORTS[:1], "0+10x200", kind),
        of_each(metric, TWO_PORTS[1:], "0+10x200", f'{kind},error_type="timeout"'),
    )
    found = answers(tmp_path, agents.ERROR_RATIO, VALUES, [*well, *sick], "600s")
    assert list(found.values()) == [pytest.approx(0.5)]


def test_pods_with_two_ports_are_still_counted_as_pods(tmp_path: Path) -> None:
    assert of(answers(tmp_path, release.TARGETS, VALUES, scraped(TWO_PORTS), "600s"), track="green") == 1


OTHER_PORTS = [
    ('pod="g-1",instance="10.0.0.1:9464",job="pods"', "1x200"),
    ('pod="g-1",instance="10.0.0.1:9465",job="workers"', "1x200"),
]


@pytest.mark.parametrize(
    ("targets", "is_split"),
    [(ONE_JOB, False), (TWO_JOBS, False), (TWO_PORTS, False), (BOTH_TWICE, False), (OTHER_PORTS, True)],
    ids=["one job", "two jobs", "two ports", "two ports in two jobs", "a port for each job"],
)
def test_a_pod_that_no_job_scrapes_whole_is_named(
    tmp_path: Path, targets: list[tuple[str, str]], is_split: bool
) -> None:
    found = answers(tmp_path, release.SPLIT_PODS, VALUES, [*scraped(targets), ("other", "1x200")], "600s")
    assert bool(found) is is_split


def test_the_verdict_says_which_pods_one_job_stands_for() -> None:
    answer = inputs(evidence(split=("g-1",)), Limits())
    assert answer.result is Result.PASS
    assert answer.reason.endswith("several ports are scraped of g-1: only the largest count is used")


def test_a_pod_that_one_job_cannot_scrape_is_scraped(tmp_path: Path) -> None:
    assert of(answers(tmp_path, release.TARGETS, VALUES, scraped(ONE_FAILS), "600s"), track="green") == 1


def test_the_pods_that_are_scraped_are_told_by_name(tmp_path: Path) -> None:
    targets = [*TWO_JOBS, ('pod="g-2",instance="10.0.0.2:9464",job="pods"', "0x200")]
    found = answers(tmp_path, release.SCRAPED_PODS, VALUES, scraped(targets), "600s")
    assert found == {frozenset({("track", "green"), ("pod", "g-1")}): 1}


def test_a_ready_pod_that_no_job_scrapes_is_named() -> None:
    ready = {"g-1", "g-2"}
    assert governed.unscraped(ready, {"g-1", "b-1"}) == ("g-2",)
    assert governed.unscraped(ready, {"g-1", "g-2"}) == ()
    assert governed.unscraped(ready, ()) == (), "without names of pods there is nothing to hold them against"


@pytest.mark.parametrize(
    ("targets", "unscraped", "reason"),
    [
        (1.0, ("g-2",), "metrics come from 1 of 2 ready pods on green; no job scrapes g-2"),
        # A pod that ends is scraped still and makes up the number.
        (2.0, ("g-2",), "metrics come from 1 of 2 ready pods on green; no job scrapes g-2"),
        (1.0, (), "metrics come from 1 of 2 ready pods on green"),
    ],
)
def test_a_release_with_a_pod_that_nobody_measures_is_not_judged(
    targets: float, unscraped: tuple[str, ...], reason: str
) -> None:
    answer = inputs(evidence(targets=known(targets), unscraped=unscraped), Limits())
    assert (answer.result, answer.reason) == (Result.UNKNOWN, reason)


def test_processes_without_a_pod_are_told_by_their_instance(tmp_path: Path) -> None:
    targets = [(f'instance="10.0.0.{last}:9464",job="hosts"', "1x200") for last in (1, 2, 3)]
    series = of_each("agentgov_agent_queue_depth", targets, "4x200")
    assert list(answers(tmp_path, agents.QUEUE_DEPTH, VALUES, series, "600s").values()) == [12]


def test_pods_are_still_summed(tmp_path: Path) -> None:
    targets = [(f'pod="g-{n}",instance="10.0.0.{n}:9464",job="{job}"', "1x200") for n in (1, 2) for job in ("a", "b")]
    series = of_each("agentgov_contract_evaluations_total", targets, "0+5x200", ',outcome="pass"')
    assert list(answers(tmp_path, contracts.EVALUATION_RATE, VALUES, series, "600s").values()) == [pytest.approx(2)]


def test_a_quantile_of_buckets_in_two_spellings_is_the_quantile(tmp_path: Path) -> None:
    """Every pod is as quick, and only one spells its bounds as Python does."""
    shares = (("0.5", "0.5", 5), ("1", "1.0", 9), ("2e0", "2", 10), ("+Inf", "Inf", 10))

    def buckets(pod: str, spelling: int) -> list[tuple[str, str]]:
        target = [(f'pod="{pod}",instance="{pod}:1",job="a"', "")]
        kind = ',gen_ai_operation_name="invoke_agent",le="{}"'
        return [
            series
            for *spelled, runs in shares
            for series in of_each(
                "gen_ai_invoke_agent_duration_seconds_bucket", target, f"0+{runs}x200", kind.format(spelled[spelling])
            )
        ]

    alike = answers(tmp_path, agents.P95, VALUES, [*buckets("a", 0), *buckets("b", 0)], "600s")
    mixed = answers(tmp_path, agents.P95, VALUES, [*buckets("a", 0), *buckets("b", 1)], "600s")
    assert mixed == alike == {frozenset(): pytest.approx(1.5)}


def told(metric: str, pod: str, value: float, more: str = "", reader: str = "kube-state-metrics") -> tuple[str, str]:
    return (f'{metric}{{namespace="agents",pod="{pod}",container="app",job="{reader}"{more}}}', f"{value}x20")


def phase(pod: str, name: str, is_so: int = 1) -> tuple[str, str]:
    return (f'kube_pod_status_phase{{namespace="agents",pod="{pod}",phase="{name}"}}', f"{is_so}x20")


OVER = [phase("done", "Succeeded"), phase("done", "Running", 0), phase("evicted", "Failed"), phase("live", "Running")]


@pytest.mark.parametrize(
    ("asked", "metric", "resource"),
    [
        (resources.CPU_REQUESTED, "kube_pod_container_resource_requests", "cpu"),
        (resources.CPU_REQUESTED_BY_POD, "kube_pod_container_resource_requests", "cpu"),
        (resources.MEMORY_LIMIT, "kube_pod_container_resource_limits", "memory"),
        (resources.MEMORY_LIMIT_BY_POD, "kube_pod_container_resource_limits", "memory"),
    ],
)
def test_pods_that_are_over_hold_nothing(tmp_path: Path, asked: Expression, metric: str, resource: str) -> None:
    series = [told(metric, pod, 4, f',resource="{resource}"') for pod in ("live", "done", "evicted", "pending")]
    found = answers(tmp_path, asked, VALUES, [*series, *OVER, phase("pending", "Pending")], "60s")
    assert sum(found.values()) == 8


def test_what_is_told_by_two_readers_counts_once(tmp_path: Path) -> None:
    series = [
        told("kube_pod_container_resource_requests", "live", 4, ',resource="cpu"', reader) for reader in ("a", "b")
    ]
    assert list(answers(tmp_path, resources.CPU_REQUESTED, VALUES, series, "60s").values()) == [4]


def test_containers_that_two_jobs_read_count_once(tmp_path: Path) -> None:
    series = [
        told("container_memory_working_set_bytes", pod, 5, f',image="i",id="/{pod}"', reader)
        for pod in ("a", "b")
        for reader in ("kubelet", "cadvisor")
    ]
    assert list(answers(tmp_path, resources.MEMORY, VALUES, series, "60s").values()) == [10]
