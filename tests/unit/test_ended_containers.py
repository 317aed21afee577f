"""Which containers of a release ended lately: what died counts, what has done its work does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dashboard.decide.governed import ended_lately
from tests.unit.cluster_objects import NOW, container, pod, terminated, waiting

BACK_OFF = waiting("CrashLoopBackOff")


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
    ],
)
def test_what_died_since_counts(found: dict[str, Any], number: int) -> None:
    assert ended_lately([found], NOW - timedelta(minutes=5)) == number
    assert ended_lately([found], NOW) == (number if "waiting" in str(found) else 0)
