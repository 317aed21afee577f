"""What containers hold and how often they restart, as Prometheus sums it up: the dead hold nothing.

Series end without a marker here, as cAdvisor's do: their samples have times of their own.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.catalog import resources
from dashboard.catalog.expression import Expression
from dashboard.model.mapping import Mapping as NameMapping
from dashboard.queries.presence import scopes
from tests.unit.promql import answers

VALUES = {"namespace": "agents", "window": "300s"}


def memory(pod: str, container_id: str, values: str, job: str = "kubelet") -> tuple[str, str]:
    labels = f'namespace="agents",pod="{pod}",container="app",image="i",id="{container_id}",job="{job}"'
    return f"container_memory_working_set_bytes{{{labels}}}", values


def bytes_held(folder: Path, series: list[tuple[str, str]], asked: Expression = resources.MEMORY) -> float:
    return sum(answers(folder, asked, VALUES, series, "200s").values())


LIVING = memory("b", "/b", "5x60")


@pytest.mark.parametrize(
    "series",
    [
        pytest.param([memory("a", "/old", "900x20"), memory("a", "/new", "_x20 7x40"), LIVING], id="a restart"),
        pytest.param(
            [memory("a", "/old", "900x20"), memory("a", "/1", "_x20 80x9"), memory("a", "/2", "_x30 7x30"), LIVING],
            id="two restarts within 5 minutes",
        ),
        pytest.param([memory("a", "/a", "7x60"), memory("gone", "/gone", "900x5"), LIVING], id="a pod that is gone"),
        pytest.param(
            [memory("a", "/a", "7x60"), memory("a", "/a", "7x60", job="other"), LIVING], id="read by two jobs"
        ),
        pytest.param([memory("a", "/a", "_ _ 7x55"), LIVING], id="read a little earlier than another"),
    ],
)
@pytest.mark.parametrize("asked", [resources.MEMORY, resources.MEMORY_BY_POD], ids=["in all", "by pod"])
def test_only_containers_that_live_hold_memory(
    tmp_path: Path, asked: Expression, series: list[tuple[str, str]]
) -> None:
    assert bytes_held(tmp_path, series, asked) == 12


def restarts(kind: str, container: str, values: str, job: str = "kube-state-metrics") -> tuple[str, str]:
    labels = f'namespace="agents",pod="a",container="{container}",job="{job}"'
    return f"kube_pod_{kind}container_status_restarts_total{{{labels}}}", values


def test_restarts_of_init_containers_count_and_each_once(tmp_path: Path) -> None:
    series = [
        restarts("", "app", "0x30 1x31"),
        restarts("", "app", "0x30 1x31", job="another"),
        restarts("init_", "migrate", "0x30 3x31"),
    ]
    assert list(answers(tmp_path, resources.RESTARTS, VALUES, series, "300s").values()) == [4]
    assert list(answers(tmp_path, resources.RESTARTS, VALUES, series[:1], "300s").values()) == [1]


def test_without_any_series_nothing_is_summed(tmp_path: Path) -> None:
    assert answers(tmp_path, resources.MEMORY, VALUES, [restarts("", "app", "0x60")], "200s") == {}
    assert answers(tmp_path, resources.RESTARTS, VALUES, [LIVING], "200s") == {}


def test_a_cluster_without_init_containers_measures_restarts() -> None:
    asked = resources.RESTARTS.render(VALUES), resources.CPU_REQUESTED.render(VALUES)
    names = [{name for name, _ in scopes(promql, NameMapping())} for promql in asked]
    assert names == [{"kube_pod_container_status_restarts_total"}, {"kube_pod_container_resource_requests"}]
