"""The query language of the page Logs: what is understood, and what is refused in plain words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.log_query import LONGEST, hints, parse
from dashboard.model.blue_green import OURS
from dashboard.model.log_query import (
    AllOf,
    AnyOf,
    FieldCompared,
    FieldExists,
    FieldIs,
    NoneOf,
    QueryMistakeError,
    SaysWords,
)
from dashboard.model.words import WORDS
from dashboard.queries import line_query
from dashboard.queries.resolution import Resolution

KNOWN = line_query.names("logs")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", None),
        (" \t ", None),
        ("timeout", SaysWords("timeout")),
        ('"call failed"', SaysWords("call failed", is_phrase=True)),
        ("tim*", SaysWords("tim", is_prefix=True)),
        ("a AND b", AllOf((SaysWords("a"), SaysWords("b")))),
        ("a b OR c", AnyOf((AllOf((SaysWords("a"), SaysWords("b"))), SaysWords("c")))),
        ("level:error", FieldIs("level", "error")),
        ('agent:"the researcher"', FieldIs("agent", "the researcher")),
        ("tool:*", FieldExists("tool")),
        ("pod:check*", FieldIs("pod", "check", is_prefix=True)),
        ("retries>=3", FieldCompared("retries", "gte", 3.0)),
        ("level:(error OR warning)", AnyOf((FieldIs("level", "error"), FieldIs("level", "warning")))),
        ("-debug", NoneOf(SaysWords("debug"))),
        ("NOT level:debug", NoneOf(FieldIs("level", "debug"))),
        ("-(a OR b)", NoneOf(AnyOf((SaysWords("a"), SaysWords("b"))))),
        (r"50\*", SaysWords("50*")),
        ("🙂", SaysWords("🙂")),
        ("مهلة", SaysWords("مهلة")),
    ],
)
def test_a_query_means_what_people_know_from_kibana(text: str, meant: object) -> None:
    assert parse(text, KNOWN) == meant


@pytest.mark.parametrize("text", ["http://x/y", "12:30:05", "Foo::bar", "a->b", "/api/v1/", r"C:\dir", "<tag>"])
def test_what_only_looks_like_a_field_is_a_word_of_the_line(text: str) -> None:
    assert isinstance(parse(text, KNOWN), SaysWords)


def test_a_word_with_a_colon_behind_it_is_the_word() -> None:
    assert parse("Error: refused", KNOWN) == AllOf((SaysWords("Error"), SaysWords("refused")))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("*out", "begins with *"),
        ("message:*out", "begins with *"),
        ("ti*ut", "in the middle"),
        ("t*", "at least 2 letters"),
        ("roam~2", "similar words"),
        ("(a", "bracket is not closed"),
        ("a)", "no opening one"),
        ('"a', "quote is not closed"),
        ("a AND", "AND joins two things"),
        ("OR a", "is missing"),
        ("NOT", "NOT needs something"),
        ("agent:", "a value is missing"),
        ("level: error", "a value is missing"),
        ("--", "no letter or digit"),
        ("()", "is missing"),
        ("(" * 40 + "a" + ")" * 40, "at most 8 deep"),
        ("a " * 31, "at most 30 parts"),
        ("x" * (LONGEST + 1), "at most 1,000 characters"),
        ("NOT " * 200 + "a", "at most 30 parts"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_to_do(text: str, says: str) -> None:
    with pytest.raises(QueryMistakeError, match=says):
        parse(text, KNOWN)


def test_a_join_in_small_letters_is_a_word_and_a_hint_says_so() -> None:
    assert parse("a or b") == AllOf((SaysWords("a"), SaysWords("or"), SaysWords("b")))
    assert "In capitals, OR" in hints("a or b")[0]
    assert not hints("or b")


@given(st.text(max_size=300) | st.text('ab:*()"-\\ ~<>=ANDORT\n', max_size=80))
def test_whatever_is_typed_is_either_asked_or_refused_in_words(text: str) -> None:
    try:
        condition = parse(text, KNOWN)
    except QueryMistakeError:
        return
    if condition is not None:
        clause = line_query.clause(condition, Resolution(stream="logs"), WORDS, (), OURS)
        assert '"regexp"' not in json.dumps(clause)
        assert '"wildcard"' not in json.dumps(clause)


def clause_of(text: str) -> dict[str, object]:
    condition = parse(text, KNOWN)
    assert condition is not None
    return line_query.clause(condition, Resolution(stream="logs"), WORDS, (), OURS)


def test_a_level_is_searched_by_its_meaning_whatever_word_the_documents_use() -> None:
    said = json.dumps(clause_of("level:err"))
    assert "ERROR" in said
    assert "severity_number" in said


def test_a_concept_is_searched_in_the_fields_that_carry_it_and_another_name_as_it_is() -> None:
    assert clause_of("service:pay") == {"term": {"resource.attributes.service.name": "pay"}}
    assert clause_of("my.own:pay") == {"match": {"my.own": {"query": "pay", "operator": "and", "lenient": True}}}


def test_a_prefix_of_the_line_is_in_the_case_that_lines_are_kept_in() -> None:
    assert {"prefix": {"body.text": {"value": "time"}}} in clause_of("TIME*")["bool"]["should"]  # type: ignore[index]


def test_not_excludes_what_the_rest_finds() -> None:
    assert clause_of("NOT tool:*") == {
        "bool": {"must_not": [{"exists": {"field": "attributes.gen_ai.tool.name"}}]},
    }
