"""A comparison takes both tracks to do the same work: where the mix of agents differs much, the verdict says so."""

from __future__ import annotations

import pytest

from dashboard.decide.agent_mix import another_mix
from dashboard.decide.verdict import judge
from dashboard.model.release import Track
from dashboard.model.verdict import Decision, Evidence, Mode
from tests.unit.release_evidence import evidence, known
from tests.unit.release_trial import trial


def mixed(green: dict[str, float], blue: dict[str, float], **changes: object) -> Evidence:
    return evidence(runs_by_agent={Track.GREEN: green, Track.BLUE: blue}, **changes)


def test_a_go_and_a_no_go_by_comparison_say_that_the_mix_differs() -> None:
    green, blue = {"refund": 300.0, "chat": 700.0}, {"refund": 900.0, "chat": 8100.0}
    go = judge(mixed(green, blue))
    assert go.decision is Decision.GO
    assert "green runs another mix of agents than blue (chat: 70 % of the runs, 90 % there)" in go.sentence
    stopped = judge(mixed(green, blue, trial=known(trial(worse={"errors": 5.0}))))
    assert stopped.decision is Decision.NO_GO
    assert "another mix of agents" in stopped.sentence


@pytest.mark.parametrize(
    ("green", "blue"),
    [
        ({"refund": 12.0, "chat": 88.0}, {"refund": 900.0, "chat": 8100.0}),
        ({"refund": 9.0, "chat": 1.0}, {"refund": 900.0, "chat": 8100.0}),  # too few runs to tell
        ({}, {"refund": 900.0}),
        ({}, {}),
    ],
)
def test_a_mix_that_is_alike_or_not_known_is_not_told(green: dict[str, float], blue: dict[str, float]) -> None:
    assert another_mix(mixed(green, blue)) == ""


def test_an_agent_that_only_one_track_runs_is_another_mix_and_after_a_switch_there_is_none_beside() -> None:
    green, blue = {"new": 50.0, "chat": 50.0}, {"chat": 1000.0}
    assert "(chat: 50 % of the runs, 100 % there)" in another_mix(mixed(green, blue))
    assert another_mix(mixed(green, blue, mode=Mode.AFTER)) == ""
