"""What matchers of silences mean, how they are read, and which silences are refused or warned of before they are made.

That Alertmanager itself means the same is held in tests/stack/test_real_alertmanager.py.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.matchers import MatcherError, contradiction, fit, fits, read, too_wide, warnings
from dashboard.model.silence import AlertMatcher, exactly

VALUES = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
LABELS = st.dictionaries(NAMES, VALUES, max_size=4)


def is_(name: str, value: str) -> AlertMatcher:
    return AlertMatcher(name=name, value=value)


def like(name: str, value: str, *, not_: bool = False) -> AlertMatcher:
    return AlertMatcher(name=name, value=value, is_regex=True, is_equal=not not_)


@given(NAMES, VALUES, st.booleans(), st.booleans())
def test_what_is_written_is_read_again(name: str, value: str, is_regex: bool, is_equal: bool) -> None:
    matcher = AlertMatcher(name=name, value=re.escape(value) if is_regex else value, is_equal=is_equal)
    assert read(str(matcher)) == (matcher,)


@given(NAMES, VALUES, LABELS)
def test_a_condition_and_its_negation_never_agree(name: str, value: str, labels: dict[str, str]) -> None:
    assert fits(is_(name, value), labels) is not fits(AlertMatcher(name=name, value=value, is_equal=False), labels)
    pattern = "".join(f"[{sign}]" if sign.isalnum() else "." for sign in value)
    assert fits(like(name, pattern), labels) is not fits(like(name, pattern, not_=True), labels)


@given(NAMES, LABELS)
def test_a_label_that_is_missing_is_the_empty_string(name: str, labels: dict[str, str]) -> None:
    without = {key: value for key, value in labels.items() if key != name}
    for matcher in (is_(name, ""), like(name, ""), like(name, ".*"), like(name, "x", not_=True)):
        assert fits(matcher, without)
        assert fits(matcher, without) is fits(matcher, {**without, name: ""})


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("green", "greenish", False),
        ("green|blue", "blue", True),
        ("green|blue", "blues", False),
        ("^green$", "green", True),
        (".*reen", "green", True),
        ("(?i)GREEN", "green", True),
        (r"\d+", "٣", False),  # digits are those of ASCII, as in Go
        (r"\pL+", "é", True),
        ("a.c", "a\nc", False),
    ],
)
def test_a_regular_expression_has_to_match_the_whole_value(pattern: str, value: str, expected: bool) -> None:
    assert fits(like("x", pattern), {"x": value}) is expected


@given(LABELS)
def test_the_exact_matchers_of_an_alert_fit_it_and_no_other_value(labels: dict[str, str]) -> None:
    matchers = exactly(labels)
    assert fit(matchers, labels)
    for name, value in labels.items():
        if value:
            assert not fit(matchers, {**labels, name: f"{value}x"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('alertname="A"', (is_("alertname", "A"),)),
        ("alertname=A", (is_("alertname", "A"),)),
        ('{alertname="A", track=~"b.*"}', (is_("alertname", "A"), like("track", "b.*"))),
        ('a="x,y"\nb!="z"', (is_("a", "x,y"), AlertMatcher(name="b", value="z", is_equal=False))),
        (r'a="say \"hi\""', (is_("a", 'say "hi"'),)),
        ('a="x", a="x"', (is_("a", "x"),)),
    ],
)
def test_matchers_are_read_as_people_write_them(text: str, expected: tuple[AlertMatcher, ...]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing is named"),
        ("{}", "nothing is named"),
        ("alertname", "no condition on a label"),
        ('alertname="A" track="b"', "a comma is missing"),
        ('a-b="x"', "no name of a label"),
        ('a=~"["', "no regular expression: missing"),
        ('a=~"(?=x)"', "no regular expression"),
        ('a="x', "no condition|a comma is missing"),
        (",".join(f'a{n}="x"' for n in range(31)), "too many"),
        ('a="' + "x" * 2001 + '"', "longer than 2,000"),
    ],
)
def test_matchers_that_cannot_be_used_are_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(MatcherError, match=words):
        read(text)


@pytest.mark.parametrize(
    "text", ['a=""', 'a!="x"', 'a=~".*"', 'a=~".+"', 'a=~"[^ ]*|.+"', 'a!~"x|y", b=""', 'severity!="critical"']
)
def test_a_silence_that_would_mute_nearly_everything_is_refused(text: str) -> None:
    assert "nearly every alert" in too_wide(read(text))


@pytest.mark.parametrize("text", ['a="x"', 'a=~"Kube.*"', 'a=~".+", b="x"', 'a!="x", alertname=~"A|B"'])
def test_a_silence_that_names_something_is_not_too_wide(text: str) -> None:
    assert too_wide(read(text)) == ""


@pytest.mark.parametrize("text", ['a="x", a="y"', 'a="x", a!="x"', 'a="x", a=~"y.*"', 'a="x", a!~"x|y"'])
def test_a_silence_that_can_match_nothing_is_told(text: str) -> None:
    assert "can never match" in contradiction(read(text))


def test_what_could_match_is_no_contradiction() -> None:
    assert contradiction(read('a="x", a=~"x|y", b="y"')) == ""


def test_a_person_is_warned_of_a_silence_of_nothing_of_everything_and_of_other_kinds() -> None:
    assert "matches no alert" in " ".join(warnings(read('alertname="A"'), matched=0, firing=3))
    assert "every one of the 3" in " ".join(warnings(read('alertname="A"'), matched=3, firing=3))
    assert "names no alert" in " ".join(warnings(read('namespace="agents"'), matched=1, firing=3))
    assert warnings(read('alertname="A"'), matched=1, firing=3) == ()


def test_an_expression_that_would_take_for_ever_elsewhere_is_answered_at_once() -> None:
    assert fits(like("a", "(a+)+b"), {"a": "a" * 5_000}) is False
