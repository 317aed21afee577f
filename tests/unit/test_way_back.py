"""After a switch gate, sentence and button say the same about the way back, and advise no way that is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dashboard.decide.verdict import judge
from dashboard.model.reading import Source
from dashboard.model.verdict import Decision, Mode, Result
from dashboard.queries.release import release
from tests.act.test_actions import Stage, a_switch
from tests.act.test_moved_meanwhile import roll_out
from tests.unit.release_evidence import evidence, known, service
from tests.unit.release_stage import StageAsk, running
from tests.unit.test_release_query import VIEW


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"version": "1.9.0"}, "blue runs 1.9.0 now, but 1.7.4 served before"),
        ({"image": "agent:2"}, "blue is 1.7.4 still, but with other images"),
        ({"env": [{"name": "MODEL", "value": "other"}]}, "blue is 1.7.4 still, but with other images"),
    ],
)
def test_another_release_on_the_track_that_users_left_is_no_way_back(
    tmp_path: Path, other: dict[str, Any], says: str
) -> None:
    stage = Stage(tmp_path)
    stage.run(a_switch())
    roll_out(stage.cluster, "blue", **other)
    now = stage.clock.now()
    found = release(StageAsk(now, cluster=running(stage.cluster)), VIEW, now)  # type: ignore[arg-type]
    assert found.after is not None
    [gate] = [gate for gate in found.after.gates if gate.gate == "way_back"]
    assert gate.result is Result.FAIL
    assert says in gate.reason
    assert says in found.way_back_closed
    assert "Roll back" not in found.after.sentence


@pytest.mark.parametrize("blue", [{"ready": 0}, {"ready": 1}, {"not_served": "blue runs 1.9.0 now"}])
def test_nobody_is_sent_back_because_there_is_no_way_back(blue: dict[str, Any]) -> None:
    verdict = judge(evidence(mode=Mode.AFTER, service=known(service(blue=blue), Source.KUBERNETES)))
    assert verdict.decision is Decision.NO_GO
    assert verdict.sentence.startswith("Way back: ")
    assert "Roll back" not in verdict.sentence


def test_harm_beside_a_cold_way_back_still_advises_to_go_back() -> None:
    tracks = service(blue={"ready": 1}, green={"ready": 0})
    verdict = judge(evidence(mode=Mode.AFTER, service=known(tracks, Source.KUBERNETES)))
    assert verdict.sentence.endswith("Roll back.")
