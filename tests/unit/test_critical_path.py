"""The critical path: what the run waited for at each moment, and no moment twice."""

from __future__ import annotations

import math
import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.critical_path import critical_path, seconds_by_node, seconds_by_role
from dashboard.model.trace import Span, SpanRole
from tests.unit.trace_spans import span, spans, tree


def told(*several: Span) -> list[tuple[str, float, float]]:
    found = tree(*several)
    return [(found.nodes[one.node].span.name, one.start, one.end) for one in critical_path(found)]


def test_a_span_alone_is_its_own_path() -> None:
    assert told(span("root", 0, 3)) == [("root", 0, 3)]


def test_one_after_the_other_both_are_on_the_path_with_the_time_between_them_the_parents_own() -> None:
    assert told(span("root", 0, 10), span("a", 1, 3, "root"), span("b", 5, 4, "root")) == [
        ("root", 0, 1),
        ("a", 1, 4),
        ("root", 4, 5),
        ("b", 5, 9),
        ("root", 9, 10),
    ]


def test_of_two_beside_each_other_the_one_that_finished_last_is_on_the_path() -> None:
    assert told(span("root", 0, 10), span("short", 0, 4, "root"), span("long", 0, 10, "root")) == [("long", 0, 10)]


def test_the_path_goes_on_within_a_child() -> None:
    several = (span("root", 0, 10), span("a", 0, 10, "root"), span("deep", 2, 6, "a"))
    assert told(*several) == [("a", 0, 2), ("deep", 2, 8), ("a", 8, 10)]


def test_a_child_counts_only_as_far_as_it_lies_within_its_parent() -> None:
    several = (
        span("root", 0, 10),
        span("early", -3, 5, "root"),
        span("late", 8, 9, "root"),
        span("gone", 50, 2, "root"),
    )
    assert told(*several) == [("early", 3, 5), ("root", 5, 11), ("late", 11, 13)]


def test_times_in_whole_milliseconds_do_not_take_a_child_off_the_path() -> None:
    found = told(span("root", 0, 2), span("a", 0, 1.0009, "root"), span("b", 1, 1, "root"))
    assert found == [("a", 0, 1), ("b", 1, 2)]


def test_time_is_shared_out_by_the_kind_of_work() -> None:
    found = tree(span("root", 0, 10, role=SpanRole.AGENT), span("a", 0, 7, "root", role=SpanRole.MODEL))
    assert seconds_by_role(found, critical_path(found)) == {SpanRole.AGENT: 3, SpanRole.MODEL: 7}


def test_ten_thousand_spans_below_each_other_have_a_path() -> None:
    chain = [
        span(str(place), place / 1000, 20 - place / 500, str(place - 1) if place else "") for place in range(10_000)
    ]
    assert len(critical_path(tree(*chain))) > 10_000


@given(spans, st.randoms(use_true_random=False))
def test_the_path_is_as_long_as_the_run_without_overlaps_in_any_order_of_the_documents(
    several: list[Span], dice: random.Random
) -> None:
    found = tree(*several)
    path = critical_path(found)
    assert all(one.seconds > 0 for one in path)
    assert all(one.end <= other.start + 1e-9 for one, other in pairwise(path))
    assert math.isclose(sum(one.seconds for one in path), found.root.seconds, abs_tol=1e-6)
    assert all(found.root.start - 1e-9 <= one.start <= one.end <= found.root.end + 1e-9 for one in path)
    shuffled = list(several)
    dice.shuffle(shuffled)
    assert critical_path(tree(*shuffled)) == path


@given(spans)
def test_no_span_is_longer_on_the_path_than_it_took(several: list[Span]) -> None:
    found = tree(*several)
    for place, seconds in seconds_by_node(critical_path(found)).items():
        assert seconds <= found.nodes[place].seconds + 1e-6
