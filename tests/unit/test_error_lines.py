"""Log lines that are alike count as one kind of error."""

from __future__ import annotations

import pytest

from dashboard.decide.error_lines import error_lines, template


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("run 17 failed after 3.2 s", "run 9 failed after 12 s", id="numbers"),
        pytest.param("task 4f2a9c01 is lost", "task 00ffab12 is lost", id="ids"),
        pytest.param('no tool "web_search"', 'no tool "calculator"', id="quoted text"),
        pytest.param("pod agent-runtime-7d4f is away", "pod agent-runtime-99ab is away", id="names with a digit"),
        pytest.param("it broke\nTraceback\n  line 3", "it broke\nTraceback\n  line 7 of another", id="tracebacks"),
    ],
)
def test_lines_that_differ_in_what_changes_each_time_are_alike(one: str, other: str) -> None:
    assert template(one) == template(other)


def test_lines_of_other_words_are_not_alike() -> None:
    assert template("model timed out") != template("model refused")


def test_kinds_are_counted_on_both_tracks_most_first() -> None:
    found = error_lines(["run 1 failed", "out of luck", "run 2 failed"], ["run 3 failed"], is_whole=True)
    assert [(p.template, p.candidate, p.other) for p in found.patterns] == [
        ("run … failed", 2, 1),
        ("out of luck", 1, 0),
    ]


def test_a_word_before_a_full_stop_stays() -> None:
    assert template("it failed. Trying again in 3 s") == "it failed. Trying again in … s"
