"""Words of other systems: a known word has its meaning in any spelling, any other has none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.model.words import (
    DECISIONS,
    LEVELS,
    OUTCOMES,
    SEVERITIES,
    WORDS,
    EvaluationOutcome,
    LogLevel,
    PolicyDecision,
    Severity,
    SpanOutcome,
    Vocabulary,
    folded,
    shown,
)

TABLES = (SEVERITIES, LEVELS, OUTCOMES, DECISIONS)


@pytest.mark.parametrize("word", ["critical", "Critical", "page", "P1", "error", "high", "sev1", "SEV-1", "EMERGENCY"])
def test_the_worst_severity_has_many_names(word: str) -> None:
    assert SEVERITIES.meaning(word) is Severity.CRITICAL


@pytest.mark.parametrize(
    "word", ["error", "err", "SEVERE", "Fatal", "critical", "emerg", "crit", "alert", "panic", "50", "60", "40000"]
)
def test_an_error_has_many_names(word: str) -> None:
    assert LEVELS.meaning(word) is LogLevel.ERROR


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("failure", SpanOutcome.FAILED),
        ("Error", SpanOutcome.FAILED),
        ("STATUS_CODE_ERROR", SpanOutcome.FAILED),
        ("2", SpanOutcome.FAILED),
        ("Ok", SpanOutcome.SUCCEEDED),
        ("success", SpanOutcome.SUCCEEDED),
        ("Unset", SpanOutcome.UNSAID),
        ("STATUS_CODE_UNSET", SpanOutcome.UNSAID),
    ],
)
def test_an_outcome_is_understood_in_the_words_of_each_generation(word: str, meaning: SpanOutcome) -> None:
    assert OUTCOMES.meaning(word) is meaning


@pytest.mark.parametrize(("word", "meaning"), [("deny", "denied"), ("Allowed", "allowed"), ("escalate", "escalated")])
def test_a_decision_is_understood(word: str, meaning: str) -> None:
    assert DECISIONS.meaning(word) is PolicyDecision(meaning)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.key)
@pytest.mark.parametrize("word", ["", "purple", "17 apples", "errorless", "P2", "sev2", "200"])
def test_a_word_outside_its_table_is_not_understood(table: Vocabulary[object], word: str) -> None:
    assert table.meaning(word) is None


@given(st.sampled_from(TABLES), st.data())
def test_spelling_makes_no_difference(table: Vocabulary[object], data: st.DataObject) -> None:
    word = data.draw(st.sampled_from(sorted(table.spelled)))
    spelling = data.draw(st.sampled_from([word, word.upper(), word.title(), f" {word} ", word.replace("_", "-")]))

    assert table.meaning(spelling) is table.meaning(word) is not None


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.key)
def test_no_two_words_of_a_table_are_one_word_with_two_meanings(table: Vocabulary[object]) -> None:
    assert len({folded(word) for word in table.spelled}) == len(table.spelled)


def test_settings_add_words_and_win_over_the_table() -> None:
    more = SEVERITIES.extended({"P2": Severity.CRITICAL, "Error": Severity.WARNING})

    assert (more.meaning("p2"), more.meaning("ERROR")) == (Severity.CRITICAL, Severity.WARNING)
    assert more.meaning("page") is Severity.CRITICAL
    assert SEVERITIES.meaning("p2") is None


def test_all_tables_are_extended_by_their_keys() -> None:
    words = WORDS.extended({"level": {"boom": LogLevel.ERROR}, "outcome": {"kaputt": SpanOutcome.FAILED}})

    assert words.level.meaning("BOOM") is LogLevel.ERROR
    assert words.outcome.meaning("kaputt") is SpanOutcome.FAILED
    assert words.severity is WORDS.severity


def test_every_usual_spelling_can_be_searched_for() -> None:
    assert {"error", "ERROR", "Error", "fatal", "FATAL"} <= set(LEVELS.spellings(LogLevel.ERROR))
    assert "warn" not in LEVELS.spellings(LogLevel.ERROR)


def test_a_word_that_is_not_understood_is_shown_as_itself_and_bounded() -> None:
    assert shown("purple") == "“purple”"
    assert len(shown("x" * 1000)) < 50
    assert shown(" ") == "no word"


@pytest.mark.parametrize("number", ["-1", "-2", "1.5", "-4", "-4.0"])
def test_a_number_is_read_with_its_sign_and_its_point(number: str) -> None:
    assert WORDS.outcome.meaning(number) is None
    assert WORDS.level.meaning(number) is None
    assert WORDS.level.meaning("7.0") is LogLevel.DEBUG


def test_the_recorded_slo_of_contracts_has_the_words_that_the_table_has() -> None:
    rules = (Path(__file__).parents[2] / "deploy/monitoring/prometheus/rules/recording.yaml").read_text()
    told = sorted(set(re.findall(r'outcome=~"\(\?i:([^"]*)\)"', rules)), key=len)
    violated, bad, known = told

    def words(*meanings: EvaluationOutcome) -> set[str]:
        return set(WORDS.evaluation.words_for(*meanings))

    assert set(violated.split("|")) == words(EvaluationOutcome.VIOLATED)
    assert set(bad.split("|")) == words(EvaluationOutcome.VIOLATED, EvaluationOutcome.ERRORED)
    assert set(known.split("|")) == set(bad.split("|")) | words(EvaluationOutcome.PASSED)
