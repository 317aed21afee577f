"""The tree of a trace, whatever is wrong with its spans: nothing is lost, nothing is repaired in silence."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from dashboard.decide.span_tree import NOT_RECORDED, span_tree
from dashboard.model.trace import Span
from tests.unit.trace_spans import by_name, span, spans, tree


def notes(*several: Span) -> str:
    return " | ".join(tree(*several).notes)


def test_no_spans_are_no_tree() -> None:
    assert span_tree(()) is None


def test_children_stand_below_their_parent_in_order_of_their_start() -> None:
    found = tree(span("late", 2, 1, "root"), span("root", 0, 5), span("early", 1, 1, "root"))
    assert [node.span.name for node in found.nodes] == ["root", "early", "late"]
    assert found.root.children == (1, 2)
    assert not found.notes


def test_spans_without_their_parent_are_grouped_under_one_that_was_not_recorded() -> None:
    found = tree(span("a", 1, 2, "gone"), span("b", 2, 4, "gone"))
    assert (found.root.span.name, found.root.span.id, found.root.seconds) == (NOT_RECORDED, "gone", 5)
    assert [found.nodes[child].span.name for child in found.root.children] == ["a", "b"]
    assert found.recorded == 2
    assert any("may still go on" in note for note in found.notes)
    assert any("2 spans without the recorded parent" in note for note in found.notes)


def test_a_recorded_root_stands_for_the_run_even_where_orphans_are_longer() -> None:
    found = tree(span("root", 0, 1), span("lost", 0, 9, "gone"))
    assert found.root.span.name == "root"
    assert "may still go on" not in " ".join(found.notes)


def test_a_circle_of_parents_is_cut_at_its_earliest_span_and_said() -> None:
    found = tree(span("root", 0, 9), span("b", 2, 1, "c"), span("c", 1, 1, "d"), span("d", 3, 1, "b"))
    places = by_name(found)
    assert found.nodes[places["c"]].parent is None
    assert "circle" in found.nodes[places["c"]].doubts[0]
    assert any("1 circle of parents" in note for note in found.notes)
    assert len(found.nodes) == 4


def test_a_span_that_names_itself_as_its_parent_is_a_top_and_says_so() -> None:
    found = tree(span("root", 0, 9), span("a", 1, 1, "a"))
    assert "itself" in found.nodes[by_name(found)["a"]].doubts[0]


def test_copies_of_a_document_count_once_and_others_with_the_same_id_are_kept() -> None:
    assert len(tree(span("root", 0, 5), span("a", 1, 1, "root"), span("a", 1, 1, "root")).nodes) == 2
    assert "1 document repeated another" in notes(span("root"), span("a", parent="root"), span("a", parent="root"))
    server = span("a", 1.5, 0.5, "root", name="server side")
    found = tree(span("root", 0, 5), span("a", 1, 2, "root"), server, span("below", 1.6, 0.1, "a"))
    places = by_name(found)
    assert found.nodes[places["below"]].parent == places["a"]
    assert "same id" in found.nodes[places["server side"]].doubts[0]


def test_a_child_that_starts_before_its_parent_tells_by_how_much_the_clocks_differ() -> None:
    found = tree(span("root", 2, 5), span("a", 0.8, 1, "root", service="tools"))
    assert "1.20 s before its parent: their clocks differ" in found.nodes[by_name(found)["a"]].doubts[0]
    assert any("clock of tools and that of runtime differ by 1.20 s or more" in note for note in found.notes)
    assert found.nodes[by_name(found)["a"]].start == 0


def test_within_one_process_no_clock_is_blamed() -> None:
    found = tree(span("root", 2, 5), span("a", 0.8, 1, "root"))
    assert "cannot be right" in found.nodes[by_name(found)["a"]].doubts[0]
    assert not found.notes


def test_times_in_whole_milliseconds_are_no_difference_of_clocks() -> None:
    assert not tree(span("root", 2, 5), span("a", 1.999, 1, "root", service="tools")).notes


def test_a_length_that_is_negative_or_unknown_is_said_and_drawn_as_none() -> None:
    found = tree(span("root", 0, 5), span("back", 1, -0.5, "root"), span("open", 2, None, "root"))
    places = by_name(found)
    assert "500 ms before it began" in found.nodes[places["back"]].doubts[0]
    assert "not recorded" in found.nodes[places["open"]].doubts[0]
    assert found.nodes[places["back"]].seconds == found.nodes[places["open"]].seconds == 0


def test_ten_thousand_spans_below_each_other_are_a_tree() -> None:
    chain = [
        span(str(place), place / 1000, 20 - place / 1000, str(place - 1) if place else "") for place in range(10_000)
    ]
    assert tree(*chain).nodes[-1].depth == 9_999


def test_ten_thousand_spans_without_their_parents_are_a_tree() -> None:
    assert tree(*(span(str(place), 1, 1, f"gone {place}") for place in range(10_000))).recorded == 10_000


@given(spans, st.randoms(use_true_random=False))
def test_every_span_has_one_place_in_any_order_of_the_documents(several: list[Span], dice: random.Random) -> None:
    found = tree(*several)
    walked = [place for node in found.nodes for place in node.children]
    assert sorted([*walked, *found.tops]) == list(range(len(found.nodes)))
    assert all(node.parent is None or node.parent < place for place, node in enumerate(found.nodes))
    assert {one.id for one in several} <= {node.span.id for node in found.nodes}
    shuffled = list(several)
    dice.shuffle(shuffled)
    assert tree(*shuffled) == found
