"""Pods of an earlier release are no strength of the release that was judged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.readiness import unready


def a_deployment(**status: int) -> dict[str, Any]:
    known = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}
    return {"metadata": {"name": "green", "generation": 3}, "status": {**known, **status}}


def test_enough_ready_pods_of_the_present_template_are_waited_for_no_longer() -> None:
    assert unready(a_deployment(), 2) == ""
    assert unready(a_deployment(replicas=3, updatedReplicas=3, readyReplicas=3), 2) == ""


@pytest.mark.parametrize(
    ("status", "says"),
    [
        pytest.param({"observedGeneration": 2}, "has not acted on the last change", id="the controller is behind"),
        pytest.param({"readyReplicas": 1}, "1 of 2 pods of green are ready", id="one is not ready"),
        pytest.param(
            {"replicas": 3, "readyReplicas": 3}, "earlier release are still there (1)", id="one is of the old template"
        ),
        pytest.param({"updatedReplicas": 0}, "earlier release are still there (2)", id="the rollout has only begun"),
        pytest.param({"replicas": 0, "updatedReplicas": 0, "readyReplicas": 0}, "0 of 2 pods", id="there is none"),
    ],
)
def test_what_is_waited_for_is_named(status: dict[str, int], says: str) -> None:
    assert says in unready(a_deployment(**status), 2)


def test_a_deployment_that_no_controller_has_seen_is_not_ready() -> None:
    assert unready({"metadata": {"name": "green", "generation": 1}}, 1)


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(1, 6))
def test_nobody_is_sent_to_fewer_pods_than_are_needed(total: int, updated: int, ready: int, needed: int) -> None:
    status = {"replicas": max(total, updated), "updatedReplicas": updated, "readyReplicas": ready}
    if unready(a_deployment(**status), needed) == "":
        assert min(updated, ready) >= needed
        assert status["replicas"] == updated
