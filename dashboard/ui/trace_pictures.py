"""Pictures of traces as SVG within HTML: all spans of one at a glance, many runs by time and length, who called whom.

Pure. The pictures hold no text from outside; words are HTML around them, escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from dashboard.decide.agent_graph import AgentGraph
from dashboard.decide.critical_path import seconds_by_node
from dashboard.model.reading import Unit
from dashboard.model.trace import PathSection, SpanTree
from dashboard.model.written import count, number
from dashboard.queries.traces import TraceRun
from dashboard.ui.format import clock
from dashboard.ui.svg_chart import HEIGHT, WIDTH, data_uri
from dashboard.ui.text import in_html

MOST_LINES: Final = 1_000
IN_A_ROW: Final = 3  # actors beside each other, so that their names can be read on a phone
_ROW_HEIGHT: Final = 96
_KEY: Final = "Lines inside the bars: the critical path, what the run waited for. Red bars and ✖: failed."


def window(tree: SpanTree) -> tuple[float, float]:
    """From when to when a picture shows a trace, in seconds from its beginning: the run, or a bit more.

    A span whose clock is hours off would press all others into one line: it is cut off at the edge.
    """
    root = tree.root
    start, end = min(node.start for node in tree.nodes), max(node.end for node in tree.nodes)
    if root.seconds <= 0:
        return start, max(end, start + 1e-6)
    room = root.seconds / 2
    return max(start, root.start - room), min(end, root.end + room)


def overview(
    tree: SpanTree, path: Sequence[PathSection], colours: Mapping[str, str], *, end: float | None = None
) -> str:
    """All spans as thin lines, one below the other, with those that failed and the critical path in bold.

    `end` sets another end of the time shown, so that two traces have one scale.
    """
    low, high = window(tree)
    high = max(high, low + end) if end is not None else high
    kept = _kept(tree, path)
    lane = HEIGHT / (len(kept) + 1)
    lines: dict[str, list[str]] = {"grey": [], "sick": []}
    lanes = {}
    for number_, place in enumerate(kept, 1):
        node = tree.nodes[place]
        lanes[place] = round(number_ * lane, 1)
        way = _line(node.start, node.end, lanes[place], low, high)
        lines["sick" if node.span.is_failed else "grey"].append(way)
    bold = [_line(one.start, one.end, lanes[one.node], low, high) for one in path if one.node in lanes]
    thin = max(1.0, min(5.0, 70 / (len(kept) + 1)))
    parts = [_stroke("".join(lines[name]), colours[name], thin) for name in lines if lines[name]]
    if bold:
        parts.append(_stroke("".join(bold), colours["text"], max(1.5, thin / 2)))
    said = f"{count(len(tree.nodes), 'span')} over {number(high - low, Unit.SECONDS)}, the critical path in bold"
    height = min(140, 24 + 5 * len(kept))
    return (
        f'<figure class="td-chart"><div class="td-plot td-overview" style="height:{height}px">'
        f'<img alt="{in_html(said)}" src="{data_uri(_svg(parts))}">{_ticks(high - low)}</div>'
        f'<figcaption class="td-note">{_KEY}</figcaption></figure>'
    )


def scatter(runs: Sequence[TraceRun], colours: Mapping[str, str], tz: str) -> str:
    """The runs by when they began and how long they took; the failed ones as crosses."""
    if not runs:
        return ""
    moments = [run.tree.begins.timestamp() for run in runs]
    lengths = [max(run.tree.root.seconds, 1e-4) for run in runs]
    first, last = min(moments), max(moments)
    low, high = math.log(min(lengths) / 1.3), math.log(max(lengths) * 1.3)
    dots: list[tuple[int, int]] = []
    crosses: list[tuple[int, int]] = []
    for run, moment, length in zip(runs, moments, lengths, strict=True):
        x = round(20 + (WIDTH - 40) * ((moment - first) / ((last - first) or 1)))
        y = round(HEIGHT - HEIGHT * (math.log(length) - low) / (high - low))
        (crosses if run.is_failed else dots).append((x, y))
    parts = [_stroke("".join(f"M{x},{y}h.1" for x, y in dots), colours["brand"], 7)] if dots else []
    if crosses:
        ways = "".join(f"M{x - 5},{y - 12}l10,24M{x + 5},{y - 12}l-10,24" for x, y in crosses)
        parts.append(_stroke(ways, colours["sick"], 2))
    failed = f"{count(len(crosses), 'run')} failed (crosses)" if crosses else "no run says that it failed"
    span = f"{number(min(lengths), Unit.SECONDS)} to {number(max(lengths), Unit.SECONDS)}"
    said = f"{count(len(runs), 'run')} by time and length, {span}; {failed}"
    edges = (
        f'<span class="td-y" style="bottom:100%">{number(max(lengths), Unit.SECONDS)}</span>'
        f'<span class="td-y" style="bottom:0">{number(min(lengths), Unit.SECONDS)}</span>'
        f'<span class="td-x td-first-x">{in_html(clock(min(run.tree.begins for run in runs), tz))}</span>'
        f'<span class="td-x td-zone">{in_html(clock(max(run.tree.begins for run in runs), tz))}</span>'
    )
    return (
        f'<figure class="td-chart"><div class="td-plot" style="height:110px"><img alt="{in_html(said)}" '
        f'src="{data_uri(_svg(parts))}">{edges}</div>'
        f'<figcaption class="td-note">Each mark is a run: how far right is when it began, how far up how long it took; '
        f"{in_html(failed)}.</figcaption></figure>"
    )


def graph(found: AgentGraph, colours: Mapping[str, str]) -> str:
    """Agents, models and tools as boxes in rows, the callers above whom they call, joined by lines."""
    places = _places(found)
    rows = max((row for row, _, _ in places), default=0) + 1
    height = rows * _ROW_HEIGHT
    lines = [
        _edge(places[call.caller], places[call.callee], calls=call.calls, is_bad=bool(call.failed), colours=colours)
        for call in found.calls
    ]
    boxes = []
    for actor, (row, slot, in_row) in zip(found.actors, places, strict=True):
        failed = f", {actor.failed:,} failed" if actor.failed else ""
        told = f"{count(actor.calls, 'call')}{failed}, {number(actor.seconds, Unit.SECONDS)}"
        style = f"left:{(slot + 0.5) / in_row:.2%};top:{row * _ROW_HEIGHT + 12}px"
        boxes.append(
            f'<li class="td-actor{" td-sick" if actor.failed else ""}" style="{style}" title="{in_html(actor.name)}">'
            f"<small>{actor.role}</small><b>{in_html(actor.name, limit=60)}</b>"
            f"<small>{'✖ ' if actor.failed else ''}{in_html(told)}</small></li>"
        )
    picture = data_uri(_svg(lines, height=rows * 100))
    said = f"{count(len(found.actors), 'actor')} and {count(len(found.calls), 'kind')} of calls between them"
    return (
        f'<div class="td-graph" style="height:{height}px"><img alt="{in_html(said)}" src="{picture}">'
        f"<ul>{''.join(boxes)}</ul></div>"
    )


def _places(found: AgentGraph) -> list[tuple[int, int, int]]:
    """Of each actor its row, its place in it, and how many stand in that row."""
    in_layer: dict[int, int] = {}
    for actor in found.actors:
        in_layer[actor.layer] = in_layer.get(actor.layer, 0) + 1
    begins, row = {}, 0
    for layer in sorted(in_layer):
        begins[layer] = row
        row += -(-in_layer[layer] // IN_A_ROW)
    places = []
    for actor in found.actors:
        down, slot = divmod(actor.slot, IN_A_ROW)
        places.append((begins[actor.layer] + down, slot, min(IN_A_ROW, in_layer[actor.layer] - down * IN_A_ROW)))
    return places


def _edge(
    one: tuple[int, int, int], other: tuple[int, int, int], *, calls: int, is_bad: bool, colours: Mapping[str, str]
) -> str:
    (x1, y1), (x2, y2) = (
        (round((slot + 0.5) / in_row * WIDTH), round(row * 100 + 50)) for row, slot, in_row in (one, other)
    )
    aside = "" if y2 > y1 else "6 4"  # back to whoever was above
    bend = f"C{x1},{y1 + 60} {x2},{y2 - 60} {x2},{y2}" if y2 > y1 else f"C{x1 + 160},{y1} {x2 + 160},{y2} {x2},{y2}"
    return _stroke(f"M{x1},{y1}{bend}", colours["sick" if is_bad else "grey"], min(4.0, 1 + math.log10(calls)), aside)


def _kept(tree: SpanTree, path: Iterable[PathSection]) -> list[int]:
    """The nodes that are drawn: all, or those that failed, that the run waited for and that took longest."""
    if len(tree.nodes) <= MOST_LINES:
        return list(range(len(tree.nodes)))
    waits = seconds_by_node(tuple(path))
    order = sorted(
        range(len(tree.nodes)),
        key=lambda one: (not tree.nodes[one].span.is_failed, one not in waits, -tree.nodes[one].seconds, one),
    )
    return sorted(order[:MOST_LINES])


def _line(start: float, end: float, lane: float, low: float, high: float) -> str:
    left, right = (round(WIDTH * min(1.0, max(0.0, (at - low) / ((high - low) or 1))), 1) for at in (start, end))
    return f"M{left:g},{lane:g}H{max(right, left + 1):g}"


def _ticks(seconds: float) -> str:
    return "".join(
        f'<span class="td-x{" td-first-x" if not part else " td-zone" if part == 1 else ""}" aria-hidden="true" '
        f'style="{"" if part in (0, 1) else f"left:{part:.0%}"}">{number(seconds * part, Unit.SECONDS)}</span>'
        for part in (0, 0.5, 1)
    )


def _stroke(way: str, colour: str, width: float, dash: str = "") -> str:
    dashes = f" stroke-dasharray='{dash}'" if dash else ""
    return f"<path d='{way}' stroke='{colour}' stroke-width='{width:g}'{dashes} vector-effect='non-scaling-stroke'/>"


def _svg(parts: Iterable[str], *, height: int = HEIGHT) -> str:
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' preserveAspectRatio='none' "
        f"fill='none' stroke-linecap='round'>{''.join(parts)}</svg>"
    )
