"""The tree of a trace from its spans, whatever is wrong with them. Pure; the order of the documents does not matter.

Nothing is repaired in silence: a span without its parent stands below one that was "not recorded", a circle of parents
is cut at its earliest span, and what cannot be true (a child that starts before its parent) is shown as recorded, and
said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from dashboard.model.reading import Unit
from dashboard.model.trace import Span, SpanNode, SpanTree
from dashboard.model.written import count, number

# Some stores keep the times of spans in whole milliseconds, so that a child may seem 1 ms early without any fault.
SLACK_SECONDS = 0.002
NOT_RECORDED = "not recorded"
_MOST_CLOCKS = 3


def span_tree(spans: Iterable[Span]) -> SpanTree | None:
    """The spans as a tree; None where there are none."""
    ordered, copies = _distinct(spans)
    if not ordered:
        return None
    doubts: defaultdict[int, list[str]] = defaultdict(list)
    parents, missing = _parents(ordered, doubts)
    ordered += missing
    circles = _cut_circles(parents, doubts)
    nodes, tops = _in_order(ordered, parents, doubts)
    main = max(tops, key=lambda top: (_is_true_root(nodes[top]), nodes[top].seconds, -top))
    return SpanTree(
        nodes=nodes,
        tops=tops,
        main=main,
        begins=min(span.at for span in ordered),
        notes=tuple(_notes(nodes, tops, main, copies=copies, circles=circles)),
    )


def _distinct(spans: Iterable[Span]) -> tuple[list[Span], int]:
    """Each span once, in an order of its own; and how many documents were copies of another."""
    ordered = sorted(spans, key=_order)
    kept = {
        (one.id or str(one.document), one.parent_id, one.at, one.seconds, one.name, one.service): one
        for one in reversed(ordered)
    }
    distinct = list(reversed(kept.values()))
    return distinct, len(ordered) - len(distinct)


def _order(span: Span) -> tuple[object, ...]:
    """By start, the longest first; equal only for spans that say the same."""
    place = (span.at, -(span.seconds or 0.0), span.name, span.id, span.parent_id, span.service, span.pod)
    named = (span.role, span.agent, span.tool, span.model, span.contract, span.track, span.error, span.outcome_word)
    figures = (str(span.seconds), str(span.outcome), str(span.cost_usd), str(span.tokens), str(span.document))
    return (*place, *named, *figures)


def _parents(spans: Sequence[Span], doubts: defaultdict[int, list[str]]) -> tuple[list[int | None], list[Span]]:
    """The parent of each span by place, and those parents that were not recorded, which stand behind the spans."""
    by_id: dict[str, int] = {}
    for place, span in enumerate(spans):
        if span.id and by_id.setdefault(span.id, place) != place:
            doubts[place].append("another span has the same id: what is below stands with the earlier one")
    missing: dict[str, int] = {}
    parents: list[int | None] = []
    for place, span in enumerate(spans):
        if not span.parent_id:
            parents.append(None)
        elif span.parent_id == span.id:
            doubts[place].append("it names itself as its parent")
            parents.append(None)
        elif span.parent_id in by_id:
            parents.append(by_id[span.parent_id])
        else:
            parents.append(missing.setdefault(span.parent_id, len(spans) + len(missing)))
    below: defaultdict[int, list[Span]] = defaultdict(list)
    for span, parent in zip(spans, parents, strict=True):
        if parent is not None and parent >= len(spans):
            below[parent].append(span)
    return parents + [None] * len(missing), [_stand_in(one, below[place]) for one, place in missing.items()]


def _stand_in(identity: str, below: Sequence[Span]) -> Span:
    """The parent that was not recorded, as long as what is known below it."""
    at = min(span.at for span in below)
    seconds = max((span.at - at).total_seconds() + max(span.seconds or 0.0, 0.0) for span in below)
    return Span(id=identity, name=NOT_RECORDED, at=at, seconds=seconds, is_recorded=False)


def _cut_circles(parents: list[int | None], doubts: defaultdict[int, list[str]]) -> int:
    """Makes the earliest span of each circle a top; says how many circles there were."""
    state = [0] * len(parents)  # 0: not seen, 1: on the way, 2: done
    circles = 0
    for begin in range(len(parents)):
        way: list[int] = []
        place: int | None = begin
        while place is not None and state[place] == 0:
            state[place] = 1
            way.append(place)
            place = parents[place]
        if place is not None and state[place] == 1:
            earliest = min(way[way.index(place) :])
            parents[earliest] = None
            doubts[earliest].append("its parents form a circle, which is cut here")
            circles += 1
        for one in way:
            state[one] = 2
    return circles


def _in_order(
    spans: Sequence[Span], parents: Sequence[int | None], doubts: defaultdict[int, list[str]]
) -> tuple[tuple[SpanNode, ...], tuple[int, ...]]:
    """The nodes, each parent before its children, brothers in order of their start; and the tops."""
    begins = min(span.at for span in spans)
    ranks = sorted(range(len(spans)), key=lambda place: _order(spans[place]))
    below: defaultdict[int | None, list[int]] = defaultdict(list)
    for place in ranks:
        below[parents[place]].append(place)
    walk: list[int] = []
    waiting = list(reversed(below[None]))
    depths = dict.fromkeys(waiting, 0)
    while waiting:
        place = waiting.pop()
        walk.append(place)
        for child in reversed(below[place]):
            depths[child] = depths[place] + 1
            waiting.append(child)
    new = {old: place for place, old in enumerate(walk)}
    bare = []
    for old in walk:
        span, above = spans[old], parents[old]
        start = (span.at - begins).total_seconds()
        bare.append(
            SpanNode(
                span=span,
                start=start,
                end=start + max(span.seconds or 0.0, 0.0),
                parent=None if above is None else new[above],
                depth=depths[old],
                children=tuple(new[child] for child in below[old]),
                doubts=tuple(doubts[old]),
            )
        )
    nodes = tuple(replace(node, doubts=(*node.doubts, *_doubts(node, bare))) for node in bare)
    return nodes, tuple(new[old] for old in below[None])


def _doubts(node: SpanNode, nodes: Sequence[SpanNode]) -> Iterable[str]:
    span = node.span
    if span.has_unknown_unit:
        yield "how long it took is not known: nothing says the unit of its duration (fields.traces.duration_unit)"
    elif span.seconds is None:
        yield "how long it took is not recorded"
    elif span.seconds < 0:
        yield f"it ended {number(-span.seconds, Unit.SECONDS)} before it began, as recorded"
    early = _early(node, nodes)
    if early > SLACK_SECONDS:
        why = "their clocks differ" if _other_clock(node, nodes) else "its record cannot be right"
        yield f"it starts {number(early, Unit.SECONDS)} before its parent: {why}"


def _early(node: SpanNode, nodes: Sequence[SpanNode]) -> float:
    """Seconds by which a span starts before its parent; 0 where it does not."""
    if node.parent is None or not nodes[node.parent].span.is_recorded:
        return 0.0
    return max(0.0, nodes[node.parent].start - node.start)


def _other_clock(node: SpanNode, nodes: Sequence[SpanNode]) -> bool:
    above = nodes[node.parent or 0].span
    return (above.service, above.pod) != (node.span.service, node.span.pod)


def _is_true_root(node: SpanNode) -> bool:
    return node.span.is_recorded and not node.span.parent_id


def _notes(nodes: Sequence[SpanNode], tops: Sequence[int], main: int, *, copies: int, circles: int) -> Iterable[str]:
    if not _is_true_root(nodes[main]):
        yield "its first span is not recorded: the run may still go on, or the span was lost"
    orphans = sum(len(node.children) for node in nodes if not node.span.is_recorded)
    if orphans:
        yield f"{count(orphans, 'span')} without the recorded parent, shown under “{NOT_RECORDED}”"
    others = sum(_is_true_root(nodes[top]) for top in tops) - 1
    if others > 0:
        yield f"{count(others, 'more span')} without a parent beside the first"
    if circles:
        yield f"{count(circles, 'circle')} of parents, cut at the earliest span"
    if copies:
        yield f"{count(copies, 'document')} repeated another and counted once"
    yield from _clock_notes(nodes)


def _clock_notes(nodes: Sequence[SpanNode]) -> Iterable[str]:
    """By how much the clocks of two services differ at least."""
    worst: dict[tuple[str, str], float] = {}
    for node in nodes:
        early = _early(node, nodes)
        if early > SLACK_SECONDS and _other_clock(node, nodes):
            pair = (
                node.span.service or node.span.pod,
                nodes[node.parent or 0].span.service or nodes[node.parent or 0].span.pod,
            )
            worst[pair] = max(worst.get(pair, 0.0), early)
    for (child, parent), seconds in sorted(worst.items(), key=lambda one: (-one[1], one[0]))[:_MOST_CLOCKS]:
        where = (
            f"clocks of pods of {child}"
            if child == parent
            else f"clock of {child or 'a child'} and that of {parent or 'its parent'}"
        )
        yield f"{where} differ by {number(seconds, Unit.SECONDS)} or more: times are shown as recorded"
