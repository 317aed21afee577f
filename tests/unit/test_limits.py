"""What holds workloads back: quantities compared as numbers, budgets over nothing, autoscalers without metrics."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.quantities import quantity
from dashboard.decide.workloads import limits
from dashboard.model.workload import Limit
from tests.unit.cluster_objects import condition


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1000m", Decimal(1)),
        ("1", Decimal(1)),
        ("2Gi", Decimal(2**31)),
        ("2147483648", Decimal(2**31)),
        ("1k", Decimal(1000)),
        ("1e3", Decimal(1000)),
        ("1E3", Decimal(1000)),
        ("1E", Decimal(10**18)),
        ("1Ei", Decimal(2**60)),
        ("0.5", Decimal("0.5")),
        (".5", Decimal("0.5")),
        ("5.", Decimal(5)),
        ("-1", Decimal(-1)),
        ("100n", Decimal("1E-7")),
        (4, Decimal(4)),
        (0.5, Decimal("0.5")),
    ],
)
def test_a_quantity_is_the_number_that_it_stands_for(written: object, amount: Decimal) -> None:
    assert quantity(written) == amount


@pytest.mark.parametrize(
    "written",
    ["", "x", "NaN", "Infinity", "1_000", "1K", "1ki", "1e", "1 Gi", "Gi", "--1", "٣", "1e9999", None, True, []],
)
def test_what_is_no_quantity_is_not_understood(written: object) -> None:
    assert quantity(written) is None


@given(
    st.integers(0, 10**12), st.sampled_from([("k", 10**3), ("M", 10**6), ("Ki", 2**10), ("Gi", 2**30), ("e3", 10**3)])
)
def test_one_amount_in_two_notations_is_equal(number: int, unit: tuple[str, int]) -> None:
    suffix, size = unit
    assert quantity(f"{number}{suffix}") == quantity(str(number * size))


def quota(hard: Any, used: Any) -> Limit:
    found = {
        "metadata": {"name": "q"},
        "status": {"hard": {"requests.memory": hard}, "used": {"requests.memory": used}},
    }
    (one,) = limits([], [], [found])
    return one


@pytest.mark.parametrize(
    ("hard", "used", "at_limit"),
    [
        ("2Gi", "2147483648", True),
        ("10", "12", True),
        ("4", "4", True),
        ("1k", "1000", True),
        ("1", "1000m", True),
        ("10", "9", False),
        ("2Gi", "2G", False),
        ("10", "much", None),
        ("plenty", "1", None),
        ("10", None, None),
    ],
)
def test_a_quota_is_compared_by_arithmetic(hard: Any, used: Any, at_limit: bool | None) -> None:
    assert quota(hard, used).at_limit is at_limit


@pytest.mark.parametrize(
    ("resource", "hard", "used", "shown"),
    [
        ("cpu", "2", "1400m", ("1.4 cores", "2 cores")),
        ("requests.cpu", "500m", "0", ("0 cores", "0.5 cores")),
        ("limits.memory", "8Gi", "1536Mi", ("1.5 GiB", "8 GiB")),
        ("gold.storageclass.storage.k8s.io/requests.storage", "1Ti", "100Gi", ("100 GiB", "1 TiB")),
        ("requests.ephemeral-storage", "1Gi", "1e6", ("977 KiB", "1 GiB")),
        ("requests.nvidia.com/gpu", "4", "3", ("3", "4")),
        ("count/jobs.batch", "1k", "12", ("12", "1,000")),
        ("cpu", "plenty", "1400m", ("1.4 cores", "plenty")),
    ],
)
def test_a_quota_is_shown_in_the_units_of_all_other_figures(
    resource: str, hard: str, used: str, shown: tuple[str, str]
) -> None:
    status = {"hard": {resource: hard}, "used": {resource: used}}
    (one,) = limits([], [], [{"metadata": {"name": "q"}, "status": status}])
    assert (one.now, one.allowed) == shown


def test_a_quota_that_is_not_understood_says_so() -> None:
    assert quota("10", "much").trouble == "not understood: much"
    assert quota("10", None).now == "not yet counted"
    (fresh,) = limits([], [], [{"metadata": {"name": "q"}, "spec": {"hard": {"pods": "4"}}, "status": None}])
    assert (fresh.now, fresh.allowed, fresh.at_limit) == ("not yet counted", "4", None)


@pytest.mark.parametrize(
    ("status", "at_limit"),
    [
        pytest.param({"disruptionsAllowed": 0, "currentHealthy": 0, "expectedPods": 0}, False, id="over no pods"),
        pytest.param({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0}, False, id="wants none"),
        pytest.param({"disruptionsAllowed": 0, "currentHealthy": 1, "expectedPods": 1}, True, id="none may go"),
        pytest.param({"disruptionsAllowed": 0, "currentHealthy": 0, "expectedPods": 2}, True, id="all are sick"),
        pytest.param({"disruptionsAllowed": 1, "currentHealthy": 2, "expectedPods": 2}, False, id="one may go"),
        pytest.param({}, None, id="not yet counted"),
        pytest.param(None, None, id="no status"),
    ],
)
def test_a_budget(status: Any, at_limit: bool | None) -> None:
    (one,) = limits([], [{"metadata": {"name": "b"}, "status": status}], [])
    assert one.at_limit is at_limit


def autoscaler(status: Any, **spec: Any) -> Limit:
    (one,) = limits([{"metadata": {"name": "h"}, "spec": {"maxReplicas": 5, **spec}, "status": status}], [], [])
    return one


def test_an_autoscaler_at_zero_is_neither_at_its_limit_nor_in_trouble() -> None:
    off = condition("ScalingActive", "False", "ScalingDisabled")
    status = {"currentReplicas": 0, "desiredReplicas": 0, "currentMetrics": None, "conditions": [off]}
    one = autoscaler(status, minReplicas=0)
    assert (one.now, one.allowed, one.at_limit, one.trouble) == ("0 replicas", "0 to 5", False, "")


def test_an_autoscaler_that_reads_no_metrics_says_so() -> None:
    blind = condition("ScalingActive", "False", "FailedGetResourceMetric", "did not receive metrics")
    one = autoscaler({"currentReplicas": 2, "desiredReplicas": 2, "conditions": [blind]})
    assert one.trouble == "FailedGetResourceMetric: did not receive metrics"


def test_an_autoscaler_that_was_not_looked_at_is_not_at_its_limit() -> None:
    one = autoscaler(None, maxReplicas=None)
    assert (one.now, one.allowed, one.at_limit) == ("not yet counted", "1 to ?", None)
    assert autoscaler({"currentReplicas": 5}).at_limit is True


def test_what_is_at_its_limit_comes_first_and_what_cannot_be_told_before_what_is_clear() -> None:
    pdbs = [
        {"metadata": {"name": "clear"}, "status": {"disruptionsAllowed": 1, "expectedPods": 2}},
        {"metadata": {"name": "new"}},
        {"metadata": {"name": "tight"}, "status": {"disruptionsAllowed": 0, "expectedPods": 2}},
    ]
    assert [one.name for one in limits([], pdbs, [])] == ["tight", "new", "clear"]
