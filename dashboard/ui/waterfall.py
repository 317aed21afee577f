"""The lines of a trace as HTML: each opens into what is known of its span. A waterfall with bars, or a tree with times.

Pure. Text from outside is escaped here. Prompts and results are never among it: they are not fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from dashboard.decide.critical_path import seconds_by_node
from dashboard.decide.trace_rows import TraceRow
from dashboard.decide.trace_story import own_seconds
from dashboard.model.reading import Unit
from dashboard.model.trace import PathSection, SpanNode, SpanRole, SpanTree
from dashboard.model.words import SpanOutcome, shown
from dashboard.model.written import count, number, percent
from dashboard.ui.text import in_html
from dashboard.ui.trace_pictures import window

Item = TypeVar("Item")
_DEEPEST: Final = 8  # steps that a line is moved in; what is deeper says so
_MOST_DOUBTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """What the lines are of. `link` makes the address that shows one span alone, by its id."""

    tree: SpanTree
    path: Sequence[PathSection]
    rows: Sequence[TraceRow]
    link: Callable[[str], str]
    as_tree: bool = False


def html(found: Waterfall) -> str:
    """All lines."""
    low, high = window(found.tree)
    sections: dict[int, list[PathSection]] = {}
    for section in found.path:
        sections.setdefault(section.node, []).append(section)
    waits, own = seconds_by_node(found.path), own_seconds(found.tree)
    lines = []
    for row in found.rows:
        if row.is_rest:
            lines.append(_rest(row, found))
            continue
        bar = _figures(row, found, waits, own) if found.as_tree else _bar(row, found.tree, sections, low, high)
        lines.append(_line(row, found, bar, waits, own))
    return f'<ol class="td-fall{" td-as-tree" if found.as_tree else ""}">{"".join(lines)}</ol>'


def facts_of(tree: SpanTree, place: int, waits: Mapping[int, float], own: Sequence[float]) -> str:
    """What is known of one span, as a list of terms."""
    node, span = tree.nodes[place], tree.nodes[place].span
    told = [
        ("began", f"{number(node.start - tree.root.start, Unit.SECONDS)} after the run"),
        ("took", number(span.seconds, Unit.SECONDS)),
        ("its own part", number(own[place], Unit.SECONDS)),
        ("on the critical path", number(waits.get(place, 0.0), Unit.SECONDS)),
        ("ended", ended(span.outcome, span.outcome_word)),
        ("error", span.error),
        ("span", span.name if span.name != span.label else ""),
        ("agent", span.agent if span.role is not SpanRole.AGENT else ""),
        ("tool", span.tool if span.role is not SpanRole.TOOL else ""),
        ("model", span.model if span.role is not SpanRole.MODEL else ""),
        ("contract", span.contract),
        ("service", span.service),
        ("track", span.track),
        ("pod", span.pod),
        ("cost", "" if span.cost_usd is None else number(span.cost_usd, Unit.USD)),
        ("tokens", "" if span.tokens is None else number(span.tokens, Unit.TOKENS)),
        ("id", span.id),
    ]
    doubts = "".join(f'<p class="td-doubt">⚠ {in_html(one)}</p>' for one in node.doubts[:_MOST_DOUBTS])
    pairs = "".join(f"<dt>{name}</dt><dd>{in_html(value)}</dd>" for name, value in told if value)
    return f"{doubts}<dl>{pairs}</dl>"


def ended(outcome: SpanOutcome | None, word: str) -> str:
    """How a span ended by its own account."""
    match outcome:
        case SpanOutcome.FAILED:
            return "✖ failed"
        case SpanOutcome.SUCCEEDED:
            return "✔ well"
        case SpanOutcome.UNSAID:
            return "does not say"
        case None:
            return f"not understood: {shown(word)}"


def _line(row: TraceRow, found: Waterfall, bar: str, waits: Mapping[int, float], own: Sequence[float]) -> str:
    tree = found.tree
    nodes = [tree.nodes[one] for one in row.members]
    slowest = max(row.members, key=lambda one: (tree.nodes[one].seconds, -one))
    failed = sum(node.span.is_failed for node in nodes)
    is_on_path = any(one in waits for one in row.members)
    classes = "".join((" td-failed" if failed else "", " td-on-path" if is_on_path else ""))
    took = number(sum(node.seconds for node in nodes), Unit.SECONDS) if len(nodes) > 1 else _took(nodes[0])
    aside = _link(tree.nodes[slowest].span.id, "Show only this part" if row.times == 1 else "Show the slowest", found)
    many = f"<p>{count(len(nodes), 'span')} in {row.times:,} repeats; the slowest:</p>" if row.times > 1 else ""
    deep = f" ({nodes[0].depth} deep)" if row.depth > _DEEPEST else ""
    return (
        f'<li style="--d:{min(row.depth, _DEEPEST)}"><details class="td-span{classes}"><summary>'
        f'<span class="td-what">{_name(row, tree)}{deep}</span>{bar}'
        f'<span class="td-took">{in_html(took)}</span></summary>'
        f'<div class="td-known">{many}{facts_of(tree, slowest, waits, own)}{aside}</div></details></li>'
    )


def _name(row: TraceRow, tree: SpanTree) -> str:
    nodes = [tree.nodes[one] for one in row.block]
    words = []
    for node in nodes:
        span = node.span
        sign = "✖ " if span.is_failed else "? " if span.outcome is None else ""
        role = f"<small>{span.role}</small> " if span.role is not SpanRole.OTHER else ""
        doubt = " ⚠" if node.doubts else ""
        words.append(f"{sign}{role}{in_html(span.label, limit=80)}{doubt}")
    return " → ".join(words) + (f" <b>×{row.times:,}</b>" if row.times > 1 else "")


def _took(node: SpanNode) -> str:
    if not node.span.is_recorded or node.span.seconds is None:
        return "not known"
    return number(node.span.seconds, Unit.SECONDS)


def _bar(row: TraceRow, tree: SpanTree, sections: Mapping[int, Sequence[PathSection]], low: float, high: float) -> str:
    bars = [
        f'<i style="{_stretch(tree.nodes[one].start, tree.nodes[one].end, low, high)}"></i>'
        for one in _thin(row.members)
    ]
    bars += [
        f'<b style="{_stretch(one.start, one.end, low, high)}"></b>'
        for member in _thin(row.members)
        for one in _thin(sections.get(member, ()))
    ]
    return f'<span class="td-lane" aria-hidden="true">{"".join(bars)}</span>'


def _thin(several: Sequence[Item]) -> Sequence[Item]:
    """At most some dozens, evenly taken: more marks cannot be told apart in one line."""
    return several[:: max(1, len(several) // 40)]


def _stretch(start: float, end: float, low: float, high: float) -> str:
    left, right = (min(1.0, max(0.0, (at - low) / (high - low))) for at in (start, end))
    return f"left:{left:.2%};width:{max(0.002, right - left):.2%}"


def _figures(row: TraceRow, found: Waterfall, waits: Mapping[int, float], own: Sequence[float]) -> str:
    mine = sum(own[one] for one in row.members)
    waited = sum(waits.get(one, 0.0) for one in row.members)
    total = found.tree.root.seconds
    share = f"{percent(waited / total)} %" if total > 0 and waited else ""
    return (
        f'<span class="td-owned"><small>own</small> {number(mine, Unit.SECONDS)}'
        f"{f' · {share} <small>of the run</small>' if share else ''}</span>"
    )


def _rest(row: TraceRow, found: Waterfall) -> str:
    nodes = found.tree.nodes
    seconds = sum(nodes[one].seconds for one in row.members)
    failed = f"{row.hidden_failed:,} of them failed, " if row.hidden_failed else ""
    said = f"{count(row.hidden, 'more span')} here, {failed}{number(seconds, Unit.SECONDS)} in all"
    link = _link(nodes[row.node].span.id, "Show this part", found)
    return f'<li style="--d:{min(row.depth, _DEEPEST)}" class="td-left">{said}. {link}</li>'


def _link(identity: str, words: str, found: Waterfall) -> str:
    if not identity:
        return ""
    return f'<a href="{in_html(found.link(identity), limit=2000)}" target="_self">{words}</a>'
