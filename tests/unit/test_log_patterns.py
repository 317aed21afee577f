"""Patterns: lines that differ in their variable parts alone are one, all others are not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.patterns import masked, patterns
from dashboard.model.log import LogEntry
from dashboard.queries import search
from tests.unit.fake_logs import NOW, line


def _entries(messages: Sequence[str]) -> list[LogEntry]:
    """The newest first, a second apart."""
    return [search.entry("logs", line(str(at), at, message=message)) for at, message in enumerate(messages)]


def _templates(messages: Sequence[str]) -> list[tuple[str, int]]:
    return [(pattern.template, pattern.count) for pattern in patterns(_entries(messages))]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("run 17 took 250 ms", "run <*> took <*> ms"),
        ("took 250ms, 3.5s, 12%", "took <*>, <*>, <*>"),
        ("trace 0af7651916cd43dd8448eb211c80319c ended", "trace <*> ended"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id <*>"),
        ("from 10.1.2.3:8080 refused", "from <*> refused"),
        ("agent-12 of tool_3", "agent-<*> of tool_3"),
        ("no number at all", "no number at all"),
    ],
)
def test_numbers_and_ids_are_variable_parts(message: str, shown: str):
    assert masked(message) == shown


def test_lines_that_differ_in_a_word_are_one_pattern():
    messages = [f"tool {tool} failed for agent {agent}" for tool in ("search", "mail") for agent in ("anna", "bob")]

    assert _templates(["policy evaluated in 3 ms", *messages]) == [
        ("tool <*> failed for agent <*>", 4),
        ("policy evaluated in <*> ms", 1),
    ]


def test_lines_that_say_something_else_are_patterns_of_their_own():
    messages = ["contract privacy violated: no names", "contract privacy evaluated in 3 ms", "upstream answered 503"]

    assert len(_templates(messages)) == 3


def test_a_pattern_knows_when_it_was_seen_how_often_and_an_example():
    [pattern] = patterns(_entries(["run 3 ended", "run 2 ended", "run 1 ended"]))

    assert (pattern.count, pattern.share_ratio) == (3, 1.0)
    assert (pattern.first.at, pattern.last.at) == (NOW - timedelta(seconds=2), NOW)
    assert pattern.last.message == "run 3 ended"


def test_no_lines_have_no_patterns():
    assert patterns([]) == ()


def test_empty_lines_are_a_pattern():
    assert _templates(["", " ", "x"]) == [("", 2), ("x", 1)]


_words = st.lists(st.sampled_from(["run", "tool", "ended", "failed", "7", "<*>", "a1b2c3d4"]), max_size=6)


@given(st.lists(_words.map(" ".join), max_size=40))
def test_every_line_is_counted_once_and_fits_its_pattern(messages: list[str]):
    entries = _entries(messages)
    found = patterns(entries)

    assert sum(pattern.count for pattern in found) == len(messages)
    assert [pattern.count for pattern in found] == sorted((pattern.count for pattern in found), reverse=True)
    for pattern in found:
        for entry in (pattern.first, pattern.last):
            words = masked(entry.message).split()
            template = pattern.template.split()
            assert len(words) == len(template)
            assert all(part in ("<*>", word) for part, word in zip(template, words, strict=True))


def test_a_thousand_kinds_of_beginnings_stay_bounded_and_counted():
    messages = [
        f"{'abcdefghij'[n // 100]}{'abcdefghij'[n // 10 % 10]}{'abcdefghij'[n % 10]} began" for n in range(1000)
    ]

    assert sum(count for _, count in _templates(messages)) == 1000
