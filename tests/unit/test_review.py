"""The review that a release manager hands on: complete, escaped, and without a word of statistics outside its place."""

from __future__ import annotations

from dataclasses import replace

from dashboard.decide.policy import Policy
from dashboard.decide.verdict import judge
from dashboard.model.reading import Source, missing
from dashboard.ui.review import page, promise
from tests.unit.release_evidence import alert, evidence, known
from tests.unit.release_trial import trial

NO_GO = judge(evidence(trial=known(trial(intervals=90, worse={"errors": 4.0}))))


def test_the_review_has_the_word_the_sentence_and_every_gate() -> None:
    text = page(NO_GO, Policy())
    assert "<h1>NO-GO for green 1.8.0</h1>" in text
    for gate in NO_GO.gates:
        assert f"<td>{gate.title}</td>" in text


def test_text_from_outside_is_escaped() -> None:
    hostile = replace(alert(track="green"), annotations={"summary": "<script>alert(1)</script>"})
    text = page(judge(evidence(alerts=known((hostile,)))), Policy())
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_the_promise_follows_the_policy() -> None:
    assert "at most 10 are ever stopped" in promise(Policy())
    assert "at most 1 are ever stopped" in promise(Policy(alpha=0.001, hold_evidence=200.0))


def test_answers_are_in_plain_words() -> None:
    unknown = judge(evidence(trial=missing("prometheus: down", source=Source.PROMETHEUS)))
    for verdict in (NO_GO, judge(evidence()), unknown):
        said = " ".join((verdict.sentence, *(f"{gate.title} {gate.reason}" for gate in verdict.gates))).lower()
        for word in ("e-value", "p-value", "martingale", "likelihood", "psi", "alpha", "null", "bayes"):
            assert word not in said
