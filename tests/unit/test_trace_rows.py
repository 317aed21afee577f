"""Which lines of a trace are shown: failures and the critical path first, repeats as one, nothing left out unsaid."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.critical_path import critical_path
from dashboard.decide.repeats import Repeat, repeats
from dashboard.decide.trace_rows import TraceRow, trace_rows
from dashboard.model.trace import Span, SpanTree
from dashboard.model.words import SpanOutcome
from tests.unit.trace_spans import span, spans, tree

FAILED = SpanOutcome.FAILED


def loop(times: int, *, fails: int = -1) -> SpanTree:
    several = [span("root", 0, times * 2)]
    for turn in range(times):
        outcome = FAILED if turn == fails else SpanOutcome.UNSAID
        several += [
            span(f"m{turn}", turn * 2, 1, "root", name="chat"),
            span(f"t{turn}", turn * 2 + 1, 1, "root", name="search", outcome=outcome),
        ]
    return tree(*several)


def told(found: SpanTree, rows: tuple[TraceRow, ...]) -> list[tuple[str, int]]:
    return [("+".join(found.nodes[one].span.name for one in row.block) or "more", row.times) for row in rows]


def test_steps_that_repeat_in_turns_are_one_line() -> None:
    found = loop(12)
    assert told(found, trace_rows(found)) == [("root", 1), ("chat+search", 12)]


def test_one_that_failed_is_not_hidden_among_its_repeats() -> None:
    found = loop(12, fails=6)
    rows = told(found, trace_rows(found))
    assert ("search", 1) in rows
    assert sum(times for name, times in rows if name == "chat+search") == 11


def test_what_failed_and_what_the_run_waited_for_is_shown_before_what_only_took_long() -> None:
    several = [span("root", 0, 100), span("slow", 90, 10, "root")]
    several += [span(f"n{i}", 0, 50 + i / 100, "root", name=f"n{i}") for i in range(500)]
    several += [span("bad", 3, 0.01, "root", outcome=FAILED)]
    found = tree(*several)
    rows = trace_rows(found, critical_path(found), most=5)
    names = [name for name, _ in told(found, rows)]
    assert {"bad", "slow"} <= set(names)
    assert names[-1] == "more"
    assert rows[-1].hidden_failed == 0


@given(spans, st.integers(1, 10))
def test_every_span_is_on_a_line_or_counted_as_left_out(several: list[Span], most: int) -> None:
    found = tree(*several)
    rows = trace_rows(found, critical_path(found), most=most)
    if not any(row.depth == 0 and row.is_rest for row in rows) and len(found.tops) <= 1:
        shown = sum(len(row.members) for row in rows if not row.is_rest)
        assert shown + sum(row.hidden for row in rows) == len(found.nodes)


@given(spans)
def test_lines_stand_below_the_line_of_their_parent(several: list[Span]) -> None:
    found = tree(*several)
    depth = -1
    for row in trace_rows(found):
        assert row.depth <= depth + 1
        depth = row.depth


@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(2, 4))
def test_pieces_of_a_sequence_are_the_sequence(items: list[str], fewest: int) -> None:
    pieces = list(repeats(items, fewest=fewest))
    whole = [item for piece in pieces for item in items[piece.start : piece.start + piece.size] * piece.times]
    assert whole == items
    assert all(piece.times == 1 or piece.times >= fewest for piece in pieces)


def test_the_longest_repetition_wins_and_the_shortest_block_of_it() -> None:
    assert list(repeats("aaaa")) == [Repeat(start=0, size=1, times=4)]
    assert list(repeats("abab")) == [Repeat(start=place) for place in range(4)]
    assert list(repeats("abcabcabc")) == [Repeat(start=0, size=3, times=3)]
