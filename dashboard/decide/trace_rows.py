"""Which lines of a trace a screen shows: what failed and what the run waited for first, repeats as one line. Pure.

A trace may have ten thousand spans and a person reads some dozens. Each line left out is counted at its parent.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.decide.critical_path import seconds_by_node
from dashboard.decide.repeats import kinds, repeats
from dashboard.model.trace import PathSection, SpanTree

MOST_ROWS = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRow:
    """One line: a node, or `times` repeats of the nodes in `block` (places of the first one's).

    `members` are all nodes that the line stands for, without what is below them. `hidden` counts the spans below that
    no line shows, `hidden_failed` those of them that failed. With `is_rest` the line stands for what is left out below
    `node`.
    """

    node: int
    depth: int
    block: tuple[int, ...]
    times: int
    members: tuple[int, ...]
    hidden: int = 0
    hidden_failed: int = 0
    is_rest: bool = False


def trace_rows(
    tree: SpanTree, path: Sequence[PathSection] = (), *, top: int | None = None, most: int = MOST_ROWS
) -> tuple[TraceRow, ...]:
    """The lines below `top` (the whole trace where it is not named), parents before children, at most about `most`."""
    sizes, failed = _sizes(tree), _failed_below(tree)
    waits, alike = seconds_by_node(path), kinds(tree)
    on_path = _with_ancestors(tree, waits)
    chosen: dict[int, list[TraceRow]] = {}
    heap: list[tuple[bool, bool, float, int, TraceRow]] = []

    def offer(places: Sequence[int], depth: int) -> None:
        for piece in repeats([alike[place] for place in places]):
            members = tuple(places[piece.start : piece.end])
            row = TraceRow(
                node=members[0],
                depth=depth,
                block=members[: piece.size],
                times=piece.times,
                members=members,
                hidden=sum(sizes[one] for one in members) - len(members) if piece.times > 1 else 0,
            )
            is_bad = any(failed[one] for one in members)
            waited = any(one in on_path for one in members)
            longest = max(tree.nodes[one].seconds for one in members)
            heapq.heappush(heap, (not is_bad, not waited, -longest, members[0], row))

    tops = tree.tops if top is None else (top,)
    offer(tops, 0)
    shown = 0
    while heap and shown < most:
        *_, row = heapq.heappop(heap)
        chosen.setdefault(_above(tree, row, tops), []).append(row)
        shown += 1
        if row.times == 1:
            offer(tree.nodes[row.node].children, row.depth + 1)
    return tuple(_in_order(tree, chosen, sizes, failed))


def _above(tree: SpanTree, row: TraceRow, tops: Sequence[int]) -> int:
    """The parent that a row stands under; -1 for what stands on top."""
    parent = tree.nodes[row.node].parent
    return -1 if parent is None or row.node in tops else parent


def _in_order(
    tree: SpanTree, chosen: Mapping[int, list[TraceRow]], sizes: Sequence[int], failed: Sequence[int]
) -> list[TraceRow]:
    found: list[TraceRow] = []
    waiting = sorted(chosen.get(-1, ()), key=lambda row: -row.node)
    while waiting:
        row = waiting.pop()
        found.append(row)
        if row.times > 1 or row.is_rest:
            continue
        below = sorted(chosen.get(row.node, ()), key=lambda one: -one.node)
        shown = {member for kept in below for member in kept.members}
        left = [child for child in tree.nodes[row.node].children if child not in shown]
        if left:
            hidden = sum(sizes[one] for one in left)
            waiting.append(
                TraceRow(
                    node=row.node,
                    depth=row.depth + 1,
                    block=(),
                    times=1,
                    members=tuple(left),
                    hidden=hidden,
                    hidden_failed=sum(failed[one] for one in left),
                    is_rest=True,
                )
            )
        waiting += below
    return found


def _sizes(tree: SpanTree) -> Sequence[int]:
    """Of each node how many spans it has, itself included."""
    found = [1] * len(tree.nodes)
    for place in range(len(tree.nodes) - 1, -1, -1):
        parent = tree.nodes[place].parent
        if parent is not None:
            found[parent] += found[place]
    return found


def _failed_below(tree: SpanTree) -> Sequence[int]:
    """Of each node how many of its spans failed, itself included."""
    found = [int(node.span.is_failed) for node in tree.nodes]
    for place in range(len(tree.nodes) - 1, -1, -1):
        parent = tree.nodes[place].parent
        if parent is not None:
            found[parent] += found[place]
    return found


def _with_ancestors(tree: SpanTree, places: Mapping[int, float]) -> set[int]:
    found: set[int] = set()
    for one in places:
        place: int | None = one
        while place is not None and place not in found:
            found.add(place)
            place = tree.nodes[place].parent
    return found
