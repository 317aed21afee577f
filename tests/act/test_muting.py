"""Acts on alerts: what is refused, what stands in the audit before and after, what is read back, and who was first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Forbidden, SourceError, TimedOut, Unreachable
from dashboard.act.audit import AuditFile
from dashboard.act.muting import Muting
from dashboard.act.trail import AuditTrail
from dashboard.act.verify import verify
from dashboard.alerting import mute_of
from dashboard.decide.matchers import read
from dashboard.decide.over import MISSING_FOR, Over
from dashboard.model.action import Actor, Outcome
from dashboard.model.muting import AlertNamed, MutingKind, MutingRequest, MutingRules
from dashboard.model.silence import acknowledgement
from tests.act.alertmanager import FakeAlertmanager
from tests.act.fakes import Clock

ALICE, BOB = Actor(name="alice", origin="test"), Actor(name="bob", origin="test")


class Stage:
    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.alertmanager = FakeAlertmanager(self.clock)
        self.audit = AuditFile(folder / "audit.jsonl", "local")
        self.muting = self.of(MutingRules(namespaces=("agents",)))

    def of(self, rules: MutingRules) -> Muting:
        return Muting(
            alertmanager=self.alertmanager,
            audit=self.audit,
            rules=rules,
            now=self.clock.now,
            wait=lambda seconds: self.clock.wait(timedelta(seconds=seconds)),
        )

    def acknowledge(self, *several: dict[str, str], actor: Actor = ALICE, **changes: Any) -> MutingRequest:
        named = tuple(AlertNamed(labels=one, since=self.clock.now() - timedelta(minutes=2)) for one in several)
        given = {"until": self.clock.now() + timedelta(hours=1), "alerts": named, **changes}
        return MutingRequest(kind=MutingKind.ACKNOWLEDGE, namespace="agents", actor=actor, **given)

    def silence(self, text: str, **changes: Any) -> MutingRequest:
        given = {"until": self.clock.now() + timedelta(hours=1), "reason": "a known fault", "matchers": read(text)}
        known: dict[str, Any] = {"kind": MutingKind.SILENCE, "namespace": "agents", "actor": ALICE, **given}
        return MutingRequest(**(known | changes))

    def change(self, kind: MutingKind, silence: str, **changes: Any) -> MutingRequest:
        shown = mute_of(self.alertmanager.kept[silence])
        return MutingRequest(kind=kind, namespace="agents", actor=ALICE, mute=shown, **changes)

    @property
    def phases(self) -> list[tuple[str, str]]:
        records = [record["agentgov"]["audit"] for record in self.audit.records()]
        return [(record["phase"], record["outcome"]) for record in records]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_an_acknowledgement_mutes_exactly_its_alert_and_says_what_was_read_back(stage: Stage) -> None:
    sick, other = stage.alertmanager.fire(track="green"), stage.alertmanager.fire(track="blue")
    done = stage.muting.run(stage.acknowledge(sick, reason="I am on it"))
    assert done.outcome is Outcome.SUCCEEDED
    assert "Acknowledged by alice until" in done.sentence
    assert done.facts["mutes now"] == "1 alert"
    muted = {alert.labels["track"]: alert.state for alert in stage.alertmanager.alerts()}
    assert muted == {sick["track"]: "suppressed", other["track"]: "active"}
    (kept,) = map(mute_of, stage.alertmanager.silences())
    assert kept.acknowledges == stage.clock.now() - timedelta(minutes=2)
    assert (kept.by, kept.reason) == ("alice", "I am on it")


def test_the_audit_has_the_act_before_and_after_with_actor_matchers_and_end(stage: Stage) -> None:
    stage.alertmanager.before_write = lambda what: stage.phases == [("begun", "running")] or pytest.fail("not recorded")
    stage.muting.run(stage.acknowledge(stage.alertmanager.fire(service_name="agent-runtime"), reason="I am on it"))
    assert stage.phases == [("begun", "running"), ("finished", "succeeded")]
    last = stage.audit.last()
    assert last is not None
    assert 'alertname="A"' in last["agentgov"]["audit"]["matchers"][0]
    assert last["agentgov"]["audit"]["until"].startswith("2026-03-01T04:00")
    assert last["agentgov"]["audit"]["silences"] == ["s1"]
    assert (last["user"]["name"], last["event"]["reason"]) == ("alice", "I am on it")
    (entry, _) = AuditTrail(stage.audit).read().entries
    assert (entry.action, entry.service, entry.actor) == ("alerts.acknowledge", "agent-runtime", "alice")
    assert verify(stage.audit.lines()).holds


def test_nothing_is_changed_when_the_audit_cannot_be_written(stage: Stage) -> None:
    labels = stage.alertmanager.fire()
    stage.audit.path.mkdir()
    done = stage.muting.run(stage.acknowledge(labels))
    assert done.outcome is Outcome.REFUSED
    assert "the audit cannot be written" in done.sentence
    assert stage.alertmanager.writes == []


@pytest.mark.parametrize("error", [Unreachable, TimedOut, Forbidden])
def test_nothing_is_changed_while_alertmanager_cannot_be_read(stage: Stage, error: type[SourceError]) -> None:
    def fails(what: str) -> None:
        raise error("alertmanager", "not now")

    labels = stage.alertmanager.fire()
    stage.alertmanager.before_read = fails
    done = stage.muting.run(stage.acknowledge(labels))
    assert (done.outcome, stage.alertmanager.writes) == (Outcome.REFUSED, [])
    assert "not now" in done.sentence
    assert stage.phases == [("finished", "refused")]


def test_an_alert_that_somebody_has_acknowledged_is_not_acknowledged_twice(stage: Stage) -> None:
    labels = stage.alertmanager.fire()
    stage.muting.run(stage.acknowledge(labels, actor=BOB))
    done = stage.muting.run(stage.acknowledge(labels))
    assert done.outcome is Outcome.REFUSED
    assert "bob has acknowledged it already, until 04:00 UTC" in done.sentence
    assert stage.alertmanager.writes == ["silence s1"]


def test_of_two_acknowledgements_at_the_same_moment_the_earlier_one_stays(stage: Stage) -> None:
    labels = stage.alertmanager.fire()
    mark = acknowledgement(stage.clock.now(), "mine")

    def bob_is_quicker(what: str) -> None:
        if what == "silence" and not stage.alertmanager.kept:
            stage.alertmanager.by_somebody(labels, mark, "bob", stage.clock.now() + timedelta(hours=1))
            stage.clock.wait(timedelta(milliseconds=5))

    stage.alertmanager.before_write = bob_is_quicker
    done = stage.muting.run(stage.acknowledge(labels))
    assert done.outcome is Outcome.REFUSED
    assert "bob acknowledged it at the same moment" in done.sentence
    in_force = [one for one in stage.alertmanager.silences() if one.state == "active"]
    assert [one.created_by for one in in_force] == ["bob"]


def test_the_first_of_two_keeps_its_acknowledgement(stage: Stage) -> None:
    labels = stage.alertmanager.fire()
    mark = acknowledgement(stage.clock.now(), "mine")

    def bob_is_late(what: str) -> None:
        stage.clock.wait(timedelta(milliseconds=5))
        stage.alertmanager.by_somebody(labels, mark, "bob", stage.clock.now() + timedelta(hours=1))

    stage.alertmanager.after_write = bob_is_late
    assert stage.muting.run(stage.acknowledge(labels)).outcome is Outcome.SUCCEEDED


def test_an_answer_that_is_lost_on_its_way_is_found_by_reading_back(stage: Stage) -> None:
    def lost(what: str) -> None:
        raise TimedOut("alertmanager", "no answer within 2 s")

    labels = stage.alertmanager.fire()
    stage.alertmanager.after_write = lost
    done = stage.muting.run(stage.acknowledge(labels))
    assert done.outcome is Outcome.SUCCEEDED
    assert done.facts["silences"] == "s1"


def test_what_is_not_read_back_is_never_shown_as_done(stage: Stage) -> None:
    def vanishes(what: str) -> None:
        stage.alertmanager.hides = True

    labels = stage.alertmanager.fire()
    stage.alertmanager.after_write = vanishes
    done = stage.muting.run(stage.acknowledge(labels))
    assert done.outcome is Outcome.FAILED
    assert "1 of 1 silences are not there" in done.sentence
    assert stage.phases[-1] == ("finished", "failed")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('alertname=~".+"', "nearly every alert"),
        ('alertname="A", alertname="B"', "can never match"),
        ('alertname="Nobody"', "matches no alert that fires now"),
        ('namespace="agents"', "names no alert"),
        ('alertname="Theirs"', "namespaces that this deck does not show (other)"),
    ],
)
def test_a_silence_of_everything_nothing_or_of_others_is_refused(stage: Stage, text: str, words: str) -> None:
    stage.alertmanager.fire()
    stage.alertmanager.fire("B")
    stage.alertmanager.fire("Theirs", namespace="other")
    done = stage.muting.run(stage.silence(text))
    assert done.outcome is Outcome.REFUSED
    assert words in done.sentence
    assert stage.alertmanager.writes == []


def test_a_warning_that_a_person_accepts_does_not_stop_the_silence(stage: Stage) -> None:
    stage.alertmanager.fire()
    done = stage.muting.run(stage.silence('alertname="Nobody"', accepts_warnings=True))
    assert done.outcome is Outcome.SUCCEEDED
    assert done.facts["mutes now"] == "0 alerts"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reason": ""}, "needs a reason"),
        ({"reason": "x" * 600}, "at most 500"),
        ({"reason": "Acknowledged (firing since 2026-03-01T03:00:00Z)"}, "read like an acknowledgement"),
        ({"until": None}, "would end before it begins"),
        ({"actor": Actor(name="\u200b", origin="test")}, "nobody says who acts"),
        ({"namespace": "other"}, "do not list the namespace"),
    ],
)
def test_a_request_that_cannot_stand_in_the_audit_is_refused(stage: Stage, changes: Any, words: str) -> None:
    stage.alertmanager.fire()
    done = stage.muting.run(replace(stage.silence('alertname="A"'), **changes))
    assert done.outcome is Outcome.REFUSED
    assert words in done.sentence


def test_who_may_and_for_how_long_is_the_settings_say(stage: Stage) -> None:
    labels = stage.alertmanager.fire()
    strict = MutingRules(
        namespaces=("agents",), may_acknowledge=("alice",), may_silence=("bob",), longest_silence=timedelta(minutes=30)
    )
    muting = stage.of(strict)
    assert muting.run(stage.acknowledge(labels, actor=BOB)).sentence.startswith("Refused: bob may not acknowledge")
    assert muting.run(stage.silence('alertname="A"')).sentence.startswith("Refused: alice may not silence")
    assert "longer than 30 min" in muting.run(stage.silence('alertname="A"', actor=BOB)).sentence
    assert muting.run(stage.acknowledge(labels)).outcome is Outcome.SUCCEEDED


def test_a_silence_is_extended_and_ended_and_both_are_read_back(stage: Stage) -> None:
    stage.alertmanager.fire()
    stage.muting.run(stage.silence('alertname="A"'))
    later = stage.clock.now() + timedelta(hours=3)
    extended = stage.muting.run(stage.change(MutingKind.EXTEND, "s1", until=later))
    assert extended.outcome is Outcome.SUCCEEDED
    assert stage.alertmanager.kept["s1"].ends_at == later
    ended = stage.muting.run(stage.change(MutingKind.EXPIRE, "s1"))
    assert ended.outcome is Outcome.SUCCEEDED
    assert [alert.state for alert in stage.alertmanager.alerts()] == ["active"]


def test_a_silence_that_somebody_changed_meanwhile_is_looked_at_again(stage: Stage) -> None:
    stage.alertmanager.fire()
    stage.muting.run(stage.silence('alertname="A"'))
    shown = stage.change(MutingKind.EXPIRE, "s1")
    later = stage.clock.now() + timedelta(hours=9)
    stage.alertmanager.kept["s1"] = replace(stage.alertmanager.kept["s1"], ends_at=later)
    done = stage.muting.run(shown)
    assert done.outcome is Outcome.REFUSED
    assert "somebody changed the silence meanwhile" in done.sentence


def test_an_acknowledgement_ends_when_its_alert_is_over_and_that_is_on_record(stage: Stage) -> None:
    labels, over = stage.alertmanager.fire(), Over()
    stage.muting.run(stage.acknowledge(labels))
    stage.muting.tidy_up(over)
    stage.alertmanager.firing.clear()
    stage.muting.tidy_up(over)
    assert stage.alertmanager.kept["s1"].state == "active"  # an Alertmanager that has just started knows none
    stage.clock.wait(MISSING_FOR)
    stage.muting.tidy_up(over)
    assert stage.alertmanager.kept["s1"].state == "expired"
    last = stage.audit.last()
    assert last is not None
    assert (last["user"]["name"], last["event"]["reason"]) == ("tealdeck", "the alert has ended")


def test_an_alert_that_comes_back_keeps_its_acknowledgement(stage: Stage) -> None:
    labels, over = stage.alertmanager.fire(), Over()
    stage.muting.run(stage.acknowledge(labels))
    kept = dict(stage.alertmanager.firing)
    stage.alertmanager.firing.clear()
    stage.muting.tidy_up(over)
    stage.clock.wait(MISSING_FOR - timedelta(seconds=30))
    stage.alertmanager.firing |= kept
    stage.muting.tidy_up(over)
    stage.alertmanager.firing.clear()
    stage.clock.wait(timedelta(minutes=1))
    stage.muting.tidy_up(over)
    assert stage.alertmanager.kept["s1"].state == "active"


def test_silences_of_people_and_acknowledgements_of_others_are_never_ended_by_the_deck(stage: Stage) -> None:
    over, until = Over(), stage.clock.now() + timedelta(hours=2)
    theirs = {"alertname": "A", "namespace": "other"}
    stage.alertmanager.by_somebody(theirs, acknowledgement(stage.clock.now(), ""), "carol", until)
    stage.alertmanager.by_somebody({"alertname": "A", "namespace": "agents"}, "a plain silence", "carol", until)
    for _ in range(3):
        stage.muting.tidy_up(over)
        stage.clock.wait(MISSING_FOR)
    assert stage.alertmanager.writes == []
