"""Which step of a runbook fits an incident, and that nothing is said to fit while it is not known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.answering import board
from dashboard.decide.runbook_steps import bare, fitting, of_group, of_tracks, of_words, steps
from dashboard.model.incident import Situation
from dashboard.queries.triage import Triage
from tests.unit.test_answering import ROOT, an_alert, groups
from tests.unit.test_triage import FakeAsk, ask_triage, service

RUNBOOKS = sorted((Path(__file__).resolve().parents[2] / "deploy" / "runbooks").glob("*.md"))
TEXT = """# It fails

**Do now**
1. <!-- when: active -->Roll back.
2. <!-- when: preview both -->Do not switch.
3. Tell somebody.
"""


def text(name: str) -> str:
    return next(file for file in RUNBOOKS if file.stem == name).read_text(encoding="utf-8")


def test_a_step_says_when_it_fits() -> None:
    assert [(step.number, step.text, step.when) for step in steps(TEXT)] == [
        (1, "Roll back.", ("active",)),
        (2, "Do not switch.", ("preview", "both")),
        (3, "Tell somebody.", ()),
    ]
    assert [step.number for step in fitting(TEXT, {Situation.BOTH})] == [2]
    assert fitting(TEXT, ()) == fitting(TEXT, {Situation.MEMORY}) == ()
    assert "<!--" not in bare(TEXT)


@pytest.mark.parametrize("file", RUNBOOKS, ids=lambda file: file.stem)
def test_every_word_in_a_runbook_is_a_situation_that_the_deck_can_know(file: Path) -> None:
    known = {situation.value for situation in Situation}
    assert [step for step in steps(file.read_text(encoding="utf-8")) if not set(step.when) <= known] == []


def test_the_runbooks_of_a_sick_track_have_a_step_wherever_it_stands() -> None:
    for name in ("agent-error-ratio-high", "agent-latency-high", "contract-violation-ratio-high", "pod-crash-looping"):
        for situation in (Situation.ACTIVE, Situation.PREVIEW, Situation.BOTH):
            assert fitting(text(name), {situation}), (name, situation)


@given(sick=st.sampled_from(("", "blue", "green")), active=st.sampled_from(("", "blue", "green")), other=st.booleans())
def test_nothing_fits_while_the_tracks_are_not_known(sick: str, active: str, other: bool) -> None:
    assert of_tracks(sick, active, {}) == frozenset()
    known = of_tracks(sick, active, {"blue": other, "green": other})
    if not sick or not active:
        assert known == frozenset()
    elif other:
        assert known == {Situation.BOTH}
    else:
        assert known == {Situation.ACTIVE if sick == active else Situation.PREVIEW}


@pytest.mark.parametrize("said", ["died of OOMKilled (exit 137)", "out of memory", "killed for its memory", "OOM kill"])
def test_a_kill_for_memory_is_read_from_the_words_of_the_incident(said: str) -> None:
    assert of_words("green crashes", said) == {Situation.MEMORY}


@pytest.mark.parametrize("said", ["Error (exit 1)", "memory is fine", "zoom killed"])
def test_other_ends_are_no_kill_for_memory(said: str) -> None:
    assert of_words(said) == frozenset()


def situations(green: float, blue: float, *, active: str = "green", **more: object) -> set[Situation]:
    mine = service()
    mine["spec"]["selector"]["tealdeck.io/track"] = active
    found: Triage = ask_triage(
        FakeAsk(
            green={"track_error_ratio": green},
            blue={"track_error_ratio": blue},
            objects={"services": (mine,)},
            **more,  # type: ignore[arg-type]
        )
    )
    return set().union(*(evidence.situations for evidence in found.evidence.values()))


def test_the_card_knows_where_the_sick_track_stands() -> None:
    assert situations(0.31, 0.002) == {Situation.ACTIVE}
    assert situations(0.31, 0.002, active="blue") == {Situation.PREVIEW}
    assert situations(0.31, 0.4) == {Situation.BOTH}


def test_while_the_other_track_is_not_measured_no_step_fits() -> None:
    class OneTrack(FakeAsk):
        def __init__(self) -> None:
            super().__init__(green={"track_error_ratio": 0.31}, objects={"services": (service(),)})
            self.values.pop("blue")

    (evidence,) = ask_triage(OneTrack()).evidence.values()
    assert evidence.situations == frozenset()


def test_an_alert_fits_by_the_alerts_of_its_kind_alone() -> None:
    def of(track: str, name: str = "AgentErrorRatioHigh", minutes: float = 2) -> object:
        mine = an_alert(name, minutes=minutes)
        placed = {**mine.labels, "service_name": "agent-runtime", "track": track}
        return replace(mine, labels=placed, fingerprint=f"{name}-{track}")

    one = board([groups(of("green"))], (), ROOT).waiting  # type: ignore[arg-type]
    assert of_group(one[0], one, {"agent-runtime": "green"}) == {Situation.ACTIVE}
    assert of_group(one[0], one, {"agent-runtime": "blue"}) == {Situation.PREVIEW}
    assert of_group(one[0], one, {}) == frozenset()
    two = board([groups(of("green")), groups(of("blue"))], (), ROOT).waiting  # type: ignore[arg-type]
    assert {of_group(group, two, {"agent-runtime": "green"}) for group in two} == {frozenset({Situation.BOTH})}
