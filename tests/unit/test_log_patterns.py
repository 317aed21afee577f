"""Patterns: lines that differ in their variable parts alone are one, all others are not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.likeness import kind
from dashboard.decide.patterns import patterns
from dashboard.model.log import LogEntry
from dashboard.queries.entries import Reader
from tests.unit.fake_logs import NOW, line


def _entries(messages: Sequence[str]) -> list[LogEntry]:
    """The newest first, a second apart."""
    return [Reader(stream="logs").entry(line(str(at), at, message=message)) for at, message in enumerate(messages)]


def _templates(messages: Sequence[str]) -> list[tuple[str, int]]:
    return [(pattern.template, pattern.count) for pattern in patterns(_entries(messages))]


def test_lines_that_differ_in_numbers_alone_are_one_pattern():
    messages = [f"tool search failed after {seconds} s" for seconds in range(4)]

    assert _templates(["policy evaluated in 3 ms", *messages]) == [
        ("tool search failed after … s", 4),
        ("policy evaluated in … ms", 1),
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


_messages = st.lists(st.sampled_from(["run 1 ended", "run 2 ended", "tool failed", "", '{"msg":"tool failed"}', "x"]))


@given(_messages, st.randoms(use_true_random=False))
def test_every_line_is_counted_once_in_any_order(messages: list[str], dice: random.Random):
    entries = _entries(messages)
    found = patterns(entries)
    dice.shuffle(entries)

    assert patterns(entries) == found
    assert sum(pattern.count for pattern in found) == len(messages)
    assert [pattern.count for pattern in found] == sorted((pattern.count for pattern in found), reverse=True)
    for pattern in found:
        assert {kind(entry.message) for entry in (pattern.first, pattern.last)} == {pattern.template}
