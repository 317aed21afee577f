"""The critical path of a trace: what the run waited for at each moment. Pure.

The usual algorithm: from the end of the root back through the child that finished last; from its start back through
the one that finished last before that; and so on within each child. A child counts only as far as it lies within its
parent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.decide.span_tree import SLACK_SECONDS
from dashboard.model.trace import PathSection, SpanRole, SpanTree


def critical_path(tree: SpanTree, top: int | None = None) -> tuple[PathSection, ...]:
    """The sections of the path below `top` (the run's own node where it is not named), in order of time.

    They do not overlap, and together they are as long as the node at the top.
    """
    begin = tree.main if top is None else top
    found: list[PathSection] = []
    waiting = [(begin, tree.nodes[begin].start, tree.nodes[begin].end)]
    while waiting:
        place, low, high = waiting.pop()
        cursor = high
        for child in sorted(tree.nodes[place].children, key=lambda one: (-tree.nodes[one].end, one)):
            start, end = max(tree.nodes[child].start, low), min(tree.nodes[child].end, high)
            if end > cursor + SLACK_SECONDS or min(end, cursor) <= start:
                continue  # it ran beside one that is on the path, or lies outside its parent
            end = min(end, cursor)
            if cursor > end:
                found.append(PathSection(node=place, start=end, end=cursor))
            waiting.append((child, start, end))
            cursor = start
        if cursor > low:
            found.append(PathSection(node=place, start=low, end=cursor))
    return tuple(sorted(found, key=lambda one: (one.start, one.end, one.node)))


def seconds_by_node(path: Sequence[PathSection]) -> Mapping[int, float]:
    """How much of the path each node is."""
    found: dict[int, float] = {}
    for section in path:
        found[section.node] = found.get(section.node, 0.0) + section.seconds
    return found


def seconds_by_role(tree: SpanTree, path: Sequence[PathSection]) -> Mapping[SpanRole, float]:
    """How much of the path was spent on each kind of work."""
    found: dict[SpanRole, float] = {}
    for place, seconds in seconds_by_node(path).items():
        role = tree.nodes[place].span.role
        found[role] = found.get(role, 0.0) + seconds
    return found
