"""Whatever goes wrong and whenever: an action ends, says the truth, and leaves users on one track with the lock free.

Faults are drawn for single calls: refused, timed out before or after the write took effect, or a foreign change in
between. Two faults an action at most. Not covered: the death of the process.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import Rejected, TimedOut
from dashboard.act.audit import AuditFile
from dashboard.model.action import Outcome
from tests.act.fakes import Clock, FakeCluster, blue_green
from tests.act.test_actions import Stage, a_switch

Fault = Literal["refused", "timed out", "answer lost", "foreign change"]


class Faulty(FakeCluster):
    """The fake cluster, with a fault at the nth call that writes."""

    def arm(self, faults: dict[int, Fault]) -> None:
        self.faults = faults
        self.calls = 0

    def patch(self, kind: str, name: str, namespace: str | None, body: Any, *, subresource: str = "") -> Any:
        return self._with_fault(kind, name, lambda: super(Faulty, self).patch(kind, name, namespace, body))

    def create(self, kind: str, namespace: str | None, body: Any) -> Any:
        return self._with_fault(
            kind, body["metadata"]["name"], lambda: super(Faulty, self).create(kind, namespace, body)
        )

    def replace(self, kind: str, name: str, namespace: str | None, body: Any) -> Any:
        return self._with_fault(kind, name, lambda: super(Faulty, self).replace(kind, name, namespace, body))

    def _with_fault(self, kind: str, name: str, write: Any) -> Any:
        self.calls += 1
        match self.faults.get(self.calls):
            case "refused":
                raise Rejected("kubernetes", "HTTP 403")
            case "timed out":
                raise TimedOut("kubernetes", "no answer within 2 s")
            case "foreign change":
                if (kind, name) in self.objects:
                    item = self.get(kind, name)
                    item["metadata"].setdefault("labels", {})["foreign"] = str(self.calls)
                    self.put(kind, item)
            case "answer lost":
                write()
                raise TimedOut("kubernetes", "no answer within 2 s")
        return write()


def faulty(faults: dict[int, Fault]) -> Faulty:
    cluster = Faulty()
    healthy = blue_green()
    cluster.objects, cluster._version = healthy.objects, healthy._version
    cluster.arm(faults)
    return cluster


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.integers(1, 16),
        st.sampled_from(["refused", "timed out", "answer lost", "foreign change"]),
        max_size=2,
    )
)
def test_any_faults_leave_one_track_and_the_truth(faults: dict[int, Fault]) -> None:
    cluster = faulty(faults)
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), cluster)
        state = stage.run(a_switch())
        phases = stage.phases()

    assert not state.is_running
    assert phases[-1] == "finished"
    serving = {
        endpoint["targetRef"]["name"] for endpoint in cluster.objects["endpointslices", "agent-runtime"]["endpoints"]
    }
    tracks = {name.split("-")[2] for name in serving}
    assert tracks == {cluster.selector()}
    match state.outcome:
        case Outcome.SUCCEEDED:
            assert cluster.selector() == "green"
        case Outcome.REFUSED:
            assert cluster.selector() == "blue"
            assert not any("spec" in body for _, kind, _, body in cluster.writes if kind == "services")
        case Outcome.FAILED if "could not be taken back" not in state.sentence:
            assert cluster.selector() == "blue"


def test_without_a_fault_the_faulty_cluster_is_like_any_other(tmp_path: Path) -> None:
    stage = Stage(tmp_path, faulty({}))
    assert stage.run(a_switch()).outcome is Outcome.SUCCEEDED
    assert isinstance(stage.audit, AuditFile)
    assert isinstance(stage.clock, Clock)
