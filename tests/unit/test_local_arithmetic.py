"""The cluster's arithmetic by itself: back-off, autoscaling, quantities, rolling updates."""

from __future__ import annotations

from itertools import count

import pytest

from deploy.local.controllers.autoscaling import desired_replicas
from deploy.local.controllers.rollout import Set, bounds, rolling_update
from deploy.local.node.container import next_back_off
from deploy.local.quantities import asked_for, quantity, written


def test_the_first_crash_is_answered_at_once_and_later_ones_ever_more_slowly_up_to_five_minutes() -> None:
    waits: list[float | None] = [None]
    for _ in range(8):
        waits.append(next_back_off(waits[-1], lived_seconds=1))
    assert waits[1:] == [0, 10, 20, 40, 80, 160, 300, 300]


def test_a_container_that_lived_long_is_forgiven() -> None:
    assert next_back_off(300, lived_seconds=599) == 300
    assert next_back_off(300, lived_seconds=601) == 0


@pytest.mark.parametrize(
    ("current", "ratio", "missing", "wanted"),
    [
        pytest.param(2, 1.09, 0, 2, id="within a tenth of the target nothing changes"),
        pytest.param(2, 1.5, 0, 3, id="half more use, half more pods"),
        pytest.param(4, 0.5, 0, 2, id="half the use, half the pods"),
        pytest.param(2, 3.0, 1, 3, id="a pod that is not measured counts as idle when more are wanted"),
        pytest.param(3, 0.5, 1, 2, id="and as on target when fewer are"),
        pytest.param(2, 1.2, 1, 2, id="what it hides may be that nothing is wrong"),
    ],
)
def test_replicas_follow_measured_use(current: int, ratio: float, missing: int, wanted: int) -> None:
    assert desired_replicas(current, ratio, measured=current - missing, missing=missing) == wanted


@pytest.mark.parametrize(
    ("desired", "surge", "unavailable"),
    [(1, 1, 0), (2, 1, 0), (4, "25%", "25%"), (10, "30%", 2), (5, 0, 1), (3, "100%", 0)],
)
def test_a_rolling_update_keeps_its_bounds_at_every_step_and_ends(
    desired: int, surge: int | str, unavailable: int | str
) -> None:
    within = bounds(desired, surge, unavailable)
    old, new = (
        Set(name="old", asked=desired, existing=desired, available=desired),
        Set(name="new", asked=0, existing=0, available=0),
    )
    for step in count():
        assert step < 100, "it never ends"
        asked = rolling_update(new, [old], within)
        assert sum(asked.values()) <= desired + within.surge
        available = min(old.available, asked["old"]) + min(new.available, asked["new"])
        assert available >= desired - within.unavailable
        if asked == {"new": desired, "old": 0} and new.available == desired:
            break
        gone = asked["old"]
        old = Set(name="old", asked=gone, existing=gone, available=gone)
        # One new pod becomes available at a time, which is the slowest way.
        ready = min(asked["new"], new.available + 1)
        new = Set(name="new", asked=asked["new"], existing=asked["new"], available=ready)


def test_quantities_are_read_and_written_as_people_write_them() -> None:
    assert [quantity(text) for text in ("250m", "2", 3, "128Mi", "1k")] == [0.25, 2, 3, 128 * 2**20, 1000]
    assert written("requests.cpu", 1.4) == "1400m"
    assert written("requests.memory", 2**30) == "1Gi"
    assert written("requests.memory", 3 * 2**29) == "1536Mi"
    assert written("pods", 8.0) == "8"


def test_a_quota_counts_what_pods_ask_for_until_they_are_finished() -> None:
    resources = {"requests": {"cpu": "250m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}
    running = {"spec": {"containers": [{"resources": resources}, {"resources": {}}]}, "status": {"phase": "Running"}}
    asked = asked_for([running, running, {**running, "status": {"phase": "Succeeded"}}])
    assert (asked["pods"], asked["requests.cpu"], asked["cpu"]) == (2, 0.5, 0.5)
    assert asked["limits.memory"] == 512 * 2**20
